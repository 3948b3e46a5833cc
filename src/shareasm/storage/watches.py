"""The gap log: from when to when each source was watched without a break, and so when it was not, and why.

Kept as unbroken watches, not as gaps: a process that dies cannot write that it is blind, but the next one sees how long
nobody looked.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.campaigns import Campaign
from shareasm.domain.watches import NOBODY_LOOKED as NOBODY_LOOKED
from shareasm.domain.watches import UNBROKEN, Gap, Watch
from shareasm.domain.watches import gaps as gaps_between
from shareasm.storage.tables import campaign_posts, posts, sightings, source_states, watches

_FINE = timedelta(seconds=15)  # a stream delivers every second; nobody reads the log to the second


def note(connection: Connection, campaign: str, source: str, now: datetime, unbroken: timedelta) -> None:
    """Note that `source` was read at `now`. A silence of more than `unbroken` before it was a gap.

    Call it before the state of the source is set to well: what ailed it is the gap's reason.
    """
    mine = sa.and_(watches.c.campaign == campaign, watches.c.source == source)
    last = connection.execute(sa.select(watches).where(mine).order_by(watches.c.began_at.desc()).limit(1)).first()
    if last and last.ended_at <= now <= last.ended_at + unbroken:
        if now >= last.ended_at + _FINE:
            connection.execute(watches.update().where(mine, watches.c.began_at == last.began_at), {"ended_at": now})
    elif not last or now > last.ended_at:
        reason = _ailment(connection, campaign, source)
        row = {"campaign": campaign, "source": source, "began_at": now, "ended_at": now, "reason_before": reason}
        connection.execute(watches.insert(), row)


def gaps(connection: Connection, campaign: Campaign, now: datetime, unbroken: timedelta = UNBROKEN) -> list[Gap]:
    """Return every gap of every source of `campaign` within its window, up to `now`."""
    until = min(now, campaign.closes_at)
    found: list[Gap] = []
    for source in campaign.sources:
        mine = sa.and_(watches.c.campaign == campaign.slug, watches.c.source == source.id)
        rows = connection.execute(sa.select(watches).where(mine).order_by(watches.c.began_at))
        spans = [Watch(row.began_at, row.ended_at, row.reason_before) for row in rows]
        ailment = _ailment(connection, campaign.slug, source.id)
        found += gaps_between(source.id, spans, campaign.opens_at, until, unbroken, ailment)
    return [replace(gap, found_later=_found_later(connection, campaign.slug, gap)) for gap in found]


def _found_later(connection: Connection, campaign: str, gap: Gap) -> int:
    if gap.closes_at is None:
        return 0
    query = (
        sa.select(sa.func.count())
        .select_from(campaign_posts)
        .join(posts, posts.c.id == campaign_posts.c.post_id)
        .join(sightings, sightings.c.post_id == posts.c.id)
        .where(campaign_posts.c.campaign == campaign, sightings.c.source == gap.source)
        .where(posts.c.created_at >= gap.opens_at, posts.c.created_at < gap.closes_at)
        .where(sightings.c.first_seen_at >= gap.closes_at)
    )
    return connection.execute(query).scalar_one()


def _ailment(connection: Connection, campaign: str, source: str) -> str:
    query = sa.select(source_states.c.note).where(
        source_states.c.campaign == campaign,
        source_states.c.source == source,
        source_states.c.failed_at.is_not(None),
    )
    return connection.execute(query).scalar_one_or_none() or NOBODY_LOOKED
