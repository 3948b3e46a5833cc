"""How long what was collected is kept: written down by the campaign, said in its policy, and held to.

Everything is counted from the end of the day, or from when a post was taken back, if that was later.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Keep:
    """How long each thing is kept."""

    raw: timedelta = timedelta(days=90)  # the networks' own answers, needed to mend a mistake of ours
    unshown: timedelta = timedelta(
        days=30
    )  # posts that no page shows: taken back, hidden, against a rule, never confirmed
    posts: timedelta | None = None  # what the page shows of others; None: as long as the page is there


LATE_FOR = timedelta(days=3)
"""After the day what was said on it is read again each night: some of it reaches a server hours late."""


def may_come_late(keep: Keep, closes_at: datetime, now: datetime) -> bool:
    """Return whether what is found now is still taken in: not what would be let go at once."""
    return now < closes_at + min(LATE_FOR, keep.raw, keep.unshown, LATE_FOR if keep.posts is None else keep.posts)


def is_raw_over(keep: Keep, closes_at: datetime, now: datetime) -> bool:
    """Return whether the raw copies of a day that ended at `closes_at` have had their time."""
    return now >= closes_at + keep.raw


def is_over(keep: Keep, *, closes_at: datetime, unshown_since: datetime | None, is_ours: bool, now: datetime) -> bool:
    """Return whether a post has had its time. `unshown_since`: since when no page may show it; None where one may.

    What we published ourselves stays; it is ours.
    """
    if unshown_since is not None:
        return now >= max(closes_at, unshown_since) + keep.unshown
    return keep.posts is not None and not is_ours and now >= closes_at + keep.posts


def in_words(length: timedelta) -> str:
    """Return a length as people say it.

    >>> in_words(timedelta(days=90)), in_words(2 * YEAR), in_words(timedelta(days=1))
    ('90 days', '2 years', '1 day')
    """
    number, unit = (length // YEAR, "year") if length >= YEAR and not length % YEAR else (length.days, "day")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
