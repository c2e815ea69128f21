"""The directory of a national login says who is still there: its tokens, what it says, and closings that wait."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_WAITS = sa.text("decided_at IS NULL")
_SAID = sa.text("deleted_at IS NULL")
_NOTICES = (
    *("mentioned", "assigned", "asked", "released", "handed_over", "invited"),
    *("entrusted", "entrusting_ended", "taken_back", "signed_in_newly", "strayed", "flagged", "passkey_added"),
)
_NEW_NOTICE = "closings_wait"


def upgrade() -> None:
    _create(
        "scim_token",
        {"provider_id": "identity_provider", "made_by_id": "user"},
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_by_id", sa.UUID(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("token_hash", name=op.f("uq_scim_token_token_hash")),
    )
    op.create_index(op.f("ix_scim_token_provider_id"), "scim_token", ["provider_id"])
    _create(
        "announced_person",
        {"provider_id": "identity_provider"},
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint(
            "provider_id", "issuer", "subject", name=op.f("uq_announced_person_provider_id_issuer_subject")
        ),
    )
    unique_name: list[str | sa.TextClause] = ["provider_id", sa.text("lower(user_name)")]
    op.create_index(
        "uq_announced_person_user_name", "announced_person", unique_name, unique=True, postgresql_where=_SAID
    )
    _create(
        "proposed_closing",
        {"user_id": "user", "proposed_by_id": "scim_token", "decided_by_id": "user"},
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("proposed_by_id", sa.UUID(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.UUID(), nullable=True),
        sa.Column("is_approved", sa.Boolean(), nullable=True),
        sa.CheckConstraint("(decided_at IS NULL) = (is_approved IS NULL)", name=op.f("ck_proposed_closing_decided")),
        sa.CheckConstraint(
            "is_approved IS NOT TRUE OR decided_by_id IS NOT NULL", name=op.f("ck_proposed_closing_second_person")
        ),
    )
    op.create_index("uq_proposed_closing_open", "proposed_closing", ["user_id"], unique=True, postgresql_where=_WAITS)
    # Whose token it is, and whose closing waits, stays as it was written down.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON scim_token, proposed_closing FROM jit_app")
    op.execute("GRANT UPDATE (revoked_at) ON scim_token TO jit_app")
    op.execute("GRANT UPDATE (decided_at, decided_by_id, is_approved) ON proposed_closing TO jit_app")
    _let_notices_be((*_NOTICES, _NEW_NOTICE))


def _let_notices_be(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_notice_noticekind"), "notice", type_="check")
    op.create_check_constraint(op.f("ck_notice_noticekind"), "notice", sa.column("kind").in_(kinds))


def _create(table: str, pointing: dict[str, str], *columns: sa.Column[Any] | sa.Constraint) -> None:
    created = sa.Column(
        "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
    )
    keys = [
        sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))
        for column, target in pointing.items()
    ]
    own = sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))
    op.create_table(table, *columns, created, sa.Column("id", sa.UUID(), nullable=False), own, *keys)


def downgrade() -> None:
    op.execute(f"DELETE FROM notice WHERE kind = '{_NEW_NOTICE}'")
    _let_notices_be(_NOTICES)
    for table in ("proposed_closing", "announced_person", "scim_token"):
        op.drop_table(table)
