"""A first story, made from the day: chapters by theme and kind, a balanced choice of posts, sentences that only count.

Facts → Recap → groups of posts → Draft. Pure. No word of anybody is written down, not even as a remark: whoever deletes a post
has deleted it here too, and only its address is left.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from shareasm.domain.chapters import Day, Group, Passage, groups
from shareasm.domain.items import Item
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.recaps import Recap
from shareasm.domain.stories import Rule, RuleKind

_NETWORKS = {Network.BLUESKY: "Bluesky", Network.MASTODON: "Mastodon", Network.WEB: "the web"}


@dataclass(frozen=True, slots=True)
class Line:
    """One post that a draft puts into a chapter."""

    rule: Rule
    mark: str  # the post's lasting name: what is remembered of it
    remark: str = ""  # stands behind it in the file, for the editor's eye


@dataclass(frozen=True, slots=True)
class DraftChapter:
    """One chapter as the day suggests it."""

    key: str  # `domain.chapters.Group.key`
    heading: str
    text: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A story as the day suggests it."""

    title: str
    lede: str
    chapters: tuple[DraftChapter, ...]


def draft_story(recap: Recap, taken: AbstractSet[str] = frozenset(), room: Mapping[str, int] | None = None) -> Draft:
    """Return the story that the day of `recap` suggests, without posts whose marks are `taken`.

    `room` is how many voices a chapter still takes, by its key. A chapter that gets no post stands here all the same, for
    what it says of the day.
    """
    day = day_of(recap)
    refs: set[PostRef] = {item.ref for item in day.items if mark_of(item) in taken}
    chosen = {group.key: group for group in groups(day, refs, room)}
    chapters = []
    for group in groups(day):
        items = chosen[group.key].items if group.key in chosen else ()
        lines = tuple(_line(item, day.zone) for item in items)
        chapters.append(DraftChapter(group.key, group.heading, _chapter_text(group, day), lines))
    return Draft(recap.campaign.name, _lede(recap), tuple(chapters))


def day_of(recap: Recap) -> Day:
    """Return the day that a recap tells."""
    return Day(recap.items, recap.campaign.zone, recap.campaign.languages[0])


def mark_of(item: Item) -> str:
    """Return the lasting name of a post: a slot is the same in every language and on every network."""
    return f"slot {item.highlight.slot.id}" if item.highlight else item.anchor


def shown_marks(recap: Recap) -> set[str]:
    """Return the marks of all posts that stand in the story's chapters, below others too."""
    passages = (passage for one in recap.chapters for passage in one.chapter.passages)
    return {mark_of(item) for passage in passages for item in _items(passage)}


def _items(passage: Passage) -> tuple[Item, ...]:
    return (passage.item, *passage.parts, *passage.answers)


def _line(item: Item, zone: ZoneInfo) -> Line:
    if item.highlight:
        return Line(Rule(RuleKind.SLOT, item.highlight.slot.id), mark_of(item))
    remark = [_clock(item, zone), _NETWORKS[item.ref.network], item.language]
    address = item.post.url if item.post.url.startswith(("https://", "http://")) else item.ref.uri
    return Line(Rule(RuleKind.POST, address), mark_of(item), ", ".join(filter(None, remark)))


# ---- sentences that only count -----------------------------------------------------------------------------------------


def _lede(recap: Recap) -> str:
    numbers, campaign = recap.numbers, recap.campaign
    counted = f"{_count(numbers.post_count, 'post')} by {_count(numbers.author_count, 'account')}"
    languages = f" in {_count(numbers.language_count, 'language')}" if numbers.language_count else ""
    on = f"{campaign.on.day} {campaign.on:%B %Y}"
    return f"On {on} we saw {counted}{languages} under #{campaign.hashtags[0]}."


def _chapter_text(group: Group, day: Day) -> str:
    if group.heard:
        languages = len({item.language for item in group.heard if item.language})
        spoken = f" in {_count(languages, 'language')}" if languages else ""
        return f"{_count(len(group.heard), 'post')} by {_people(group.heard)}{spoken}, {_span(group.heard, day.zone)}."
    answers = [answer for item in group.items for answer in day.answers_to(item)]
    answered = f" {_people(answers)} answered." if answers else ""
    return f"{_count(len(group.items), 'post')} of our programme, {_span(group.items, day.zone)}.{answered}"


def _people(items: Iterable[Item]) -> str:
    return _count(len({(item.ref.network, item.post.author.ref) for item in items}), "account")


def _span(items: Iterable[Item], zone: ZoneInfo) -> str:
    in_time = sorted(items, key=lambda item: item.number)
    first, last = (_clock(item, zone) for item in (in_time[0], in_time[-1]))
    return f"at {first}" if first == last else f"between {first} and {last}"


def _clock(item: Item, zone: ZoneInfo) -> str:
    return f"{item.post.created_at.astimezone(zone):%H:%M}"


def _count(number: int, one: str) -> str:
    return f"{number:,} {one if number == 1 else one + 's'}"
