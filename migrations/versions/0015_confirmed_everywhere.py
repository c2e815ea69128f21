"""Operators confirm the people of a country without an administrator: from now on, so that nobody is closed at once."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "identity_provider",
        sa.Column(
            "confirmed_from", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
    )


def downgrade() -> None:
    op.drop_column("identity_provider", "confirmed_from")
