"""The name that a login gave last is kept beside what is proposed: only another one is news of it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user", sa.Column("vouched_name", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("user", "vouched_name")
