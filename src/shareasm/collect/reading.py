"""One source read, from its checkpoint to the store.

    checkpoint → pages of a reader → changes.decide → posts rows, sightings, skips, next checkpoint    (one transaction a page)

Reading is repeated and overlaps on purpose: no network's search is complete, and identity makes re-reading harmless. A source
that fails says so in its state, is left alone for a while, and never stops the others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from shareasm.collect.storing import STREAM_TAG, Desk, Tally, note_read, store
from shareasm.domain.campaigns import Source
from shareasm.domain.patience import next_read_at
from shareasm.domain.richtext import fold_hashtag
from shareasm.domain.watches import THROTTLED
from shareasm.errors import NetworkError, RateLimited, Rejected, Unauthorized
from shareasm.networks.ports import Paced, Page, Rest, TagReader, TagStream, Window
from shareasm.storage import sources
from shareasm.storage.engine import reading, transaction


class Outcome(NamedTuple):
    """One read of one source: what it brought, and why it ended early if it did."""

    tally: Tally
    error: NetworkError | None = None
    was_resting: bool = False  # not read at all: it failed a while ago


# ---- reading a source --------------------------------------------------------------------------------------------------


def read(desk: Desk, source: Source, reader: TagReader, *, is_last: bool = False) -> Outcome:
    """Read what is new of every tag since the checkpoint. The last look is also made where a failure asks for rest."""
    if not is_last and _is_resting(desk, source):
        return Outcome(Tally(), was_resting=True)
    outcome = _look(desk.campaign.hashtags, lambda tag: _read_tag(desk, source, reader, tag))
    if outcome.error:
        _note_failure(desk, source, outcome.error)
        return outcome
    _note_ok(desk, source, reader.rest() if isinstance(reader, Paced) else None)
    return outcome


def sweep(
    desk: Desk,
    source: Source,
    reader: TagReader,
    since: datetime,
    *,
    tags: Sequence[str] = (),
    is_last: bool = False,
    is_noted: bool = True,
) -> Outcome:
    """Read everything since `since` again, for what arrived late or below the cursor (platform rules of Mastodon's ids).

    `tags`: some of the campaign's, where not all. `is_noted` False: how the source fares now is no matter of the day.
    """
    if not is_last and _is_resting(desk, source, after_failure=True):
        return Outcome(Tally(), was_resting=True)
    window = replace(_window(desk), opens_at=max(since, desk.campaign.opens_at))

    def sweep_tag(tag: str) -> Iterator[Tally]:
        for page in reader.sweep_tag(tag, window):
            yield store(desk, source, replace(page, checkpoint=None), tag)

    outcome = _look(tags or desk.campaign.hashtags, sweep_tag)
    if outcome.error and is_noted:
        _note_failure(desk, source, outcome.error)
    return outcome


def _look(tags: Sequence[str], look: Callable[[str], Iterator[Tally]]) -> Outcome:
    """Look at each tag. One that is refused costs no other; a server that is out of reach is not asked any further."""
    tally, refusal = Tally(), None
    for tag in tags:
        try:
            for stored in look(tag):
                tally += stored
        except (Rejected, Unauthorized) as error:
            refusal = refusal or error
        except NetworkError as error:
            return Outcome(tally, error)
    return Outcome(tally, refusal)


def follow(
    desk: Desk,
    source: Source,
    stream: TagStream,
    tell: Callable[[Tally], None],
    catch_up: Callable[[], None] = lambda: None,
) -> None:
    """Store a stream's batches until the connection ends; `tell` what each brought. The caller reconnects, also after an
    error. `catch_up` once the line is open: reads what a stream without replay was not there to hear.
    """
    tags = desk.campaign.hashtags
    with reading(desk.engine) as connection:
        checkpoint = sources.checkpoint(connection, desk.campaign.slug, source.id, STREAM_TAG)
    is_first = True
    for page in stream.read(tags, checkpoint, desk.campaign.opens_at):
        if is_first:
            with desk.clock.held():
                catch_up()
        if page != Page() or source.is_watched_by_stream:
            with desk.clock.held():
                tally = store(desk, source, page, STREAM_TAG)
            tell(tally)
        elif not is_first:
            tell(Tally())  # nothing new, but it holds
        is_first = False


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


# ---- how a source fares ------------------------------------------------------------------------------------------------


def _is_resting(desk: Desk, source: Source, *, after_failure: bool = False) -> bool:
    """Return whether a source is left in peace; `after_failure`: only where one asks for it, not for its pace."""
    with reading(desk.engine) as connection:
        state = sources.states(connection, desk.campaign.slug).get(source.id)
    if state is None or state.next_read_at is None or (after_failure and state.failed_at is None):
        return False
    return state.next_read_at > desk.clock.now()


def _note_ok(desk: Desk, source: Source, rest: Rest | None) -> None:
    with transaction(desk.engine) as connection:
        note_read(connection, desk, source, desk.clock.now(), rest)


def _note_failure(desk: Desk, source: Source, error: NetworkError) -> None:
    now = desk.clock.now()
    with transaction(desk.engine) as connection:
        states = sources.states(connection, desk.campaign.slug)
        state = states.get(source.id, sources.SourceState(source.id))
        until = next_read_at(error, state.failure_count, now, desk.chance())
        note = f"{THROTTLED}: {error}" if isinstance(error, RateLimited) else str(error)
        sources.note_failure(connection, desk.campaign.slug, state, until, note, now)
