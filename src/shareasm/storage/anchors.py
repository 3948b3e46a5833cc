"""Which posts a recap of a campaign ever showed, as the anchors of their places, and on which pages: links to them hold.

Nothing but the anchor and the pages is kept of a post that is gone: no words, no author, no time.
"""

from collections.abc import Container, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.storage.engine import upsert
from shareasm.storage.tables import shown_anchors


def stood(connection: Connection, campaign: str) -> dict[str, str]:
    """Return the anchor of every post that was ever shown, with the page that it was last on."""
    query = sa.select(shown_anchors.c.anchor, shown_anchors.c.page).where(shown_anchors.c.campaign == campaign)
    return {str(anchor): str(page) for anchor, page in connection.execute(query)}


def early(connection: Connection, campaign: str) -> frozenset[str]:
    """Return the anchors that were shown only while the day went on: their posts have no page of their own yet."""
    query = sa.select(shown_anchors.c.anchor).where(shown_anchors.c.campaign == campaign, shown_anchors.c.is_early)
    return frozenset(connection.scalars(query))


def told(connection: Connection, campaign: str) -> frozenset[str]:
    """Return the anchor of every post that the story ever showed."""
    query = sa.select(shown_anchors.c.anchor).where(shown_anchors.c.campaign == campaign, shown_anchors.c.is_told)
    return frozenset(connection.scalars(query))


def remember(
    connection: Connection,
    campaign: str,
    places: Mapping[str, str],
    told: Container[str] = (),
    *,
    is_early: bool = False,
) -> None:
    """Note where posts are shown now: anchor → page; and which of them the story has `told`, now or ever.

    `is_early`: the day goes on, and pages still grow with it.
    """
    rows = [
        {"campaign": campaign, "anchor": anchor, "page": page, "is_told": anchor in told, "is_early": is_early}
        for anchor, page in sorted(places.items())
    ]
    upsert(connection, shown_anchors, rows, key=["campaign", "anchor"])
