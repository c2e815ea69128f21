"""Nonce and code verifier of a sign-in under way are stored no more: its browser's word and its state make them again.

Whoever is on the way meanwhile begins anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_SECRETS = ("nonce", "code_verifier")


def upgrade() -> None:
    op.execute("DELETE FROM login_attempt")
    for name in _SECRETS:
        op.drop_column("login_attempt", name)


def downgrade() -> None:
    op.execute("DELETE FROM login_attempt")
    for name in _SECRETS:
        op.add_column("login_attempt", sa.Column(name, sa.Text(), nullable=False))
