"""A clock that stands where a test sets it."""

from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta


class FixedClock:
    """Stands at `instant` until it is set or advanced. Waiting for a later time is for the test to do, by `advance`."""

    def __init__(self, instant: datetime | str = "2027-02-03T09:00:00+00:00") -> None:
        self.set(instant)

    def set(self, instant: datetime | str) -> None:
        moment = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
        assert moment.tzinfo is not None, "a clock needs an instant with a time zone"
        self._now = moment.astimezone(UTC)

    def advance(self, duration: timedelta | None = None, **parts: float) -> datetime:
        """Pass `duration`, or `minutes=5` and the like, and return the new time."""
        self._now += duration if duration is not None else timedelta(**parts)
        return self._now

    def now(self) -> datetime:
        return self._now

    def seconds_until(self, instant: datetime) -> float:
        return max(0.0, (instant - self._now).total_seconds())

    def pace(self, seconds: float) -> float:
        return seconds

    def held(self) -> AbstractContextManager[None]:
        return nullcontext()
