"""What waits for its sender is found by one index: uploads that are not whole, and whole ones without her hash."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _index("integrity = 'receiving' OR (integrity = 'checking' AND sha256_declared IS NULL)")


def downgrade() -> None:
    _index("integrity = 'receiving'")


def _index(which: str) -> None:
    op.drop_index("ix_stored_file_uploads", "stored_file")
    op.create_index("ix_stored_file_uploads", "stored_file", ["uploaded_by_id"], postgresql_where=sa.text(which))
