"""Whom each sighting and raw copy was asked of and how, and which exports lie where."""

import sqlalchemy as sa
from alembic import op

from shareasm.storage.engine import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("sightings", "raws"):
        op.add_column(table, sa.Column("server", sa.Text()))
        op.add_column(table, sa.Column("query", sa.Text()))
    op.create_table(
        "exports",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("is_dehydrated", sa.Boolean(), nullable=False),
        sa.Column("written_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_exports")),
    )
