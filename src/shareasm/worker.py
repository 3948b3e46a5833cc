"""The worker: which job runs when. APScheduler ticks; the tables are the truth, so a tick lost or doubled does no harm.

    every source    read from its checkpoint; swept for late arrivals; streams followed in a thread of their own
    every account   sends at the next due instant (one timer each, set anew after every look), with a slow sweep behind it
    the day         heartbeat; posts asked about again; at the end of the window: last look, last check, recap, closed

`once` runs one kind of job and returns. What only one worker may do at a time holds a lease; a dead one's runs out.
"""

import logging
import math
import os
import socket
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from secrets import token_hex
from time import monotonic
from typing import Literal, NamedTuple

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from shareasm import collect, publish
from shareasm.collect import Desk, Outcome, Tally
from shareasm.domain.campaigns import Source
from shareasm.domain.queue import State
from shareasm.errors import NetworkError, ShareasmError
from shareasm.networks.ports import CheckpointTooOld, TagStream
from shareasm.publish import Press, Result
from shareasm.recap import Made
from shareasm.storage import days, queue
from shareasm.storage.engine import reading, transaction
from shareasm.wiring import Parts

# A tick that finds its job still running is skipped; that is by design, and said by nobody.
logging.getLogger("apscheduler").setLevel(logging.ERROR)

LEASE = timedelta(seconds=45)  # a dead worker's jobs are taken over after that; the living renew at every beat
CLOSE_AGAIN_AFTER = timedelta(seconds=15)
STOP_WITHIN_S = 8.0  # SIGTERM promises ten; the web pages take the rest


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
    publish_s: float = 5  # the net behind the timers
    beat_s: float = 5  # a claim lasts four beats (domain.queue.CLAIM_FOR)
    shortest_s: float = 0.0


class Event(NamedTuple):
    """Something that a person may want to read as it happens."""

    at: datetime  # aware UTC, campaign clock
    kind: str  # sent, missed, collected, gone, trouble, plan, recap, closed, fault
    text: str


