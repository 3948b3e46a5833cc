"""Chapters: which posts the story shows, and in which order; by the editor's rules, or made from the day itself.

An editor's word is taken literally. Where a rule finds more than fits, and where there is no editor, the choice is
balanced: every network and language is heard, no author speaks twice in a row, and what started a conversation goes
before what did not. Followers, likes and reposts count for nothing. Ties are broken by time and identity, so the same
day gives the same story.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from zoneinfo import ZoneInfo

from shareasm.domain.items import Copy, Item
from shareasm.domain.moderation import Reason
from shareasm.domain.posts import PostRef
from shareasm.domain.schedules import Kind, Slot
from shareasm.domain.stories import (
    NAMING,
    ChapterPlan,
    Narration,
    Order,
    PairPlan,
    Quotation,
    Rule,
    RuleKind,
    StoryPlan,
    Wish,
)

ANSWERS_SHOWN = 8
"""Answers that stand under a highlight in the story; the rest are on the pages of the whole day, and the story says
how many."""

VOICES_SHOWN = 10
"""Posts in a chapter of voices that was made by itself."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A post of the story with what belongs under it."""

    item: Item
    parts: tuple[Item, ...] = ()  # the thread's further parts, in order
    answers: tuple[Item, ...] = ()  # a balanced choice of what people answered, in order of time
    more_answers_count: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and its answer, side by side."""

    question: Passage | Quotation
    answer: Passage | Quotation


Block = Narration | Quotation | Passage | Pair
"""One piece of a chapter."""


class Absence(StrEnum):
    """Why a post that the editor named is not in the story. The value is a stable word; `words` is for readers."""

    NEVER_SEEN = "never seen"
    NOT_SENT = "not sent"
    WITHDRAWN = "withdrawn"
    HIDDEN = "hidden"

    @property
    def words(self) -> str:
        """The reason as the page says it, after a number of posts: “2 posts, …”. It blames nobody."""
        return _ABSENCES[self]


_ABSENCES = {
    Absence.NEVER_SEEN: "not among those that we saw",
    Absence.NOT_SENT: "planned, and not sent",
    Absence.WITHDRAWN: "no longer public",
    Absence.HIDDEN: "not shown here, for one of the reasons that the method note names",
}


@dataclass(frozen=True, slots=True)
class Missing:
    """A post that the editor named and that the story cannot show."""

    rule: Rule  # what the editor wrote
    why: Absence


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter of the story."""

    heading: str
    blocks: tuple[Block, ...] = ()  # in reading order
    missing: tuple[Missing, ...] = ()

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The chapter's posts, those in pairs too, in reading order."""
        pieces = (piece for block in self.blocks for piece in _pieces(block))
        return tuple(piece for piece in pieces if isinstance(piece, Passage))


def _pieces(block: Block) -> tuple[Block, ...]:
    return (block.question, block.answer) if isinstance(block, Pair) else (block,)


