"""Which posts wait to be asked about again, and how to ask about them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.posts import Network, PostRef, decode_post
from shareasm.storage.collected import sightings_of
from shareasm.storage.posts import chunks, uris_by_network
from shareasm.storage.tables import campaign_posts, posts, sightings


@dataclass(frozen=True, slots=True)
class ToCheck:
    """A post that is to be asked about, with how each source names it: (source, local id)."""

    id: int  # its arrival number
    ref: PostRef
    sightings: tuple[tuple[str, str], ...]
    bare_since: datetime | None = None  # when a stream told of it, where nobody has shown it whole since
    version: str | None = None  # of one that a stream told of: what it told
    revision: str | None = None  # under which a stream told of it


def to_check(
    connection: Connection, campaign: str, before: datetime, limit: int, *, not_asked_since: datetime
) -> list[ToCheck]:
    """Return posts of `campaign` that were last confirmed before `before`: those first that wait longest to be asked.

    Those that were asked about after `not_asked_since` have had their turn. Gone ones come too, for they may return; but not
    those that their author deleted by a commit: only a commit brings them back.
    """
    query = (
        sa.select(posts.c.id)
        .join(campaign_posts, campaign_posts.c.post_id == posts.c.id)
        .where(campaign_posts.c.campaign == campaign, posts.c.gone_revision.is_(None), _unconfirmed(before))
        .where(sa.or_(posts.c.asked_at.is_(None), posts.c.asked_at <= not_asked_since))
        .order_by(posts.c.asked_at.asc().nulls_first(), posts.c.id)
        .limit(limit)
    )
    return questions(connection, connection.scalars(query).all())


def unconfirmed(connection: Connection, campaign: str, before: datetime, *, with_gone: bool = False) -> list[int]:
    """Return the arrival numbers of all posts of `campaign` that were not confirmed since `before`, gone ones left out: those
    first whose word is oldest.

    `with_gone`: behind them those that are gone by a check's word; a check may find them again.
    """
    is_gone = posts.c.gone_at.is_not(None)
    query = (
        sa.select(posts.c.id)
        .join(campaign_posts, campaign_posts.c.post_id == posts.c.id)
        .where(campaign_posts.c.campaign == campaign, _unconfirmed(before))
        .where(posts.c.gone_revision.is_(None) if with_gone else ~is_gone)
        .order_by(is_gone, posts.c.checked_at.asc().nulls_first(), posts.c.id)
    )
    return list(connection.scalars(query))


def count_by_source(connection: Connection, campaign: str) -> dict[str, int]:
    """Return how many posts of `campaign` each source has shown; those that only a commit brings back are left out."""
    query = (
        sa.select(sightings.c.source, sa.func.count(sa.distinct(sightings.c.post_id)).label("n"))
        .join(campaign_posts, campaign_posts.c.post_id == sightings.c.post_id)
        .join(posts, posts.c.id == sightings.c.post_id)
        .where(campaign_posts.c.campaign == campaign, posts.c.gone_revision.is_(None))
        .group_by(sightings.c.source)
    )
    return {row.source: row.n for row in connection.execute(query)}


def questions(connection: Connection, ids: Sequence[int]) -> list[ToCheck]:
    """Return how to ask about the posts with these arrival numbers, in their order."""
    when, what = (posts.c.first_seen_at, posts.c.checked_at), (posts.c.content, posts.c.revision)
    columns = (posts.c.id, posts.c.network, posts.c.uri, *when, *what)
    found = {
        row.id: row
        for chunk in chunks(ids)
        for row in connection.execute(sa.select(*columns).where(posts.c.id.in_(chunk)))
    }
    where = sightings_of(connection, list(found))
    return [
        ToCheck(
            id_,
            PostRef(Network(row.network), row.uri),
            tuple((at.source, at.local_id) for at in where.get(id_, ())),
            row.first_seen_at if row.checked_at is None else None,
            decode_post(row.content).version if row.checked_at is None or row.revision else None,
            row.revision,
        )
        for id_ in ids
        if (row := found.get(id_))
    ]


def mark_asked(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Note that these posts had their turn, whatever was answered, so that the next check asks about others first."""
    for chunk in chunks(ids):
        connection.execute(posts.update().where(posts.c.id.in_(chunk)), {"asked_at": now})


def mark_checked(connection: Connection, refs: Iterable[PostRef], now: datetime) -> None:
    """Note that its network answered about each of these posts, although that it is gone."""
    for network, by_uri in uris_by_network(refs).items():
        for chunk in chunks(list(by_uri)):
            gone = posts.update().where(posts.c.network == network, posts.c.uri.in_(chunk))
            connection.execute(gone, {"checked_at": now})


def _unconfirmed(before: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(posts.c.checked_at.is_(None), posts.c.checked_at < before)
