"""A clock that runs a whole day in about a minute, and stands still while work is being done.

Without the standing still, a slow machine would make planned posts late: at 1440 times the real speed, one second of
sending is 24 minutes of the day. On a machine so slow that somebody is always at work, the clock would never move again:
then who comes next waits until the others are done and a little of the day has passed.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Condition, local

LONGEST_STAND_S = 0.5  # real: work without a break for longer lets nobody else begin until the clock has moved
BREATH = timedelta(minutes=10)  # of the campaign: by so much it moves then; less than makes a post late
LOOK_S = 0.05  # real
WAIT_AT_MOST_S = 10.0  # real: whoever waits for somebody that waits for him goes on then


class _Own(local):
    """What each thread knows of itself."""

    depth = 0  # of its `held` blocks


class FastClock:
    """Starts at `start` (aware) and passes `speed` campaign seconds in each real second, unless it is held.

    `ticks` is the real time in seconds from anywhere; tests bring their own.
    """

    def __init__(self, start: datetime, speed: float, *, ticks: Callable[[], float] = time.monotonic) -> None:
        if start.tzinfo is None:
            raise ValueError("A clock starts at an instant with a time zone.")
        if speed <= 0:
            raise ValueError("A clock's speed is above 0.")
        self._speed = speed
        self._ticks = ticks
        self._changed = Condition()
        self._own = _Own()
        self._holds = 0
        self._held_since = self._free_until = ticks()
        self._reached = start.astimezone(UTC)  # the campaign's time at the real time `_since`
        self._since = ticks()

    def now(self) -> datetime:
        """Return the campaign's time, aware UTC; it never goes backwards."""
        with self._changed:
            return self._now()

    def seconds_until(self, instant: datetime) -> float:
        """Return the real seconds until `instant` if nobody held the clock in between; 0 when it has passed."""
        return max(0.0, (instant - self.now()).total_seconds() / self._speed)

    def pace(self, seconds: float) -> float:
        """Return how many real seconds `seconds` of the campaign take."""
        return seconds / self._speed

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stand still until the last of all open `held` blocks, in whatever thread, has ended."""
        with self._changed:
            if not self._own.depth:
                self._let_others_end()
            self._settle()
            if not self._holds:
                self._held_since = self._since
            self._holds += 1
        self._own.depth += 1
        try:
            yield
        finally:
            self._own.depth -= 1
            with self._changed:
                self._settle()
                self._holds -= 1
                if not self._holds and self._since - self._held_since > LONGEST_STAND_S:
                    self._free_until = self._since + BREATH.total_seconds() / self._speed
                self._changed.notify_all()

    def _let_others_end(self) -> None:
        """Wait where the clock has stood for long, and then until it has moved; who comes while it moves goes on at once."""
        until = time.monotonic() + WAIT_AT_MOST_S
        while self._holds and self._ticks() - self._held_since > LONGEST_STAND_S and time.monotonic() < until:
            self._changed.wait(until - time.monotonic())
            while not self._holds and (left_s := self._free_until - self._ticks()) > 0 and time.monotonic() < until:
                self._changed.wait(min(left_s, LOOK_S))

    def _now(self) -> datetime:
        passed = 0.0 if self._holds else self._ticks() - self._since
        return self._reached + timedelta(seconds=passed * self._speed)

    def _settle(self) -> None:
        """Book the time that has passed, so that what follows may pass at another pace."""
        self._reached, self._since = self._now(), self._ticks()