class Day:
    """The day's Items with the questions that choosing asks of them."""

    def __init__(self, items: Sequence[Item], zone: ZoneInfo, language: str):
        self.items = items
        self.zone = zone
        self.language = language  # the campaign's first: where a slot was sent in several, this one leads
        self.by_ref = {item.ref: item for item in items}
        self._by_slot: dict[str, list[Item]] = {}
        for item in items:
            if item.highlight:
                self._by_slot.setdefault(item.highlight.slot.id, []).append(item)
        self._answers: dict[PostRef, list[Item]] = {}
        for item in items:
            if item.root and item.root in self.by_ref and item.highlight is None:
                self._answers.setdefault(self._slot_lead(self.by_ref[item.root]).ref, []).append(item)
        self._repliers: dict[PostRef, set[str]] = {}
        for item in items:
            if item.answers:
                self._repliers.setdefault(item.answers, set()).add(item.post.author.ref)

    def highlights(self, fits: Callable[[Item], bool] = lambda _: True) -> list[Item]:
        """Return one Item per slot that fits, in order of time: the slot's own post in the leading language."""
        leads = (self._slot_lead(item) for item in self.items if item.highlight and fits(item))
        return list({lead.ref: lead for lead in leads}.values())

    def voices(self, fits: Callable[[Item], bool] = lambda _: True) -> list[Item]:
        """Return what others said that is no answer to a highlight, in order of time."""
        return [item for item in self.items if item.highlight is None and not item.root and fits(item)]

    def hour(self, at: datetime) -> int:
        """Return the local hour of an instant, from 0 to 23."""
        return at.astimezone(self.zone).hour

    def conversation(self, item: Item) -> int:
        """Return how much talk a post started: people who answered it here, or as its network counts, and quotes."""
        return max(len(self._repliers.get(item.ref, ())), item.post.counts.replies) + item.post.counts.quotes

    def passage(self, item: Item, taken: AbstractSet[PostRef] = frozenset()) -> Passage:
        """Return `item` with what belongs under it: the parts of its thread, and a choice of the answers that are not
        `taken`: they stand elsewhere.
        """
        if item.highlight is None:
            return Passage(item)
        siblings = [(one, one.highlight) for one in self._siblings(item) if one.highlight]
        language = item.highlight.language
        parts = sorted(
            (one for one, plan in siblings if plan.language == language and plan.part > _part(item)), key=_part
        )
        others = [one for one, plan in siblings if plan.language != language and plan.part == 0]
        answers = [answer for answer in self._answers.get(item.ref, ()) if answer.ref not in taken]
        chosen = balanced(answers, ANSWERS_SHOWN, self.conversation, may_repeat=True)
        return Passage(
            _with_copies(item, others), tuple(parts), tuple(chosen), more_answers_count=len(answers) - len(chosen)
        )

    def _siblings(self, item: Item) -> list[Item]:
        return self._by_slot.get(item.highlight.slot.id, []) if item.highlight else []

    def _slot_lead(self, item: Item) -> Item:
        """Return the first part of an Item's slot, in the campaign's first language where it was sent in it."""
        siblings = self._siblings(item)
        return min(siblings, key=lambda one: (_part(one), one.language != self.language, one.number), default=item)


def _part(item: Item) -> int:
    return item.highlight.part if item.highlight else 0


def _with_copies(item: Item, others: Sequence[Item]) -> Item:
    """Return `item` naming the same highlight in other languages beside its copies on other networks."""
    more = [
        Copy(place.network, place.url, language=other.highlight.language)
        for other in others
        if other.highlight
        for place in (Copy(other.ref.network, other.post.url), *other.copies)
    ]
    return Item(item.shown, item.number, item.highlight, item.partner, (*item.copies, *more), item.answers, item.root)


# ---- choosing --------------------------------------------------------------------------------------------------------


def balanced(
    candidates: Iterable[Item], most: int, conversation: Callable[[Item], int], *, may_repeat: bool = False
) -> list[Item]:
    """Return at most `most` of `candidates` in order of time.

    First the best of every network and of every language, then one more of each author in turn. No author stands
    twice in a row, unless `may_repeat` (a conversation, where people answer each other).
    """
    ranked = sorted(candidates, key=lambda item: (-conversation(item), item.number))
    chosen: dict[PostRef, Item] = {}
    heard: set[str] = set()
    for item in ranked:
        voices = {item.ref.network.value, f"language {item.language}"}
        if voices - heard and len(chosen) < most:
            chosen[item.ref] = item
            heard |= voices
    authors = Counter(item.post.author.ref for item in chosen.values())
    for turn in range(1, len(ranked) + 1):
        for item in ranked:
            if len(chosen) >= most:
                break
            if item.ref not in chosen and authors[item.post.author.ref] < turn:
                chosen[item.ref] = item
                authors[item.post.author.ref] += 1
        if len(chosen) >= min(most, len(ranked)):
            break
    in_time = sorted(chosen.values(), key=lambda item: item.number)
    return in_time if may_repeat else _spread(in_time)


def _spread(items: list[Item]) -> list[Item]:
    """Return `items` as near to their order as may be with no author twice in a row; what cannot be placed is left
    out.
    """
    waiting = list(items)
    spread: list[Item] = []
    while waiting:
        last = spread[-1].post.author.ref if spread else None
        item = next((one for one in waiting if one.post.author.ref != last), None)
        if item is None:
            break
        waiting.remove(item)
        spread.append(item)
    return spread


# ---- the editor's story ----------------------------------------------------------------------------------------------


