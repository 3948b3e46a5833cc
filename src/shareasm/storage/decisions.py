"""What we decided about posts and accounts: kept apart from the posts, and outliving them."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.moderation import Choice, Decision
from shareasm.domain.posts import Network, PostRef
from shareasm.storage.engine import upsert
from shareasm.storage.tables import decisions


def decide(connection: Connection, decision: Decision) -> None:
    """Store a decision in place of the one before about the same post or account."""
    row = {
        "network": decision.ref.network,
        "uri": decision.ref.uri,
        "verdict": decision.verdict,
        "by": decision.by,
        "decided_at": decision.at,
        "reason": decision.reason,
    }
    upsert(connection, decisions, [row], key=["network", "uri"])


def lift(connection: Connection, ref: PostRef) -> None:
    """Take a decision back; the audit trail keeps that there was one."""
    connection.execute(decisions.delete().where(decisions.c.network == ref.network, decisions.c.uri == ref.uri))


def all_decisions(connection: Connection) -> dict[PostRef, Decision]:
    """Return every decision, by what it is about (domain.moderation.decision_about)."""
    made = {}
    for row in connection.execute(sa.select(decisions)):
        ref = PostRef(Network(row.network), row.uri)
        made[ref] = Decision(ref, Choice(row.verdict), row.by, row.decided_at, row.reason)
    return made
