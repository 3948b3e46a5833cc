"""From shown posts to Items: each post once, our highlights known as such, answers tied to what they answer.

First step of the recap. A post that came twice, through a bridge or because its author sent it on two networks,
becomes one Item that names its other copies; the original leads. Pure, and stable: the same posts give the same Items
in the same order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from types import MappingProxyType

from shareasm.domain.campaigns import Campaign, Edition, Partner, Resource
from shareasm.domain.joins import Joined, fold_handle, join
from shareasm.domain.pictures import KeptPicture
from shareasm.domain.placing import Stood, anchor_of, place
from shareasm.domain.placing import hour_of as hour_of
from shareasm.domain.posts import Counts, Media, MediaKind, Network, Poll, Post, PostRef
from shareasm.domain.queue import QueueEntry
from shareasm.domain.schedules import Picture, Schedule, Slot


@dataclass(frozen=True, slots=True)
class ShownPost:
    """A post that `moderation.may_show` lets through, with what the recap needs beside it."""

    post: Post
    arrival_number: int
    first_seen_at: datetime  # aware UTC
    is_covered: bool = False  # Verdict.is_covered
    answers: PostRef | None = (
        None  # whom it answers, where `post.reply_to` does not say: Mastodon tells only a local id
    )
    without_tag: bool = False  # here only for what it answers or quotes: never a voice of its own
    pictures: Mapping[str, KeptPicture] = field(default_factory=dict)  # by address, see `picture_addresses`
    fingerprint: bytes | None = None  # posts.fingerprint, where the store knows it

    def picture_of(self, media: Media) -> KeptPicture | None:
        """Return the kept picture that stands for `media`; None when there is none, or it is behind a warning."""
        address = None if self.is_covered else _address_of(media)
        return self.pictures.get(address) if address else None

    @property
    def card_picture(self) -> KeptPicture | None:
        """The kept picture of the link card."""
        address = self.post.card.image_url if self.post.card and not self.is_covered else None
        return self.pictures.get(address) if address else None


def picture_addresses(post: Post, *, is_covered: bool = False) -> tuple[str, ...]:
    """Return where the images are that a recap shows of `post`: its pictures, video stills and its card's image."""
    if is_covered:
        return ()
    addresses = [_address_of(media) for media in post.media]
    if post.card:
        addresses.append(post.card.image_url)
    return tuple(dict.fromkeys(address for address in addresses if address))


def _address_of(media: Media) -> str | None:
    return media.url if media.kind is MediaKind.IMAGE else media.preview_url


@dataclass(frozen=True, slots=True)
class Highlight:
    """What the plan says of one of our own posts."""

    slot: Slot
    language: str
    part: int  # 0 is the slot's own post, 1… the thread's further parts
    partner: Partner | None = None
    resource: Resource | None = None
    edition: Edition | None = None  # the resource in this post's language
    pictures: tuple[Picture, ...] = ()  # ours, with credit and licence, in the order of the post's media


@dataclass(frozen=True, slots=True)
class Copy:
    """Another place where the same words stand."""

    network: Network
    url: str
    language: str = ""  # said where it differs from the leading post's


@dataclass(frozen=True, slots=True)
class Relations:
    """What ties a post to the campaign and to other posts. Most have none of it, and share one."""

    highlight: Highlight | None = None
    is_ours: bool = False  # we sent it; without a highlight where its slot has left the plan since
    is_by_us: bool = False  # from an account of ours: what we sent, and what a person wrote there by hand
    partner: Partner | None = None  # whose account wrote it, as far as the campaign declares accounts
    copies: tuple[Copy, ...] = ()
    answers: PostRef | None = None  # the post shown here that it replies to
    root: PostRef | None = None  # our highlight at the top of its conversation
    poll: Poll | None = None  # its copy's: not every network has polls
    counts_together: Counts | None = None  # of it and its copies, where there are some (`joins`)


_NONE = Relations()


@dataclass(frozen=True, slots=True)
class Item:
    """One post as the page shows it. A big day has a hundred thousand, so it is small."""

    shown: ShownPost
    page: str = "1"  # the page of the whole day that it is on, see `placing`
    relations: Relations = _NONE

    @property
    def post(self) -> Post:
        """What was said."""
        return self.shown.post

    @property
    def without_tag(self) -> bool:
        """Whether it is here only for what it answers or quotes, without the hashtag: never a voice of its own."""
        return self.shown.without_tag

    @property
    def ref(self) -> PostRef:
        """The post's identity."""
        return self.shown.post.ref

    @property
    def counts(self) -> Counts:
        """What its networks counted, of it and its copies."""
        return self.relations.counts_together or self.post.counts

    @property
    def poll(self) -> Poll | None:
        """Its own, or its copy's."""
        return self.post.poll or self.relations.poll

    @property
    def highlight(self) -> Highlight | None:
        """What the plan says of it, where it is one of ours."""
        return self.relations.highlight

    @property
    def is_ours(self) -> bool:
        """Whether we sent it."""
        return self.relations.is_ours

    @property
    def is_by_us(self) -> bool:
        """Whether an account of ours says it, sent by us or by hand."""
        return self.relations.is_by_us

    @property
    def partner(self) -> Partner | None:
        """Whose account wrote it."""
        return self.relations.partner

    @property
    def copies(self) -> tuple[Copy, ...]:
        """Where else the same words stand."""
        return self.relations.copies

    @property
    def answers(self) -> PostRef | None:
        """The post shown here that it replies to."""
        return self.relations.answers

    @property
    def root(self) -> PostRef | None:
        """Our highlight at the top of its conversation."""
        return self.relations.root

    @property
    def is_related(self) -> bool:
        """Whether anything ties it to the campaign or to other posts."""
        return self.relations is not _NONE

    @property
    def in_time(self) -> tuple[datetime, PostRef]:
        """Its place in the order of time."""
        return (self.post.created_at, self.ref)

    @property
    def anchor(self) -> str:
        """The post's permanent place on our pages, made from its identity alone."""
        return anchor_of(self.ref)

    @property
    def language(self) -> str:
        """The first language that the post declares; "" when it declares none."""
        return self.post.languages[0] if self.post.languages else ""


