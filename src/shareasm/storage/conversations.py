"""Which posts were answered or quoted since their conversation was last read."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.conversations import WITHOUT_TAG
from shareasm.domain.posts import Post, PostRef, decode_post
from shareasm.storage.posts import SeenAt, sightings_of
from shareasm.storage.tables import campaign_posts, posts


@dataclass(frozen=True, slots=True)
class Due:
    """A post whose conversation grew."""

    id: int  # its arrival number
    post: Post
    answer_count: int
    sightings: tuple[SeenAt, ...]


def due(connection: Connection, campaign: str, ours: Collection[PostRef], limit: int) -> list[Due]:
    """Return posts of `campaign` that have more answers and quotes than when they were last looked at: ours first, then
    those that grew most. Answers that came in this way themselves are not followed further: their thread's root is.
    """
    grown = posts.c.answer_count - sa.func.coalesce(campaign_posts.c.followed_count, 0)
    is_ours = sa.case((posts.c.uri.in_([ref.uri for ref in ours]), 0), else_=1)
    query = (
        sa.select(posts.c.id, posts.c.content, posts.c.answer_count)
        .join(campaign_posts, campaign_posts.c.post_id == posts.c.id)
        .where(campaign_posts.c.campaign == campaign, campaign_posts.c.belongs_by.not_in(WITHOUT_TAG))
        .where(posts.c.gone_at.is_(None), posts.c.checked_at.is_not(None), grown > 0)
        .order_by(is_ours, grown.desc(), posts.c.id)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    where = sightings_of(connection, [row.id for row in rows])
    return [Due(row.id, decode_post(row.content), row.answer_count, tuple(where.get(row.id, ()))) for row in rows]


def note_read(connection: Connection, campaign: str, item: Due) -> None:
    """Note that the conversation was read when it had so many answers."""
    mine = sa.and_(campaign_posts.c.campaign == campaign, campaign_posts.c.post_id == item.id)
    connection.execute(campaign_posts.update().where(mine), {"followed_count": item.answer_count})


def count_without_tag(connection: Connection, campaign: str) -> int:
    """Return how many posts belong to `campaign` only for what they answer or quote."""
    mine = sa.and_(campaign_posts.c.campaign == campaign, campaign_posts.c.belongs_by.in_(WITHOUT_TAG))
    return connection.execute(sa.select(sa.func.count()).select_from(campaign_posts).where(mine)).scalar_one()
