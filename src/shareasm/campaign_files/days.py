"""Dates as people say and write them, for the messages about dates that are written otherwise than a plan has them."""

import re
from datetime import date

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_OTHER_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?P<day>\d{1,2})\s*[./-]\s*(?P<month>\d{1,2})\s*[./-]\s*(?P<year>\d{4})",
        r"(?P<year>\d{4})\s*[./]\s*(?P<month>\d{1,2})\s*[./]\s*(?P<day>\d{1,2})",
        r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(?P<month>[A-Za-z]{3,9})\.?,?\s+(?P<year>\d{4})",
        r"(?P<month>[A-Za-z]{3,9})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})",
    )
)


def guess_day(words: str) -> date | None:
    """Return the date that was probably meant by 3.2.2027, 2027/02/03 or 3 February 2027; None where that cannot be told.

    Of two numbers that both may be months the first counts as the day.
    """
    for pattern in _OTHER_DATES:
        if found := pattern.fullmatch(words.strip()):
            year, day, month = int(found["year"]), int(found["day"]), _month(found["month"])
            if month > 12 >= day:
                day, month = month, day
            try:
                return date(year, month, day)
            except ValueError:
                return None
    return None


def _month(word: str) -> int:
    """Return the number of a month, 0 where there is none of that name."""
    if word.isdecimal():
        return int(word)
    names = (number for number, name in enumerate(_MONTHS, 1) if name.casefold().startswith(word.casefold()))
    return next(names, 0)


def said_day(on: date) -> str:
    """Return a date as people say it: 3 February 2027."""
    return f"{on.day} {_MONTHS[on.month - 1]} {on.year}"