Withheld = Mapping[str, Reason]
"""uri and url of every stored post that is not shown → why."""


@dataclass(frozen=True, slots=True)
class Gone:
    """What tells why a post that the editor named is not there."""

    withheld: Withheld = field(default_factory=dict)
    sent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # slot → uris of its posts

    def why(self, rule: Rule) -> Absence:
        """Return why a rule that names a post finds none."""
        if rule.kind is RuleKind.SLOT and rule.value not in self.sent:
            return Absence.NOT_SENT
        addresses = self.sent[rule.value] if rule.kind is RuleKind.SLOT else (rule.value, rule.value.rstrip("/"))
        reasons = [self.withheld[address] for address in addresses if address in self.withheld]
        if not reasons:
            return Absence.NEVER_SEEN
        return Absence.WITHDRAWN if {Reason.GONE, Reason.UNCONFIRMED} & set(reasons) else Absence.HIDDEN


def planned_chapters(plan: StoryPlan, day: Day, gone: Gone) -> list[Chapter]:
    """Return the editor's chapters. A post stands once; one that a chapter names is kept for it."""
    named = {item.ref for chapter in plan.chapters for rule in chapter.rules for item in _named(rule, day)}
    shown: set[PostRef] = set()
    return [_Telling(chapter, day, named, shown).chapter(gone) for chapter in plan.chapters]


class _Telling:
    """One chapter on its way from the editor's plan to blocks."""

    def __init__(self, plan: ChapterPlan, day: Day, named: set[PostRef], shown: set[PostRef]):
        self.plan = plan
        self.day = day
        self.named = named
        self.shown = shown  # by all chapters so far
        self.count = 0  # posts of this chapter
        self.missing: list[Rule] = []

    def chapter(self, gone: Gone) -> Chapter:
        opening = [Narration(self.plan.text)] if self.plan.text else []
        blocks = [*opening, *(block for wish in self.plan.show for block in self._blocks(wish))]
        if self.plan.order is Order.TIME:
            blocks = _by_time(blocks)
        missing = tuple(Missing(rule, gone.why(rule)) for rule in self.missing)
        return Chapter(self.plan.heading, tuple(blocks), missing)

    def _blocks(self, wish: Wish) -> list[Block]:
        if isinstance(wish, Rule):
            return list(self._passages(wish))
        if isinstance(wish, PairPlan):
            halves = [half for half in (self._half(wish.question), self._half(wish.answer)) if half]
            return [Pair(*halves)] if len(halves) == 2 else list(halves)
        return [wish]

    def _half(self, wish: Rule | Quotation) -> Passage | Quotation | None:
        return wish if isinstance(wish, Quotation) else next(self._passages(wish, most=1), None)

    def _passages(self, rule: Rule, most: int | None = None) -> Iterator[Passage]:
        most = most or rule.most or self.plan.most
        named = _named(rule, self.day)
        if rule.kind in NAMING and not named:
            self.missing.append(rule)
        for item in named or _found(rule, self.day, self.named | self.shown, most)[:most]:
            if item.ref not in self.shown and self.count < self.plan.most:
                passage = self.day.passage(item, (self.named | self.shown) - {item.ref})
                self.shown |= {item.ref, *(one.ref for one in (*passage.parts, *passage.answers))}
                self.count += 1
                yield passage


def _by_time(blocks: Iterable[Block]) -> list[Block]:
    """Return `blocks` with the posts between two texts in order of time; a quotation and a pair keep their places."""
    runs = groupby(blocks, key=lambda block: isinstance(block, Passage))
    return [
        block
        for is_posts, run in runs
        for block in (
            sorted(run, key=lambda one: one.item.number if isinstance(one, Passage) else 0) if is_posts else run
        )
    ]


def _named(rule: Rule, day: Day) -> list[Item]:
    """Return the one Item that a rule names, as a list; empty for rules that look for posts."""
    if rule.kind is RuleKind.SLOT:
        return day.highlights(lambda item: item.highlight is not None and item.highlight.slot.id == rule.value)
    if rule.kind is RuleKind.POST:
        address = rule.value.rstrip("/")
        return [
            item
            for item in day.items
            if address in {item.ref.uri, item.post.url.rstrip("/"), *(copy.url.rstrip("/") for copy in item.copies)}
        ]
    return []


