"""An index for what a stream tells of: posts deleted, by their source's own ids."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_sightings_source_local_id"), "sightings", ["source", "local_id"])
