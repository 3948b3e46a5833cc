"""The queue of posts to send: its records, its states, and what may follow what.

    schedule ──plan_entries──► entries ──reconcile──► queue rows (waiting)
                                                         │ claim (one worker, for a limited time)
                     ┌───────────────────────────────────▼───────────────────────────┐
                     │ claimed: content frozen, attempt written down, then the call   │
                     └──┬──────────┬───────────────┬───────────────┬─────────────────┘
                 answered         refused       not executed     answer lost
                        ▼          ▼               ▼                 ▼
                    published    failed     waiting (later)       unknown ──looked up──► published
                                                                     │  not there, twice     (or waiting, same key,
                                                                     ▼                        where repeating is safe)
                                                               a person decides
    waiting ──too late──► missed        waiting ──taken out of the plan──► cancelled
    published ──a person takes it back──► withdrawing ──deleted on its network──► withdrawn

Why a retry cannot post twice: the key and the exact content are stored in the row before the first call, and an answer that
was lost is looked up or repeated under the same key, never sent anew (platform rules: on Bluesky what is created under our
record key is never written over; Mastodon remembers an Idempotency-Key for one hour).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from shareasm.domain.campaigns import Campaign
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.schedules import Due, Late, Part, Picture, Poll, Schedule, Slot, Video
from shareasm.domain.schedules import WhoMayReply as WhoMayReply  # of the plan and of the draft alike

CLAIM_FOR = timedelta(seconds=20)
"""A claim that ran out is a dead worker's. A living one renews its claims at every beat, however long a call takes, so a
slot whose worker died is taken over within half a minute. Taking over too early costs nothing: see above.
"""
CLOCKS_DIFFER_BY = timedelta(minutes=1)
"""At most, of the machines at work on one store. What lies further ahead was written by a clock that was set back since."""


class State(StrEnum):
    WAITING = "waiting"
    CLAIMED = "claimed"
    PUBLISHED = "published"
    UNKNOWN = "unknown"
    FAILED = "failed"
    MISSED = "missed"
    CANCELLED = "cancelled"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"


TAKEN_BACK = frozenset({State.WITHDRAWING, State.WITHDRAWN})
"""It was out, and nobody is to see it any more, whether its network has deleted it already or not."""

NEXT: Mapping[State, frozenset[State]] = {
    State.WAITING: frozenset(
        {State.CLAIMED, State.PUBLISHED, State.MISSED, State.CANCELLED}
        | {State.WITHDRAWING}  # asked back, and the answer of an earlier call came late
    ),
    State.CLAIMED: frozenset(
        {State.PUBLISHED, State.UNKNOWN, State.FAILED, State.WAITING, State.MISSED}
        | {State.CANCELLED, State.WITHDRAWING}  # what a person asked back meanwhile
    ),
    State.UNKNOWN: frozenset(
        {State.CLAIMED, State.PUBLISHED, State.FAILED, State.WAITING, State.CANCELLED} | {State.WITHDRAWING}  # likewise
    ),
    State.FAILED: frozenset({State.WAITING, State.PUBLISHED, State.CANCELLED}),
    State.MISSED: frozenset({State.WAITING, State.PUBLISHED, State.CANCELLED}),
    State.CANCELLED: frozenset({State.WAITING}),
    State.PUBLISHED: frozenset({State.WITHDRAWING}),
    State.WITHDRAWING: frozenset({State.WITHDRAWN}),
    State.WITHDRAWN: frozenset(),
}
"""What may follow what; storage refuses any other step."""


class EntryKey(NamedTuple):
    """What one queue row is: this part of this slot, in this language, on this account."""

    slot: str
    part: int  # 0 is the slot's own post, 1… the thread's further parts
    language: str
    account: str

    @property
    def name(self) -> str:
        """Its name for people, who count parts from 1: `welcome part 2 (en) on iied-bluesky`."""
        part = f" part {self.part + 1}" if self.part else ""
        return f"{self.slot}{part} ({self.language}) on {self.account}"


@dataclass(frozen=True, slots=True)
class DraftMedia:
    """A picture to send: `file` is a path below the campaign's media folder."""

    file: str
    alt: str
    focus: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class DraftCard:
    """The link card of a post. Title, description and thumbnail are the page's own where they were fetched beforehand."""

    url: str
    title: str
    description: str = ""
    thumb: str | None = None  # name of the prepared picture in the store's folder of cards


@dataclass(frozen=True, slots=True)
class DraftVideo:
    """A video to send, in place of pictures. Files are paths below the campaign's media folder."""

    file: str
    alt: str
    captions: tuple[tuple[str, str], ...] = ()  # (language, WebVTT file)


