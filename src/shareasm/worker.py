"""The worker: which job runs when. APScheduler ticks; the tables are the truth, so a tick lost or doubled does no harm.

    every source    read from its checkpoint; swept for late arrivals; streams followed in a thread of their own
    conversations   answers and quotes of what is stored, where they grew
    every account   sends at the next due instant, in a thread of its own (sender)
    the day         heartbeat; posts asked about again; at the end of the window: last look, last check, recap, closed
    every night     what the published recap shows is asked about again, and what is gone taken out

`once` runs one kind of job and returns. What only one worker may do at a time holds a lease; a dead one's runs out.
Over 400 lines: the jobs share one worker's leases, clock, news and stop, and read best beside each other.
"""

import logging
import math
import os
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from secrets import token_hex
from time import monotonic
from typing import Literal

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.engine import Connection

from shareasm import collect
from shareasm.collect import Desk, Outcome, Tally
from shareasm.domain.campaigns import Source
from shareasm.domain.patience import (
    MOST_TRIES,
    TRY_AGAIN_AFTER,
    last_round_begins_at,
    next_night,
    next_round_at,
    spread,
)
from shareasm.errors import NetworkError, RateLimited, Rejected, ShareasmError, StorageError
from shareasm.networks.ports import CheckpointTooOld, TagStream
from shareasm.news import Event, News, count_of
from shareasm.publish import Press, miss_late
from shareasm.recap import Made
from shareasm.sender import Sender
from shareasm.showing import LATELY
from shareasm.storage import accounts, claims, days, sources
from shareasm.storage.engine import reading, transaction
from shareasm.watch import Watch
from shareasm.wiring import Parts

# A tick that finds its job still running is skipped; that is by design, and said by nobody.
logging.getLogger("apscheduler").setLevel(logging.ERROR)

LEASE = timedelta(seconds=45)  # a dead worker's jobs are taken over after that; the living renew at every beat
CLOCK_SLACK = timedelta(seconds=1)  # clocks are set right by less all the time
CLOSE_AGAIN_AFTER = timedelta(seconds=15)
REFUSED_STREAM_RESTS_S = 3600  # beside a timeline: a server that has none is asked seldom
PATIENCE = timedelta(minutes=16)  # at the last look, and again before the recap; Mastodon counts pages for 15

LAST_CONVERSATIONS = 500  # read at the end of the day, ours first

# SIGTERM promises ten seconds; the web pages take up to one and a half of them.
JOBS_END_WITHIN_S = 5.5
STREAMS_END_WITHIN_S = 1.0
STORE_ANSWERS_WITHIN_S = 1.0


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