@dataclass
class Worker:
    """Runs a campaign's jobs. `tell` is called from several threads, one call at a time."""

    parts: Parts
    tell: Callable[[Event], None]
    rhythm: Rhythm = field(default_factory=Rhythm)
    # Unique, not only host and pid: a container's new worker must not take its dead one's claims for its own.
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{token_hex(3)}")

    def __post_init__(self) -> None:
        self.closed = threading.Event()
        self.faults: list[BaseException] = []
        self.made: Made | None = None  # the recap, once this worker has closed the day
        self._stopping = threading.Event()
        self._closing = threading.Lock()
        self._telling = threading.Lock()
        self._in_hand: set[int] = set()
        self._sending = {account: threading.Lock() for account in self.parts.publishers}
        self._streams: dict[str, TagStream] = {}
        self._threads: list[threading.Thread] = []
        self._told: dict[str, str] = {}
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": {"type": "threadpool", "max_workers": self._job_count()}},
            # Never drop a tick: the default of one second would; lateness is decided by our rules, on the rows.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    # ---- life ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to tick; returns at once."""
        self._beat()
        rhythm, parts = self.rhythm, self.parts
        self._every(rhythm.beat_s, "beat", self._beat)
        if self.closed.is_set():
            self._scheduler.start()
            return
        for source in parts.campaign.sources:
            if source.id in parts.readers:
                self._every(rhythm.read_s, f"read {source.id}", partial(self._read, source))
                self._every(rhythm.sweep_s, f"sweep {source.id}", partial(self._sweep, source), at_once=False)
            if source.id in parts.streams:
                thread = threading.Thread(target=self._follow, args=(source,), name=f"stream {source.id}", daemon=True)
                self._threads.append(thread)
        for account in parts.publishers:
            self._every(rhythm.publish_s, f"publish {account}", partial(self._publish, account))
        self._every(rhythm.verify_s, "verify", self._verify, at_once=False)
        self._at(parts.campaign.closes_at, "close", self._close_or_again)
        self._scheduler.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> bool:
        """Finish the calls in hand and stop. False: a call did not come back in time; its attempt is written down as open."""
        self._stopping.set()
        for stream in list(self._streams.values()):
            stream.stop()
        end = monotonic() + STOP_WITHIN_S
        waiter = threading.Thread(target=partial(self._scheduler.shutdown, wait=True), daemon=True)
        waiter.start()
        for thread in (waiter, *self._threads):
            if thread.is_alive():
                thread.join(max(end - monotonic(), 0))
        self._release_leases()
        return not waiter.is_alive()

    def once(self, job: Literal["collect", "publish", "verify"]) -> None:
        """Run one kind of job once, now, for those who bring their own scheduler."""
        self._every(self.rhythm.beat_s, "beat", self._beat)  # keeps what is claimed while a long call runs
        self._scheduler.start()
        try:
            self._run_once(job)
        finally:
            self._scheduler.shutdown()
            self._release_leases()

    def _run_once(self, job: Literal["collect", "publish", "verify"]) -> None:
        match job:
            case "collect":
                for source in self.parts.campaign.sources:
                    if source.id in self.parts.readers:
                        self._guarded(partial(self._read, source), f"read {source.id}")
            case "publish":
                for account in self.parts.publishers:
                    self._guarded(partial(self._publish, account), f"publish {account}")
            case "verify":
                self._guarded(self._confirm_all, "verify")

    # ---- jobs ----------------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        now = self.parts.clock.now()
        with transaction(self.parts.engine) as connection:
            days.beat(connection, self.parts.campaign.slug, now)
            days.renew_leases(connection, self.name, now, LEASE)  # a long sweep or the closing outlasts one lease
            queue.renew_claims(connection, self.name, list(self._in_hand), now)  # and an upload outlasts one claim
        self._was_closed()

    def _was_closed(self) -> bool:
        """Return whether the day is closed, by this worker or another."""
        with reading(self.parts.engine) as connection:
            if days.state(connection, self.parts.campaign.slug).closed_at:
                self.closed.set()
        return self.closed.is_set()

    def _read(self, source: Source) -> None:
        if self._is_open() and self._has_lease(f"read {source.id}"):
            self._tell_outcome(source, collect.read(self._desk, source, self.parts.readers[source.id]))

    def _sweep(self, source: Source, since: datetime | None = None) -> None:
        if self._is_open() and self._has_lease(f"read {source.id}"):
            back = since or self.parts.clock.now() - timedelta(seconds=self.rhythm.sweep_back_s)
            self._tell_outcome(source, collect.sweep(self._desk, source, self.parts.readers[source.id], back))

    def _verify(self, before: datetime | None = None) -> None:
        if before is None and not self._has_lease("verify"):  # a recap asks for itself, whoever asks besides
            return
        limit = before or self.parts.clock.now() - timedelta(seconds=self.rhythm.verify_after_s)
        tally = collect.verify(self._desk, self.parts.checkers, limit)
        if tally.gone:
            self._say(
                "gone", f"{_count(tally.gone, 'post is', 'posts are')} not public any more, and not shown any more"
            )

    def _publish(self, account: str) -> None:
        with self._sending[account]:  # a publisher is used by one thread at a time, also while the day closes
            upcoming = publish.publish_due(self._press, account, self._tell_result, self._stopping.is_set)
        if upcoming and self._scheduler.running and not self._stopping.is_set():
            self._at(upcoming, f"wake {account}", partial(self._publish_again, account))

    def _publish_again(self, account: str) -> None:
        job = self._scheduler.get_job(f"publish {account}")
        if job and not self._stopping.is_set():  # one job an account: two ticks never send for it at the same time
            job.modify(next_run_time=datetime.now(UTC))

    def _follow(self, source: Source) -> None:
        failures = 0
        while not self._stopping.is_set():
            if not self._is_open() or not self._has_lease(f"read {source.id}"):
                until_open = self.parts.clock.seconds_until(self.parts.campaign.opens_at)
                self._wait(LEASE.total_seconds() / 4, at_most_s=until_open or math.inf)
                continue
            stream = self.parts.streams[source.id]()
            self._streams[source.id] = stream
            try:
                collect.follow(self._desk, source, stream, partial(self._tell_tally, source))
                failures = 0
            except CheckpointTooOld:
                self._say(
                    "trouble", f"{source.id} does not go back far enough; reading the whole window by search instead"
                )
                collect.forget_checkpoint(self._desk, source)
                self._sweep_network(source)
            except NetworkError as error:
                failures += 1
                collect.note_failure(self._desk, source, error)
                self._tell_trouble(source.id, str(error))
                self._wait(min(2.0**failures, 60))
            except ShareasmError as error:  # the store does not take it: what came is told again from the checkpoint
                failures += 1
                self._tell_trouble(source.id, str(error))
                self._wait(min(2.0**failures, 60))
            except Exception as fault:  # noqa: BLE001  the rim: a fault of ours is told, and the stream goes on
                failures += 1
                self._fault(f"stream {source.id}", fault)
                self._wait(min(2.0**failures, 60))

    def _sweep_network(self, stream: Source) -> None:
        for source in self.parts.campaign.sources:
            if source.network is stream.network and source.id in self.parts.readers:
                self._sweep(source, since=self.parts.campaign.opens_at)

    def _close_or_again(self) -> None:
        """Close the day; what stood in the way (a dead worker's lease, a full disk) may be gone a little later."""
        try:
            self._close()
        finally:
            if not self.closed.is_set() and not self._stopping.is_set():
                self._at(self.parts.clock.now() + CLOSE_AGAIN_AFTER, "close", self._close_or_again)

    def _close(self) -> None:
        """The window is over: look once more at everything, ask about everything that will be shown, write the recap."""
        if self.closed.is_set() or not self._closing.acquire(blocking=False):
            return
        try:
            if not self._has_lease("close") or self._was_closed():
                return
            self._say("closed", "the day is over: a last look at every source, then the recap")
            for account in self.parts.publishers:
                self._publish(account)
            for source in self.parts.campaign.sources:
                if source.id in self.parts.readers:
                    self._guarded(partial(self._read, source), f"read {source.id}")
                    self._guarded(partial(self._sweep, source, self.parts.campaign.opens_at), f"sweep {source.id}")
            self._confirm_all()
            made = self.parts.make_recap()
            with transaction(self.parts.engine) as connection:
                days.close(connection, self.parts.campaign.slug, self.parts.clock.now())
            self._say("recap", f"{made.written.index} shows {_count(made.shown_count, 'post', 'posts')}")
            self.made = made
            self.closed.set()
        finally:
            self._closing.release()

    def _confirm_all(self) -> None:
        """Ask about every post until all are confirmed, or a pass confirms no more."""
        start = self.parts.clock.now()
        left = collect.count_unconfirmed(self._desk, start)
        while left and not self._stopping.is_set():
            self._say("recap", f"asking the networks about {_count(left, 'post', 'posts')} before anything is shown")
            self._verify(before=start)
            now_left = collect.count_unconfirmed(self._desk, start)
            if now_left >= left:
                break
            left = now_left

    # ---- helpers of the jobs -------------------------------------------------------------------------------------------

    @property
    def _desk(self) -> Desk:
        return Desk(self.parts.engine, self.parts.campaign, self.parts.clock)

    @property
    def _press(self) -> Press:
        parts = self.parts
        return Press(parts.engine, parts.campaign, parts.media, parts.publishers, parts.clock, self.name, self._in_hand)

    def _is_open(self) -> bool:
        return self.parts.clock.now() >= self.parts.campaign.opens_at and not self.closed.is_set()

    def _has_lease(self, job: str) -> bool:
        with transaction(self.parts.engine) as connection:
            name = f"{self.parts.campaign.slug}: {job}"
            return days.take_lease(connection, name, self.name, self.parts.clock.now(), LEASE)

    def _release_leases(self) -> None:
        with transaction(self.parts.engine) as connection:
            days.release_leases(connection, self.name)

    def _wait(self, seconds: float, *, at_most_s: float = math.inf) -> None:
        self._stopping.wait(max(min(self.parts.clock.pace(seconds), at_most_s), 0.05))

    def _every(self, seconds: float, name: str, job: Callable[[], None], *, at_once: bool = True) -> None:
        real = max(self.parts.clock.pace(seconds), self.rhythm.shortest_s, 0.05)
        first = {"next_run_time": datetime.now(UTC)} if at_once else {}
        run = partial(self._guarded, job, name)
        self._scheduler.add_job(run, IntervalTrigger(seconds=real, timezone=UTC), id=name, name=name, **first)

    def _at(self, instant: datetime, name: str, job: Callable[[], None]) -> None:
        wait = min(
            self.parts.clock.seconds_until(instant), 3600.0
        )  # clocks are set right now and then: look again hourly
        run = partial(self._at_guarded, instant, name, job)
        when = datetime.now(UTC) + timedelta(seconds=wait)
        self._scheduler.add_job(run, DateTrigger(when), id=name, name=name, replace_existing=True)

    def _at_guarded(self, instant: datetime, name: str, job: Callable[[], None]) -> None:
        if self.parts.clock.seconds_until(instant) > 0:
            self._at(instant, name, job)
        else:
            self._guarded(job, name)

    def _guarded(self, job: Callable[[], None], name: str) -> None:
        """Run a job; the rim where errors end: what a person can mend is told in a sentence, a fault of ours with its trace."""
        if self._stopping.is_set():
            return
        try:
            with self.parts.clock.held():
                job()
        except ShareasmError as error:
            self._tell_trouble(name, str(error))
        except Exception as fault:  # noqa: BLE001  the rim
            self._fault(name, fault)
        else:
            self._told.pop(name, None)

    def _job_count(self) -> int:
        return 4 + 2 * len(self.parts.readers) + 2 * len(self.parts.publishers)

    # ---- telling -------------------------------------------------------------------------------------------------------

    def _say(self, kind: str, text: str) -> None:
        with self._telling:
            self.tell(Event(self.parts.clock.now(), kind, text))

    def _tell_trouble(self, name: str, text: str) -> None:
        if self._told.get(name) != text:  # the same trouble is told once, not at every tick
            self._told[name] = text
            self._say("trouble", f"{name}: {text}")

    def _fault(self, name: str, fault: BaseException) -> None:
        self.faults.append(fault)
        trace = "".join(traceback.format_exception(fault))
        self._say("fault", f"{name}: a fault of the program, please report it\n{trace}")

    def _tell_outcome(self, source: Source, outcome: Outcome) -> None:
        if outcome.error:
            self._tell_trouble(source.id, str(outcome.error))
        else:
            self._told.pop(source.id, None)
        self._tell_tally(source, outcome.tally)

    def _tell_tally(self, source: Source, tally: Tally) -> None:
        if tally.new or tally.changed:
            bits = [_count(tally.new, "new post", "new posts")] if tally.new else []
            bits += [f"{tally.changed} changed"] if tally.changed else []
            self._say("collected", f"{source.id}: {', '.join(bits)}")

    def _tell_result(self, result: Result) -> None:
        slot, part, language, account = result.entry.key
        what = f"{slot}{f' part {part + 1}' if part else ''} ({language}) on {account}"
        kind = "sent" if result.receipt else "missed" if result.entry.state is State.MISSED else "trouble"
        self._say(kind, f"{what}: {result.words}")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def statistics(parts: Parts) -> Mapping[str, int]:
    """Return how much was planned, sent and collected, for the summary at the end."""
    from shareasm.storage import posts

    with reading(parts.engine) as connection:
        entries = queue.of_campaign(connection, parts.campaign.slug)
        collected = posts.count_of_campaign(connection, parts.campaign.slug)
    sent = sum(entry.state is State.PUBLISHED for entry in entries)
    planned = sum(entry.state is not State.CANCELLED for entry in entries)
    return {"planned": planned, "sent": sent, "collected": collected}
