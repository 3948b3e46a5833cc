"""How far each source was read, how it fares, and what could not be taken from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.changes import Skipped
from shareasm.storage.engine import insert_ignoring, upsert
from shareasm.storage.tables import checkpoints, skips, source_states

_CHECK = "check "  # how a source's checks fare is kept under a key of its own: they fail where its reading may go well


@dataclass(frozen=True, slots=True)
class SourceState:
    """How one source of a campaign fares."""

    source: str
    last_ok_at: datetime | None = None
    failed_at: datetime | None = None  # since when; None: all well
    failure_count: int = 0
    next_read_at: datetime | None = None  # not before
    note: str | None = None
    skip_count: int = 0


@dataclass(frozen=True, slots=True)
class StoredSkip:
    """An item that was set aside, for a person to read."""

    source: str
    ref: str | None
    reason: str
    seen_at: datetime


def checkpoint(connection: Connection, campaign: str, source: str, tag: str) -> str | None:
    """Return the adapter's own checkpoint; None before the first run."""
    query = sa.select(checkpoints.c.value).where(
        checkpoints.c.campaign == campaign, checkpoints.c.source == source, checkpoints.c.tag == tag
    )
    return connection.execute(query).scalar_one_or_none()


def set_checkpoint(connection: Connection, campaign: str, source: str, tag: str, value: str, now: datetime) -> None:
    """Store how far a source was read; in the same transaction as what was read."""
    row = {"campaign": campaign, "source": source, "tag": tag, "value": value, "updated_at": now}
    upsert(connection, checkpoints, [row], key=["campaign", "source", "tag"])


def delete_checkpoint(connection: Connection, campaign: str, source: str) -> None:
    """Let a source be read from the beginning (or live, for a stream)."""
    connection.execute(checkpoints.delete().where(checkpoints.c.campaign == campaign, checkpoints.c.source == source))


def note_ok(
    connection: Connection,
    campaign: str,
    source: str,
    now: datetime,
    *,
    next_read_at: datetime | None = None,
    note: str | None = None,
) -> None:
    """A read went through. `next_read_at`: its server had better not be asked again before; `note`: why."""
    row = {"campaign": campaign, "source": source, "last_ok_at": now, "failed_at": None, "failure_count": 0}
    upsert(connection, source_states, [row | {"next_read_at": next_read_at, "note": note}], key=["campaign", "source"])


def note_failure(
    connection: Connection, campaign: str, state: SourceState, next_read_at: datetime, note: str, now: datetime
) -> None:
    """A read failed: say why, and when it is tried again."""
    row = {
        "campaign": campaign,
        "source": state.source,
        "last_ok_at": state.last_ok_at,
        "failed_at": state.failed_at or now,
        "failure_count": state.failure_count + 1,
        "next_read_at": next_read_at,
        "note": note,
    }
    upsert(connection, source_states, [row], key=["campaign", "source"])


def end_waits(connection: Connection, campaign: str) -> None:
    """Let every source that failed be read at once."""
    query = source_states.update().where(source_states.c.campaign == campaign)
    connection.execute(query, {"next_read_at": None})


def states(connection: Connection, campaign: str) -> dict[str, SourceState]:
    """Return the state of every source of `campaign` that was read at least once."""
    skip_counts = sa.select(skips.c.source, sa.func.count().label("n")).where(skips.c.campaign == campaign)
    counted = {row.source: row.n for row in connection.execute(skip_counts.group_by(skips.c.source))}
    rows = connection.execute(sa.select(source_states).where(source_states.c.campaign == campaign))
    return {row.source: _to_state(row, counted.get(row.source, 0)) for row in rows if not row.source.startswith(_CHECK)}


def check_states(connection: Connection, campaign: str) -> dict[str, SourceState]:
    """Return how the checks of each source of `campaign` fare; one whose checks never failed is left out.

    The names in the records are those under which `note_ok` and `note_failure` take them.
    """
    query = sa.select(source_states).where(
        source_states.c.campaign == campaign, source_states.c.source.startswith(_CHECK)
    )
    return {row.source.removeprefix(_CHECK): _to_state(row) for row in connection.execute(query)}


def check_name(source: str) -> str:
    """Return the name under which a source's checks are noted."""
    return _CHECK + source


def _to_state(row: sa.Row[Any], skip_count: int = 0) -> SourceState:
    return SourceState(
        source=row.source,
        last_ok_at=row.last_ok_at,
        failed_at=row.failed_at,
        failure_count=row.failure_count,
        next_read_at=row.next_read_at,
        note=row.note,
        skip_count=skip_count,
    )


def add_skips(connection: Connection, campaign: str, source: str, items: Iterable[Skipped], now: datetime) -> None:
    """Set items aside with their reasons; one that is there already is not written again."""
    rows = [
        {
            "campaign": campaign,
            "source": source,
            "digest": _digest(item),
            "ref": item.ref,
            "reason": item.reason,
            "raw": item.raw[:4096],
            "seen_at": now,
        }
        for item in items
    ]
    rows.sort(key=itemgetter("digest"))  # in one order: a source may be read twice at once
    insert_ignoring(connection, skips, rows)


def _digest(item: Skipped) -> bytes:
    return blake2b(b"\0".join((item.reason.encode(), item.secret.encode(), item.raw)), digest_size=16).digest()


def newest_skips(connection: Connection, campaign: str, limit: int) -> list[StoredSkip]:
    """Return what was set aside last."""
    query = sa.select(skips).where(skips.c.campaign == campaign).order_by(skips.c.id.desc()).limit(limit)
    return [StoredSkip(row.source, row.ref, row.reason, row.seen_at) for row in connection.execute(query)]
