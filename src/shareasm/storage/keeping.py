"""Letting go of what has had its time; the numbers stay, so that the method note goes on telling them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.changes import Skipped
from shareasm.domain.moderation import Reason
from shareasm.domain.posts import Post, PostRef, decode_post
from shareasm.storage.engine import upsert
from shareasm.storage.forgetting import overwrite_what_is_deleted
from shareasm.storage.posts import chunks
from shareasm.storage.sources import add_skips
from shareasm.storage.tables import campaign_posts, campaign_states, posts, raws, skips

_KEPT_NO_LONGER = "kept no longer"  # in place of a source


def count_raws(connection: Connection, campaign: str) -> int:
    """Return how many raw copies are kept for the campaign alone."""
    query = sa.select(sa.func.count()).select_from(raws).where(raws.c.post_id.in_(_for_it_alone(campaign)))
    return connection.execute(query).scalar_one()


def let_go_of_raws(connection: Connection, campaign: str, now: datetime) -> int:
    """Delete the raw copies of the campaign's posts, and what was kept of items that could not be taken; return how many.

    A post that another campaign has too keeps its own until that one lets go: the longest time wins.
    """
    overwrite_what_is_deleted(connection)
    upsert(connection, campaign_states, [{"campaign": campaign, "raws_over_at": now}], key=["campaign"])
    count = connection.execute(raws.delete().where(raws.c.post_id.in_(_for_it_alone(campaign)))).rowcount
    kept = (skips.c.campaign == campaign) & (skips.c.raw != b"")
    return count + connection.execute(skips.update().where(kept), {"raw": b"", "ref": None}).rowcount


def _for_it_alone(campaign: str) -> sa.Select[tuple[int]]:
    """Return the posts of a campaign that no other one has which keeps its raw copies."""
    over = sa.select(campaign_states.c.campaign).where(campaign_states.c.raws_over_at.is_not(None))
    is_kept = campaign_posts.c.campaign.not_in(over) & (campaign_posts.c.campaign != campaign)
    kept = sa.select(campaign_posts.c.post_id).where(is_kept)
    return sa.select(campaign_posts.c.post_id).where(
        campaign_posts.c.campaign == campaign, campaign_posts.c.post_id.not_in(kept)
    )


def let_go(
    connection: Connection, campaign: str, over: Mapping[int, tuple[PostRef, Reason | None]], now: datetime
) -> list[int]:
    """Take posts (by arrival number) out of `campaign` and delete those that no other one has; return the deleted ones.

    Why each was not shown is counted; nothing is kept of what it was.
    """
    overwrite_what_is_deleted(connection)
    reasons = [Skipped(reason.value, raw=b"", secret=ref.uri) for ref, reason in over.values() if reason]
    add_skips(connection, campaign, _KEPT_NO_LONGER, reasons, now)
    deleted: list[int] = []
    for chunk in chunks(list(over)):
        mine = campaign_posts.c.post_id.in_(chunk)
        connection.execute(campaign_posts.delete().where(mine, campaign_posts.c.campaign == campaign))
        others = set(connection.scalars(sa.select(campaign_posts.c.post_id).where(mine)))
        deleted += (id_ for id_ in chunk if id_ not in others)
    _delete(connection, deleted)
    return deleted


def let_go_of_strays(connection: Connection, before: datetime) -> list[Post]:
    """Delete posts that no campaign has (any more) and that were seen first before `before`; return what they were."""
    tied = sa.select(campaign_posts.c.post_id)
    stray = sa.and_(posts.c.first_seen_at < before, posts.c.id.not_in(tied))
    strays = connection.execute(sa.select(posts.c.id, posts.c.content).where(stray)).all()
    if strays:
        overwrite_what_is_deleted(connection)
        _delete(connection, [row.id for row in strays])
    return [decode_post(row.content) for row in strays]


def let_go_reasons(connection: Connection, campaign: str) -> Counter[Reason]:
    """Return why posts that are kept no longer were not shown."""
    query = sa.select(skips.c.reason, sa.func.count()).where(
        skips.c.campaign == campaign, skips.c.source == _KEPT_NO_LONGER
    )
    return Counter({Reason(reason): count for reason, count in connection.execute(query.group_by(skips.c.reason))})


def _delete(connection: Connection, ids: Sequence[int]) -> None:
    for chunk in chunks(ids):
        connection.execute(posts.delete().where(posts.c.id.in_(chunk)))  # sightings and raws go with it
