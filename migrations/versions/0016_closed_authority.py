"""An authority that a login's row lists no longer is closed, and kept: its people, exhibits and the record name it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("authority", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM authority WHERE closed_at IS NOT NULL)")):
        raise RuntimeError("authorities are closed: without this column they would be open again")
    op.drop_column("authority", "closed_at")
