"""The gap log."""

import sqlalchemy as sa
from alembic import op

from shareasm.storage.engine import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watches",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=False),
        sa.Column("reason_before", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "source", "began_at", name=op.f("pk_watches")),
    )
