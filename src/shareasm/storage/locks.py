"""Who changes posts in several steps takes them all first, in one order, so that two transactions never wait for each other."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.posts import PostRef
from shareasm.storage.posts import chunks, deletions, uris_by_network
from shareasm.storage.tables import posts


def lock(connection: Connection, refs: Iterable[PostRef], *, source: str = "", local_ids: Sequence[str] = ()) -> None:
    """Let nobody else change these posts until the transaction ends; `local_ids` of `source` name further ones.

    The order is that of `posts.find`. SQLite has one writer anyway.
    """
    if connection.dialect.name == "sqlite":
        return
    told = [item.ref for item in deletions(connection, source, local_ids)]
    for network, by_uri in sorted(uris_by_network([*refs, *told]).items()):
        for chunk in chunks(sorted(by_uri)):
            query = sa.select(posts.c.id).where(posts.c.network == network, posts.c.uri.in_(chunk))
            connection.execute(query.order_by(posts.c.id).with_for_update()).all()
