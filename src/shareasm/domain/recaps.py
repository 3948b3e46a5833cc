"""Recap: everything that the recap page says, decided and counted, before any template sees it.

Last step of the collecting line's rules: Facts (what storage, plan and editor say) → `arrange` → Recap (what the page
says). Pure: no clock, no file, no address is opened; the same Facts give the same Recap.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby

from markdown_it import MarkdownIt

from shareasm.domain.campaigns import Campaign, Edition, Resource, Role, Source
from shareasm.domain.chapters import (
    Block,
    Chapter,
    Day,
    Gone,
    Missing,
    Pair,
    Passage,
    Withheld,
    own_chapters,
    planned_chapters,
)
from shareasm.domain.covers import OwnPhoto, cover, missing_cover, wanted_cover
from shareasm.domain.days import ANSWERS_SHOWN
from shareasm.domain.items import Item, ShownPost, make_items
from shareasm.domain.moderation import Reason
from shareasm.domain.pictures import KeptPicture, PictureFile
from shareasm.domain.placing import Stood, hour_of, hour_page, in_order
from shareasm.domain.posts import Network, PostRef, SafeHtml
from shareasm.domain.queue import TAKEN_BACK, EntryKey, QueueEntry, State
from shareasm.domain.richtext import sanitise
from shareasm.domain.schedules import Schedule
from shareasm.domain.sections import (
    Contributor,
    Credit,
    Outcome,
    Photo,
    Question,
    Recording,
    ShelfEntry,
    Voice,
    contributors,
    credit_lines,
    gallery,
    outcomes,
    questions,
    recordings,
    shelf,
    voices,
)
from shareasm.domain.stories import FromTo, Reading, StoryPlan
from shareasm.domain.watches import Gap
from shareasm.domain.whole_day import DayPart as DayPart

CONTRIBUTORS_NAMED = 400
"""Accounts that are thanked by name; past these the page says how many more there are."""

POSTS_IN_STORY = 140
"""Past these the story shows fewer answers under a post, and leads to the rest: it stays under 500 kB (2 kB a post)."""

# ---- what goes in ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SourceState:
    """One watched place, and how well we saw."""

    source: Source
    last_read_at: datetime | None = None  # None: never
    gaps: tuple[Gap, ...] = ()
    problem: str | None = None  # why it is not read at all, in words
    is_narrow: bool = False  # it shows us only a part of what it has


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a recap is made of. `posts` hold only what `moderation.may_show` lets through."""

    campaign: Campaign
    schedule: Schedule = field(default_factory=lambda: Schedule(()))
    story: StoryPlan | None = None
    entries: Sequence[QueueEntry] = ()
    posts: Sequence[ShownPost] = ()
    not_shown: Mapping[Reason, int] = field(default_factory=dict)
    withheld: Withheld = field(default_factory=dict)  # every post that is not shown
    sources: tuple[SourceState, ...] = ()
    checked_at: datetime | None = None  # when the networks were last asked about these posts
    missing_pictures_count: int = 0  # images of shown posts that could not be kept
    logo: KeptPicture | None = None  # of `campaign.look.logo`
    cover: KeptPicture | None = None  # of `story.cover`, where that is a picture of the team's
    stood: Stood = field(default_factory=dict)
    told: frozenset[str] = frozenset()  # those of `stood` that the story showed too
    is_over: bool = False  # the day: every post keeps its page from then on
    early: frozenset[str] = frozenset()  # those of `stood` that were shown only while it went on


