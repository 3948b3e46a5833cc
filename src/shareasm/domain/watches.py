"""When a source was watched, and the gaps between: what the gap log, `status` and the recap's method note tell."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

UNBROKEN = timedelta(minutes=3)
"""A source that was silent for longer was not watched meanwhile: four reads in a row were missed, or a stream was away."""


NOBODY_LOOKED = "nobody was looking"
THROTTLED = "throttled"
"""How the reason of a gap begins where the server asked for patience (collect.reading)."""
NARROW = "sees little"
"""How the note of a source begins that is well and shows only a part of what it has."""


class Kind(StrEnum):
    """Why a source was not watched."""

    NOBODY = "nobody looked"  # no worker ran
    THROTTLED = "throttled"  # its server asked for patience
    BLIND = "blind"  # it did not answer, or not to us
    LATE = "late"  # a worker runs, and has not got round to it

    @property
    def words(self) -> str:
        """The kind as the method note says it, after the times of a gap."""
        return _WORDS[self]


_WORDS = {
    Kind.NOBODY: NOBODY_LOOKED,
    Kind.THROTTLED: "its server asked for patience",
    Kind.BLIND: "it could not be read",
    Kind.LATE: "its turn had not come yet",
}


class Watch(NamedTuple):
    """A time in which a source was watched without a break."""

    began_at: datetime
    ended_at: datetime
    reason_before: str  # why it was not watched before, where it was not


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which a source was not watched."""

    source: str
    opens_at: datetime  # aware UTC
    closes_at: datetime | None  # None: it lasts
    reason: str  # in words
    found_later: int = 0  # posts of that time which this source showed afterwards: so much of it was healed

    def kind(self, *, is_worker_alive: bool = False) -> Kind:
        """Return what kind of gap it is; one that lasts while a worker runs, with nothing amiss, is lateness."""
        if self.reason == NOBODY_LOOKED:
            return Kind.LATE if is_worker_alive and self.closes_at is None else Kind.NOBODY
        return Kind.THROTTLED if self.reason.startswith(THROTTLED) else Kind.BLIND

    @property
    def was_told(self) -> str:
        """What the program was told when it tried to look, for those who want to know; empty where it did not try."""
        return "" if self.reason == NOBODY_LOOKED else self.reason.removeprefix(f"{THROTTLED}: ")


def gaps(
    source: str,
    watches: Iterable[Watch],
    opens_at: datetime,
    until: datetime,
    unbroken: timedelta = UNBROKEN,
    ailment: str = NOBODY_LOOKED,
) -> Iterator[Gap]:
    """Yield the gaps of `source` from `opens_at` to `until`, in order. `ailment` is why it is not watched now, if it is not."""
    seen_until = opens_at
    for watch in watches:
        began_at = min(watch.began_at, until)
        if began_at > seen_until + unbroken:
            yield Gap(source, seen_until, began_at, watch.reason_before)
        seen_until = max(seen_until, watch.ended_at)
    if until > seen_until + unbroken:
        yield Gap(source, seen_until, None, ailment)
