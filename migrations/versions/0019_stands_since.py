"""Since when a login has been open, or closed, as it is: people are confirmed by whoever could do so all that time."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("identity_provider", "confirmed_from", new_column_name="stands_since")


def downgrade() -> None:
    op.alter_column("identity_provider", "stands_since", new_column_name="confirmed_from")
