"""How each national login is spoken to, and how two people decide that."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_IMMUTABLE = """
REVOKE UPDATE, DELETE, TRUNCATE ON provider_proposal FROM jit_app;
GRANT UPDATE (decided_at, decided_by_id, is_approved) ON provider_proposal TO jit_app;
"""
_WORDS = {
    "authenticates_by": ("clientauthentication", ("private_key_jwt", "client_secret_basic", "client_secret_post")),
    "asks_assurance": ("assuranceasked", ("acr_values", "acr_minimum", "claims", "not_asked")),
    "userinfo": ("userinfoform", ("json", "jwt")),
}
_BEFORE: dict[str, tuple[Any, str]] = {
    "scope": (sa.Text(), "openid profile email"),
    "hosts": (sa.ARRAY(sa.Text()), "{}"),
    "authenticates_by": (sa.String(40), "private_key_jwt"),
    "uses_pkce": (sa.Boolean(), "true"),
    "asks_assurance": (sa.String(40), "acr_values"),
    "userinfo": (sa.String(40), "json"),
    "has_rp_logout": (sa.Boolean(), "true"),
    "has_back_channel_logout": (sa.Boolean(), "true"),
    "takes_untyped_logout": (sa.Boolean(), "false"),
    "leeway": (sa.Integer(), "60"),
    "keys_seconds": (sa.Integer(), "600"),
    "header_limit": (sa.Integer(), "512"),
}
"""What was so for every login until now."""
_LIMITS = {"leeway": "0 AND 120", "keys_seconds": "60 AND 3600", "header_limit": "512 AND 65536"}


def upgrade() -> None:
    for name, (kind, before) in _BEFORE.items():
        op.add_column("identity_provider", sa.Column(name, kind, nullable=False, server_default=before))
        op.alter_column("identity_provider", name, server_default=None)
    for column, (name, words) in _WORDS.items():
        allowed = sa.column(column).in_(words)
        op.create_check_constraint(op.f(f"ck_identity_provider_{name}"), "identity_provider", allowed)
    for column, between in _LIMITS.items():
        limit = f"{column} BETWEEN {between}"
        op.create_check_constraint(op.f(f"ck_identity_provider_{column}"), "identity_provider", limit)
    op.create_table(
        "provider_proposal",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("row", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=True),
        sa.Column("proposed_by_id", sa.UUID(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.UUID(), nullable=True),
        sa.Column("is_approved", sa.Boolean(), nullable=True),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.CheckConstraint(
            "is_approved IS NOT TRUE OR decided_by_id <> proposed_by_id", name=op.f("ck_provider_proposal_two_people")
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by_id IS NULL) AND (decided_at IS NULL) = (is_approved IS NULL)",
            name=op.f("ck_provider_proposal_decided"),
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["user.id"], name=op.f("fk_provider_proposal_decided_by_id")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["user.id"], name=op.f("fk_provider_proposal_proposed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_proposal")),
    )
    op.create_index(
        "uq_provider_proposal_open",
        "provider_proposal",
        ["slug"],
        unique=True,
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    op.execute(_IMMUTABLE)


def downgrade() -> None:
    op.drop_table("provider_proposal")
    for column in reversed(_BEFORE):
        op.drop_column("identity_provider", column)
