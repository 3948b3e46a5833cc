"""Steering the day: uploads ahead, ties between slots, taking back, pause, stopped accounts, the audit trail, link cards."""

import sqlalchemy as sa
from alembic import op

from shareasm.storage.engine import Instant

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("entries", sa.Column("reply_to", sa.Text()))
    op.add_column("entries", sa.Column("quotes", sa.Text()))
    op.add_column("entries", sa.Column("prepared", sa.Text()))
    op.add_column("entries", sa.Column("prepared_at", Instant()))
    op.add_column("entries", sa.Column("withdraw_reason", sa.Text()))
    op.add_column("entries", sa.Column("resent_at", Instant()))
    op.add_column("campaign_states", sa.Column("paused_at", Instant()))
    op.add_column("campaign_states", sa.Column("pause_reason", sa.Text()))
    op.create_table(
        "account_states",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("stopped_at", Instant(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("try_again_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "account", name=op.f("pk_account_states")),
    )
    op.create_table(
        "acts",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acts")),
    )
    op.create_index(op.f("ix_acts_campaign"), "acts", ["campaign"], unique=False)
    op.create_table(
        "cards",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("thumb", sa.Text(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("fetched_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_cards")),
    )
