"""Reading values out of JSON that may be anything: each returns what it is named for, or the neutral value of its kind."""

from collections.abc import Mapping
from datetime import datetime

from shareasm.networks.bluesky.syntax import read_datetime

LIST_LIMIT = 200
"""Entries of a list that are looked at: facets, tags, labels, pictures of one post."""


def mapping_in(value: object) -> Mapping[str, object]:
    """Return an object's fields, none for anything else."""
    return value if isinstance(value, dict) else {}


def items_in(value: object) -> list[object]:
    """Return a list's first entries, none for anything else."""
    return value[:LIST_LIMIT] if isinstance(value, list) else []


def text_in(value: object) -> str:
    """Return a text, "" for anything else."""
    return value if isinstance(value, str) else ""


def count_in(value: object) -> int:
    """Return a whole number from 0 to 2⁵³, 0 for anything else."""
    return value if type(value) is int and 0 <= value < 1 << 53 else 0


def datetime_in(value: object) -> datetime | None:
    """Return an instant in UTC, None for anything else."""
    return read_datetime(value) if isinstance(value, str) else None
