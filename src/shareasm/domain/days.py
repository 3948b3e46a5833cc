"""The day's posts with the questions that a story asks of them, and the balanced choice where more fit than there is room.

The choice is balanced: every network, language and partner's role is heard, no author speaks twice in a row, and what
started a conversation goes before what did not. Followers, likes and reposts count for nothing. Ties are broken by time
and identity, so the same day gives the same choice.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from shareasm.domain.items import Copy, Item
from shareasm.domain.posts import PostRef

ANSWERS_SHOWN = 8
"""Answers that stand under a highlight in the story; the rest are on the pages of the whole day, and the story says
how many."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A post of the story with what belongs under it."""

    item: Item
    parts: tuple[Item, ...] = ()  # the thread's further parts, in order
    answers: tuple[Item, ...] = ()  # a balanced choice of what people answered, in order of time
    more_answers_count: int = 0
    stands_for: tuple[str, ...] = ()  # anchors of posts in whose place it stands (`retelling`)

    @property
    def items(self) -> tuple[Item, ...]:
        """Every post that stands here, in reading order."""
        return (self.item, *self.parts, *self.answers)


class Day:
    """The day's Items with the questions that choosing asks of them."""

    def __init__(self, items: Sequence[Item], zone: ZoneInfo, language: str):
        self.items = items
        self.zone = zone
        self.language = language  # the campaign's first: where a slot was sent in several, this one leads
        self._by_slot: dict[str, list[Item]] = {}
        for item in items:
            if item.highlight:
                self._by_slot.setdefault(item.highlight.slot.id, []).append(item)
        roots = {item.root for item in items if item.root}
        by_ref = {item.ref: item for item in items if item.ref in roots}
        self._answers: dict[PostRef, list[Item]] = {}
        for item in items:
            if item.root and item.root in by_ref and item.highlight is None:
                self._answers.setdefault(self._slot_lead(by_ref[item.root]).ref, []).append(item)
        self._repliers: dict[PostRef, set[str]] = {}
        for item in items:
            if item.answers:
                self._repliers.setdefault(item.answers, set()).add(item.post.author.identity)

    def of_slot(self, slot: str) -> list[Item]:
        """Return the slot's own post in the leading language, as a list; empty where it is not here."""
        return [self._slot_lead(item) for item in self._by_slot.get(slot, ())[:1]]

    def at_address(self, address: str) -> list[Item]:
        """Return the post at an address, its own or a copy's, by web or by identity; empty where it is not here."""
        return self._by_address.get(address.rstrip("/"), [])

    @cached_property
    def _by_address(self) -> dict[str, list[Item]]:
        found: dict[str, list[Item]] = {}
        for item in self.items:
            for address in {item.ref.uri, item.post.url.rstrip("/"), *(copy.url.rstrip("/") for copy in item.copies)}:
                found.setdefault(address, []).append(item)
        return found

    def highlights(self, fits: Callable[[Item], bool] = lambda _: True) -> list[Item]:
        """Return one Item per slot that fits, in order of time: the slot's own post in the leading language."""
        leads = (self._slot_lead(item) for item in self.items if item.highlight and fits(item))
        return list({lead.ref: lead for lead in leads}.values())

    def voices(self, fits: Callable[[Item], bool] = lambda _: True) -> list[Item]:
        """Return what others said under the tag that is no answer to a highlight, in order of time."""
        others = (item for item in self.items if not (item.is_ours or item.root or item.without_tag))
        return [item for item in others if fits(item)]

    def answers_to(self, item: Item) -> tuple[Item, ...]:
        """Return what people answered to a highlight, in any of its languages and copies, in order of time."""
        return tuple(self._answers.get(item.ref, ()))

    def hour(self, at: datetime) -> int:
        """Return the local hour of an instant, from 0 to 23."""
        return at.astimezone(self.zone).hour

    def conversation(self, item: Item) -> int:
        """Return how much talk a post started: people who answered it here, or as its network counts, and quotes."""
        return max(len(self._repliers.get(item.ref, ())), item.counts.replies) + item.counts.quotes

    def passage(self, item: Item, taken: AbstractSet[PostRef] = frozenset()) -> Passage:
        """Return `item` with what belongs under it: the parts of its thread, and a choice of the answers that are not
        `taken`: they stand elsewhere.
        """
        if item.highlight is None:
            return Passage(item)
        siblings = [(one, one.highlight) for one in self._siblings(item) if one.highlight]
        language = item.highlight.language
        parts = sorted(
            (one for one, plan in siblings if plan.language == language and plan.part > part_of(item)), key=part_of
        )
        others = [one for one, plan in siblings if plan.language != language and plan.part == 0]
        answers = [answer for answer in self.answers_to(item) if answer.ref not in taken]
        chosen = balanced(answers, ANSWERS_SHOWN, self.conversation, may_repeat=True)
        return Passage(
            with_copies(item, others), tuple(parts), tuple(chosen), more_answers_count=len(answers) - len(chosen)
        )

    def _siblings(self, item: Item) -> list[Item]:
        return self._by_slot.get(item.highlight.slot.id, []) if item.highlight else []

    def _slot_lead(self, item: Item) -> Item:
        """Return the first part of an Item's slot, in the campaign's first language where it was sent in it."""
        siblings = self._siblings(item)
        return min(siblings, key=lambda one: (part_of(one), one.language != self.language, one.in_time), default=item)


