"""A national login may speak SAML instead: what it publishes of itself is pinned in its row."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_BEFORE = {"protocol": (sa.String(40), "oidc"), "saml_metadata": (sa.Text(), "")}
"""What was so for every login until now."""


def upgrade() -> None:
    for name, (kind, before) in _BEFORE.items():
        op.add_column("identity_provider", sa.Column(name, kind, nullable=False, server_default=before))
        op.alter_column("identity_provider", name, server_default=None)
    speaks = sa.column("protocol").in_(("oidc", "saml"))
    op.create_check_constraint(op.f("ck_identity_provider_speaks"), "identity_provider", speaks)
    pinned = "(protocol = 'saml') = (saml_metadata <> '')"
    op.create_check_constraint(op.f("ck_identity_provider_saml_metadata"), "identity_provider", pinned)


def downgrade() -> None:
    for constraint in ("speaks", "saml_metadata"):
        op.drop_constraint(op.f(f"ck_identity_provider_{constraint}"), "identity_provider")
    for name in _BEFORE:
        op.drop_column("identity_provider", name)
