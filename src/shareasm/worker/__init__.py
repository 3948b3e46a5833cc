"""The worker: which job runs when. The tables are the truth, so a tick lost or doubled does no harm.

    looks     every source read from its checkpoint; swept for late arrivals; answers and quotes, where they grew
    streams   followed in a thread of their own
    checks    posts asked about again; all of them before anything is shown
    closing   at the end of the window: last look, last check, recap, closed; and again every night
    ticks     the jobs at their intervals and instants
    shift     what they share: leases, the day's end, the stop, the news

Every account sends at the next due instant, in a thread of its own (`shareasm.sender`). `once` runs one kind of job and
returns. What only one worker may do at a time holds a lease; a dead one's runs out.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Literal

from shareasm.domain.patience import next_night
from shareasm.news import Event, News
from shareasm.publish import miss_late
from shareasm.recap import Made
from shareasm.sender import Sender
from shareasm.storage import accounts, claims, sources
from shareasm.storage.engine import transaction
from shareasm.watch import Watch
from shareasm.wiring import Parts
from shareasm.worker import checks, closing, looks, streams
from shareasm.worker.shift import Rhythm as Rhythm
from shareasm.worker.shift import Shift
from shareasm.worker.ticks import Ticks

CLOSE_AGAIN_AFTER = timedelta(seconds=15)

# SIGTERM promises ten seconds; the web pages take up to one and a half of them.
JOBS_END_WITHIN_S = 5.5
STREAMS_END_WITHIN_S = 1.0
STORE_ANSWERS_WITHIN_S = 1.0


@dataclass
class Worker:
    """Runs a campaign's jobs. `tell` is called from several threads, one call at a time."""

    parts: Parts
    tell: Callable[[Event], None]
    rhythm: Rhythm = field(default_factory=Rhythm)
    watch: Watch | None = None  # of the campaign's files; None: the plan stays as it is

    def __post_init__(self) -> None:
        self.shift = Shift(self.parts, News(self.tell, self.parts.clock), self.rhythm)
        self.closed = self.shift.closed
        self.kept_open_by: Exception | None = None  # why the day could not be closed when it was last tried
        self.made: Made | None = None  # the recap, once this worker has closed the day
        self._senders = [_sender(self.shift, account) for account in self.parts.publishers]
        self._threads: list[threading.Thread] = []
        self._ticks = Ticks(self.shift, at_once=6 + 2 * len(self.parts.readers))

    @property
    def faults(self) -> list[BaseException]:
        """The errors that are the program's own fault."""
        return self.shift.news.faults

    # ---- life ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to tick; returns at once."""
        self.shift.beat()
        _end_waits(self.shift)
        self._ticks.every(self.rhythm.beat_s, "beat", self.shift.beat)
        self._order_nightly_look()
        if self.closed.is_set():
            _tell_closed(self.shift)
            self._ticks.start()
            return
        self._order_looks()
        self._order_day()
        self._ticks.start()
        for thread in [*self._threads, *self._senders]:
            thread.start()

    def _order_looks(self) -> None:
        every, rhythm, shift = self._ticks.every, self.rhythm, self.shift
        for source in self.parts.campaign.sources:
            if source.id in self.parts.readers:
                every(rhythm.read_s, f"read {source.id}", partial(looks.read, shift, source))
                every(rhythm.sweep_s, f"sweep {source.id}", partial(looks.sweep, shift, source), at_once=False)
            if source.id in self.parts.streams:
                follow = partial(streams.follow, shift, source)
                self._threads.append(threading.Thread(target=follow, name=f"stream {source.id}", daemon=True))

    def _order_day(self) -> None:
        every, rhythm, shift = self._ticks.every, self.rhythm, self.shift
        every(rhythm.verify_s, "verify", partial(checks.verify, shift), at_once=False)
        every(rhythm.listen_s, "conversations", partial(looks.listen, shift), at_once=False)
        every(rhythm.verify_s, "silent accounts", partial(_miss_late, shift))
        if self.watch:
            every(rhythm.watch_s, "the plan", partial(_look_at_plan, shift, self.watch))
        self._ticks.at(self.parts.campaign.closes_at, "close", self._close_or_again)

    def mind_the_clock(self) -> None:
        """Let the jobs run now that a system clock set back would keep waiting."""
        self._ticks.mind_the_clock()

    def stop(self) -> bool:
        """Finish the calls in hand and stop. False: a call did not come back in time; its attempt is written down as open."""
        self.shift.stopping.set()
        self.shift.end_streams()
        jobs = _apart(self._end_jobs)
        _wait_for([jobs], JOBS_END_WITHIN_S)
        _wait_for(self._threads, STREAMS_END_WITHIN_S)
        _wait_for([_apart(self.shift.release_leases)], STORE_ANSWERS_WITHIN_S)
        return not jobs.is_alive()

    def _end_jobs(self) -> None:
        self._ticks.end()
        for sender in self._senders:
            if sender.is_alive():
                sender.join()

    def once(self, job: Literal["collect", "publish", "verify"]) -> None:
        """Run one kind of job once, now, for those who bring their own scheduler."""
        self._ticks.every(self.rhythm.beat_s, "beat", self.shift.beat)  # keeps what is claimed while a long call runs
        self._ticks.start()
        try:
            self._run_once(job)
        finally:
            self._end_jobs()
            self.shift.release_leases()

    def write(self) -> Made:
        """Write the recap now, saying how far it is."""
        return closing.write(self.shift)

    def _run_once(self, job: Literal["collect", "publish", "verify"]) -> None:
        guarded, shift = self.shift.guarded, self.shift
        match job:
            case "collect":
                for source in self.parts.campaign.sources:
                    if source.id in self.parts.readers:
                        guarded(partial(looks.read, shift, source), f"read {source.id}")
                guarded(partial(looks.listen, shift), "conversations")
            case "publish":
                for sender in self._senders:
                    guarded(sender.send, sender.name)
            case "verify":
                guarded(partial(checks.confirm_all, shift), "verify")

    # ---- the end of the day --------------------------------------------------------------------------------------------

    def _close_or_again(self) -> None:
        """Close the day; what stood in the way (a dead worker's lease, a full disk) may be gone a little later."""
        try:
            self._close()
        except Exception as error:
            self.kept_open_by = error
            raise
        finally:
            if not self.closed.is_set() and not self.shift.stopping.is_set():
                self._ticks.at(self.parts.clock.now() + CLOSE_AGAIN_AFTER, "close", self._close_or_again)

    def _close(self) -> None:
        """Close the day, unless it is closed, or being closed by another."""
        shift = self.shift
        if self.closed.is_set() or not shift.closing.acquire(blocking=False):
            return
        try:
            if not shift.has_lease("close") or shift.was_closed():
                return
            ended = closing.close(shift, self._senders)
            self.made = ended.made
            shift.end_day()
            if ended.asked_early:  # then everything is asked about again, now that readers have a page
                again = partial(self._look_nightly, is_night=False)
                self._ticks.at(self.parts.clock.now(), "nightly look", again)
        finally:
            shift.closing.release()

    def _look_nightly(self, *, is_night: bool = True) -> None:
        try:
            closing.look_again(self.shift, with_late=is_night)
        finally:
            self._order_nightly_look()

    def _order_nightly_look(self) -> None:
        night = next_night(self.parts.clock.now(), self.parts.campaign.zone)
        self._ticks.at(night, "nightly look", self._look_nightly)


