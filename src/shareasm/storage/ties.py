"""What ties posts to their copies, looked up by the names that bridges use."""

from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.posts import Network, PostRef, Ties
from shareasm.storage.posts import chunks
from shareasm.storage.tables import posts


def ties_to(connection: Connection, names: Iterable[str]) -> Iterator[Ties]:
    """Yield the ties of the posts, of any campaign, that bear one of `names`, identity or address, or are copies of it.

    Not asked for one campaign's: SQLite would go through all of these instead of looking up a few names.
    """
    query = sa.select(posts.c.network, posts.c.uri, posts.c.url, posts.c.bridged_from)
    for chunk in chunks(sorted(names)):
        is_named = posts.c.network.in_(list(Network)) & posts.c.uri.in_(chunk)  # in the order of its index
        for condition in (is_named, posts.c.url.in_(chunk), posts.c.bridged_from.in_(chunk)):
            for row in connection.execute(query.where(condition)):
                yield Ties(PostRef(Network(row.network), row.uri), row.url or row.uri, row.bridged_from)
