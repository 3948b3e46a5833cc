"""Sections: what stands behind the story. Photographs, recordings, research, voices, questions, outcomes, thanks, credits.

Each is drawn from the day's Items by one function, in an order that the same day always gives. Pure.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shareasm.domain.campaigns import Campaign, Edition, Partner, Resource, Role
from shareasm.domain.items import Item, ShownPost
from shareasm.domain.moderation import may_be_listed
from shareasm.domain.pictures import KeptPicture
from shareasm.domain.posts import Account, Counts, Media, MediaKind, Network, Post, PostRef
from shareasm.domain.questions import asks
from shareasm.domain.queue import QueueEntry, State
from shareasm.domain.schedules import Kind, Picture

PHOTOS_SHOWN = 24
RECORDINGS_SHOWN = 24
QUESTIONS_SHOWN = 12
"""Past these the story page would no longer be light; everything is on the pages of the whole day."""


# ---- photographs and recordings ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture of the day that we keep."""

    item: Item  # where it stands
    media: Media
    kept: KeptPicture
    credit: Picture | None = None  # ours: to whom thanks are due

    @property
    def focus(self) -> tuple[float, float] | None:
        """What stays in view when it is cut, as its network or our plan says; not every network takes that along."""
        return self.media.focus or (self.credit.focus if self.credit else None)

    def alt_in(self, language: str) -> tuple[str | None, str]:
        """Return what it shows, and in which language that is said: the reader's where our plan has it, else the post's."""
        own = self.credit.alt.get(language) if self.credit else None
        return (own, language) if own else (self.media.alt, self.item.language)


def gallery(items: Iterable[Item]) -> tuple[Photo, ...]:
    """Return the day's pictures, each once, in order of time: one of every author before a second of anybody."""
    turns: Counter[str] = Counter()
    found: dict[str, tuple[int, Photo]] = {}
    for photo in (photo for item in items for photo in photos_of(item)):
        if photo.kept.largest.path not in found:
            turns[photo.item.post.author.identity] += 1
            found[photo.kept.largest.path] = turns[photo.item.post.author.identity], photo
    chosen = sorted(found.values(), key=lambda one: (one[0], one[1].item.in_time))[:PHOTOS_SHOWN]
    return tuple(sorted((photo for _, photo in chosen), key=lambda photo: photo.item.in_time))


def photos_of(item: Item) -> Iterable[Photo]:
    """Yield the pictures of a post that we keep and may show by themselves."""
    if item.without_tag:  # it was said to one person, not to the day
        return
    ours = item.highlight.pictures if item.highlight else ()
    for place, media in enumerate(item.post.media):
        kept = item.shown.picture_of(media)
        if kept and media.kind is MediaKind.IMAGE:
            yield Photo(item, media, kept, ours[place] if place < len(ours) else None)


RECORDING_KINDS = (Kind.INTERVIEW.value, MediaKind.VIDEO.value, MediaKind.AUDIO.value, "recording")


@dataclass(frozen=True, slots=True)
class Recording:
    """An interview, a video or a sound: a poster that leads to where it can be watched."""

    item: Item
    url: str
    title: str
    kind: str  # one of RECORDING_KINDS
    poster: KeptPicture | None = None
    alt: str | None = None  # of the poster, where its author gave one
    focus: tuple[float, float] | None = None  # of the poster


def recordings(items: Iterable[Item], language: str) -> tuple[Recording, ...]:
    """Return what there is to watch and hear, in order of time; a slot once, in `language` where it was sent in it."""
    found: dict[str, Recording] = {}
    for recording in (recording for item in items if (recording := _recording(item))):
        plan = recording.item.highlight
        key = plan.slot.id if plan else recording.item.anchor
        if key not in found or (found[key].item.language != language and recording.item.language == language):
            found[key] = recording
    return tuple(sorted(found.values(), key=lambda one: one.item.in_time))[:RECORDINGS_SHOWN]


def _recording(item: Item) -> Recording | None:
    post, plan = item.post, item.highlight
    if item.shown.is_covered or item.without_tag or (plan and plan.part):
        return None
    moving = next((media for media in post.media if media.kind is not MediaKind.IMAGE), None)
    if moving:
        kind = "recording" if moving.kind is MediaKind.UNKNOWN else moving.kind.value
        return Recording(item, post.url, post.text, kind, item.shown.picture_of(moving), moving.alt, moving.focus)
    if plan is None or plan.slot.kind not in {Kind.INTERVIEW, Kind.VIDEO}:
        return None
    still = next(iter(photos_of(item)), None)
    poster = (still.kept, still.media.alt, still.focus) if still else (item.shown.card_picture, "", None)
    url, title = (post.card.url, post.card.title) if post.card else (post.url, post.text)
    return Recording(item, url, title or post.text, plan.slot.kind.value, *poster)


