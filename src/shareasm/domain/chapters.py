"""Chapters: which posts the story shows, and in which order; by the editor's rules, or made from the day itself.

An editor's word is taken literally. Where a rule finds more than fits, and where there is no editor, the choice is
balanced (`domain.days`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from shareasm.domain.days import Day as Day
from shareasm.domain.days import Passage as Passage
from shareasm.domain.days import balanced as balanced
from shareasm.domain.items import Item
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

VOICES_SHOWN = 10
"""Posts in a chapter of voices that was made by itself."""


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

    @property
    def items(self) -> tuple[Item, ...]:
        """Every post that the chapter shows, below others too, in reading order."""
        return tuple(item for passage in self.passages for item in passage.items)


def _pieces(block: Block) -> tuple[Block, ...]:
    return (block.question, block.answer) if isinstance(block, Pair) else (block,)


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
    named = {item.ref for chapter in plan.chapters for rule in chapter.rules for item in named_by(rule, day)}
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
        named = named_by(rule, self.day)
        if rule.kind in NAMING and not named:
            self.missing.append(rule)
        for item in named or _found(rule, self.day, self.named | self.shown, most)[:most]:
            is_wanted = rule.kind in NAMING or self.count < self.plan.most  # the number bounds what rules find
            if item.ref not in self.shown and is_wanted:
                passage = self.day.passage(item, (self.named | self.shown) - {item.ref})
                self.shown |= {one.ref for one in passage.items}
                self.count += 1
                yield passage


def _by_time(blocks: Iterable[Block]) -> list[Block]:
    """Return `blocks` with the posts between two texts in order of time; a quotation and a pair keep their places."""
    runs = groupby(blocks, key=lambda block: isinstance(block, Passage))
    return [
        block
        for is_posts, run in runs
        for block in (
            sorted((one for one in run if isinstance(one, Passage)), key=lambda one: one.item.in_time)
            if is_posts
            else run
        )
    ]


def named_by(rule: Rule, day: Day) -> list[Item]:
    """Return the one Item that a rule names, as a list; empty for rules that look for posts."""
    if rule.kind is RuleKind.SLOT:
        return day.of_slot(rule.value)
    return day.at_address(rule.value) if rule.kind is RuleKind.POST else []


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
        return sorted(found, key=lambda item: (-day.conversation(item), *item.in_time))[:most]
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

_PARTS_OF_DAY = {
    "night": ("Overheard before dawn", range(6)),
    "morning": ("Overheard in the morning", range(6, 12)),
    "afternoon": ("Overheard in the afternoon", range(12, 18)),
    "evening": ("Overheard in the evening", range(18, 24)),
}

_ENDS = {_HEADINGS[Kind.WELCOME]: 0, _HEADINGS[Kind.THANKS]: 2}

_OURS_TOGETHER = "ours together", "From our programme"
_VOICES_TOGETHER = "voices together", "Voices of the day"

THIN_MOST = 2
"""How many chapters of one post a story may have, of our programme and of voices each; more of them become one."""

OWN_HEADINGS = (
    *_HEADINGS.values(),
    *(heading for heading, _ in _PARTS_OF_DAY.values()),
    _OURS_TOGETHER[1],
    _VOICES_TOGETHER[1],
)
"""Headings of ours, for those who translate them; a theme's is the team's own word."""


@dataclass(frozen=True, slots=True)
class Group:
    """Posts of the day that make a chapter."""

    key: str  # the same whenever the day is looked at: "theme safety", "kind interview", "voices morning"
    heading: str
    items: tuple[Item, ...]  # the chosen ones
    heard: tuple[Item, ...] = ()  # of voices: all that they were chosen from

    @property
    def place(self) -> tuple[int, datetime, PostRef]:
        """Its place among the others: that of its first post; the welcome opens the day and the thanks close it."""
        return (_ENDS.get(self.heading, 1), *self.items[0].in_time)


def own_chapters(day: Day) -> list[Chapter]:
    """Return chapters made from the day itself."""
    return [Chapter(group.heading, tuple(day.passage(item) for item in group.items)) for group in groups(day)]


def groups(
    day: Day,
    taken: AbstractSet[PostRef] = frozenset(),
    room: Mapping[str, int] | None = None,
    kept: AbstractSet[str] = frozenset(),
) -> list[Group]:
    """Return our highlights by theme, else by kind, and what people said by part of the day, without what is `taken`.

    They stand in order. What would be many chapters of one post is one; but a group whose key is `kept` stays by itself, for
    it has a chapter already. `room` is how many voices a group takes by its key, where that is not VOICES_SHOWN.
    """
    found = []
    for (key, heading), items in _together(_ours_by_subject(day), _OURS_TOGETHER, kept).items():
        if left := tuple(item for item in items if item.ref not in taken):
            found.append(Group(key, heading, left))
    for (key, heading), items in _together(_voices_by_part(day), _VOICES_TOGETHER, kept).items():
        heard = tuple(item for item in items if item.ref not in taken)
        most = VOICES_SHOWN if room is None else room.get(key, VOICES_SHOWN)
        if chosen := balanced(heard, most, day.conversation):
            found.append(Group(key, heading, tuple(chosen), heard))
    return sorted(found, key=lambda group: group.place)


_Named = tuple[str, str]  # a group's key and heading


def _ours_by_subject(day: Day) -> dict[_Named, list[Item]]:
    ours: dict[_Named, list[Item]] = {}
    for item, slot in ((item, item.highlight.slot) for item in day.highlights() if item.highlight):
        ours.setdefault(_subject(slot), []).append(item)
    return ours


def _voices_by_part(day: Day) -> dict[_Named, list[Item]]:
    parts = {hour: (f"voices {part}", heading) for part, (heading, hours) in _PARTS_OF_DAY.items() for hour in hours}
    voices: dict[_Named, list[Item]] = {}
    for item in day.voices():
        voices.setdefault(parts[day.hour(item.post.created_at)], []).append(item)
    return voices


def _together(
    groups: Mapping[_Named, list[Item]], one: _Named, kept: AbstractSet[str]
) -> Mapping[_Named, Sequence[Item]]:
    """Return `groups` with those of one post in `one`, where they are too many. Welcome and thanks stay."""
    thin = {
        name: items
        for name, items in groups.items()
        if len(items) == 1 and name[0] not in kept and name[1] not in _ENDS
    }
    if len(thin) <= THIN_MOST and one[0] not in kept:
        return groups
    together = sorted((item for items in thin.values() for item in items), key=lambda item: item.in_time)
    return {**{name: items for name, items in groups.items() if name not in thin}, one: together}


def _subject(slot: Slot) -> _Named:
    """Return the key and the heading of the group that a slot belongs to."""
    if slot.theme and slot.kind not in {Kind.WELCOME, Kind.THANKS}:
        return f"theme {slot.theme}", slot.theme[:1].upper() + slot.theme[1:]
    return f"kind {slot.kind}", _HEADINGS[slot.kind]
