"""What a campaign has collected: its posts with all that is known of them, as pages and people's decisions need them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from shareasm.domain.posts import Post, PostRef, decode_post
from shareasm.storage.posts import CHUNK, chunks, uris_by_network
from shareasm.storage.tables import author_states, campaign_posts, posts, sightings


class SeenAt(NamedTuple):
    """How one source names a post, and the post that it answers where it tells only that."""

    source: str
    local_id: str
    parent_local_id: str | None
    first_seen_at: datetime | None = None  # when it was fetched from there first
    server: str | None = None  # host that was asked, and …
    query: str | None = None  # … what; None where it was stored before that was written down


@dataclass(frozen=True, slots=True)
class StoredPost:
    """A post of a campaign with what we know about it, for choosing and showing."""

    arrival: int  # rises with every new post; never used twice
    post: Post
    first_seen_at: datetime
    checked_at: datetime | None  # None: not yet seen whole
    gone_reason: str | None  # None: still there
    is_author_active: bool
    sightings: tuple[SeenAt, ...] = ()
    belongs_by: str = "tag"  # domain.campaigns.belongs
    gone_at: datetime | None = None  # when we learned that it, or its author, is gone
    fingerprint: bytes | None = None  # of `post`

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(sighting.source for sighting in self.sightings)


def of_campaign(
    connection: Connection, campaign: str, *, newest_first: bool = False, limit: int | None = None
) -> Iterator[StoredPost]:
    """Yield the posts of `campaign` in order of creation, gone ones included and marked.

    `newest_first` goes by arrival: the key is in that order, so that the newest hundred of many cost no sorting.
    """
    order = (campaign_posts.c.post_id.desc(),) if newest_first else (posts.c.created_at, posts.c.id)
    query = _whole(campaign).order_by(*order)
    yield from _stored_posts(connection, query.limit(limit) if limit else query)


def of_refs(connection: Connection, campaign: str, refs: Iterable[PostRef]) -> Iterator[StoredPost]:
    """Yield those of `refs` that belong to `campaign`, as `of_campaign` does."""
    for network, by_uri in uris_by_network(refs).items():
        for chunk in chunks(list(by_uri)):
            query = _whole(campaign).where(posts.c.network == network, posts.c.uri.in_(chunk))
            yield from _stored_posts(connection, query)


def _whole(campaign: str) -> sa.Select[Any]:
    return (
        sa.select(posts, author_states.c.is_active, author_states.c.changed_at, campaign_posts.c.belongs_by)
        .join(campaign_posts, campaign_posts.c.post_id == posts.c.id)
        .outerjoin(
            author_states,
            sa.and_(author_states.c.network == posts.c.network, author_states.c.author_ref == posts.c.author_ref),
        )
        .where(campaign_posts.c.campaign == campaign)
    )


def _stored_posts(connection: Connection, query: sa.Select[Any]) -> Iterator[StoredPost]:
    for part in connection.execute(query).partitions(CHUNK):
        where = sightings_of(connection, [row.id for row in part])
        for row in part:
            yield _to_stored_post(row, tuple(where.get(row.id, ())))


def count_of_campaign(connection: Connection, campaign: str) -> int:
    """Return how many posts of `campaign` are stored, gone ones left out."""
    query = (
        sa.select(sa.func.count())
        .select_from(campaign_posts.join(posts, posts.c.id == campaign_posts.c.post_id))
        .where(campaign_posts.c.campaign == campaign, posts.c.gone_at.is_(None))
    )
    return connection.execute(query).scalar_one()


def _to_stored_post(row: Row[Any], sightings: tuple[SeenAt, ...]) -> StoredPost:
    return StoredPost(
        arrival=row.id,
        post=decode_post(row.content),
        first_seen_at=row.first_seen_at,
        checked_at=row.checked_at,
        gone_reason=row.gone_reason if row.gone_at else None,
        is_author_active=row.is_active is not False,
        sightings=sightings,
        belongs_by=row.belongs_by,
        gone_at=row.gone_at or (row.changed_at if row.is_active is False else None),
        fingerprint=row.fingerprint,
    )


def sightings_of(connection: Connection, ids: Sequence[int]) -> dict[int, list[SeenAt]]:
    """Return where each of these posts was seen, the first source first."""
    where: dict[int, list[SeenAt]] = {}
    for chunk in chunks(ids):
        query = sa.select(sightings).where(sightings.c.post_id.in_(chunk)).order_by(sightings.c.first_seen_at)
        for row in connection.execute(query):
            at = SeenAt(row.source, row.local_id, row.parent_local_id, row.first_seen_at, row.server, row.query)
            where.setdefault(row.post_id, []).append(at)
    return where
