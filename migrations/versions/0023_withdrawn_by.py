"""A national login says who withdrew it."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("identity_provider", sa.Column("withdrawn_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("identity_provider", "withdrawn_by")
