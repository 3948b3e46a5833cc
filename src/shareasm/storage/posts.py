"""What the networks said: posts with their sightings and raw JSON, written page by page, and read before deciding.

A page costs one keyed read; only what is new or changed is written. Whoever shows posts reads `collected`.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.changes import AuthorChange, Changed, Gone, New, Same, Seen, Sighting, Stored, is_gone_now
from shareasm.domain.posts import Network, PostRef
from shareasm.storage.bulk import insert_new, insert_unless_there
from shareasm.storage.engine import insert_ignoring, take_ids, upsert
from shareasm.storage.tables import author_states, campaign_posts, posts, raws, sightings

T = TypeVar("T")

_LONGEST_NAME = 1000  # characters of an address by which posts are looked up
CHUNK = 500  # keys a statement: below every limit of both databases


# ---- reading before deciding -------------------------------------------------------------------------------------------


def find(
    connection: Connection, refs: Iterable[PostRef], *, campaign: str = "", source: str = ""
) -> dict[PostRef, Stored]:
    """Return what is stored of `refs`; the unknown ones are left out.

    `campaign` and `source`: for which it is said whether a post belongs, and whether it was seen there. It serves a
    decision: until the transaction ends nobody else changes these rows. Else PostgreSQL would let a deletion in between,
    and what was decided without it would undo it.
    """
    found: dict[PostRef, Stored] = {}
    for network, by_uri in uris_by_network(refs).items():
        for chunk in chunks(list(by_uri)):
            asked = {"network": network, "uris": chunk, "campaign": campaign, "source": source}
            rows = connection.execute(_FIND, asked).all()
            found.update((by_uri[uri], Stored(*stored)) for *stored, uri in rows)
    return found


def belonging(connection: Connection, campaign: str | None, refs: Iterable[PostRef]) -> set[PostRef]:
    """Return those of `refs` that are stored and belong to `campaign`; None: to any."""
    is_theirs = campaign_posts.c.campaign == campaign if campaign else sa.true()
    found: set[PostRef] = set()
    for network, by_uri in uris_by_network(refs).items():
        for chunk in chunks(list(by_uri)):
            query = sa.select(posts.c.uri).join(campaign_posts, campaign_posts.c.post_id == posts.c.id)
            query = query.where(is_theirs, posts.c.network == network, posts.c.uri.in_(chunk))
            found.update(by_uri[uri] for uri in connection.scalars(query))
    return found


# ---- writing -----------------------------------------------------------------------------------------------------------


def insert(connection: Connection, news: Sequence[New], by: Sighting, now: datetime) -> dict[PostRef, int]:
    """Store new posts with their raw JSON; return their arrival numbers.

    One that another worker stored in the same moment is left out of the answer: decide about it again.
    """
    if not news:
        return {}
    numbered = list(zip(take_ids(connection, posts, len(news)), (new.seen for new in news), strict=True))
    rows = [_to_row(seen, by.source, now) | {"id": id_, "first_seen_at": now} for id_, seen in numbered]
    # In one order: else PostgreSQL lets two who store the same page, one from its end, wait for each other.
    rows.sort(key=itemgetter("network", "uri"))
    if not insert_unless_there(connection, posts, rows):
        ours = _known(connection, _THERE, [id_ for id_, _ in numbered])
        numbered = [(id_, seen) for id_, seen in numbered if id_ in ours]
    insert_new(connection, sightings, [_sighting_row(id_, seen, by, now) for id_, seen in numbered])
    _add_raws(connection, numbered, by, now)
    return {seen.post.ref: id_ for id_, seen in numbered}


def update(connection: Connection, changes: Sequence[Changed], by: Sighting, now: datetime) -> None:
    """Replace stored versions; the raw JSON of an edit is added to the archive, not put in place of the older."""
    for change in changes:
        row = _to_row(change.seen, by.source, now)
        if not change.seen.is_complete:
            del row["checked_at"]  # what a stream says is not a look at the whole post
        row |= {"gone_at": None, "gone_reason": None, "gone_revision": None}
        connection.execute(posts.update().where(posts.c.id == change.stored.id), row)
    _add_sightings(connection, changes, by, now)
    _add_raws(connection, [(change.stored.id, change.seen) for change in changes if change.is_edit], by, now)


def touch(connection: Connection, same: Sequence[Same], by: Sighting, now: datetime, *, is_check: bool) -> None:
    """Note that `source` shows these posts too; a check also renews when they were last confirmed."""
    complete = [item.stored.id for item in same if item.seen.is_complete and (is_check or _completes(item))]
    for chunk in chunks(complete):
        connection.execute(posts.update().where(posts.c.id.in_(chunk), posts.c.gone_at.is_(None)), {"checked_at": now})
    _add_sightings(connection, same, by, now)


def _completes(item: Same) -> bool:
    """Return whether a bare record turned out to be all there is; an index that shows other words leaves it bare."""
    return not item.stored.is_complete and item.seen.fingerprint == item.stored.fingerprint


def note_revisions(connection: Connection, same: Sequence[Same]) -> None:
    """Note the later revisions under which a stream told again of what is stored: older news is known by them."""
    for item in same:
        revision = item.seen.post.revision
        if revision and revision > (item.stored.revision or ""):
            connection.execute(posts.update().where(posts.c.id == item.stored.id), {"revision": revision})


def mark_gone(connection: Connection, gone: Sequence[Gone], now: datetime) -> int:
    """Hide posts that are not public any more; return how many of them we had. The rows stay: a return is recognised."""
    known = find(connection, (item.ref for item in gone))
    count = 0
    for item in gone:
        stored = known.get(item.ref)
        if stored is None or not is_gone_now(stored, item):
            continue
        count += not stored.is_gone
        values: dict[str, Any] = {"gone_at": now, "gone_reason": item.reason}
        if item.revision:
            values |= {"revision": item.revision, "gone_revision": item.revision}
        connection.execute(posts.update().where(posts.c.id == stored.id), values)
    return count


def deletions(connection: Connection, source: str, local_ids: Sequence[str]) -> list[Gone]:
    """Return what a source says is deleted, by its own ids, as far as it showed it to us."""
    if not local_ids:  # as of nearly every page
        return []
    query = sa.select(posts.c.network, posts.c.uri).join(sightings, sightings.c.post_id == posts.c.id)
    return [
        Gone(PostRef(Network(row.network), row.uri), "deleted")
        for chunk in chunks(local_ids)
        for row in connection.execute(query.where(sightings.c.source == source, sightings.c.local_id.in_(chunk)))
    ]


def mark_authors(connection: Connection, network: Network, changes: Sequence[AuthorChange], now: datetime) -> None:
    """Hide or show again everything of the authors whose posts we hold; the network's other authors are no concern of ours."""
    refs = [change.author_ref for change in changes]
    known: set[str] = set()
    for chunk in chunks(refs):
        query = sa.select(posts.c.author_ref).distinct()
        known.update(connection.scalars(query.where(posts.c.network == network, posts.c.author_ref.in_(chunk))))
    rows = {
        change.author_ref: {
            "network": network,
            "author_ref": change.author_ref,
            "is_active": change.is_active,
            "reason": change.reason,
            "changed_at": now,
        }
        for change in changes
        if change.author_ref in known
    }
    upsert(connection, author_states, [rows[ref] for ref in sorted(rows)], key=["network", "author_ref"])