@dataclass(frozen=True, slots=True)
class DraftPoll:
    """A poll below the words; networks without polls get the words alone."""

    options: tuple[str, ...]
    open_for: timedelta
    is_multiple: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """One post as the plan wants it, before a network's own shape. Texts are final: what stands here is what people read."""

    network: Network
    text: str
    language: str
    media: tuple[DraftMedia, ...] = ()
    card: DraftCard | None = None
    visibility: str = "public"
    content_warning: str | None = None
    video: DraftVideo | None = None
    poll: DraftPoll | None = None
    labels: tuple[str, ...] = ()  # what it says of its own content: a self-label on Bluesky, "sensitive" on Mastodon
    reply_to: str | None = None  # id of the slot whose first post, of the same account, it answers
    quotes: str | None = None  # id of the slot whose first post, of the same account, it quotes
    who_may_reply: WhoMayReply = WhoMayReply.EVERYONE
    may_be_quoted: bool = True


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a network answered: where the post is now."""

    ref: PostRef
    url: str
    local_id: str  # Mastodon: the status id on its server; Bluesky: the record key
    version: str | None = None  # Bluesky: the cid, needed to reply to it
    visibility: str | None = (
        None  # as the server says it is; a limited Mastodon account's "public" comes back "unlisted"
    )


@dataclass(frozen=True, slots=True)
class PlannedEntry:
    """An entry as the schedule wants it now."""

    key: EntryKey
    network: Network
    due_at: datetime
    expires_at: datetime | None  # after this instant it is missed; None: never too late
    draft: Draft


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A queue row."""

    id: int
    campaign: str
    key: EntryKey
    network: Network
    due_at: datetime
    expires_at: datetime | None
    draft: Draft
    publish_key: str  # Bluesky: record key (TID); Mastodon: Idempotency-Key. Made once, when first planned
    state: State
    prepared: str | None = None  # what the publisher uploaded and looked up ahead (its own JSON)
    prepared_at: datetime | None = None
    payload: str | None = None  # the frozen request content (JSON), written before the first call
    frozen_at: datetime | None = None
    attempt_count: int = 0
    first_attempt_at: datetime | None = None
    next_attempt_at: datetime | None = None
    lookup_count: int = 0  # looks since the answer was lost that did not find it
    receipt: Receipt | None = None
    published_at: datetime | None = None
    note: str | None = None  # why it is failed, unknown, missed or waiting again, in words
    withdraw_reason: str | None = None  # why a person wants it taken back; None: nobody does
    resent_at: datetime | None = None  # when a person decided to send it after all: the plan's time holds no more


# ---- what the plan wants -----------------------------------------------------------------------------------------------


def plan_entries(campaign: Campaign, schedule: Schedule) -> list[PlannedEntry]:
    """Return every post that `schedule` asks for, in order of due instant, slot, account, language and part.

    Each language's text of a slot goes to each of the slot's accounts that speaks it, when it is due there.
    """
    entries = []
    for slot in schedule.slots:
        for account_id in slot.accounts:
            account = campaign.account(account_id)
            due = slot.due_for(account_id)
            for language in slot.languages:
                if language not in account.languages:
                    continue
                for number, part in enumerate(slot.parts):
                    entries.append(
                        PlannedEntry(
                            key=EntryKey(slot.id, number, language, account_id),
                            network=account.network,
                            due_at=due.at,
                            expires_at=expires_at(slot, due),
                            draft=make_draft(campaign, slot, part, language, account.network, is_root=number == 0),
                        )
                    )
    return sorted(entries, key=lambda entry: entry.due_at)


def expires_at(slot: Slot, due: Due) -> datetime | None:
    """Return the instant after which `slot`, `due` then, counts as missed; None where it is never too late."""
    if slot.late is Late.ALWAYS:
        return None
    if slot.late is Late.NEVER:
        return due.at + timedelta(seconds=30)  # a retry within the same half minute is not "late"
    return due.at + slot.late_for


def make_draft(campaign: Campaign, slot: Slot, part: Part, language: str, network: Network, *, is_root: bool) -> Draft:
    """Return one part of a slot as a draft, with its link where that network shows it.

    A `{link}` in the text is where the address goes. Without it the address follows the text on its own line, where a
    reader would otherwise have no way to it: on Mastodon always (its servers make the card from the text), on Bluesky
    only beside pictures or a video (a post has those or a card, not both). A `{@partner}` becomes the partner's handle.
    """
    text = part.text_for(language, network)
    card = _card(campaign, slot, language) if is_root or "{link}" in text else None
    has_media = bool(part.pictures or part.video)
    if card and "{link}" in text:
        text = text.replace("{link}", card.url)
    elif card and card.url not in text and (network is Network.MASTODON or has_media):
        text = f"{text.rstrip()}\n\n{card.url}"
    return Draft(
        network=network,
        text=_with_partners(campaign, text, network),
        language=language,
        media=tuple(_draft_media(picture, language) for picture in part.pictures),
        card=None if has_media else card,
        visibility=slot.visibility,
        content_warning=slot.content_warning,
        video=_draft_video(part.video, language) if part.video else None,
        poll=_draft_poll(part.poll, language) if part.poll and network is Network.MASTODON else None,
        labels=tuple(map(str, slot.labels)),
        reply_to=slot.reply_to if is_root else None,
        quotes=slot.quotes if is_root else None,
        who_may_reply=slot.who_may_reply,
        may_be_quoted=slot.may_be_quoted,
    )