# ---- research ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShelfEntry:
    """A resource of the campaign and where the day spoke of it."""

    resource: Resource
    editions: tuple[Edition, ...]
    items: tuple[Item, ...]  # our posts about it, one per slot
    sharers: tuple[Account, ...]  # others who linked to it under the tag and may be listed


def shelf(campaign: Campaign, items: Sequence[Item]) -> tuple[ShelfEntry, ...]:
    """Return the campaign's resources, those that the day spoke of first, each with who shared it."""
    linked: dict[str, list[Account]] = {}
    shy = unlisted(items)
    for item in items:
        if item.post.card and may_be_named(item, shy):
            linked.setdefault(item.post.card.url.rstrip("/"), []).append(item.post.author)
    entries = []
    for resource in campaign.resources:
        ours = _once_per_slot(item for item in items if item.highlight and item.highlight.resource == resource)
        accounts = [one for edition in resource.editions for one in linked.get(edition.url.rstrip("/"), ())]
        sharers = {account.ref: account for account in accounts}
        entries.append(ShelfEntry(resource, resource.editions, ours, tuple(sharers.values())))
    return tuple(sorted(entries, key=lambda entry: not (entry.items or entry.sharers)))


def _once_per_slot(highlights: Iterable[Item]) -> tuple[Item, ...]:
    """Return the first Item of each slot: its languages and thread parts were one occasion."""
    first: dict[str, Item] = {}
    for slot, item in ((item.highlight.slot.id, item) for item in highlights if item.highlight):
        first.setdefault(slot, item)
    return tuple(first.values())


# ---- voices and questions ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Voice:
    """A partner, as the campaign declares it, and its part in the day."""

    partner: Partner
    said: tuple[Item, ...]  # by its own accounts, in order of time
    about: tuple[Item, ...]  # our highlights about it, one per slot
    first_words: Item | None  # what it said first that was not our programme


def voices(campaign: Campaign, items: Sequence[Item]) -> tuple[tuple[Role, tuple[Voice, ...]], ...]:
    """Return the partners who were heard, under the role that the campaign declares; a role that nobody has is left out."""
    said: dict[str, list[Item]] = {}
    about: dict[str, list[Item]] = {}
    for item in items:
        if item.partner:
            said.setdefault(item.partner.id, []).append(item)
        if item.highlight and item.highlight.partner and item.highlight.partner != item.partner:
            about.setdefault(item.highlight.partner.id, []).append(item)
    heard = [
        Voice(
            one,
            tuple(said.get(one.id, ())),
            _once_per_slot(about.get(one.id, ())),
            next((item for item in said.get(one.id, ()) if not (item.highlight or item.without_tag)), None),
        )
        for one in campaign.partners
        if one.id in said or one.id in about
    ]
    groups = ((role, tuple(voice for voice in heard if voice.partner.role is role)) for role in Role)
    return tuple((role, group) for role, group in groups if group)


@dataclass(frozen=True, slots=True)
class Question:
    """Somebody's question, and what we or a partner answered."""

    item: Item
    answers: tuple[Item, ...]


def questions(items: Sequence[Item], told: Callable[[Item], bool]) -> tuple[Question, ...]:
    """Return the questions that were answered by us or a partner, in order of time; not those that the story has `told`."""
    answers: dict[PostRef, list[Item]] = {}
    for item in items:
        if item.answers and (item.partner or item.highlight):
            answers.setdefault(item.answers, []).append(item)
    found = (
        Question(item, tuple(answers[item.ref]))
        for item in items
        if item.ref in answers and not (item.partner or item.highlight) and _asks(item) and not told(item)
    )
    return tuple(found)[:QUESTIONS_SHOWN]


def _asks(item: Item) -> bool:
    return not (item.shown.is_covered or item.without_tag) and asks(item.post.text, item.post.languages)


# ---- what was planned, sent, and came back -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sending:
    """One post of a highlight: on one account, in one language."""

    network: Network
    language: str
    state: State
    due_at: datetime
    published_at: datetime | None
    url: str | None  # where it stands, as long as it may be shown
    counts: Counts | None  # as its network last said; None where it may not be shown

    @property
    def words(self) -> str:
        """What became of it, for readers."""
        return OUTCOME_WORDS[self.state]