def show_authors(connection: Connection, network: Network, refs: Sequence[str], asked_at: datetime) -> None:
    """Show authors again whose posts their network showed when it was asked at `asked_at`: the stream's word was missed."""
    for chunk in chunks(refs):
        hidden = author_states.update().where(
            author_states.c.network == network,
            author_states.c.author_ref.in_(chunk),
            author_states.c.is_active.is_(False),
            author_states.c.changed_at < asked_at,
        )
        connection.execute(hidden, {"is_active": True, "reason": "shown again", "changed_at": asked_at})


def begin_belonging(connection: Connection, campaign: str, rules: Mapping[int, str]) -> None:
    """Note by which rule posts that were stored just now belong to `campaign`."""
    rows = [{"campaign": campaign, "post_id": id_, "belongs_by": rule} for id_, rule in rules.items()]
    insert_new(connection, campaign_posts, rows)


def set_belonging(connection: Connection, campaign: str, belongs: Mapping[int, str | None]) -> None:
    """Note for each arrival number by which rule the post belongs to `campaign`; None takes out what a tag brought."""
    rows = [{"campaign": campaign, "post_id": id_, "belongs_by": rule} for id_, rule in belongs.items() if rule]
    upsert(connection, campaign_posts, rows, key=["campaign", "post_id"])
    for chunk in chunks([id_ for id_, rule in belongs.items() if not rule]):
        connection.execute(
            campaign_posts.delete().where(
                campaign_posts.c.campaign == campaign,
                campaign_posts.c.post_id.in_(chunk),
                campaign_posts.c.belongs_by == "tag",
            )
        )


