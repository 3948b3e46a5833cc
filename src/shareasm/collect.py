"""Collecting: one source read once, from its checkpoint to the store; and asking again about what is stored.

    checkpoint → pages of a reader → changes.decide → posts rows, sightings, skips, next checkpoint    (one transaction a page)

Reading is repeated and overlaps on purpose: no network's search is complete, and identity makes re-reading harmless. A source
that fails says so in its state, is left alone for a while, and never stops the others.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy.engine import Connection, Engine

from shareasm.clock import Clock
from shareasm.domain.campaigns import Campaign, Source, belongs
from shareasm.domain.changes import Changed, Gone, New, Same, Seen, Sighting, Skipped, decide, home_host
from shareasm.domain.posts import Network, PostRef, Visibility
from shareasm.domain.richtext import fold_hashtag
from shareasm.errors import NetworkError, RateLimited, Unauthorized
from shareasm.networks.ports import Page, PostChecker, TagReader, TagStream, Window
from shareasm.storage import posts, sources
from shareasm.storage.engine import reading, transaction

STREAM_TAG = ""  # a stream carries all tags under one checkpoint
FIRST_WAIT_S = 30
LONGEST_WAIT_S = 15 * 60
CHECK_PAGE = 200  # posts asked about in one go


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


class Outcome(NamedTuple):
    """One read of one source: what it brought, and why it ended early if it did."""

    tally: Tally
    error: NetworkError | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What every read needs: where to store, for which campaign, by which clock."""

    engine: Engine
    campaign: Campaign
    clock: Clock


# ---- reading a source --------------------------------------------------------------------------------------------------


def read(desk: Desk, source: Source, reader: TagReader) -> Outcome:
    """Read what is new of every tag since the checkpoint."""
    if _is_resting(desk, source):
        return Outcome(Tally())
    tally = Tally()
    try:
        for tag in desk.campaign.hashtags:
            for stored in _read_tag(desk, source, reader, tag):
                tally += stored
    except NetworkError as error:
        _note_failure(desk, source, error)
        return Outcome(tally, error)
    _note_ok(desk, source)
    return Outcome(tally)


def sweep(desk: Desk, source: Source, reader: TagReader, since: datetime) -> Outcome:
    """Read everything since `since` again, for what arrived late or below the cursor (platform rules of Mastodon's ids)."""
    if _is_resting(desk, source):
        return Outcome(Tally())
    tally = Tally()
    window = replace(_window(desk), opens_at=max(since, desk.campaign.opens_at))
    try:
        for tag in desk.campaign.hashtags:
            for page in reader.sweep_tag(tag, window):
                tally += store(desk, source, replace(page, checkpoint=None), tag)
    except NetworkError as error:
        _note_failure(desk, source, error)
        return Outcome(tally, error)
    return Outcome(tally)


def follow(desk: Desk, source: Source, stream: TagStream, tell: Callable[[Tally], None]) -> None:
    """Store a stream's batches until the connection ends; `tell` what each brought. The caller reconnects, also after an
    error.
    """
    tags = desk.campaign.hashtags
    with reading(desk.engine) as connection:
        checkpoint = sources.checkpoint(connection, desk.campaign.slug, source.id, STREAM_TAG)
    for page in stream.read(tags, checkpoint):
        with desk.clock.held():
            tally = store(desk, source, page, STREAM_TAG)
        tell(tally)


def forget_checkpoint(desk: Desk, source: Source) -> None:
    """Let a stream begin live again; the hole is filled by sweeping the other sources."""
    with transaction(desk.engine) as connection:
        sources.delete_checkpoint(connection, desk.campaign.slug, source.id)


def note_failure(desk: Desk, source: Source, error: NetworkError) -> None:
    """Write down that a source failed and leave it alone for a while."""
    _note_failure(desk, source, error)


def _read_tag(desk: Desk, source: Source, reader: TagReader, tag: str) -> Iterator[Tally]:
    folded = fold_hashtag(tag)
    with reading(desk.engine) as connection:
        checkpoint = sources.checkpoint(connection, desk.campaign.slug, source.id, folded)
    for page in reader.read_tag(tag, _window(desk), checkpoint):
        yield store(desk, source, page, folded)


