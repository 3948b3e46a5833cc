"""Streams: each followed in a thread of its own until the day is closed, whatever ends one line or hinders the next."""

import math
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from shareasm import collect
from shareasm.collect import Tally
from shareasm.domain.campaigns import Source
from shareasm.domain.patience import spread
from shareasm.errors import NetworkError, RateLimited, Rejected, ShareasmError
from shareasm.networks.ports import CheckpointTooOld
from shareasm.worker import looks
from shareasm.worker.shift import LEASE, Shift

REFUSED_STREAM_RESTS_S = 3600  # beside a timeline: a server that has none is asked seldom


def follow(shift: Shift, source: Source) -> None:
    """Follow a stream until the day is closed, or the worker stops."""
    failures = 0
    name = source.id if source.is_watched_by_stream else f"{source.id}, live"  # beside a timeline that is well

    def tell(tally: Tally) -> None:
        nonlocal failures
        failures = 0  # it delivers
        shift.news.tally(source, tally)

    while not _follows_no_more(shift):
        try:
            follow_once(shift, source, tell)
        except ShareasmError as error:  # also of the store: what came is told again from the checkpoint
            failures += 1
            shift.news.trouble(name, str(error))
            if isinstance(error, RateLimited):
                shift.wait((error.until - shift.parts.clock.now()).total_seconds())
            elif isinstance(error, Rejected) and not source.is_watched_by_stream:
                shift.wait(REFUSED_STREAM_RESTS_S)
        except Exception as fault:  # noqa: BLE001  the rim: a fault of ours is told, and the stream goes on
            failures += 1
            shift.news.fault(f"stream {source.id}", fault)
        wait = spread(timedelta(seconds=2 ** min(failures, 6)), shift.desk.chance())
        shift.wait(wait.total_seconds())  # a server that closes each connection at once is not pestered either


def follow_once(shift: Shift, source: Source, tell: Callable[[Tally], None]) -> None:
    """Follow one line of a stream to its end; `tell` what each batch brought."""
    if not shift.is_open() or not shift.has_lease(f"read {source.id}"):
        until_open = shift.parts.clock.seconds_until(shift.parts.campaign.opens_at)
        shift.wait(LEASE.total_seconds() / 4, at_most_s=until_open or math.inf)
        return
    stream = shift.streams[source.id] = shift.parts.streams[source.id]()
    if _follows_no_more(shift):
        return  # whoever ended the streams has not seen this one
    try:
        is_read_too = source.id in shift.parts.readers  # the stream has no memory
        catch_up = partial(looks.read, shift, source) if is_read_too else _nothing
        collect.follow(shift.desk, source, stream, tell, catch_up)
    except CheckpointTooOld:
        sweep_network(shift, source)
        # Whatever came of that: the stream's memory moves on, and some spellings no search finds. Later sweeps, and the
        # last look over the whole window, search the hole again.
        collect.forget_checkpoint(shift.desk, source)
    except NetworkError as error:
        if source.is_watched_by_stream:  # else it is its timeline that fares well or not
            collect.note_failure(shift.desk, source, error)
        raise


def sweep_network(shift: Shift, stream: Source) -> None:
    """Fill the hole of a stream by search, where there is one."""
    campaign, readers = shift.parts.campaign, shift.parts.readers
    others = [one for one in campaign.sources if one.network is stream.network and one.id in readers]
    instead = (
        "reading the whole window by search instead"
        if others
        else "what was said while it was away stays unknown, for no search of its network is set up"
    )
    shift.news.say("trouble", f"{stream.id} does not go back far enough; {instead}")
    for source in others:
        looks.sweep(shift, source, since=campaign.opens_at)


def _follows_no_more(shift: Shift) -> bool:
    return shift.stopping.is_set() or shift.closed.is_set()


def _nothing() -> None:
    """Do nothing."""
