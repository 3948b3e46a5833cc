"""The clock that services take as an argument: what time it is, and how long to wait for a later time.

A real day runs on `SystemClock`; a rehearsal runs the same program on `rehearsal.clock.FastClock`, where a day lasts a
minute. So nobody else asks the system for the time.
"""

from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the campaign's time. All methods may be called from any thread."""

    def now(self) -> datetime:
        """Return the present instant, aware UTC."""
        ...

    def seconds_until(self, instant: datetime) -> float:
        """Return how many real seconds to wait for `instant`; 0 when it has passed."""
        ...

    def pace(self, seconds: float) -> float:
        """Return how many real seconds `seconds` of the campaign take."""
        ...

    def held(self) -> AbstractContextManager[None]:
        """Keep a rehearsal's time from passing while work is done; real time cannot be held and goes on."""
        ...


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        """Return the present instant, aware UTC."""
        return datetime.now(UTC)

    def seconds_until(self, instant: datetime) -> float:
        """Return how many seconds to wait for `instant`; 0 when it has passed."""
        return max(0.0, (instant - self.now()).total_seconds())

    def pace(self, seconds: float) -> float:
        """Return `seconds`: a real day takes as long as it takes."""
        return seconds

    def held(self) -> AbstractContextManager[None]:
        """Do nothing: real time goes on."""
        return nullcontext()
