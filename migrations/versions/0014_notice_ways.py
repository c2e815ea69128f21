"""Everybody chooses how notices reach her, by topic; what she has not chosen is counted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user", sa.Column("notice_ways", JSONB(), server_default="{}", nullable=False))


def downgrade() -> None:
    op.drop_column("user", "notice_ways")
