"""Turns: which of an account's due entries goes out next, and when.

What is on time goes at once, in the plan's order. What is overdue, after an outage or a pause, goes oldest first and spaced, so
that it does not fall on its readers in a burst; the space shrinks where waiting would make an entry miss its own late limit.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

OVERDUE_AFTER = timedelta(minutes=1)
SPACE = timedelta(seconds=30)
CALL = timedelta(seconds=5)  # what a call takes; it ends before the late limit


class Due(NamedTuple):
    """An entry that may be tried now."""

    id: int
    due_at: datetime
    expires_at: datetime | None
    may_wait: bool  # False: a thread that has begun is finished at once, and a lost answer is settled at once


class Turn(NamedTuple):
    """Who is next: `id` now; without it, somebody at `at`; without that, nobody."""

    id: int | None = None
    at: datetime | None = None


def next_turn(due: Sequence[Due], now: datetime, last_sent_at: datetime | None) -> Turn:
    """Return whose turn it is among `due`, given in order. `last_sent_at`: when the account last sent a post of its own."""
    overdue = [entry for entry in due if is_overdue(entry, now)]
    at_once = next((entry for entry in due if entry not in overdue), None)
    if at_once:
        return Turn(at_once.id)
    if not overdue:
        return Turn()
    at = _next_at(overdue, now, last_sent_at)
    return Turn(overdue[0].id) if at <= now else Turn(at=at)


def is_overdue(entry: Due, now: datetime) -> bool:
    """Return whether `entry` may be made to wait for its turn."""
    return entry.may_wait and now - entry.due_at > OVERDUE_AFTER


def turns_from(overdue: Sequence[Due], now: datetime, last_sent_at: datetime | None) -> list[datetime]:
    """Return when each of `overdue`, given in order, will go out if nothing comes in between."""
    turns: list[datetime] = []
    for number in range(len(overdue)):
        now = max(now, _next_at(overdue[number:], now, last_sent_at))
        last_sent_at = now
        turns.append(now)
    return turns


def _next_at(overdue: Sequence[Due], now: datetime, last_sent_at: datetime | None) -> datetime:
    """Return when the first goes out: so long after the last one that each of those behind it is in time as well."""
    if last_sent_at is None or last_sent_at > now:  # a clock that was set back keeps nobody waiting for hours
        return now
    shares = (
        (entry.expires_at - CALL - last_sent_at) / (number + 1)
        for number, entry in enumerate(overdue)
        if entry.expires_at
    )
    return last_sent_at + max(min(SPACE, *shares, SPACE), timedelta())
