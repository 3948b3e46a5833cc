"""The pages of the whole day: what their template is given, and the key that tells whether a page would be the same.

The key is a digest of what the template is given: the page's posts as they are, with those that they answer and quote, where it
leads, the recap's frame, the program. What the key leaves out must not be on the page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from shareasm.domain.items import Item, ShownPost
from shareasm.domain.posts import fingerprint
from shareasm.domain.recaps import Recap
from shareasm.domain.whole_day import DayPart, Turn, turning
from shareasm.render.manifest import program
from shareasm.render.pages import Edition


class DayPage(NamedTuple):
    """One page of the whole day, in any language."""

    part: DayPart
    key: str
    said: dict[str, Any]  # for the template "recap/day.html"


def day_pages(recap: Recap, editions: Sequence[Edition]) -> Iterator[DayPage]:
    """Yield the pages that have posts, in order of time."""
    parts = recap.parts
    frame = _encoder.encode((program(), recap.title, recap.campaign, [one.language for one in editions], len(parts)))
    for place, part in enumerate(parts):
        turns = turning(parts, place, recap.campaign.zone)
        said = {
            "recap": recap,
            "editions": editions,
            "part": part,
            "turning": turns,
            "number": place + 1,
            "parts_count": len(parts),
        }
        yield DayPage(part, _key(frame, recap, part, (place, turns)), said)


def _key(frame: bytes, recap: Recap, part: DayPart, place: tuple[int, Sequence[Turn]]) -> str:
    digest = blake2b(frame, digest_size=16)
    shown = [_seen(one) for item in part.items for one in (item, recap.parent_of(item), recap.quoted_by(item))]
    digest.update(_encoder.encode((part.page, part.withdrawn, place, shown)))
    return digest.hexdigest()


def _seen(item: Item | None) -> tuple[object, ...] | None:
    """Return all that may be on a page of an item."""
    if item is None:
        return None
    shown = item.shown
    told_by_the_store = shown.fingerprint or fingerprint(shown.post)
    return (told_by_the_store, item.page, item.relations if item.is_related else None, *_of_shown(shown))


_OFF_THE_PAGE = {"post", "fingerprint", "arrival_number", "first_seen_at"}
_of_shown = attrgetter(*(one.name for one in fields(ShownPost) if one.name not in _OFF_THE_PAGE))


def _plain(value: object) -> object:
    if isinstance(value, ZoneInfo):
        return value.key
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"{type(value)} may be on a page and is not in its key")


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain, order="deterministic")