def _found(rule: Rule, day: Day, taken: set[PostRef], most: int) -> list[Item]:
    def is_free(item: Item) -> bool:
        return item.ref not in taken

    if rule.kind is RuleKind.KIND:
        return day.highlights(lambda item: is_free(item) and _slot_word(item, "kind") == rule.value)
    if rule.kind is RuleKind.THEME:
        return day.highlights(lambda item: is_free(item) and _slot_word(item, "theme") == rule.value)
    if rule.kind is RuleKind.HOUR:
        hour = rule.value.partition(":")[0].zfill(2)
        found = day.voices(lambda item: is_free(item) and f"{day.hour(item.post.created_at):02}" == hour)
        return balanced(found, most, day.conversation, may_repeat=True)
    if rule.kind is RuleKind.LANGUAGE:
        found = day.voices(lambda item: is_free(item) and _speaks(item, rule.value))
        return balanced(found, most, day.conversation, may_repeat=True)
    if rule.kind is RuleKind.PARTNER:
        ours = day.highlights(lambda item: is_free(item) and _slot_word(item, "partner") == rule.value)
        theirs = day.voices(lambda item: is_free(item) and item.partner is not None and item.partner.id == rule.value)
        return balanced([*ours, *theirs], most, day.conversation, may_repeat=True)
    if rule.kind is RuleKind.TOP:
        most = min(most, int(rule.value))
        found = day.voices(is_free)
        return sorted(found, key=lambda item: (-day.conversation(item), item.number))[:most]
    return []


def _slot_word(item: Item, word: str) -> str | None:
    value: str | None = getattr(item.highlight.slot, word) if item.highlight else None
    return value


def _speaks(item: Item, language: str) -> bool:
    return any(tag.split("-")[0].lower() == language.split("-")[0].lower() for tag in item.post.languages)


# ---- a story without an editor ---------------------------------------------------------------------------------------

_HEADINGS: dict[Kind, str] = {
    Kind.WELCOME: "The day opens",
    Kind.PUBLICATION: "Research to read",
    Kind.INTERVIEW: "In conversation",
    Kind.VIDEO: "To watch",
    Kind.QUESTION_HOUR: "Questions and answers",
    Kind.EVENT: "Where people meet",
    Kind.NEWS: "News of the day",
    Kind.VOICES: "Voices",
    Kind.THANKS: "Thanks",
}

_PARTS_OF_DAY = (
    ("Overheard before dawn", range(6)),
    ("Overheard in the morning", range(6, 12)),
    ("Overheard in the afternoon", range(12, 18)),
    ("Overheard in the evening", range(18, 24)),
)


def own_chapters(day: Day) -> list[Chapter]:
    """Return chapters made from the day: our highlights by theme, else by kind, and what people said by part of the
    day.

    They stand in the order in which each began; the welcome opens the day and the thanks close it.
    """
    chapters: list[tuple[int, Chapter]] = []
    groups: dict[str, list[Item]] = {}
    for item, slot in ((item, item.highlight.slot) for item in day.highlights() if item.highlight):
        groups.setdefault(_heading_of(slot), []).append(item)
    for heading, items in groups.items():
        ends = {_HEADINGS[Kind.WELCOME]: 0, _HEADINGS[Kind.THANKS]: len(day.items) + 1}
        place = ends.get(heading, items[0].number)
        chapters.append((place, Chapter(heading, tuple(day.passage(item) for item in items))))
    for heading, hours in _PARTS_OF_DAY:
        heard = day.voices(lambda item, hours=hours: day.hour(item.post.created_at) in hours)  # type: ignore[misc]
        if chosen := balanced(heard, VOICES_SHOWN, day.conversation):
            chapters.append((chosen[0].number, Chapter(heading, tuple(Passage(item) for item in chosen))))
    return [chapter for _, chapter in sorted(chapters, key=lambda pair: pair[0])]


def _heading_of(slot: Slot) -> str:
    if slot.theme and slot.kind not in {Kind.WELCOME, Kind.THANKS}:
        return slot.theme[:1].upper() + slot.theme[1:]
    return _HEADINGS[slot.kind]