def _window(desk: Desk) -> Window:
    return Window(desk.campaign.opens_at, min(desk.campaign.closes_at, desk.clock.now() + timedelta(minutes=5)))


# ---- storing a page ----------------------------------------------------------------------------------------------------


def store(desk: Desk, source: Source, page: Page, tag: str) -> Tally:
    """Store one page and the checkpoint behind it in one transaction."""
    now = desk.clock.now()
    with transaction(desk.engine) as connection:
        tally = _store_posts(connection, desk.campaign, _sighting(source), page.posts, now)
        tally += Tally(gone=posts.mark_gone(connection, page.gone, now), skipped=len(page.skipped))
        posts.mark_authors(connection, source.network, page.authors, now)
        sources.add_skips(connection, desk.campaign.slug, source.id, page.skipped, now)
        if page.checkpoint is not None:
            sources.set_checkpoint(connection, desk.campaign.slug, source.id, tag, page.checkpoint, now)
        if tag == STREAM_TAG:  # a stream that delivers is well; a read is well when all its pages are through
            sources.note_ok(connection, desk.campaign.slug, source.id, now)
    return tally


def _store_posts(
    connection: Connection, campaign: Campaign, by: Sighting, seen: Sequence[Seen], now: datetime
) -> Tally:
    public, hidden = _part_by_visibility(seen)
    stored = posts.find(connection, [item.post.ref for item in seen])
    intents = [decide(stored.get(ref), item, by) for ref, item in public.items()]
    # What does not belong is not stored at all; what was stored and belongs no more (a tag edited away) stays, unshown.
    new = [item for item in intents if isinstance(item, New) and belongs(campaign, item.seen.post)]
    changed = [item for item in intents if isinstance(item, Changed)]
    same = [item for item in intents if isinstance(item, Same)]
    ids = posts.insert(connection, new, by.source, now)
    posts.update(connection, changed, by.source, now)
    posts.touch(connection, same, by.source, now, is_check=by.is_check)
    posts.note_revisions(connection, same)
    rules: dict[int, str | None] = {ids[item.seen.post.ref]: "tag" for item in new if item.seen.post.ref in ids}
    rules |= {item.stored.id: belongs(campaign, item.seen.post) for item in changed}
    posts.set_belonging(connection, campaign.slug, rules)
    posts.add_belonging(connection, campaign.slug, [i.stored.id for i in same if belongs(campaign, i.seen.post)])
    gone = posts.mark_gone(connection, [Gone(ref, "not public") for ref in hidden if ref in stored], now)
    sources.add_skips(connection, campaign.slug, by.source, [_not_public(ref) for ref in hidden], now)
    return Tally(new=len(ids), changed=len(changed), same=len(same), gone=gone)


def _part_by_visibility(seen: Sequence[Seen]) -> tuple[dict[PostRef, Seen], list[PostRef]]:
    """Return the public posts, each once (the last one of a page wins), and the refs of those that are not public."""
    public = {item.post.ref: item for item in seen if item.post.visibility is Visibility.PUBLIC}
    return public, [item.post.ref for item in seen if item.post.visibility is not Visibility.PUBLIC]


def _not_public(ref: PostRef) -> Skipped:
    # Only a digest of the address is kept (sources.add_skips): it is counted once, and nothing of it is stored.
    return Skipped("not public: counted, not stored", raw=b"", ref=None, secret=ref.uri)


def _sighting(source: Source, *, is_check: bool = False) -> Sighting:
    return Sighting(source.id, (urlsplit(source.server).netloc or "").lower(), is_check)


# ---- asking again ------------------------------------------------------------------------------------------------------


