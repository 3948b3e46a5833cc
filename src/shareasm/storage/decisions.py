"""What we decided about posts: kept apart from the posts, and outliving them."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.moderation import Choice, Decision
from shareasm.domain.posts import Network, PostRef
from shareasm.storage.engine import upsert
from shareasm.storage.tables import decisions


def decide(connection: Connection, decision: Decision) -> None:
    """Store a decision; the newest one of a post holds."""
    row = {
        "network": decision.ref.network,
        "uri": decision.ref.uri,
        "verdict": decision.verdict,
        "by": decision.by,
        "decided_at": decision.at,
        "reason": decision.reason,
    }
    upsert(connection, decisions, [row], key=["network", "uri"])


def all_decisions(connection: Connection) -> dict[PostRef, Decision]:
    """Return every decision, by post."""
    made = {}
    for row in connection.execute(sa.select(decisions)):
        ref = PostRef(Network(row.network), row.uri)
        made[ref] = Decision(ref, Choice(row.verdict), row.by, row.decided_at, row.reason)
    return made