OUTCOME_WORDS = {
    State.WAITING: "not sent yet",
    State.CLAIMED: "not sent yet",
    State.PUBLISHED: "sent",
    State.UNKNOWN: "not known whether it arrived",
    State.FAILED: "not sent",
    State.MISSED: "not sent: it was too late",
    State.CANCELLED: "taken out of the plan",
    State.WITHDRAWING: "taken back",
    State.WITHDRAWN: "taken back",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was planned for a highlight, what was sent, and what came back."""

    sendings: tuple[Sending, ...]
    parts_count: int  # posts of its thread; 1 is no thread
    came_back: Counts  # over its sendings
    answers_count: int  # that this recap shows


def outcomes(entries: Iterable[QueueEntry], posts: Sequence[ShownPost], items: Iterable[Item]) -> Mapping[str, Outcome]:
    """Return the outcome of each slot that was planned, by its id."""
    by_ref = {shown.post.ref: shown.post for shown in posts}
    answered = Counter(item.root for item in items if item.root and item.highlight is None)
    by_slot: dict[str, list[QueueEntry]] = {}
    for entry in entries:
        if entry.state is not State.CANCELLED:
            by_slot.setdefault(entry.key.slot, []).append(entry)
    found = {}
    for slot, wanted in by_slot.items():
        sendings = [_sending(entry, by_ref) for entry in sorted(wanted, key=_by_time) if entry.key.part == 0]
        refs = {entry.receipt.ref for entry in wanted if entry.receipt}
        found[slot] = Outcome(
            tuple(sendings),
            max(entry.key.part for entry in wanted) + 1,
            _sum(one.counts for one in sendings if one.counts),
            sum(answered[ref] for ref in refs),
        )
    return found


def _by_time(entry: QueueEntry) -> tuple[datetime, str, str]:
    return entry.due_at, entry.network, entry.key.language


def _sending(entry: QueueEntry, by_ref: Mapping[PostRef, Post]) -> Sending:
    post = by_ref.get(entry.receipt.ref) if entry.receipt else None
    url, counts = (post.url, post.counts) if post else (None, None)
    return Sending(entry.network, entry.key.language, entry.state, entry.due_at, entry.published_at, url, counts)


def _sum(every: Iterable[Counts]) -> Counts:
    said = list(every)
    return Counts(
        replies=sum(one.replies for one in said),
        reposts=sum(one.reposts for one in said),
        likes=sum(one.likes for one in said),
        quotes=sum(one.quotes for one in said),
    )


# ---- thanks and credits ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Contributor:
    """Somebody who spoke: one account, or those that the campaign declares to be one partner's and that have one name."""

    accounts: tuple[Account, ...]
    has_namesake: bool = False  # another contributor shows the same name: nobody guesses that they are one

    @property
    def account(self) -> Account:
        """The account whose name stands for all."""
        return self.accounts[0]


def contributors(items: Sequence[Item]) -> tuple[Contributor, ...]:
    """Return everybody else who spoke under the tag and may be listed, in order of the name that the page shows."""
    groups: dict[tuple[str, str], dict[str, Account]] = {}
    shy = unlisted(items)
    for item in items:
        account = item.post.author
        if may_be_named(item, shy):
            declared = (f"partner {item.partner.id}", _name(account)) if item.partner else ("", account.ref)
            groups.setdefault(declared, {}).setdefault(account.ref, account)
    found = [tuple(sorted(group.values(), key=_listing)) for group in groups.values()]
    names = Counter(_name(accounts[0]) for accounts in found)
    return tuple(
        Contributor(accounts, has_namesake=names[_name(accounts[0])] > 1)
        for accounts in sorted(found, key=lambda accounts: _listing(accounts[0]))
    )


def unlisted(items: Iterable[Item]) -> frozenset[str]:
    """Return who may stand in no list of people, by identity: servers differ in what they know, and one word is enough."""
    return frozenset(item.post.author.identity for item in items if not may_be_listed(item.post.author))


def may_be_named(item: Item, shy: Container[str]) -> bool:
    """Return whether a post puts its author on a list of people: not ours, under the tag, of one who is not `unlisted`."""
    return not (item.is_by_us or item.without_tag) and item.post.author.identity not in shy


def _name(account: Account) -> str:
    return (account.name or account.handle).casefold()


def _listing(account: Account) -> tuple[str, str, str]:
    return _name(account), account.handle, account.ref


@dataclass(frozen=True, slots=True)
class Credit:
    """A picture of ours and to whom thanks are due."""

    picture: Picture
    item: Item  # where it stands


def credit_lines(items: Sequence[Item]) -> tuple[Credit, ...]:
    """Return our own pictures that were sent, each file once, where it first stands."""
    first: dict[str, Credit] = {}
    for item in items:
        for picture in item.highlight.pictures if item.highlight else ():
            first.setdefault(picture.file, Credit(picture, item))
    return tuple(first.values())
