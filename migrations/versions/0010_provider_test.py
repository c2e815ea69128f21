"""What an operator finds out about a national login, kept for an hour; a sign-in can be for that alone."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "provider_test",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("tested_by_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("findings", postgresql.JSONB(), nullable=False),
        sa.Column("came", postgresql.JSONB(), nullable=True),
        sa.Column("id_token", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("provider_session", sa.Text(), nullable=True),
        sa.Column("left_at", moment, nullable=True),
        sa.Column("created_at", moment, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["identity_provider.id"], name=op.f("fk_provider_test_provider_id")),
        sa.ForeignKeyConstraint(["tested_by_id"], ["user.id"], name=op.f("fk_provider_test_tested_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_test")),
        sa.UniqueConstraint("provider_id", "tested_by_id", name=op.f("uq_provider_test_provider_id_tested_by_id")),
    )
    op.add_column("login_attempt", sa.Column("test_id", sa.UUID(), nullable=True))
    op.create_foreign_key(
        op.f("fk_login_attempt_test_id"), "login_attempt", "provider_test", ["test_id"], ["id"], ondelete="CASCADE"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_login_attempt_test_id"), "login_attempt")
    op.drop_column("login_attempt", "test_id")
    op.drop_table("provider_test")
