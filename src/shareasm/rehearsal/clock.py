"""A clock that runs a whole day in about a minute, and stands still while work is being done.

Without the standing still, a slow machine would make planned posts late: at 1440 times the real speed, one second of
sending is 24 minutes of the day.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock


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
        self._lock = Lock()
        self._holds = 0
        self._reached = start.astimezone(UTC)  # the campaign's time at the real time `_since`
        self._since = ticks()

    def now(self) -> datetime:
        """Return the campaign's time, aware UTC; it never goes backwards."""
        with self._lock:
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
        with self._lock:
            self._settle()
            self._holds += 1
        try:
            yield
        finally:
            with self._lock:
                self._settle()
                self._holds -= 1

    def _now(self) -> datetime:
        passed = 0.0 if self._holds else self._ticks() - self._since
        return self._reached + timedelta(seconds=passed * self._speed)

    def _settle(self) -> None:
        """Book the time that has passed, so that what follows may pass at another pace."""
        self._reached, self._since = self._now(), self._ticks()
