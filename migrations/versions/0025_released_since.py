"""What was released to somebody lately is found at once."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_release_principal_since", "release", ["principal_id", "live_from"])


def downgrade() -> None:
    op.drop_index("ix_release_principal_since", "release")
