"""Copies of images that strangers' posts show: which files we keep for an address, or why there are none."""

from collections.abc import Collection, Iterable
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.pictures import KeptPicture, Refusal
from shareasm.storage.engine import upsert
from shareasm.storage.tables import pictures

_CHUNK = 500


def find(connection: Connection, urls: Iterable[str]) -> dict[str, KeptPicture | Refusal]:
    """Return what is known of `urls`; those never fetched are left out."""
    wanted = list(urls)
    found: dict[str, KeptPicture | Refusal] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = sa.select(pictures).where(pictures.c.url.in_(wanted[start : start + _CHUNK]))
        for row in connection.execute(query):
            copies = msgspec.json.decode(row.copies, type=KeptPicture) if row.copies else Refusal(row.refusal)
            found[row.url] = copies
    return found


def put(connection: Connection, url: str, kept: KeptPicture | Refusal, now: datetime) -> None:
    """Store what came of fetching `url`."""
    row: dict[str, object] = {"url": url, "copies": None, "refusal": None, "fetched_at": now}
    if isinstance(kept, Refusal):
        row["refusal"] = kept.reason
    else:
        row["copies"] = msgspec.json.encode(kept).decode()
    upsert(connection, pictures, [row], key=["url"])


def take(connection: Connection, urls: Collection[str]) -> list[str]:
    """Delete what is known of `urls`; return the kept files that are no other address's too."""
    files: set[str] = set()
    for start in range(0, len(wanted := sorted(urls)), _CHUNK):
        mine = pictures.c.url.in_(wanted[start : start + _CHUNK])
        for copies in connection.scalars(sa.select(pictures.c.copies).where(mine, pictures.c.copies.is_not(None))):
            files.update(file.path for file in msgspec.json.decode(copies, type=KeptPicture).files)
        connection.execute(pictures.delete().where(mine))
    return [path for path in sorted(files) if not _is_kept(connection, path)]


def _is_kept(connection: Connection, path: str) -> bool:
    """Return whether an address shows this file: pictures of the same bytes are kept once."""
    query = sa.select(pictures.c.url).where(pictures.c.copies.contains(path, autoescape=True)).limit(1)
    return connection.scalars(query).first() is not None
