"""A worker's shift: what all its jobs share. Whose turn a job is (leases), how long the day lasts, when to wait and stop."""

import math
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex

from shareasm.collect import Desk
from shareasm.errors import ShareasmError, StorageError
from shareasm.networks.ports import TagStream
from shareasm.news import News
from shareasm.publish import Press
from shareasm.storage import claims, days
from shareasm.storage.engine import reading, transaction
from shareasm.wiring import Parts

LEASE = timedelta(seconds=45)  # a dead worker's jobs are taken over after that; the living renew at every beat
PATIENCE = timedelta(minutes=16)  # at the last look, and again before the recap; Mastodon counts pages for 15
SHORTEST_WAIT_S = 0.05
TELL_EVERY_S = 4.0  # how long somebody at the screen waits for a sign that it goes on


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often each job runs, in seconds of the campaign's clock; `shortest_s` is the least real time between two ticks."""

    read_s: float = (
        45  # anonymous answers of Mastodon are cached for 15 s; 300 paged requests in 15 min must do for all tags
    )
    sweep_s: float = 15 * 60
    sweep_back_s: float = 6 * 3600
    verify_s: float = 60
    verify_after_s: float = 3600  # ask again about a post an hour after it was last confirmed
    listen_s: float = 120  # answers without the tag wait longer than posts with it
    publish_s: float = 5  # the look behind the due instants
    watch_s: float = 2  # looks at the campaign's files
    beat_s: float = 5  # a claim lasts four beats (domain.queue.CLAIM_FOR)
    shortest_s: float = 0.0


def _unique_name() -> str:
    """Return more than host and pid: a container's new worker must not take its dead one's claims for its own."""
    return f"{socket.gethostname()}:{os.getpid()}:{token_hex(3)}"


@dataclass(slots=True)
class Shift:
    """What the jobs of one worker share."""

    parts: Parts
    news: News
    rhythm: Rhythm
    name: str = field(default_factory=_unique_name)
    stopping: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)  # the day, by this worker or another
    closing: threading.Lock = field(default_factory=threading.Lock)  # held while this worker closes the day
    in_hand: set[int] = field(default_factory=set)  # entries that are being sent
    streams: dict[str, TagStream] = field(default_factory=dict)  # the line that each source is followed by now
    waits_until: datetime | None = None  # at the day's end: for servers whose limits are used up

    @property
    def desk(self) -> Desk:
        return Desk(self.parts.engine, self.parts.campaign, self.parts.clock, self.parts.unbroken)

    @property
    def press(self) -> Press:
        parts = self.parts
        return Press(parts.engine, parts.campaign, parts.media, parts.publishers, parts.clock, self.name, self.in_hand)

    # ---- whose turn it is ----------------------------------------------------------------------------------------------

    def beat(self) -> None:
        """Keep what is held, and say that somebody is at work."""
        now = self.parts.clock.now()
        # Two transactions: a sender locks entry and day in either order, and PostgreSQL would end one of the two.
        with transaction(self.parts.engine) as connection:
            days.renew_leases(connection, self.name, now, LEASE)  # a long sweep or the closing outlasts one lease
            claims.renew_claims(connection, self.name, list(self.in_hand), now)  # and an upload outlasts one claim
        with transaction(self.parts.engine) as connection:
            days.beat(connection, self.parts.campaign.slug, now)
        self.was_closed()

    def has_lease(self, job: str) -> bool:
        with transaction(self.parts.engine) as connection:
            name = f"{self.parts.campaign.slug}: {job}"
            return days.take_lease(connection, name, self.name, self.parts.clock.now(), LEASE)

    def release_leases(self) -> None:
        # A store that does not take it is no reason not to stop: leases run out.
        with suppress(StorageError), transaction(self.parts.engine) as connection:
            days.release_leases(connection, self.name)

    # ---- how long the day lasts ----------------------------------------------------------------------------------------

    def is_open(self) -> bool:
        return self.parts.clock.now() >= self.parts.campaign.opens_at and not self.closed.is_set()

    def closed_at(self) -> datetime | None:
        with reading(self.parts.engine) as connection:
            state = days.state(connection, self.parts.campaign.slug)
        return state.closed_since(self.parts.campaign.closes_at)

    def was_closed(self) -> bool:
        """Return whether the day is closed, by this worker or another."""
        is_closed = bool(self.closed_at())
        if is_closed and not self.closing.locked():  # else the recap is on its way to its readers
            self.end_day()
        return is_closed

    def end_day(self) -> None:
        self.closed.set()
        self.end_streams()

    def end_streams(self) -> None:
        for stream in list(self.streams.values()):
            stream.stop()

    # ---- waiting -------------------------------------------------------------------------------------------------------

    def real_s(self, seconds: float) -> float:
        """Return how many real seconds lie between two ticks that are `seconds` of the campaign's clock apart."""
        return max(self.parts.clock.pace(seconds), self.rhythm.shortest_s, SHORTEST_WAIT_S)

    def wait(self, seconds: float, *, at_most_s: float = math.inf) -> None:
        self.stopping.wait(max(min(self.parts.clock.pace(seconds), at_most_s), SHORTEST_WAIT_S))

    def patience(self) -> Callable[[datetime], bool]:
        """Return a waiter for rate limits. It gives up, all in all, after PATIENCE; a rehearsal's clock stands meanwhile."""
        left_s = self.parts.clock.pace(PATIENCE.total_seconds())

        def wait_until(instant: datetime) -> bool:
            nonlocal left_s
            real = self.parts.clock.seconds_until(instant)
            left_s -= real
            self.waits_until = instant
            try:
                return left_s >= 0 and not self.stopping.wait(real)
            finally:
                self.waits_until = None

        return wait_until

    @contextmanager
    def progress(self, words: Callable[[], str]) -> Iterator[None]:
        """Say how far something is, every few seconds for as long as it lasts."""
        has_ended = threading.Event()

        def tell() -> None:
            while not has_ended.wait(TELL_EVERY_S) and not self.stopping.is_set():
                with suppress(StorageError):  # what is done meanwhile says so itself
                    until = self.waits_until
                    waits = f"; a server wants us to wait until {until:%H:%M:%S} UTC" if until else ""
                    self.news.say("recap", f"{words()}{waits}")

        teller = threading.Thread(target=tell, name="progress", daemon=True)
        teller.start()
        try:
            yield
        finally:
            has_ended.set()
            teller.join(1.0)

    # ---- the rim -------------------------------------------------------------------------------------------------------

    def guarded(self, job: Callable[[], object], name: str) -> None:
        """Run a job; the rim where errors end: what a person can mend is told in a sentence, a fault of ours with its trace."""
        if self.stopping.is_set():
            return
        try:
            with self.parts.clock.held():
                job()
        except ShareasmError as error:
            self.news.trouble(name, str(error))
        except Exception as fault:  # noqa: BLE001  the rim
            self.news.fault(name, fault)
        else:
            self.news.is_well(name)
