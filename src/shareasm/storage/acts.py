"""Acts: what persons decided about the day, who, when and why. The audit trail only grows; nothing in it is changed, but
that it names nobody who asked to be forgotten (storage.forgetting).
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.storage.tables import acts


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a person did."""

    at: datetime
    by: str  # the user of the machine
    act: str  # pause, resume, adopt, resend, withdraw, apply, edit, approve, hide, unhide
    about: str | None = None  # slot, entry, or identity of a post or author; None: the whole day, or who was forgotten
    reason: str | None = None


def record(connection: Connection, campaign: str, act: Act) -> None:
    """Write an act down, in the same transaction as what it changed."""
    row = {"campaign": campaign, "at": act.at, "by": act.by, "act": act.act, "about": act.about, "reason": act.reason}
    connection.execute(acts.insert(), row)


def of_campaign(connection: Connection, campaign: str) -> list[Act]:
    """Return the audit trail of `campaign`, oldest first."""
    query = sa.select(acts).where(acts.c.campaign == campaign).order_by(acts.c.id)
    return [Act(row.at, row.by, row.act, row.about, row.reason) for row in connection.execute(query)]