def doubt(connection: Connection, ids: Sequence[int]) -> None:
    """Let posts be asked about at once, and not be shown before."""
    for chunk in chunks(ids):
        connection.execute(posts.update().where(posts.c.id.in_(chunk)), {"checked_at": None, "asked_at": None})


# ---- records → rows ----------------------------------------------------------------------------------------------------

_FIND = (
    sa.select(  # the fields of Stored in their order, then the uri
        posts.c.id,
        posts.c.content,
        posts.c.fingerprint,
        posts.c.source,
        posts.c.checked_at.is_not(None),
        posts.c.gone_at.is_not(None),
        posts.c.revision,
        posts.c.gone_revision,
        sa.exists().where(sightings.c.post_id == posts.c.id, sightings.c.source == sa.bindparam("source")),
        sa.select(campaign_posts.c.belongs_by)
        .where(campaign_posts.c.campaign == sa.bindparam("campaign"), campaign_posts.c.post_id == posts.c.id)
        .scalar_subquery(),
        posts.c.uri,
    )
    .where(posts.c.network == sa.bindparam("network"), posts.c.uri.in_(sa.bindparam("uris", expanding=True)))
    .order_by(posts.c.id)  # in one order, so that two transactions never wait for each other
    .with_for_update()
)

_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_THERE = sa.select(posts.c.id).where(posts.c.id.in_(_IDS))


def _known(connection: Connection, query: sa.Select[int], ids: Sequence[int], **values: str) -> set[int]:
    """Return those of `ids` that `query` finds."""
    return {id_ for chunk in chunks(ids) for id_ in connection.scalars(query, {"ids": chunk, **values}).all()}


def _to_row(seen: Seen, source: str, now: datetime) -> dict[str, Any]:
    post = seen.post
    content, digest = seen.kept
    return {
        "network": post.ref.network.value,
        "uri": post.ref.uri,
        "author_ref": post.author.ref,
        "created_at": post.created_at,
        "checked_at": now if seen.is_complete else None,
        "source": source,
        "revision": post.revision,
        "fingerprint": digest,
        "content": content.decode(),
        "answer_count": post.counts.replies + post.counts.quotes,
        "url": _findable(post.url),
        "bridged_from": _findable(post.bridged_from),
    }


def _findable(name: str | None) -> str | None:
    """Return a name by which posts are looked up; PostgreSQL takes none of any length into an index."""
    return name if name and len(name) <= _LONGEST_NAME else None


def _add_sightings(connection: Connection, known: Sequence[Changed | Same], by: Sighting, now: datetime) -> None:
    rows = [_sighting_row(item.stored.id, item.seen, by, now) for item in known if not item.stored.is_sighted]
    insert_ignoring(connection, sightings, rows)
    for item in known:  # what is gone is asked for under the name that it has now: by an old one nobody would find it
        if item.stored.is_gone and item.stored.is_sighted and item.seen.is_complete:
            is_it = (sightings.c.post_id == item.stored.id) & (sightings.c.source == by.source)
            connection.execute(sightings.update().where(is_it), {"local_id": item.seen.local_id})


def _sighting_row(id_: int, seen: Seen, by: Sighting, now: datetime) -> dict[str, Any]:
    return {
        "post_id": id_,
        "source": by.source,
        "local_id": seen.local_id,
        "parent_local_id": seen.parent_local_id,
        "first_seen_at": now,
        "server": by.host,
        "query": by.query,
    }


def _add_raws(connection: Connection, seen: Sequence[tuple[int, Seen]], by: Sighting, now: datetime) -> None:
    asked = {"source": by.source, "server": by.host, "query": by.query, "fetched_at": now}
    rows = [{"post_id": id_, "body": zlib.compress(item.raw, 1), **asked} for id_, item in seen]
    insert_new(connection, raws, rows)


def uris_by_network(refs: Iterable[PostRef]) -> dict[Network, dict[str, PostRef]]:
    """Return `refs` by network, then by uri: what a keyed query takes."""
    by_network: dict[Network, dict[str, PostRef]] = {}
    for ref in refs:
        by_network.setdefault(ref.network, {})[ref.uri] = ref
    return by_network


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield `items` in pieces that one statement takes."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
