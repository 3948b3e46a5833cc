"""Which posts were answered or quoted since their conversation was last read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.conversations import BY_QUOTE, WITHOUT_TAG
from shareasm.domain.posts import Post, PostRef, decode_post
from shareasm.storage.collected import SeenAt, sightings_of
from shareasm.storage.posts import find
from shareasm.storage.tables import campaign_posts, posts

NOT_FOLLOWED = -1
"""In place of a count: an answer in a conversation that is not the day's."""


@dataclass(frozen=True, slots=True)
class Due:
    """A post whose conversation grew."""

    id: int  # its arrival number
    post: Post
    answer_count: int
    is_in_thread: bool  # it came with a conversation that was read
    sightings: tuple[SeenAt, ...]


def due(connection: Connection, campaign: str, ours: Collection[PostRef], limit: int) -> list[Due]:
    """Return posts of `campaign` that have more answers and quotes than when they were last looked at: ours first, then
    those that grew most. What is here only for quoting is not followed: that conversation is its author's.
    """
    followed = sa.func.coalesce(campaign_posts.c.followed_count, 0)
    grown = posts.c.answer_count - followed
    is_ours = sa.case((posts.c.uri.in_([ref.uri for ref in ours]), 0), else_=1)
    query = (
        sa.select(posts.c.id, posts.c.content, posts.c.answer_count, campaign_posts.c.followed_count)
        .join(campaign_posts, campaign_posts.c.post_id == posts.c.id)
        .where(campaign_posts.c.campaign == campaign, campaign_posts.c.belongs_by != BY_QUOTE)
        .where(posts.c.gone_at.is_(None), posts.c.checked_at.is_not(None), grown > 0, followed > NOT_FOLLOWED)
        .order_by(is_ours, grown.desc(), posts.c.id)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    where = sightings_of(connection, [row.id for row in rows])
    return [
        Due(
            row.id,
            decode_post(row.content),
            row.answer_count,
            row.followed_count is not None,
            tuple(where.get(row.id, ())),
        )
        for row in rows
    ]


def note_read(connection: Connection, campaign: str, item: Due, *, is_followed: bool = True) -> None:
    """Note that the conversation was read when it had so many answers; or that it is not to be."""
    mine = sa.and_(campaign_posts.c.campaign == campaign, campaign_posts.c.post_id == item.id)
    count = item.answer_count if is_followed else NOT_FOLLOWED
    connection.execute(campaign_posts.update().where(mine), {"followed_count": count})


def note_thread(connection: Connection, campaign: str, answer_counts: Mapping[PostRef, int]) -> None:
    """Note that posts came with a conversation, each with so many answers of its own: when they get more, it goes on there."""
    for ref, stored in find(connection, answer_counts).items():
        mine = sa.and_(campaign_posts.c.campaign == campaign, campaign_posts.c.post_id == stored.id)
        known = sa.func.coalesce(campaign_posts.c.followed_count, NOT_FOLLOWED)
        connection.execute(
            campaign_posts.update().where(mine, known < answer_counts[ref]), {"followed_count": answer_counts[ref]}
        )


def in_threads(connection: Connection, campaign: str, since: datetime, limit: int) -> Sequence[int]:
    """Return the arrival numbers of the answers that were made since `since`, the newest first."""
    query = (
        sa.select(posts.c.id)
        .join(campaign_posts, campaign_posts.c.post_id == posts.c.id)
        .where(campaign_posts.c.campaign == campaign, campaign_posts.c.followed_count > NOT_FOLLOWED)
        .where(posts.c.gone_at.is_(None), posts.c.created_at >= since)
        .order_by(posts.c.id.desc())
        .limit(limit)
    )
    return connection.scalars(query).all()


def count_without_tag(connection: Connection, campaign: str) -> int:
    """Return how many posts belong to `campaign` only for what they answer or quote."""
    mine = sa.and_(campaign_posts.c.campaign == campaign, campaign_posts.c.belongs_by.in_(WITHOUT_TAG))
    return connection.execute(sa.select(sa.func.count()).select_from(campaign_posts).where(mine)).scalar_one()
