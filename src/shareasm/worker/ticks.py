"""Ticks: each job at its interval or its instant. APScheduler only ticks; a tick lost or doubled does no harm."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from shareasm.worker.shift import Shift

# A tick that finds its job still running is skipped; that is by design, and said by nobody.
logging.getLogger("apscheduler").setLevel(logging.ERROR)

CLOCK_SLACK = timedelta(seconds=1)  # clocks are set right by less all the time
LOOK_AT_THE_CLOCK_S = 3600.0  # they are set right by more now and then


class Ticks:
    """The jobs of one shift and when they run, `at_once` many of them."""

    def __init__(self, shift: Shift, at_once: int) -> None:
        self._shift = shift
        self._pool = ThreadPoolExecutor(at_once)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": self._pool},
            # Never drop a tick: the default of one second would; lateness is decided by our rules, on the rows.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def every(self, seconds: float, name: str, job: Callable[[], object], *, at_once: bool = True) -> None:
        """Order a job at an interval of the campaign's clock."""
        real = self._shift.real_s(seconds)
        first = {"next_run_time": datetime.now(UTC)} if at_once else {}
        run = partial(self._shift.guarded, job, name)
        self._scheduler.add_job(run, IntervalTrigger(seconds=real, timezone=UTC), id=name, name=name, **first)

    def at(self, instant: datetime, name: str, job: Callable[[], None]) -> None:
        """Order a job at an instant of the campaign's clock."""
        wait = min(self._shift.parts.clock.seconds_until(instant), LOOK_AT_THE_CLOCK_S)
        run = partial(self._run_or_wait, instant, name, job)
        when = datetime.now(UTC) + timedelta(seconds=wait)
        self._scheduler.add_job(run, DateTrigger(when), id=name, name=name, replace_existing=True)

    def _run_or_wait(self, instant: datetime, name: str, job: Callable[[], None]) -> None:
        if self._shift.parts.clock.seconds_until(instant) > 0:
            self.at(instant, name, job)
        else:
            self._shift.guarded(job, name)

    def start(self) -> None:
        self._scheduler.start()

    def mind_the_clock(self) -> None:
        """Let the jobs run now that a system clock set back would keep waiting: none lies further ahead than its interval."""
        now = datetime.now(UTC)
        for job in self._scheduler.get_jobs():
            trigger = job.trigger
            if isinstance(trigger, IntervalTrigger) and job.next_run_time > now + trigger.interval + CLOCK_SLACK:
                job.modify(next_run_time=now)

    def end(self) -> None:
        """Let the jobs in hand end, and no other begin."""
        if self._scheduler.running:  # not where the start went wrong
            self._scheduler.pause()  # else it may hand a tick to the threads that have just ended
            # Not its own waiting: that holds the lock which a job needs that orders another.
            self._scheduler.shutdown(wait=False)
            self._pool.shutdown(wait=True)
