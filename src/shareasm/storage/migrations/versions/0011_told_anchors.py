"""Which posts the story ever showed: their addresses on its page answer too when they are gone; and which were seen early."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shown_anchors", sa.Column("is_told", sa.Boolean()))
    op.add_column("shown_anchors", sa.Column("is_early", sa.Boolean()))
