"""Whether something was withdrawn lately: deleted, taken back, hidden or forgotten.

Who writes pages for minutes asks before and after.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.queue import TAKEN_BACK
from shareasm.storage.tables import author_states, campaign_posts, decisions, entries, forgotten, posts

Mark = tuple[object, ...]


def mark(connection: Connection, campaign: str) -> Mark:
    """Return what is another one after anything of `campaign` was withdrawn; what is only new leaves it as it is."""
    of_campaign = posts.join(campaign_posts, campaign_posts.c.post_id == posts.c.id)
    gone = sa.select(sa.func.count(posts.c.gone_at), sa.func.max(posts.c.gone_at)).select_from(of_campaign)
    asked = (
        gone.where(campaign_posts.c.campaign == campaign),
        sa.select(sa.func.count(), sa.func.max(forgotten.c.forgotten_at)).select_from(forgotten),
        sa.select(sa.func.count(), sa.func.max(decisions.c.decided_at)).select_from(decisions),
        sa.select(sa.func.count(), sa.func.max(author_states.c.changed_at)).select_from(author_states),
        sa.select(sa.func.count()).where(entries.c.campaign == campaign, entries.c.state.in_(sorted(TAKEN_BACK))),
    )
    return tuple(tuple(connection.execute(query).one()) for query in asked)