def _with_partners(campaign: Campaign, text: str, network: Network) -> str:
    """Return `text` with every partner that it names by `{@id}` under their handle there, or by name where there is none."""
    for partner in campaign.partners if "{@" in text else ():
        text = text.replace(f"{{@{partner.id}}}", partner.handle_on(network) or partner.name)
    return text


def _card(campaign: Campaign, slot: Slot, language: str) -> DraftCard | None:
    if slot.link:
        return DraftCard(slot.link, title=slot.link)
    if slot.resource:
        resource = campaign.resource(slot.resource)
        edition = resource.edition(language)
        by = ", ".join(resource.authors) or resource.organisation or ""
        description = " · ".join(str(bit) for bit in (resource.type, by, resource.year) if bit)
        return DraftCard(edition.url, title=edition.title, description=description)
    return None


def _draft_media(picture: Picture, language: str) -> DraftMedia:
    return DraftMedia(picture.file, picture.alt_in(language), picture.focus)


def _draft_video(video: Video, language: str) -> DraftVideo:
    return DraftVideo(video.file, video.alt_in(language), tuple(video.captions.items()))


def _draft_poll(poll: Poll, language: str) -> DraftPoll:
    return DraftPoll(poll.options_in(language), poll.open_for, poll.is_multiple)


# ---- the plan against the queue ----------------------------------------------------------------------------------------


class Add(NamedTuple):
    planned: PlannedEntry


class Change(NamedTuple):
    """The plan says something else of an entry that has not been tried yet."""

    entry: QueueEntry
    planned: PlannedEntry


class Cancel(NamedTuple):
    entry: QueueEntry


Intent = Add | Change | Cancel


def reconcile(planned: Iterable[PlannedEntry], queued: Iterable[QueueEntry]) -> list[Intent]:
    """Return what must happen to the queue so that it says what the plan says. Loading the same plan twice gives nothing.

    An entry that is out or may be (claimed, published, unknown, or sent again after a lost answer) is never changed. One that
    was tried and surely not done, for its server had enough or was away, follows the plan like any other.
    What a person decided about it on the day stands against the plan: taken back stays taken back, sent again stays now.
    What was missed or refused, so that nothing of it is out, waits again when the plan puts it off to a later time.
    """
    wanted = {entry.key: entry for entry in planned}
    present = {entry.key: entry for entry in queued}
    intents: list[Intent] = [Add(entry) for key, entry in wanted.items() if key not in present]
    for key, entry in present.items():
        plan = wanted.get(key)
        is_waiting = entry.state is State.WAITING and not may_be_out(entry)
        is_open = is_waiting or (entry.state is State.MISSED and entry.attempt_count == 0)
        if plan is None:
            if is_open:
                intents.append(Cancel(entry))
        else:
            if entry.resent_at and is_open:
                plan = replace(plan, due_at=entry.due_at, expires_at=entry.expires_at)
            is_back = entry.state is State.CANCELLED and entry.withdraw_reason is None
            is_put_off = entry.state in {State.MISSED, State.FAILED} and plan.due_at > entry.due_at
            if is_back or is_put_off or (is_open and _differs(entry, plan)):
                intents.append(Change(entry, plan))
    return intents


def may_be_out(entry: QueueEntry) -> bool:
    """Return whether readers see the post, or may see it: also one whose answer was lost and that a person sends again."""
    if entry.state is State.WAITING:  # put back as not done, unless a person put it there
        return entry.attempt_count > 0 and entry.resent_at is not None
    return entry.state in {State.CLAIMED, State.UNKNOWN, State.PUBLISHED}


def _differs(entry: QueueEntry, plan: PlannedEntry) -> bool:
    return (entry.due_at, entry.expires_at, entry.draft) != (plan.due_at, plan.expires_at, plan.draft)


# ---- record keys -------------------------------------------------------------------------------------------------------

_TID_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"


def tid(microseconds: int, clock_id: int) -> str:
    """Return an AT Protocol TID, 13 characters: 53 bits of unix microseconds, then 10 bits of clock id (atproto.com/specs/tid).

    >>> tid(1_795_300_000_000_000, 5)
    '3n2u5hgbu2227'
    """
    number = ((microseconds & ((1 << 53) - 1)) << 10) | (clock_id & 1023)
    return "".join(_TID_ALPHABET[(number >> (5 * place)) & 31] for place in range(12, -1, -1))


def time_of_tid(text: str) -> datetime | None:
    """Return when a TID was made, by its maker's clock; None where it is none.

    >>> time_of_tid("3n2u5hgbu2227"), time_of_tid("latest")
    (datetime.datetime(2026, 11, 21, 22, 26, 40, tzinfo=datetime.timezone.utc), None)
    """
    if len(text) != 13 or text.strip(_TID_ALPHABET) or text[0] > "j":
        return None
    number = sum(_TID_ALPHABET.index(digit) << (5 * place) for place, digit in enumerate(reversed(text)))
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=number >> 10)
