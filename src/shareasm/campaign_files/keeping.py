"""From `keep` in `campaign.yaml` to how long each thing is kept."""

import re
from datetime import timedelta

from shareasm.campaign_files.reading import Field, Row, row_of, shorten, text
from shareasm.domain.keeping import YEAR, Keep

KEEP_KEYS = ("raw", "unshown", "posts")

_TERM = re.compile(r"(\d{1,4})\s*(day|week|month|year)s?")
_DAYS = {"day": 1, "week": 7, "month": 30, "year": YEAR.days}
_LONGEST_RAW = YEAR


def read_keep(row: Row) -> Keep:
    """Return how long things are kept, the careful usual time where the campaign says nothing."""
    named = row_of(row.field("keep"), "what is kept", KEEP_KEYS) if row.has("keep") else None
    if named is None:
        return Keep()
    usual = Keep()
    raw, unshown = named.get("raw", _term), named.get("unshown", _term)
    if raw is not None and raw > _LONGEST_RAW:
        named.findings.warn(
            named.place_of("raw"),
            "The networks' raw answers are kept for more than a year; nothing in the program needs them that long.",
            f"Write what you need, such as “{usual.raw.days} days”.",
        )
    return Keep(
        raw=usual.raw if raw is None else raw,
        unshown=usual.unshown if unshown is None else unshown,
        posts=named.get("posts", _term),
    )


def _term(field: Field) -> timedelta | None:
    """Return a time such as "90 days", "6 months" (of 30 days) or "2 years"."""
    words = text(field)
    if words is None:
        return None
    found = _TERM.fullmatch(words.casefold())
    if not found:
        field.fail(
            f"“{shorten(words)}” is not a time to keep something.", "Write, for example, “90 days” or “2 years”."
        )
        return None
    return timedelta(days=int(found[1]) * _DAYS[found[2]])
