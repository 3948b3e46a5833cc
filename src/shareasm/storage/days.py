"""The day itself: when it opened and closed, the worker's heartbeat, and leases that say who does which job now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.queue import CLOCKS_DIFFER_BY
from shareasm.storage.engine import insert_ignoring, upsert
from shareasm.storage.tables import campaign_posts, campaign_states, entries, leases


@dataclass(frozen=True, slots=True)
class DayState:
    """Where a campaign stands."""

    opened_at: datetime | None = None
    heartbeat_at: datetime | None = None
    closed_at: datetime | None = None
    plan_digest: bytes | None = None
    note: str | None = None
    paused_at: datetime | None = None  # nothing is sent from then on (storage.steering); None: not paused
    pause_reason: str | None = None

    def closed_since(self, closes_at: datetime) -> datetime | None:
        """Return when the day that ends at `closes_at` was closed. None: not yet; what was closed earlier was a trial."""
        return self.closed_at if self.closed_at and self.closed_at >= closes_at else None


def state(connection: Connection, campaign: str) -> DayState:
    """Return where `campaign` stands; all None before its first cycle."""
    query = sa.select(campaign_states).where(campaign_states.c.campaign == campaign)
    row = connection.execute(query).first()
    if row is None:
        return DayState()
    return DayState(
        row.opened_at, row.heartbeat_at, row.closed_at, row.plan_digest, row.note, row.paused_at, row.pause_reason
    )


def others_than(connection: Connection, campaign: str) -> tuple[str, ...]:
    """Return the names of the store's days where `campaign` is none of them: nothing was ever planned or collected for it."""
    for table in (entries, campaign_posts):
        if connection.execute(sa.select(table.c.campaign).where(table.c.campaign == campaign).limit(1)).first():
            return ()
    names = sa.union(sa.select(entries.c.campaign), sa.select(campaign_posts.c.campaign))
    return tuple(sorted(connection.execute(names).scalars()))


def beat(connection: Connection, campaign: str, now: datetime) -> None:
    """Note that a worker is alive; the first beat opens the day."""
    insert_ignoring(connection, campaign_states, [{"campaign": campaign, "opened_at": now}])
    _set(connection, campaign, {"heartbeat_at": now})


def set_plan(connection: Connection, campaign: str, digest: bytes) -> None:
    """Note which plan the queue is in line with; a note about a broken plan is gone with it."""
    upsert(connection, campaign_states, [{"campaign": campaign, "plan_digest": digest, "note": None}], key=["campaign"])


def set_note(connection: Connection, campaign: str, note: str) -> None:
    """Note what a person should know, such as a broken plan that was not loaded."""
    upsert(connection, campaign_states, [{"campaign": campaign, "note": note}], key=["campaign"])


def close(connection: Connection, campaign: str, now: datetime) -> None:
    """Note that the day is over and its recap lies there."""
    upsert(connection, campaign_states, [{"campaign": campaign, "closed_at": now}], key=["campaign"])


def take_lease(connection: Connection, name: str, owner: str, now: datetime, duration: timedelta) -> bool:
    """Take or renew the lease `name` for `owner`. False: another owner holds it, by a clock not far ahead of ours."""
    held = connection.execute(sa.select(leases).where(leases.c.name == name)).first()
    if held and held.owner == owner and held.until > now + duration / 2:
        return True  # still fresh: most ticks write nothing
    insert_ignoring(connection, leases, [{"name": name, "owner": owner, "until": now + duration}])
    is_free = sa.or_(leases.c.owner == owner, leases.c.until < now, leases.c.until > now + duration + CLOCKS_DIFFER_BY)
    query = leases.update().where(leases.c.name == name, is_free)
    return connection.execute(query, {"owner": owner, "until": now + duration}).rowcount == 1


def renew_leases(connection: Connection, owner: str, now: datetime, duration: timedelta) -> None:
    """Renew what `owner` holds still."""
    query = leases.update().where(leases.c.owner == owner, leases.c.until >= now)
    connection.execute(query, {"until": now + duration})


def release_leases(connection: Connection, owner: str) -> None:
    """Give back every lease of `owner`, so that another worker need not wait for their end."""
    connection.execute(leases.delete().where(leases.c.owner == owner))


def _set(connection: Connection, campaign: str, values: dict[str, Any]) -> None:
    connection.execute(campaign_states.update().where(campaign_states.c.campaign == campaign), values)
