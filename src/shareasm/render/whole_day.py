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
    digest.update(_encoder.encode((part.page, part.withdrawn, place)))
    for item in part.items:
        for one in (item, recap.parent_of(item), recap.quoted_by(item)):
            _add(digest, one)
    return digest.hexdigest()


def _add(digest: blake2b, item: Item | None) -> None:
    """Add all that may be on a page of an item."""
    if item is None:
        digest.update(b"\0")
        return
    shown = item.shown
    digest.update(shown.fingerprint or fingerprint(shown.post))
    digest.update(_encoder.encode((item.page, _of_shown(shown), item.relations if item.is_related else None)))


def _others(record: type[Any], *left_out: str) -> "attrgetter[tuple[object, ...]]":
    return attrgetter(*(one.name for one in fields(record) if one.name not in left_out))


_of_shown = _others(ShownPost, "post", "fingerprint")


def _plain(value: object) -> object:
    if isinstance(value, ZoneInfo):
        return value.key
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"{type(value)} may be on a page and is not in its key")


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain, order="deterministic")