# ---- what comes out --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoryChapter:
    """A chapter as the page shows it."""

    anchor: str
    chapter: Chapter


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the day."""

    starts_at: datetime  # in the campaign's zone
    ours_count: int
    others_count: int

    @property
    def count(self) -> int:
        """All posts of the hour."""
        return self.ours_count + self.others_count


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was counted over the posts that the recap shows."""

    post_count: int  # each once, however many copies
    ours_count: int
    author_count: int  # accounts; ours among them. Nobody guesses who is one person on two networks
    copy_count: int
    languages: tuple[tuple[str, int], ...]  # declared language → posts, most spoken first; "" is "not declared"
    networks: tuple[tuple[Network, int], ...]
    hosts_count: int  # Mastodon-API servers that the shown authors are at home on

    @property
    def language_count(self) -> int:
        """How many languages were declared."""
        return sum(1 for language, _ in self.languages if language)


@dataclass(frozen=True, slots=True)
class Plan:
    """What became of our own plan."""

    planned_count: int
    sent_count: int  # also what was taken back afterwards
    unsent: tuple[tuple[EntryKey, State], ...]
    taken_back_count: int = 0


@dataclass(frozen=True)
class Recap:
    """What the page says."""

    campaign: Campaign
    title: str
    lede: SafeHtml
    numbers: Numbers
    plan: Plan
    hours: tuple[Hour, ...]
    chapters: tuple[StoryChapter, ...]
    items: tuple[Item, ...]  # the whole day, in order of time
    shelf: tuple[ShelfEntry, ...]
    reading: tuple[Resource, ...]
    from_to: FromTo | None
    ahead: SafeHtml
    cover: Photo | OwnPhoto | None  # for the head of the page
    gallery: tuple[Photo, ...]
    recordings: tuple[Recording, ...]
    voices: tuple[tuple[Role, tuple[Voice, ...]], ...]
    questions: tuple[Question, ...]  # answered ones that the story does not tell
    outcomes: Mapping[str, Outcome]  # by slot
    contributors: tuple[Contributor, ...]
    credits: tuple[Credit, ...]
    sources: tuple[SourceState, ...]
    not_shown: tuple[tuple[Reason, int], ...]
    checked_at: datetime | None
    missing_pictures_count: int
    logo: KeptPicture | None
    is_edited: bool  # the story comes from a file; else it was made from the day
    is_chosen: bool  # and a person had a hand in it: a draft as it was written is the program's
    share: PictureFile | None = None  # for those who link to the page
    withdrawn: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # page → anchors, see DayPart
    cover_missing: Missing | None = None  # the post that the editor named for it is not here
    told_no_more: tuple[str, ...] = ()  # those of them that stood in the story too
    archived: Mapping[str, str] = field(default_factory=dict)  # address of research → its copy at the Internet Archive

    @cached_property
    def parts(self) -> tuple[DayPart, ...]:
        """The whole day in pages, in order of time."""
        pages: dict[str, list[Item]] = {}
        for item in self.items:
            pages.setdefault(item.page, []).append(item)
        return tuple(
            DayPart(page, tuple(pages[page]), self.withdrawn.get(page, ())) for page in sorted(pages, key=in_order)
        )

    @property
    def bare_parts(self) -> tuple[DayPart, ...]:
        """The pages of the whole day that have no post any more: they answer, and nothing leads to them."""
        pages = sorted(self.withdrawn.keys() - {part.page for part in self.parts}, key=in_order)
        return tuple(DayPart(page, (), self.withdrawn[page]) for page in pages)

    @property
    def hour_parts(self) -> tuple[tuple[DayPart, ...], ...]:
        """The pages of the whole day, those of one hour together."""
        groups = groupby(self.parts, key=lambda part: hour_page(part.page))
        return tuple(tuple(parts) for _, parts in groups)

    @cached_property
    def without_tag_count(self) -> int:
        """How many posts are here only for what they answer or quote."""
        return sum(item.without_tag for item in self.items)

    @property
    def told(self) -> tuple[Item, ...]:
        """Every post that the story shows, below others too, in reading order."""
        return tuple(item for one in self.chapters for item in one.chapter.items)

    @property
    def missing_count(self) -> int:
        """How many posts the editor named that are not here; each chapter says of its own why."""
        return sum(len(one.chapter.missing) for one in self.chapters)

    @cached_property
    def _beside(self) -> dict[PostRef, Item]:
        """What posts answer and quote: a few of the many."""
        named = {ref for item in self.items for ref in (item.answers, item.post.quote) if ref}
        return {item.ref: item for item in self.items if item.ref in named}

    def parent_of(self, item: Item) -> Item | None:
        """Return the post shown here that `item` answers."""
        return self._beside.get(item.answers) if item.answers else None

    def quoted_by(self, item: Item) -> Item | None:
        """Return the post shown here that `item` quotes."""
        return self._beside.get(item.post.quote) if item.post.quote else None


