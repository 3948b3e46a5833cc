"""Which posts a recap of a campaign ever showed, as the anchors of their places, and on which page: so that links to them hold.

Nothing but the anchor and the page is kept of a post that is gone: no words, no author, no time.
"""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.storage.engine import upsert
from shareasm.storage.tables import shown_anchors


def stood(connection: Connection, campaign: str) -> dict[str, str]:
    """Return the anchor of every post that was ever shown, with the page that it was last on."""
    query = sa.select(shown_anchors.c.anchor, shown_anchors.c.page).where(shown_anchors.c.campaign == campaign)
    return {str(anchor): str(page) for anchor, page in connection.execute(query)}


def remember(connection: Connection, campaign: str, places: Mapping[str, str]) -> None:
    """Note where posts are shown now: anchor → page."""
    rows = [{"campaign": campaign, "anchor": anchor, "page": page} for anchor, page in sorted(places.items())]
    upsert(connection, shown_anchors, rows, key=["campaign", "anchor"])