def verify(desk: Desk, checkers: Mapping[str, PostChecker], before: datetime) -> Tally:
    """Ask the networks about posts that were last confirmed before `before`: edited, deleted, hidden, made private?

    A post that no source can be asked about stays as it is, unconfirmed. One pass, bounded; call again for the rest.
    """
    with reading(desk.engine) as connection:
        due = posts.to_check(connection, desk.campaign.slug, before, CHECK_PAGE)
    tally = Tally()
    answers: dict[PostRef, list[tuple[Source, Seen | Gone]]] = {}
    for source, refs in _whom_to_ask(desk.campaign.sources, checkers, due):
        try:
            for ref, answer in checkers[source.id].check(refs).items():
                answers.setdefault(ref, []).append((source, answer))
        except NetworkError as error:
            _note_failure(desk, source, error)
    for ref, given in answers.items():
        tally += _settle(desk, ref, given)
    return tally


def count_unconfirmed(desk: Desk, before: datetime) -> int:
    """Return how many posts were not confirmed by their network since `before`."""
    with reading(desk.engine) as connection:
        return posts.count_unchecked(connection, desk.campaign.slug, before)


def _whom_to_ask(
    all_sources: Iterable[Source], checkers: Mapping[str, PostChecker], due: Sequence[posts.ToCheck]
) -> list[tuple[Source, list[tuple[PostRef, str]]]]:
    """Return for each source what to ask it: the post's own server where we read that one, else each that showed it."""
    by_id = {source.id: source for source in all_sources if source.id in checkers}
    questions: dict[str, list[tuple[PostRef, str]]] = {}
    for item in due:
        able = [(name, local_id) for name, local_id in item.sightings if name in by_id]
        if (
            item.ref.network is Network.BLUESKY
        ):  # one network, one truth: any checker will do, also for a bare stream record
            able = [(name, item.ref.uri) for name in by_id if by_id[name].network is Network.BLUESKY][:1]
        home = [(name, local_id) for name, local_id in able if _sighting(by_id[name]).host == home_host(item.ref)]
        for name, local_id in home or able:
            questions.setdefault(name, []).append((item.ref, local_id))
    return [(by_id[name], refs) for name, refs in questions.items()]


def _settle(desk: Desk, ref: PostRef, given: list[tuple[Source, Seen | Gone]]) -> Tally:
    """Take the answers about one post: it is gone when every source that was asked says so."""
    now = desk.clock.now()
    there = [(source, answer) for source, answer in given if isinstance(answer, Seen)]
    with transaction(desk.engine) as connection:
        if there:
            source, seen = there[0]
            return _store_posts(connection, desk.campaign, _sighting(source, is_check=True), [seen], now)
        gone = [answer for _, answer in given if isinstance(answer, Gone)]
        count = posts.mark_gone(connection, gone[:1], now)
        posts.mark_checked(connection, ref, now)
        return Tally(gone=count)


# ---- how a source fares ------------------------------------------------------------------------------------------------


def _is_resting(desk: Desk, source: Source) -> bool:
    with reading(desk.engine) as connection:
        state = sources.states(connection, desk.campaign.slug).get(source.id)
    return bool(state and state.next_read_at and state.next_read_at > desk.clock.now())


def _note_ok(desk: Desk, source: Source) -> None:
    with transaction(desk.engine) as connection:
        sources.note_ok(connection, desk.campaign.slug, source.id, desk.clock.now())


def _note_failure(desk: Desk, source: Source, error: NetworkError) -> None:
    now = desk.clock.now()
    with transaction(desk.engine) as connection:
        states = sources.states(connection, desk.campaign.slug)
        state = states.get(source.id, sources.SourceState(source.id))
        until = next_read_at(error, state.failure_count, now)
        sources.note_failure(connection, desk.campaign.slug, state, until, str(error), now)


def next_read_at(error: NetworkError, failure_count: int, now: datetime) -> datetime:
    """Return when a source that failed is read again: when the server says, else after 30 s, 1 min, 2 min … 15 min."""
    if isinstance(error, RateLimited):
        return error.until
    if isinstance(error, Unauthorized):
        return now + timedelta(seconds=LONGEST_WAIT_S)
    return now + timedelta(seconds=min(FIRST_WAIT_S * 2**failure_count, LONGEST_WAIT_S))
