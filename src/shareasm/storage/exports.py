"""Which files with posts in them were written, so that who is to be forgotten can be taken out of them too."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.storage.engine import upsert
from shareasm.storage.tables import exports


@dataclass(frozen=True, slots=True)
class WrittenExport:
    """A file with posts of a campaign in it."""

    path: Path
    campaign: str
    form: str
    is_dehydrated: bool
    written_at: datetime


def note(connection: Connection, export: WrittenExport) -> None:
    """Note that a file was written; one of the same name before it is no more."""
    row = {
        "path": str(export.path),
        "campaign": export.campaign,
        "form": export.form,
        "is_dehydrated": export.is_dehydrated,
        "written_at": export.written_at,
    }
    upsert(connection, exports, [row], key=["path"])


def of_campaigns(connection: Connection, campaigns: Collection[str]) -> list[WrittenExport]:
    """Return the files that were written for `campaigns`."""
    query = sa.select(exports).where(exports.c.campaign.in_(sorted(campaigns))).order_by(exports.c.path)
    return [
        WrittenExport(Path(row.path), row.campaign, row.form, row.is_dehydrated, row.written_at)
        for row in connection.execute(query)
    ]


def drop(connection: Connection, path: Path) -> None:
    """Forget a file that is no more."""
    connection.execute(exports.delete().where(exports.c.path == str(path)))
