"""Who has a duty is looked up by rules on accounts: few among all people."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_user_duty_provider_id", "user", ["duty", "provider_id"], postgresql_where=sa.text("duty IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_user_duty_provider_id", "user")