def arrange(facts: Facts) -> Recap:
    """Return the Recap that `facts` tell: the editor's chapters where there are any, else chapters made from the
    day.
    """
    campaign, story = facts.campaign, facts.story or StoryPlan()
    items = make_items(campaign, facts.schedule, facts.entries, facts.posts, _settled(facts))
    day = Day(items, campaign.zone, campaign.languages[0])
    gone = _gone(facts)
    chapters = _light(planned_chapters(story, day, gone) if story.chapters else own_chapters(day))
    return Recap(
        campaign=campaign,
        title=story.title or campaign.name,
        lede=narrate(story.lede or campaign.about),
        numbers=count(items),
        plan=_plan(facts.entries),
        hours=hours(campaign, items),
        chapters=tuple(StoryChapter(f"chapter-{number}", chapter) for number, chapter in enumerate(chapters, start=1)),
        items=items,
        shelf=shelf(campaign, items),
        reading=_reading(campaign, story),
        from_to=story.from_to,
        ahead=narrate(story.ahead),
        cover=wanted_cover(story, facts.cover, day) or cover(items, [chapter.items for chapter in chapters]),
        cover_missing=missing_cover(story, day, gone),
        gallery=gallery(items),
        recordings=recordings(items, campaign.languages[0]),
        voices=voices(campaign, items),
        questions=questions(items, _told(chapters)),
        outcomes=outcomes(facts.entries, facts.posts, items),
        contributors=contributors(items),
        credits=credit_lines(items),
        sources=facts.sources,
        not_shown=tuple((reason, facts.not_shown[reason]) for reason in Reason if facts.not_shown.get(reason)),
        checked_at=facts.checked_at,
        missing_pictures_count=facts.missing_pictures_count,
        logo=facts.logo,
        is_edited=bool(story.chapters),
        is_chosen=bool(story.chapters) and not story.is_drafted,
        withdrawn=_withdrawn(facts.stood, items),
        told_no_more=tuple(sorted(facts.told - {item.anchor for item in items})) if facts.told else (),
    )


def _settled(facts: Facts) -> Stood:
    """Return where posts stand for ever: whoever looked while the day went on settled nothing."""
    return {anchor: page for anchor, page in facts.stood.items() if anchor not in facts.early} if facts.is_over else {}


def _withdrawn(stood: Stood, items: Iterable[Item]) -> dict[str, tuple[str, ...]]:
    """Return the anchors of posts that are no longer shown, by the page that they were on."""
    if not stood:
        return {}
    gone: dict[str, list[str]] = {}
    for anchor in sorted(stood.keys() - {item.anchor for item in items}):
        gone.setdefault(stood[anchor], []).append(anchor)
    return {page: tuple(anchors) for page, anchors in gone.items()}


def _light(chapters: Sequence[Chapter]) -> Sequence[Chapter]:
    """Return `chapters` with as many answers under each post as a light page has room for; no post of its own goes."""
    fewer = ([_with_answers(chapter, most) for chapter in chapters] for most in (ANSWERS_SHOWN, 4, 2))
    fitting = (one for one in fewer if sum(len(chapter.items) for chapter in one) <= POSTS_IN_STORY)
    return next(fitting, [_with_answers(chapter, 0) for chapter in chapters])


