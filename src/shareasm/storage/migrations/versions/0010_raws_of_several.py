"""Which campaigns have let go of their raw copies: a post of several keeps its own until the last of them."""

import sqlalchemy as sa
from alembic import op

from shareasm.storage.engine import Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaign_states", sa.Column("raws_over_at", Instant()))
