"""Readers: which language of a page a browser asks for."""

import re
from collections.abc import Sequence

from shareasm.render.pages import Edition

_WISH = re.compile(r"([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?))?\s*(?:,|$)")
LONGEST_HEADER = 500
"""Letters of a header that are read: nobody reads more languages."""


def edition_for(accept_language: str, offered: Sequence[Edition]) -> Edition:
    """Return the one of `offered` that a reader wants most, by the header Accept-Language (RFC 9110, 12.5.4); else the first.

    A region counts for nothing: who reads pt-BR is served pt. A wish of 0 means not at all.
    """
    wishes = [(tag, float(weight or 1)) for tag, weight in _WISH.findall(accept_language[:LONGEST_HEADER])]
    for tag in (tag for tag, weight in sorted(wishes, key=lambda wish: -wish[1]) if weight):
        for edition in offered:
            if edition.language.partition("-")[0].lower() == tag.partition("-")[0].lower():
                return edition
    return offered[0]