@dataclass
class Worker:
    """Runs a campaign's jobs. `tell` is called from several threads, one call at a time."""

    parts: Parts
    tell: Callable[[Event], None]
    rhythm: Rhythm = field(default_factory=Rhythm)
    watch: Watch | None = None  # of the campaign's files; None: the plan stays as it is
    # Unique, not only host and pid: a container's new worker must not take its dead one's claims for its own.
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{token_hex(3)}")

    def __post_init__(self) -> None:
        self.closed = threading.Event()
        self._news = News(self.tell, self.parts.clock)
        self.kept_open_by: Exception | None = None  # why the day could not be closed when it was last tried
        self.made: Made | None = None  # the recap, once this worker has closed the day
        self._stopping = threading.Event()
        self._closing = threading.Lock()
        self._in_hand: set[int] = set()
        self._senders = [self._sender(account) for account in self.parts.publishers]
        self._streams: dict[str, TagStream] = {}
        self._threads: list[threading.Thread] = []
        self._pool = ThreadPoolExecutor(self._jobcount_of())
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": self._pool},
            # Never drop a tick: the default of one second would; lateness is decided by our rules, on the rows.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    @property
    def faults(self) -> list[BaseException]:
        """The errors that are the program's own fault."""
        return self._news.faults

    # ---- life ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to tick; returns at once."""
        self._beat()
        self._end_waits()
        rhythm, parts = self.rhythm, self.parts
        self._every(rhythm.beat_s, "beat", self._beat)
        self._at(self._next_night(), "nightly look", self._look_nightly)
        if self.closed.is_set():
            self._tell_closed()
            self._scheduler.start()
            return
        for source in parts.campaign.sources:
            if source.id in parts.readers:
                self._every(rhythm.read_s, f"read {source.id}", partial(self._read, source))
                self._every(rhythm.sweep_s, f"sweep {source.id}", partial(self._sweep, source), at_once=False)
            if source.id in parts.streams:
                thread = threading.Thread(target=self._follow, args=(source,), name=f"stream {source.id}", daemon=True)
                self._threads.append(thread)
        self._every(rhythm.verify_s, "verify", self._verify, at_once=False)
        self._every(rhythm.listen_s, "conversations", self._listen, at_once=False)
        self._every(rhythm.verify_s, "silent accounts", self._miss_late)
        if self.watch:
            self._every(rhythm.watch_s, "the plan", partial(self._look_at_plan, self.watch))
        self._at(parts.campaign.closes_at, "close", self._close_or_again)
        self._scheduler.start()
        for thread in [*self._threads, *self._senders]:
            thread.start()

    def mind_the_clock(self) -> None:
        """Let the jobs run now that a system clock set back would keep waiting: none lies further ahead than its interval."""
        now = datetime.now(UTC)
        for job in self._scheduler.get_jobs():
            trigger = job.trigger
            if isinstance(trigger, IntervalTrigger) and job.next_run_time > now + trigger.interval + CLOCK_SLACK:
                job.modify(next_run_time=now)

    def stop(self) -> bool:
        """Finish the calls in hand and stop. False: a call did not come back in time; its attempt is written down as open."""
        self._stopping.set()
        self._end_streams()
        jobs = _apart(self._end_jobs)
        _wait_for([jobs], JOBS_END_WITHIN_S)
        _wait_for(self._threads, STREAMS_END_WITHIN_S)
        _wait_for([_apart(self._release_leases)], STORE_ANSWERS_WITHIN_S)
        return not jobs.is_alive()

    def _end_jobs(self) -> None:
        if self._scheduler.running:  # not where the start went wrong
            self._scheduler.pause()  # else it may hand a tick to the threads that have just ended
            # Not its own waiting: that holds the lock which a job needs that orders another.
            self._scheduler.shutdown(wait=False)
            self._pool.shutdown(wait=True)
        for sender in self._senders:
            if sender.is_alive():
                sender.join()

    def once(self, job: Literal["collect", "publish", "verify"]) -> None:
        """Run one kind of job once, now, for those who bring their own scheduler."""
        self._every(self.rhythm.beat_s, "beat", self._beat)  # keeps what is claimed while a long call runs
        self._scheduler.start()
        try:
            self._run_once(job)
        finally:
            self._end_jobs()
            self._release_leases()

    def _run_once(self, job: Literal["collect", "publish", "verify"]) -> None:
        match job:
            case "collect":
                for source in self.parts.campaign.sources:
                    if source.id in self.parts.readers:
                        self._guarded(partial(self._read, source), f"read {source.id}")
                self._guarded(self._listen, "conversations")
            case "publish":
                for sender in self._senders:
                    self._guarded(sender.send, sender.name)
            case "verify":
                self._guarded(self._confirm_all, "verify")

    # ---- jobs ----------------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        now = self.parts.clock.now()
        # Two transactions: a sender locks entry and day in either order, and PostgreSQL would end one of the two.
        with transaction(self.parts.engine) as connection:
            days.renew_leases(connection, self.name, now, LEASE)  # a long sweep or the closing outlasts one lease
            claims.renew_claims(connection, self.name, list(self._in_hand), now)  # and an upload outlasts one claim
        with transaction(self.parts.engine) as connection:
            days.beat(connection, self.parts.campaign.slug, now)
        self._was_closed()

    def _end_waits(self) -> None:
        """Try everything again at once: whoever starts the program may have mended what it waits for, such as a secret."""
        with transaction(self.parts.engine) as connection:
            claims.end_waits(connection, self.parts.campaign.slug)
            accounts.end_waits(connection, self.parts.campaign.slug)
            sources.end_waits(connection, self.parts.campaign.slug)
            stopped = accounts.states(connection, self.parts.campaign.slug)
        for account in stopped.values():
            self._news.trouble(
                account.account, f"stopped since its token was refused, and tried again now: {account.reason}"
            )

    def _was_closed(self) -> bool:
        """Return whether the day is closed, by this worker or another."""
        with reading(self.parts.engine) as connection:
            is_closed = bool(self._closed_at(connection))
        if is_closed and not self._closing.locked():  # else the recap is on its way to its readers
            self._end_day()
        return is_closed

    def _end_day(self) -> None:
        self.closed.set()
        self._end_streams()

    def _end_streams(self) -> None:
        for stream in list(self._streams.values()):
            stream.stop()

    def _closed_at(self, connection: Connection) -> datetime | None:
        return days.state(connection, self.parts.campaign.slug).closed_since(self.parts.campaign.closes_at)

    def _may_look(self, source: Source) -> bool:
        """Whether it is time to look, and nobody else does. The last look has the servers' limits to itself."""
        return self._is_open() and not self._closing.locked() and self._has_lease(f"read {source.id}")

    def _read(self, source: Source) -> None:
        if self._may_look(source):
            self._news.outcome(source, collect.read(self._desk, source, self.parts.readers[source.id]))

    def _sweep(self, source: Source, since: datetime | None = None) -> None:
        if self._may_look(source):
            back = since or self.parts.clock.now() - timedelta(seconds=self.rhythm.sweep_back_s)
            self._news.outcome(source, collect.sweep(self._desk, source, self.parts.readers[source.id], back))

    def _look_last(self, source: Source, wait_until: Callable[[datetime], bool]) -> None:
        """Read and sweep, whoever holds the lease and whatever failed before: twice is harmless, not at all is not.

        What fails now is waited for: nobody looks again.
        """
        reader, opens_at = self.parts.readers[source.id], self.parts.campaign.opens_at
        left: list[Callable[[], Outcome]] = [
            partial(collect.read, self._desk, source, reader, is_last=True),
            *(  # each by itself: what a limit let through is not asked for again
                partial(collect.sweep, self._desk, source, reader, opens_at, tags=[tag], is_last=True)
                for tag in self.parts.campaign.hashtags
            ),
        ]
        tries = 0
        while left:
            outcomes = [(look, self._look_again(look, wait_until)) for look in left]
            for _, outcome in outcomes:
                self._news.outcome(source, outcome)
            errors = [outcome.error for _, outcome in outcomes if outcome.error]
            goes_on = any(outcome.tally.new or not outcome.error for _, outcome in outcomes)
            tries = 0 if goes_on else tries + 1
            left = [look for look, outcome in outcomes if outcome.error]
            go_on_at = next_round_at(errors, self.parts.clock.now(), tries)
            if go_on_at is None or not wait_until(go_on_at):
                return

    def _look_again(self, look: Callable[[], Outcome], wait_until: Callable[[datetime], bool]) -> Outcome:
        """Look, a few times where the store does not take what came: another program may hold it for a moment."""
        for _ in range(MOST_TRIES):
            try:
                return look()
            except StorageError as error:
                self._news.trouble("the last look", str(error))
                if not wait_until(self.parts.clock.now() + TRY_AGAIN_AFTER):
                    raise
        return look()

    def _look_at_plan(self, watch: Watch) -> None:
        for kind, text in watch.look():
            self._news.say(kind, text)

    def _miss_late(self) -> None:
        """Give up what is too late on accounts that nobody sends from for want of a secret."""
        for account in self.parts.campaign.accounts:
            if account.id not in self.parts.publishers:
                miss_late(self._press, account.id, self._news.result)

    def _verify(self) -> None:
        """Ask about some posts in turn; when the end of the day is near, about all of them, so that the recap need not wait."""
        if not self._has_lease("verify"):
            return
        clock, closes_at = self.parts.clock, self.parts.campaign.closes_at
        limit = clock.now() - timedelta(seconds=self.rhythm.verify_after_s)
        is_near = closes_at - LATELY <= clock.now() < closes_at
        begins_at = self._last_round_begins_at() if is_near else closes_at
        if not is_near or clock.now() < begins_at:
            self._news.asked(collect.verify(self._desk, self.parts.checkers, limit))
            return
        while clock.now() < closes_at and not self._stopping.is_set():
            asked = collect.verify(self._desk, self.parts.checkers, max(limit, begins_at))
            self._news.asked(asked)
            if asked.tally == Tally():
                return

    def _last_round_begins_at(self) -> datetime:
        takes = collect.time_to_confirm(self._desk, self.parts.checkers)
        return last_round_begins_at(self.parts.campaign.closes_at, takes, LATELY)

    def _last_round_began_at(self) -> datetime | None:
        """Return since when the day's end asks about everything; None where it begins now."""
        begins_at = self._last_round_begins_at()
        is_early = begins_at < self.parts.campaign.closes_at
        return max(begins_at, self.parts.clock.now() - LATELY) if is_early else None

    def _listen(self) -> None:
        if self._is_open() and self._has_lease("conversations"):
            self._news.asked(collect.ask_about_ours(self._desk, self.parts.checkers))
            self._news.asked(collect.read_conversations(self._desk, self.parts.conversations))

    def _listen_last(self) -> None:
        self._news.asked(collect.read_conversations(self._desk, self.parts.conversations, at_most=LAST_CONVERSATIONS))

    def _follow(self, source: Source) -> None:
        """Follow a stream until the day is closed, whatever ends a connection or stands in the way of the next."""
        failures = 0
        name = source.id if source.is_watched_by_stream else f"{source.id}, live"  # beside a timeline that is well

        def tell(tally: Tally) -> None:
            nonlocal failures
            failures = 0  # it delivers
            self._news.tally(source, tally)

        while not self._follows_no_more():
            try:
                self._follow_once(source, tell)
            except ShareasmError as error:  # also of the store: what came is told again from the checkpoint
                failures += 1
                self._news.trouble(name, str(error))
                if isinstance(error, RateLimited):
                    self._wait((error.until - self.parts.clock.now()).total_seconds())
                elif isinstance(error, Rejected) and not source.is_watched_by_stream:
                    self._wait(REFUSED_STREAM_RESTS_S)
            except Exception as fault:  # noqa: BLE001  the rim: a fault of ours is told, and the stream goes on
                failures += 1
                self._news.fault(f"stream {source.id}", fault)
            wait = spread(timedelta(seconds=2 ** min(failures, 6)), self._desk.chance())
            self._wait(wait.total_seconds())  # a server that closes each connection at once is not pestered either

    def _follows_no_more(self) -> bool:
        return self._stopping.is_set() or self.closed.is_set()

    def _follow_once(self, source: Source, tell: Callable[[Tally], None]) -> None:
        if not self._is_open() or not self._has_lease(f"read {source.id}"):
            until_open = self.parts.clock.seconds_until(self.parts.campaign.opens_at)
            self._wait(LEASE.total_seconds() / 4, at_most_s=until_open or math.inf)
            return
        stream = self._streams[source.id] = self.parts.streams[source.id]()
        if self._follows_no_more():
            return  # whoever ended the streams has not seen this one
        try:
            is_read_too = source.id in self.parts.readers  # the stream has no memory
            collect.follow(self._desk, source, stream, tell, partial(self._read, source) if is_read_too else _nothing)
        except CheckpointTooOld:
            self._sweep_network(source)
            # Whatever came of that: the stream's memory moves on, and some spellings no search finds. Later sweeps, and the
            # last look over the whole window, search the hole again.
            collect.forget_checkpoint(self._desk, source)
        except NetworkError as error:
            if source.is_watched_by_stream:  # else it is its timeline that fares well or not
                collect.note_failure(self._desk, source, error)
            raise

    def _sweep_network(self, stream: Source) -> None:
        """Fill the hole of a stream by search, where there is one."""
        campaign, readers = self.parts.campaign, self.parts.readers
        others = [one for one in campaign.sources if one.network is stream.network and one.id in readers]
        instead = (
            "reading the whole window by search instead"
            if others
            else "what was said while it was away stays unknown, for no search of its network is set up"
        )
        self._news.say("trouble", f"{stream.id} does not go back far enough; {instead}")
        for source in others:
            self._sweep(source, since=campaign.opens_at)

    def _close_or_again(self) -> None:
        """Close the day; what stood in the way (a dead worker's lease, a full disk) may be gone a little later."""
        try:
            self._close()
        except Exception as error:
            self.kept_open_by = error
            raise
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
            self._news.say("closed", "the day is over: a last look at every source, then the recap")
            for sender in self._senders:
                sender.send()
            self.parts.forgive()
            wait_until = self._patience()
            for source in self.parts.campaign.sources:
                if source.id in self.parts.readers:
                    self._guarded(partial(self._look_last, source, wait_until), f"last look at {source.id}")
            began_at = self._last_round_began_at()
            self._confirm_all(since=began_at)
            self._guarded(self._listen_last, "last look at conversations")  # now all know how often they were answered
            made = self.parts.make_recap()
            with transaction(self.parts.engine) as connection:
                days.close(connection, self.parts.campaign.slug, self.parts.clock.now())
            self._news.say("recap", f"{made.written.index} shows {count_of(made.shown_count, 'post', 'posts')}")
            self._deliver_again()
            self.made = made
            self._end_day()
            if began_at:  # what was asked about up to an hour ago is asked about again, now that readers have a page
                self._at(self.parts.clock.now(), "nightly look", self._look_nightly)
        finally:
            self._closing.release()

    def _next_night(self) -> datetime:
        return next_night(self.parts.clock.now(), self.parts.campaign.zone)

    def _look_nightly(self) -> None:
        """Take out of the published recap what was deleted or hidden since, for as long as a worker runs."""
        try:
            if self._was_closed() and self._has_lease("nightly look"):
                self._confirm_all()
                gone = self.parts.let_go()
                made = self.parts.make_recap()
                if gone:
                    self._news.say("recap", f"{gone}")
                changed = count_of(made.written.changed_count, "file", "files")
                self._news.say("recap", f"looked over again: {changed} of {made.written.index.parent} changed")
                self._deliver_again()
        finally:
            self._at(self._next_night(), "nightly look", self._look_nightly)

    def _deliver_again(self) -> None:
        """Bring the new pages to the readers. Where that fails the day is closed all the same; it is tried again at night."""

        def deliver() -> None:
            if place := self.parts.deliver_again():
                self._news.say("recap", f"published again: {place}")

        self._guarded(deliver, "publishing the recap")

    def _confirm_all(self, since: datetime | None = None) -> None:
        """Ask about every post that was not confirmed `since`, else about all, and say how many nobody answered about."""
        start = since or self.parts.clock.now()
        asked_about = collect.count_unconfirmed(self._desk, start)
        if not asked_about:
            return
        what = count_of(asked_about, "post", "posts")
        self._news.say("recap", f"asking the networks about {what} before anything is shown")
        self.parts.forgive()
        asked = collect.confirm(self._desk, self.parts.checkers, self._patience(), self._stopping.is_set, start)
        self._news.asked(asked)
        closes_at = self.parts.campaign.closes_at
        is_over = self.parts.clock.now() >= closes_at
        if left := collect.count_unconfirmed(self._desk, closes_at - LATELY if is_over else start):
            what = count_of(left, "post was not confirmed and is", "posts were not confirmed and are")
            fate = "left out; the recap says so" if is_over else "shown as last seen"
            self._news.say("trouble", f"{what} {fate}, and `shareasm recap` asks again")

    def _patience(self) -> Callable[[datetime], bool]:
        """Return a waiter for rate limits. It gives up, all in all, after PATIENCE; a rehearsal's clock stands meanwhile."""
        left_s = self.parts.clock.pace(PATIENCE.total_seconds())

        def wait_until(instant: datetime) -> bool:
            nonlocal left_s
            real = self.parts.clock.seconds_until(instant)
            left_s -= real
            return left_s >= 0 and not self._stopping.wait(real)

        return wait_until

    def _tell_closed(self) -> None:
        with reading(self.parts.engine) as connection:
            closed_at = self._closed_at(connection)
        if closed_at:
            zone = self.parts.campaign.zone
            recap = f"; its recap lies at {self.parts.recap}" if self.parts.recap else ""
            self._news.say(
                "closed", f"this day was closed at {closed_at.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key}){recap}"
            )

    # ---- helpers of the jobs -------------------------------------------------------------------------------------------

    @property
    def _desk(self) -> Desk:
        return Desk(self.parts.engine, self.parts.campaign, self.parts.clock, self.parts.unbroken)

    @property
    def _press(self) -> Press:
        parts = self.parts
        return Press(parts.engine, parts.campaign, parts.media, parts.publishers, parts.clock, self.name, self._in_hand)

    def _sender(self, account: str) -> Sender:
        look_every_s = self._real_s(self.rhythm.publish_s)
        return Sender(
            self._press,
            account,
            look_every_s,
            guarded=self._guarded,
            tell=self._news.result,
            stopping=self._stopping,
        )

    def _is_open(self) -> bool:
        return self.parts.clock.now() >= self.parts.campaign.opens_at and not self.closed.is_set()

    def _has_lease(self, job: str) -> bool:
        with transaction(self.parts.engine) as connection:
            name = f"{self.parts.campaign.slug}: {job}"
            return days.take_lease(connection, name, self.name, self.parts.clock.now(), LEASE)

    def _release_leases(self) -> None:
        # A store that does not take it is no reason not to stop: leases run out.
        with suppress(StorageError), transaction(self.parts.engine) as connection:
            days.release_leases(connection, self.name)

    def _wait(self, seconds: float, *, at_most_s: float = math.inf) -> None:
        self._stopping.wait(max(min(self.parts.clock.pace(seconds), at_most_s), 0.05))

    def _every(self, seconds: float, name: str, job: Callable[[], object], *, at_once: bool = True) -> None:
        real = self._real_s(seconds)
        first = {"next_run_time": datetime.now(UTC)} if at_once else {}
        run = partial(self._guarded, job, name)
        self._scheduler.add_job(run, IntervalTrigger(seconds=real, timezone=UTC), id=name, name=name, **first)

    def _real_s(self, seconds: float) -> float:
        return max(self.parts.clock.pace(seconds), self.rhythm.shortest_s, 0.05)

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

    def _guarded(self, job: Callable[[], object], name: str) -> None:
        """Run a job; the rim where errors end: what a person can mend is told in a sentence, a fault of ours with its trace."""
        if self._stopping.is_set():
            return
        try:
            with self.parts.clock.held():
                job()
        except ShareasmError as error:
            self._news.trouble(name, str(error))
        except Exception as fault:  # noqa: BLE001  the rim
            self._news.fault(name, fault)
        else:
            self._news.is_well(name)

    def _jobcount_of(self) -> int:
        return 6 + 2 * len(self.parts.readers)


def _nothing() -> None:
    """Do nothing."""


def _apart(act: Callable[[], None]) -> threading.Thread:
    """Do it in a thread that keeps nobody: neither who waits for it, nor the process."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def _wait_for(threads: Iterable[threading.Thread], seconds: float) -> None:
    """Wait for all of them together, and no longer than `seconds`."""
    end = monotonic() + seconds
    for thread in threads:
        if thread.is_alive():
            thread.join(max(end - monotonic(), 0))
