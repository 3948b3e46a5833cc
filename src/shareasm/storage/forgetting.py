"""Taking somebody or something out of the store for good, and recognising it when it comes again."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.forgetting import Kind, Wanted, digests, names_of_others
from shareasm.domain.moderation import of_author
from shareasm.domain.posts import Post, PostRef, decode_post, kept_form
from shareasm.storage.engine import insert_ignoring
from shareasm.storage.posts import chunks, uris_by_network
from shareasm.storage.tables import (
    acts,
    author_states,
    campaign_posts,
    decisions,
    forgotten,
    posts,
    raws,
    skips,
)


@dataclass(frozen=True, slots=True)
class Found:
    """A stored post that a request names."""

    id: int
    post: Post
    kind: Kind


@dataclass(frozen=True, slots=True)
class Removed:
    """How much was taken out of the store."""

    post_count: int
    raw_count: int
    campaigns: tuple[str, ...]  # whose days showed or counted it


def find(connection: Connection, words: str) -> list[Found]:
    """Return every stored post that `words` name, itself or by its author; with what a bridge copied from or to it."""
    wanted = Wanted(words)
    found: dict[int, Found] = {}
    is_more = True
    while is_more:  # who was found late may have said something early
        is_more = False
        for row in connection.execute(sa.select(posts.c.id, posts.c.content).order_by(posts.c.id)).yield_per(1000):
            post = decode_post(row.content)
            if row.id not in found and (kind := wanted.kind_of(post)):
                found[row.id] = Found(row.id, post, kind)
                is_more |= wanted.learn(post, kind)
    return [found[id_] for id_ in sorted(found)]


def remember(connection: Connection, names: Iterable[str], kind: Kind, now: datetime) -> None:
    """Keep the fact that what bears these names must not return."""
    rows = [{"digest": digest, "kind": kind, "forgotten_at": now} for digest in sorted(digests(names))]
    insert_ignoring(connection, forgotten, rows)


def all_digests(connection: Connection) -> frozenset[bytes]:
    """Return what must not return; mostly nothing."""
    return frozenset(connection.scalars(sa.select(forgotten.c.digest)))


def overwrite_what_is_deleted(connection: Connection) -> None:
    """Let nothing that this connection deletes stay in the file: SQLite leaves the words in free pages otherwise."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")


def quoting(connection: Connection, names: Iterable[str], found: Sequence[Found]) -> dict[int, Post]:
    """Return the other posts, by arrival number, that quote or preview what bears these names."""
    unwanted, own = digests(names), {item.id for item in found}
    rows = connection.execute(sa.select(posts.c.id, posts.c.content).order_by(posts.c.id)).yield_per(1000)
    said = ((row.id, decode_post(row.content)) for row in rows if row.id not in own)
    return {id_: post for id_, post in said if unwanted & digests(names_of_others(post))}


def remove(connection: Connection, found: Sequence[Found], quoted_by: Collection[int]) -> Removed:
    """Delete the posts with all that hangs on them, what we noted of their authors, and what others show of their words."""
    overwrite_what_is_deleted(connection)
    ids = [item.id for item in found]
    count = sa.select(sa.func.count()).select_from(raws)
    before = connection.execute(count).scalar_one()
    _take_words_from(connection, quoted_by)
    campaigns: set[str] = set()
    for chunk in chunks(ids):
        mine = campaign_posts.c.post_id.in_(chunk)
        campaigns.update(connection.scalars(sa.select(campaign_posts.c.campaign).distinct().where(mine)))
        connection.execute(posts.delete().where(posts.c.id.in_(chunk)))  # sightings, raws and belonging go with it
    authors = [item.post.author for item in found if item.kind is Kind.ACCOUNT]
    of_authors = {ref for one in authors for ref in (of_author(one), PostRef(one.network, one.ref))}
    _forget_decisions(connection, {item.post.ref for item in found} | of_authors)
    _forget_authors(connection, [item.post for item in found if item.kind is Kind.ACCOUNT])
    after = connection.execute(count).scalar_one()
    return Removed(len(found), before - after, tuple(sorted(campaigns)))


def remove_skips_that_name(connection: Connection, names: Collection[str]) -> int:
    """Delete what was kept of items that could not be taken where one of `names` stands in it; return how many."""
    words = [name.encode() for name in names if len(name) > _TELLS_NOTHING]
    rows = connection.execute(sa.select(skips.c.id, skips.c.raw).where(skips.c.raw != b"")).yield_per(1000)
    naming = [row.id for row in rows if any(word in row.raw for word in words)]
    for chunk in chunks(naming):
        connection.execute(skips.delete().where(skips.c.id.in_(chunk)))
    return len(naming)


_TELLS_NOTHING = 5  # letters: what is shorter stands in anybody's post


def _take_words_from(connection: Connection, quoting: Collection[int]) -> None:
    """A quoting post's JSON and its link card hold the quoted words; the rest of it only says where they stood."""
    for chunk in chunks(sorted(quoting)):
        connection.execute(raws.delete().where(raws.c.post_id.in_(chunk)))
        query = sa.select(posts.c.id, posts.c.content).where(posts.c.id.in_(chunk)).order_by(posts.c.id)
        for row in connection.execute(query.with_for_update()).all():
            content, digest = kept_form(replace(decode_post(row.content), card=None))
            bare = {"content": content.decode(), "fingerprint": digest}
            connection.execute(posts.update().where(posts.c.id == row.id), bare)


def _forget_decisions(connection: Connection, refs: Collection[PostRef]) -> None:
    for network, by_uri in uris_by_network(refs).items():
        for chunk in chunks(list(by_uri)):
            connection.execute(decisions.delete().where(decisions.c.network == network, decisions.c.uri.in_(chunk)))
            connection.execute(skips.delete().where(skips.c.ref.in_(chunk)))
            # Its line in the audit trail stays, and says no more whom it was about.
            connection.execute(acts.update().where(acts.c.about.in_(chunk)), {"about": None, "reason": None})


def _forget_authors(connection: Connection, theirs: Sequence[Post]) -> None:
    authors = sorted({post.author.ref for post in theirs})
    for chunk in chunks(authors):
        connection.execute(author_states.delete().where(author_states.c.author_ref.in_(chunk)))
