"""What a page of posts means for the store: decided, written, and tied to the campaign, in one transaction."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from urllib.parse import urlsplit

from sqlalchemy.engine import Connection, Engine

from shareasm.clock import Clock
from shareasm.domain.campaigns import Campaign, Source, belongs
from shareasm.domain.changes import Changed, Gone, New, Same, Seen, Sighting, Skipped, decide
from shareasm.domain.forgetting import digests, names_in, names_of, names_of_others
from shareasm.domain.moderation import Reason, why_not_stored
from shareasm.domain.posts import PostRef
from shareasm.domain.watches import UNBROKEN
from shareasm.networks.ports import Page, Rest
from shareasm.storage import forgetting, posts, queue, sources, watches
from shareasm.storage.engine import transaction
from shareasm.storage.locks import lock

STREAM_TAG = ""  # a stream carries all tags under one checkpoint

_FORGOTTEN = "asked to be forgotten: counted, not stored"

THE_STREAM, THIS_POST = "stream", "this post"  # what was asked, where it was no tag


@dataclass(frozen=True, slots=True)
class Tally:
    """What one read brought."""

    new: int = 0
    changed: int = 0
    same: int = 0
    gone: int = 0
    skipped: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.new + other.new,
            self.changed + other.changed,
            self.same + other.same,
            self.gone + other.gone,
            self.skipped + other.skipped,
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """What every read needs: where to store, for which campaign, by which clock."""

    engine: Engine
    campaign: Campaign
    clock: Clock
    unbroken: timedelta = UNBROKEN  # the longest silence that is none, see domain.watches
    chance: Callable[[], float] = random.random  # spreads those who wait, see domain.patience


def store(desk: Desk, source: Source, page: Page, tag: str) -> Tally:
    """Store one page and the checkpoint behind it in one transaction."""
    now = desk.clock.now()
    with transaction(desk.engine) as connection:
        declared = {item.post.ref: "feed" for item in page.posts} if source.takes_all else {}
        by = sighting_by(source, query=page.query or (f"#{tag}" if tag else THE_STREAM))
        if page.gone or page.deleted_ids:
            named = [*(item.post.ref for item in page.posts), *(item.ref for item in page.gone)]
            lock(connection, named, source=source.id, local_ids=page.deleted_ids)
        tally = store_posts(connection, desk.campaign, by, page.posts, now, declared)
        gone = [*page.gone, *posts.deletions(connection, source.id, page.deleted_ids)]
        tally += Tally(gone=posts.mark_gone(connection, gone, now), skipped=len(page.skipped))
        posts.mark_authors(connection, source.network, page.authors, now)
        set_aside(connection, desk.campaign, source.id, page.skipped, now)
        if page.checkpoint is not None:
            sources.set_checkpoint(connection, desk.campaign.slug, source.id, tag, page.checkpoint, now)
        if tag == STREAM_TAG and source.is_watched_by_stream:  # a read is well when all its pages are through
            note_read(connection, desk, source, now)
    return tally


def note_read(connection: Connection, desk: Desk, source: Source, now: datetime, rest: Rest | None = None) -> None:
    """Note that a source is well and was read until now, and how long it is left in peace."""
    watches.note(connection, desk.campaign.slug, source.id, now, desk.unbroken)
    until, why = rest or (None, "")
    sources.note_ok(connection, desk.campaign.slug, source.id, now, next_read_at=until, note=why or None)


def store_posts(
    connection: Connection,
    campaign: Campaign,
    by: Sighting,
    seen: Sequence[Seen],
    now: datetime,
    declared: Mapping[PostRef, str] = MappingProxyType({}),
) -> Tally:
    """Store what `by` showed and note what of it belongs to the campaign: by its tag, or by another rule where `declared`."""
    seen = _without_forgotten(connection, campaign, by, seen, now)
    kept, refused = _part(campaign, seen)
    if refused and (ours := refused.keys() & queue.sent(connection, campaign.slug)):
        kept, refused = _part(campaign, seen, ours)
    stored = posts.find(connection, [item.post.ref for item in seen], campaign=campaign.slug, source=by.source)
    intents = [decide(stored.get(ref), item, by) for ref, item in kept.items()]
    # What does not belong is not stored at all; what was stored and belongs no more (a tag edited away) stays, unshown.
    new = {
        item.seen.post.ref: (item, rule)
        for item in intents
        if isinstance(item, New) and (rule := belongs(campaign, item.seen.post, declared))
    }
    changed = [item for item in intents if isinstance(item, Changed)]
    same = [item for item in intents if isinstance(item, Same)]
    ids = posts.insert(connection, [item for item, _ in new.values()], by, now)
    posts.begin_belonging(connection, campaign.slug, {id_: new[ref][1] for ref, id_ in ids.items()})
    posts.update(connection, changed, by, now)
    posts.touch(connection, same, by, now, is_check=by.is_check)
    posts.note_revisions(connection, same)
    rules = {item.stored.id: belongs(campaign, item.seen.post, declared) for item in changed}
    posts.set_belonging(connection, campaign.slug, rules)
    _settle_belonging(connection, campaign, by, same, declared)
    gone = posts.mark_gone(
        connection, [Gone(ref, reason.value) for ref, reason in refused.items() if ref in stored], now
    )
    sources.add_skips(
        connection, campaign.slug, by.source, [_refused(ref, reason) for ref, reason in refused.items()], now
    )
    return Tally(new=len(ids), changed=len(changed), same=len(same), gone=gone)


def _settle_belonging(
    connection: Connection, campaign: Campaign, by: Sighting, same: Sequence[Same], declared: Mapping[PostRef, str]
) -> None:
    """Note what of the known posts belongs to `campaign`.

    Where a list shows another version than the stored one, under the tag, one of them is old: an edit took the tag away and
    the list lags, or an edit that we missed brought it. Such a post is asked about before it is shown. Where the answer is
    no news either, the stored version is the newest that anybody has.
    """
    rules: dict[int, str | None] = {}
    doubtful: dict[int, str | None] = {}
    for item in same:
        rule, is_known = belongs(campaign, item.seen.post, declared), item.stored.belongs_by is not None
        if not item.is_other and bool(rule) != is_known:
            rules[item.stored.id] = rule
        elif item.is_other and by.is_check:
            rules[item.stored.id] = belongs(campaign, item.stored.post, declared)
        elif item.is_other and rule and not is_known:
            doubtful[item.stored.id] = rule
    posts.set_belonging(connection, campaign.slug, rules | doubtful)
    posts.doubt(connection, list(doubtful))


def _without_forgotten(
    connection: Connection, campaign: Campaign, by: Sighting, seen: Sequence[Seen], now: datetime
) -> Sequence[Seen]:
    """Leave out what a person asked us to forget, and what others show of it; it is counted, and nothing of it is stored."""
    unwanted = forgetting.all_digests(connection)
    if not unwanted:
        return seen
    refused = [item for item in seen if unwanted & digests(names_of(item.post))]
    skips = [Skipped(_FORGOTTEN, raw=b"", secret=item.post.ref.uri) for item in refused]
    sources.add_skips(connection, campaign.slug, by.source, skips, now)
    left_out = set(map(id, refused))
    return [_without_words_of(unwanted, item) for item in seen if id(item) not in left_out]


def set_aside(connection: Connection, campaign: Campaign, source: str, items: Sequence[Skipped], now: datetime) -> None:
    """Keep what could not be taken, for a person to read; what names somebody who is forgotten is counted alone."""
    unwanted = forgetting.all_digests(connection) if items else frozenset[bytes]()
    kept = [
        Skipped(_FORGOTTEN, raw=b"", secret=item.raw.decode(errors="replace") or item.ref or item.secret)
        if unwanted and unwanted & digests(names_in(f"{item.ref} {item.raw.decode(errors='replace')}"))
        else item
        for item in items
    ]
    sources.add_skips(connection, campaign.slug, source, kept, now)


def _without_words_of(unwanted: AbstractSet[bytes], item: Seen) -> Seen:
    """Return a post without link card and raw JSON where these hold the words of somebody who is forgotten."""
    if not unwanted & digests(names_of_others(item.post)):
        return item
    return replace(item, post=replace(item.post, card=None), raw=b"")


def _part(
    campaign: Campaign, seen: Sequence[Seen], ours: Collection[PostRef] = ()
) -> tuple[dict[PostRef, Seen], dict[PostRef, Reason]]:
    """Return what may be kept, each post once (the last one of a page wins), and why the others may not."""
    kept, refused = {}, {}
    for item in seen:
        if reason := why_not_stored(item.post, campaign, is_ours=item.post.ref in ours):
            refused[item.post.ref] = reason
        else:
            kept[item.post.ref] = item
    return kept, refused


def _refused(ref: PostRef, reason: Reason) -> Skipped:
    # Only a digest of the address is kept (sources.add_skips): it is counted once, and nothing of it is stored.
    return Skipped(f"{reason.value}: counted, not stored", raw=b"", ref=None, secret=ref.uri)


def sighting_by(source: Source, *, query: str = "", is_check: bool = False) -> Sighting:
    """Return who shows something, and asked what; `is_check`: when asked for this very post."""
    return Sighting(source.id, (urlsplit(source.server).netloc or "").lower(), is_check, query or THIS_POST)
