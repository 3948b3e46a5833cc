"""A first story, made from the day: chapters by theme and kind, a balanced choice of posts, sentences that only count.

Facts → Recap → groups of posts → Draft. Pure. No word of anybody is written down, not even as a remark: whoever deletes a post
has deleted it here too, and only its address is left.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from shareasm.domain.campaigns import Campaign
from shareasm.domain.chapters import Day, Group, groups
from shareasm.domain.items import Item
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.recaps import Recap
from shareasm.domain.stories import Rule, RuleKind
from shareasm.render.counted import Heard, said_of_ours, said_of_the_day, said_of_voices
from shareasm.render.pages import editions
from shareasm.render.speech import Speech, clock

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


def draft_story(
    recap: Recap,
    taken: AbstractSet[str] = frozenset(),
    room: Mapping[str, int] | None = None,
    kept: AbstractSet[str] = frozenset(),
) -> Draft:
    """Return the story that the day of `recap` suggests, without posts whose marks are `taken`.

    `room` is how many voices a chapter still takes, by its key; `kept` are the keys of chapters that are there. One without a
    post stands here all the same, for what it says of the day.
    """
    day, speech = day_of(recap), _speech(recap.campaign)
    refs: set[PostRef] = {item.ref for item in day.items if mark_of(item) in taken}
    chosen = {group.key: group for group in groups(day, refs, room, kept)}
    chapters = []
    for group in groups(day, kept=kept):
        items = chosen[group.key].items if group.key in chosen else ()
        lines = tuple(_line(item, day.zone) for item in items)
        words = _chapter_text(group, day, speech)
        chapters.append(DraftChapter(group.key, speech.said(group.heading), words, lines))
    return Draft(recap.campaign.name, _lede(recap, speech), tuple(chapters))


def day_of(recap: Recap) -> Day:
    """Return the day that a recap tells."""
    return Day(recap.items, recap.campaign.zone, recap.campaign.languages[0])


def mark_of(item: Item) -> str:
    """Return the lasting name of a post: a slot is the same in every language and on every network."""
    return f"slot {item.highlight.slot.id}" if item.highlight else item.anchor


def shown_marks(recap: Recap) -> set[str]:
    """Return the marks of all posts that stand in the story's chapters, below others too."""
    return {mark_of(item) for item in recap.told}


def _line(item: Item, zone: ZoneInfo) -> Line:
    if item.highlight:
        return Line(Rule(RuleKind.SLOT, item.highlight.slot.id), mark_of(item))
    remark = [clock(item.post.created_at, zone), _NETWORKS[item.ref.network], item.language]
    address = item.post.url if item.post.url.startswith(("https://", "http://")) else item.ref.uri
    return Line(Rule(RuleKind.POST, address), mark_of(item), ", ".join(filter(None, remark)))


# ---- sentences that only count -----------------------------------------------------------------------------------------


def _speech(campaign: Campaign) -> Speech:
    """Return how a story speaks: in the campaign's first language that we speak."""
    return editions(campaign.languages)[0].speech


def _lede(recap: Recap, speech: Speech) -> str:
    numbers, campaign = recap.numbers, recap.campaign
    counts = (numbers.post_count, numbers.author_count, numbers.language_count)
    return said_of_the_day(speech, counts, campaign.hashtags[0], campaign.on)


def _chapter_text(group: Group, day: Day, speech: Speech) -> str:
    if group.heard:
        return said_of_voices(speech, _heard(group.heard), day.zone)
    answers = [answer for item in group.items for answer in day.answers_to(item)]
    return said_of_ours(speech, _heard(group.items), _people(answers), day.zone)


def _heard(items: Iterable[Item]) -> Heard:
    in_time = sorted(items, key=lambda item: item.in_time)
    languages = len({item.language for item in in_time if item.language})
    first, last = in_time[0].post.created_at, in_time[-1].post.created_at
    return Heard(len(in_time), _people(in_time), languages, first, last)


def _people(items: Iterable[Item]) -> int:
    return len({(item.ref.network, item.post.author.identity) for item in items})
