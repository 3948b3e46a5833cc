"""Preparations: what is uploaded and looked up for entries before they are due. `prepared_at` says when it was last begun.

An entry with `prepared_at` and nothing prepared was tried in vain, or by a worker that died: it is prepared when it is sent.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.queue import QueueEntry, State
from shareasm.storage.queue import to_entry
from shareasm.storage.tables import entries

AHEAD = timedelta(minutes=10)
"""How early: time enough for four pictures over a bad line and for another try by hand, and so late that almost everything
prepared is sent while it is fresh."""

FRESH_FOR = timedelta(minutes=50)
"""How long it may be used: Bluesky keeps a blob that no post has for at least an hour (spec of blobs), Mastodon for a day."""


def next_to_prepare(connection: Connection, campaign: str, account: str, now: datetime) -> QueueEntry | None:
    """Return the first entry that is due within AHEAD and not prepared yet, thread parts too; None: there is none."""
    query = sa.select(entries).where(*_unprepared(campaign, account, now), entries.c.due_at <= now + AHEAD)
    row = connection.execute(query.order_by(entries.c.due_at, entries.c.position, entries.c.part).limit(1)).first()
    return to_entry(row) if row else None


def next_at(connection: Connection, campaign: str, account: str, now: datetime) -> datetime | None:
    """Return when the next entry can be prepared; None: there is none to prepare."""
    query = sa.select(sa.func.min(entries.c.due_at)).where(*_unprepared(campaign, account, now))
    earliest: datetime | None = connection.execute(query).scalar_one()
    return earliest - AHEAD if earliest else None


def begin(connection: Connection, entry: QueueEntry, now: datetime) -> bool:
    """Take the preparing of an entry. False: another worker is at it, or the entry went on or changed."""
    query = entries.update().where(*_unprepared(entry.campaign, entry.key.account, now), entries.c.id == entry.id)
    return connection.execute(query, {"prepared": None, "prepared_at": now}).rowcount == 1


def done(connection: Connection, entry: QueueEntry, begun_at: datetime, prepared: str) -> bool:
    """Store what was prepared. False: the entry changed or was sent meanwhile."""
    return connection.execute(_begun(entry, begun_at), {"prepared": prepared, "note": None}).rowcount == 1


def failed(connection: Connection, entry: QueueEntry, begun_at: datetime, note: str) -> bool:
    """Note in words why an entry could not be prepared. False: the entry changed or was sent meanwhile."""
    return connection.execute(_begun(entry, begun_at), {"note": note}).rowcount == 1


def put_off(connection: Connection, entry: QueueEntry, begun_at: datetime, until: datetime | None) -> None:
    """Let an entry be prepared as if nobody had begun, `until` then at the earliest: it is not its fault."""
    begun = until - FRESH_FOR if until else None  # from then on it counts as prepared too long ago
    connection.execute(_begun(entry, begun_at), {"prepared_at": begun})


def _unprepared(campaign: str, account: str, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    is_stale = sa.or_(entries.c.prepared_at.is_(None), entries.c.prepared_at < now - FRESH_FOR)
    return (
        entries.c.campaign == campaign,
        entries.c.account == account,
        entries.c.state == State.WAITING,
        entries.c.attempt_count == 0,
        entries.c.due_at > now,
        is_stale,
    )


def _begun(entry: QueueEntry, begun_at: datetime) -> sa.Update:
    """Return the update of an entry that nobody has changed since: a changed draft has no `prepared_at`."""
    return entries.update().where(
        entries.c.id == entry.id, entries.c.state == State.WAITING, entries.c.prepared_at == begun_at
    )
