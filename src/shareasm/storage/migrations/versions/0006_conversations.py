"""How often a post was answered and quoted, and at which count its conversation was last read."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("posts", sa.Column("answer_count", sa.Integer()))
    op.add_column("campaign_posts", sa.Column("followed_count", sa.Integer()))
