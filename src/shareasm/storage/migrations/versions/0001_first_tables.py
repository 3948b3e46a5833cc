"""The first tables."""

import sqlalchemy as sa
from alembic import op

from shareasm.storage.engine import Instant

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "author_states",
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("author_ref", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("network", "author_ref", name=op.f("pk_author_states")),
    )
    op.create_table(
        "campaign_states",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=True),
        sa.Column("heartbeat_at", Instant(), nullable=True),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("plan_digest", sa.LargeBinary(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("campaign", name=op.f("pk_campaign_states")),
    )
    op.create_table(
        "checkpoints",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "source", "tag", name=op.f("pk_checkpoints")),
    )
    op.create_table(
        "decisions",
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("network", "uri", name=op.f("pk_decisions")),
    )
    op.create_table(
        "entries",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("draft", sa.Text(), nullable=False),
        sa.Column("publish_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("frozen_at", Instant(), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", Instant(), nullable=True),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("first_attempt_at", Instant(), nullable=True),
        sa.Column("next_attempt_at", Instant(), nullable=True),
        sa.Column("lookup_count", sa.Integer(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("published_at", Instant(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sa.UniqueConstraint(
            "campaign",
            "slot",
            "part",
            "language",
            "account",
            name=op.f("uq_entries_campaign_slot_part_language_account"),
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("entries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_entries_state_due_at"), ["state", "due_at"], unique=False)

    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "pictures",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("copies", sa.Text(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("fetched_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_pictures")),
    )
    op.create_table(
        "posts",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("author_ref", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("first_seen_at", Instant(), nullable=False),
        sa.Column("checked_at", Instant(), nullable=True),
        sa.Column("asked_at", Instant(), nullable=True),
        sa.Column("gone_at", Instant(), nullable=True),
        sa.Column("gone_reason", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("gone_revision", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
        sa.UniqueConstraint("network", "uri", name=op.f("uq_posts_network_uri")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("posts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_posts_network_author_ref"), ["network", "author_ref"], unique=False)

    op.create_table(
        "skips",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skips")),
        sa.UniqueConstraint("campaign", "source", "digest", name=op.f("uq_skips_campaign_source_digest")),
    )
    op.create_table(
        "source_states",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("last_ok_at", Instant(), nullable=True),
        sa.Column("failed_at", Instant(), nullable=True),
        sa.Column("failure_count", sa.Integer(), nullable=False),
        sa.Column("next_read_at", Instant(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("campaign", "source", name=op.f("pk_source_states")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("entry_id", Id, nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entries.id"], name=op.f("fk_attempts_entry_id_entries"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempts_entry_id"), ["entry_id"], unique=False)

    op.create_table(
        "campaign_posts",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("post_id", Id, nullable=False),
        sa.Column("belongs_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name=op.f("fk_campaign_posts_post_id_posts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign", "post_id", name=op.f("pk_campaign_posts")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("campaign_posts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_campaign_posts_post_id"), ["post_id"], unique=False)

    op.create_table(
        "raws",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("post_id", Id, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("fetched_at", Instant(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_raws_post_id_posts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raws")),
    )
    with op.batch_alter_table("raws", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_raws_post_id"), ["post_id"], unique=False)

    op.create_table(
        "sightings",
        sa.Column("post_id", Id, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("local_id", sa.Text(), nullable=False),
        sa.Column("parent_local_id", sa.Text(), nullable=True),
        sa.Column("first_seen_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_sightings_post_id_posts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "source", name=op.f("pk_sightings")),
        sqlite_with_rowid=False,
    )
