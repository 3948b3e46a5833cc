"""What ties posts to their copies, where it can be looked up: a post's address, and what a bridge says it is a copy of."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("url", "bridged_from"):
        op.add_column("posts", sa.Column(name, sa.Text()))
        is_sqlite = op.get_bind().dialect.name == "sqlite"
        said = f"json_extract(content, '$.{name}')" if is_sqlite else f"content::json ->> '{name}'"
        op.execute(f"UPDATE posts SET {name} = {said} WHERE length({said}) <= 1000")  # noqa: S608  our own two names
        op.create_index(op.f(f"ix_posts_{name}"), "posts", [name])
