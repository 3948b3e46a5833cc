"""Where posts were shown, so that their addresses answer when they are gone."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shown_anchors",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("anchor", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "anchor", name=op.f("pk_shown_anchors")),
        sqlite_with_rowid=False,
    )