def _sender(shift: Shift, account: str) -> Sender:
    look_every_s = shift.real_s(shift.rhythm.publish_s)
    return Sender(
        shift.press,
        account,
        look_every_s,
        guarded=shift.guarded,
        tell=shift.news.result,
        stopping=shift.stopping,
    )


def _end_waits(shift: Shift) -> None:
    """Try everything again at once: whoever starts the program may have mended what it waits for, such as a secret."""
    slug = shift.parts.campaign.slug
    with transaction(shift.parts.engine) as connection:
        claims.end_waits(connection, slug)
        accounts.end_waits(connection, slug)
        sources.end_waits(connection, slug)
        stopped = accounts.states(connection, slug)
    for account in stopped.values():
        reason = f"stopped since its token was refused, and tried again now: {account.reason}"
        shift.news.trouble(account.account, reason)


def _tell_closed(shift: Shift) -> None:
    if closed_at := shift.closed_at():
        zone, recap = shift.parts.campaign.zone, shift.parts.recap
        lies_at = f"; its recap lies at {recap}" if recap else ""
        words = f"this day was closed at {closed_at.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key}){lies_at}"
        shift.news.say("closed", words)


def _look_at_plan(shift: Shift, watch: Watch) -> None:
    for kind, text in watch.look():
        shift.news.say(kind, text)


def _miss_late(shift: Shift) -> None:
    """Give up what is too late on accounts that nobody sends from for want of a secret."""
    for account in shift.parts.campaign.accounts:
        if account.id not in shift.parts.publishers:
            miss_late(shift.press, account.id, shift.news.result)


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