def _with_answers(chapter: Chapter, most: int) -> Chapter:
    return replace(chapter, blocks=tuple(_cut(block, most) for block in chapter.blocks))


def _cut(block: Block, most: int) -> Block:
    if not isinstance(block, Passage) or len(block.answers) <= most:
        return block
    left_out = len(block.answers) - most
    return replace(block, answers=block.answers[:most], more_answers_count=block.more_answers_count + left_out)


def _told(chapters: Iterable[Chapter]) -> Callable[[Item], bool]:
    """Return whether the story has a post in one of its pairs."""
    pairs = [block for chapter in chapters for block in chapter.blocks if isinstance(block, Pair)]
    halves = (half for pair in pairs for half in (pair.question, pair.answer))
    refs = {half.item.ref for half in halves if isinstance(half, Passage)}
    return lambda item: item.ref in refs


def narrate(markdown: str) -> SafeHtml:
    """Return the team's Markdown as HTML. HTML in it is text, pictures are left out: posts bring theirs, with
    credit.
    """
    return sanitise(_markdown.render(markdown)) if markdown.strip() else SafeHtml("")


_markdown = MarkdownIt("commonmark", {"html": False}).disable("image")


def count(items: Sequence[Item]) -> Numbers:
    """Return the numbers of the page over `items`; a post in two languages counts for both."""
    languages = Counter(tag.split("-")[0].lower() for item in items for tag in set(item.post.languages or ("",)))
    networks = Counter(item.ref.network for item in items)
    mastodon = (item.post.author.handle for item in items if item.ref.network is Network.MASTODON)
    return Numbers(
        post_count=len(items),
        ours_count=sum(item.is_ours for item in items),
        author_count=len({(item.ref.network, item.post.author.identity) for item in items}),
        copy_count=sum(len(item.copies) for item in items),
        languages=tuple(sorted(languages.items(), key=lambda pair: (-pair[1], pair[0]))),
        networks=tuple(sorted(networks.items())),
        hosts_count=len({handle.rpartition("@")[2].casefold() for handle in mastodon if "@" in handle}),
    )


def hours(campaign: Campaign, items: Sequence[Item]) -> tuple[Hour, ...]:
    """Return every hour of the campaign's window, in its zone, also the silent ones. Posts outside of it are in
    none.
    """
    ours: Counter[datetime] = Counter()
    others: Counter[datetime] = Counter()
    for item in items:
        (ours if item.is_ours else others)[hour_of(item.post.created_at, campaign.zone)] += 1
    found = []
    at = hour_of(campaign.opens_at, campaign.zone)
    while at < campaign.closes_at:
        found.append(Hour(at.astimezone(campaign.zone), ours[at], others[at]))
        at += timedelta(hours=1)
    return tuple(found)


def _gone(facts: Facts) -> Gone:
    sent: dict[str, tuple[str, ...]] = {}
    for entry in facts.entries:
        if entry.receipt:
            sent[entry.key.slot] = (*sent.get(entry.key.slot, ()), entry.receipt.ref.uri)
    return Gone(facts.withheld, sent)


def _reading(campaign: Campaign, story: StoryPlan) -> tuple[Resource, ...]:
    known = {resource.id: resource for resource in campaign.resources}
    language = campaign.languages[0]
    found = (
        Resource("", (Edition(language, one.title, one.url),), organisation=one.by)
        if isinstance(one, Reading)
        else known.get(one)
        for one in story.reading
    )
    return tuple(resource for resource in found if resource)


def _plan(entries: Sequence[QueueEntry]) -> Plan:
    wanted = [entry for entry in entries if entry.state is not State.CANCELLED]
    taken_back = [entry for entry in wanted if entry.state in TAKEN_BACK]
    unsent = sorted((e.key, e.state) for e in wanted if e.state is not State.PUBLISHED and e not in taken_back)
    return Plan(len(wanted), len(wanted) - len(unsent), tuple(unsent), len(taken_back))