def part_of(item: Item) -> int:
    """Return which part of its slot's thread a post is; 0 is the slot's own post."""
    return item.highlight.part if item.highlight else 0


def with_copies(item: Item, others: Sequence[Item]) -> Item:
    """Return `item` naming the same highlight in other languages beside its copies on other networks."""
    more = [
        Copy(place.network, place.url, language=other.highlight.language)
        for other in others
        if other.highlight
        for place in (Copy(other.ref.network, other.post.url), *other.copies)
    ]
    return replace(item, relations=replace(item.relations, copies=(*item.copies, *more)))


# ---- choosing --------------------------------------------------------------------------------------------------------


def balanced(
    candidates: Iterable[Item], most: int, conversation: Callable[[Item], int], *, may_repeat: bool = False
) -> list[Item]:
    """Return at most `most` of `candidates` in order of time.

    First the best of every network, language and role, then one more of each author in turn. No author stands twice in
    a row, unless `may_repeat` (a conversation, where people answer each other).
    """
    ranked = sorted(candidates, key=lambda item: (-conversation(item), *item.in_time))
    chosen: dict[PostRef, Item] = {}
    heard: set[str] = set()
    for item in ranked:
        voices = {item.ref.network.value, f"language {item.language}"}
        if item.partner:
            voices.add(f"role {item.partner.role}")
        if voices - heard and len(chosen) < most:
            chosen[item.ref] = item
            heard |= voices
    authors = Counter(item.post.author.identity for item in chosen.values())
    for turn in range(1, len(ranked) + 1):
        for item in ranked:
            if len(chosen) >= most:
                break
            if item.ref not in chosen and authors[item.post.author.identity] < turn:
                chosen[item.ref] = item
                authors[item.post.author.identity] += 1
        if len(chosen) >= min(most, len(ranked)):
            break
    in_time = sorted(chosen.values(), key=lambda item: item.in_time)
    return in_time if may_repeat else _spread(in_time)


def _spread(items: list[Item]) -> list[Item]:
    """Return `items` as near to their order as may be with no author twice in a row; what cannot be placed is left
    out.
    """
    waiting = list(items)
    spread: list[Item] = []
    while waiting:
        last = spread[-1].post.author.identity if spread else None
        item = next((one for one in waiting if one.post.author.identity != last), None)
        if item is None:
            break
        waiting.remove(item)
        spread.append(item)
    return spread
