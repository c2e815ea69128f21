"""A login knows the token that its last step-up replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("login_session", sa.Column("renewed_hash", sa.LargeBinary(), nullable=True))
    op.create_unique_constraint("uq_login_session_renewed_hash", "login_session", ["renewed_hash"])


def downgrade() -> None:
    op.drop_column("login_session", "renewed_hash")
