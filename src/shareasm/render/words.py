"""Short forms that are the same in every language: instants for machines, hosts, names of people, cut texts."""

import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlsplit

from markupsafe import Markup

from shareasm.domain.posts import Account
from shareasm.domain.richtext import truncate

NAME_LENGTH = 80
"""Graphemes of a display name that a page shows."""

HANDLE_LENGTH = 120
"""Graphemes of a handle that a page shows."""


def iso(at: datetime) -> str:
    """Return the instant as HTML's `datetime` attribute wants it."""
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def host(url: str) -> str:
    """Return the host that an address leads to, for people to see before they follow it."""
    return (urlsplit(url).hostname or url).removeprefix("www.")


def short(text: str, graphemes: int) -> str:
    """Return `text` cut to so many graphemes, the last one an ellipsis where something is gone.

    One grapheme can be made of thousands of code points; no word of people's is of more than eight a letter.
    """
    return text if len(text) <= graphemes else truncate(text[: graphemes * 8], graphemes)


@lru_cache(1024)
def handle(name: str) -> Markup:
    """Return a handle that may break between its parts.

    >>> str(handle("amina@mines.example"))
    '@amina<wbr>@mines.example'
    """
    joint = "@" if "@" in name else "."
    return Markup("@") + Markup(f"<wbr>{joint}").join(short(name, HANDLE_LENGTH).split(joint))  # noqa: S704  "@" or "."


def held(focus: tuple[float, float] | None) -> str:
    """Return the classes of a picture by which the style sheet keeps a point of it in view: tenths from the left and the top.

    A strict policy lets no page style a picture of its own.

    >>> held((-1, 0.5)), held(None)
    ('at-x0 at-y2', '')
    """
    return f"at-x{round(5 + 5 * focus[0])} at-y{round(5 - 5 * focus[1])}" if focus else ""


_BLANK = {"\u3164", "\u2800", "\u115f", "\u1160", "\uffa0"}
"""Letters that show nothing."""


def name_of(account: Account) -> str:
    """Return what a page calls an author: the display name where it shows anything, else the handle."""
    is_visible = any(letter not in _BLANK and unicodedata.category(letter)[0] in "LNPS" for letter in account.name)
    return short(account.name if is_visible else account.handle, NAME_LENGTH)
