"""Which migrations have run is for the portal's own role to read, and for nobody but the owner to say."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON alembic_version FROM jit_app")


def downgrade() -> None:
    op.execute("GRANT INSERT, UPDATE, DELETE ON alembic_version TO jit_app")
