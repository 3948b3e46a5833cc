"""How long a source or a server that failed is left alone, when a round of questions is followed by the next, when the nightly
look is due. Reads no clock and draws no lots: `chance`, from 0 to 1, is drawn by the caller, so that many who were sent away
together do not come back together.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shareasm.errors import LeftAlone, NetworkError, RateLimited, Unauthorized, Unreachable

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
FIRST_RETRY = timedelta(seconds=5)  # of a post
LONGEST_RETRY = timedelta(minutes=5)
TRY_AGAIN_AFTER = timedelta(seconds=5)  # a server that was out of reach at the last check
MOST_TRIES = 3
MOST_FAILURES = 5  # in a row; then a server is left alone
NIGHT = time(3, 30)
LONGEST_FRESH = timedelta(minutes=5)
_MAX_AGE = re.compile(r"\bmax-age=([0-9]{1,8})\b")
WORTH_BEGINNING_EARLY = timedelta(minutes=2)


def spread(wait: timedelta, chance: float) -> timedelta:
    """Return `wait` made longer by up to a quarter, so that not all come back at once."""
    return wait * (1 + chance / 4)


def next_read_at(error: NetworkError, failure_count: int, now: datetime, chance: float = 0.0) -> datetime:
    """Return when a source that failed is read again: when the server says, else after 30 s, 1 min, 2 min … 15 min."""
    if isinstance(error, RateLimited | LeftAlone):
        return error.until
    if isinstance(error, Unauthorized):
        return now + spread(LONGEST_WAIT, chance)
    return now + spread(min(FIRST_WAIT * (1 << min(failure_count, 6)), LONGEST_WAIT), chance)


def retry_after(tries: int, chance: float = 0.0) -> timedelta:
    """Return how long a post of ours waits after so many tries in vain: 5 s, 10 s, 20 s … 5 min."""
    return spread(min(FIRST_RETRY * (1 << min(tries, 10)), LONGEST_RETRY), chance)


def left_alone_until(failure_count: int, now: datetime, chance: float = 0.0) -> datetime | None:
    """Return until when a server is left alone after so many failures in a row; None: it may be asked.

    30 s after the fifth, then twice as long after each probe that fails, up to 15 min.
    """
    if failure_count < MOST_FAILURES:
        return None
    return now + spread(min(FIRST_WAIT * (1 << min(failure_count - MOST_FAILURES, 6)), LONGEST_WAIT), chance)


def next_round_at(errors: Collection[NetworkError], now: datetime, tries: int) -> datetime | None:
    """Return when to ask on after a round of the last check that ended with `errors`; None: never.

    `tries` counts the rounds that brought no answer.
    """
    waits = [max(error.until, now + TRY_AGAIN_AFTER) for error in errors if isinstance(error, RateLimited)]
    if tries < MOST_TRIES:
        waits += [now + TRY_AGAIN_AFTER for error in errors if isinstance(error, Unreachable)]
    # Without an error an answer may be left out for want of time: it comes in the next round, or that is the last one.
    return min(waits, default=None if tries else now)


def fresh_for(cache_control: str, age: str = "") -> timedelta:
    """Return how long a cache on the way answers the same again, by the answer's own headers (RFC 9111, 5.2.2.1 and 5.1).

    Nothing where it keeps nothing for everybody; five minutes at most, for news should not wait longer.
    """
    said = cache_control.lower()
    found = _MAX_AGE.search(said)
    if not found or "no-store" in said or "no-cache" in said or "private" in said:
        return timedelta()
    spent = int(age) if re.fullmatch(r"[0-9]{1,6}", age.strip()) else 0
    return max(timedelta(), min(timedelta(seconds=int(found[1])), LONGEST_FRESH) - timedelta(seconds=spent))


def last_round_begins_at(closes_at: datetime, takes: timedelta, longest: timedelta) -> datetime:
    """Return when to begin to ask about everything, so that it is done when the day ends and the recap need not wait for it.

    A quarter earlier than limits alone would have it: requests take time, and what seems gone is asked for by itself.
    `longest` before the end at most, for what was asked about earlier is not fresh. What is quickly done waits for the end.
    """
    return closes_at - min(takes * 1.25, longest) if takes > WORTH_BEGINNING_EARLY else closes_at


def next_night(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the next half past three at night in `zone` after `now`, aware UTC. Where clocks jump over it: an hour off."""
    tonight = datetime.combine(now.astimezone(zone).date(), NIGHT, zone)
    candidates = (tonight + timedelta(days=days) for days in (0, 1))  # on the wall: a day is a date, not 24 hours
    return next(night.astimezone(UTC) for night in candidates if night.astimezone(UTC) > now)