def make_items(
    campaign: Campaign,
    schedule: Schedule,
    entries: Iterable[QueueEntry],
    posts: Iterable[ShownPost],
    kept: Stood = MappingProxyType({}),
) -> tuple[Item, ...]:
    """Return one Item per post in order of time; copies of a post are folded into the one that leads.

    Posts in `kept` stay on their pages.
    """
    ordered = _in_order(posts)
    partners = {fold_handle(account): partner for partner in campaign.partners for account in partner.accounts}
    sent = [entry for entry in entries if entry.receipt]
    own = {fold_handle(account.handle) for account in campaign.accounts}
    joined = join(campaign, sent, (shown.post for shown in ordered))
    slots = {slot.id: slot for slot in schedule.slots}
    ours = {entry.receipt.ref for entry in sent if entry.receipt}
    copies: dict[PostRef, list[Copy]] = {}
    polls: dict[PostRef, Poll] = {}
    for post in (shown.post for shown in ordered):
        if (lead := joined.lead(post.ref)) != post.ref:
            copies.setdefault(lead, []).append(Copy(post.ref.network, post.url))
            if post.poll:
                polls.setdefault(lead, post.poll)
    by_ref = _answered(ordered, joined)
    highlights = {
        entry.receipt.ref: _highlight(campaign, slots[entry.key.slot], entry)
        for entry in sent
        if entry.receipt and entry.key.slot in slots
    }
    standing = [
        shown
        for shown in ordered
        if joined.lead(shown.post.ref) == shown.post.ref
        and (_parent(shown, by_ref, joined) or not shown.without_tag)  # its question may be a copy that is left out
    ]
    pages = place(campaign, [shown.post for shown in standing], kept)

    def relations(shown: ShownPost) -> Relations:
        ref = shown.post.ref
        found = Relations(
            highlight=highlights.get(ref),
            is_ours=ref in ours,
            is_by_us=ref in ours or fold_handle(shown.post.author.handle) in own,
            partner=partners.get(fold_handle(shown.post.author.handle)),
            copies=tuple(copies.get(ref, ())),
            answers=_parent(shown, by_ref, joined),
            root=_root(shown, by_ref, joined, ours),
            poll=polls.get(ref),
            counts_together=joined.counts.get(ref),
        )
        return found if found != _NONE else _NONE

    return tuple(Item(shown, page, relations(shown)) for shown, page in zip(standing, pages, strict=True))


def _in_order(posts: Iterable[ShownPost]) -> list[ShownPost]:
    """Return `posts` in order of time, those of one instant by their identity: no key is made for each of the many."""

    def said_at(shown: ShownPost) -> datetime:
        return shown.post.created_at

    together = groupby(sorted(posts, key=said_at), key=said_at)
    return [shown for _, run in together for shown in sorted(run, key=lambda shown: shown.post.ref)]


def _highlight(campaign: Campaign, slot: Slot, entry: QueueEntry) -> Highlight:
    resource = next((one for one in campaign.resources if one.id == slot.resource), None)
    part = entry.key.part
    return Highlight(
        slot=slot,
        language=entry.key.language,
        part=part,
        partner=next((one for one in campaign.partners if one.id == slot.partner), None),
        resource=resource,
        edition=resource.edition(entry.key.language) if resource else None,
        pictures=slot.parts[part].pictures if part < len(slot.parts) else (),
    )


# ---- answers ---------------------------------------------------------------------------------------------------------


def _answered(posts: Sequence[ShownPost], joined: Joined) -> dict[PostRef, ShownPost]:
    """Return those of `posts` that others answer, and those that lead: a few of the many."""
    wanted = {named for shown in posts if (named := shown.post.reply_to or shown.answers)} | {*joined.leads.values()}
    return {shown.post.ref: shown for shown in posts if shown.post.ref in wanted}


def _parent(shown: ShownPost, by_ref: Mapping[PostRef, ShownPost], joined: Joined) -> PostRef | None:
    named = shown.post.reply_to or shown.answers
    if named is None or named not in by_ref:
        return None
    parent = joined.lead(named)
    return parent if parent != shown.post.ref else None


def _root(shown: ShownPost, by_ref: Mapping[PostRef, ShownPost], joined: Joined, ours: set[PostRef]) -> PostRef | None:
    """Return the highlight at the top of the conversation of a post; None when it is no answer to us."""
    seen = {shown.post.ref}
    found = None
    parent = _parent(shown, by_ref, joined)
    while parent and parent not in seen:
        seen.add(parent)
        if parent in ours:
            found = parent
        parent = _parent(by_ref[parent], by_ref, joined)
    return found
