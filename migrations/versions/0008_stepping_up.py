"""A login knows when its person last proved who she is; acts wait for that, and a passkey can stand in."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NOTICES = (
    *("mentioned", "assigned", "asked", "released", "handed_over", "invited"),
    *("entrusted", "entrusting_ended", "taken_back", "signed_in_newly", "strayed", "flagged"),
)
_NEW_NOTICE = "passkey_added"


def upgrade() -> None:
    op.add_column("login_session", sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("login_session", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("identity_provider", sa.Column("proves_anew", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.alter_column("identity_provider", "proves_anew", server_default=None)
    op.add_column("login_attempt", sa.Column("login_id", sa.UUID(), nullable=True))
    op.create_foreign_key(op.f("fk_login_attempt_login_id"), "login_attempt", "login_session", ["login_id"], ["id"])
    _of_a_login(
        "waiting_act",
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("sent_from", sa.Text(), nullable=False),
        sa.Column("form", postgresql.JSONB(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("object_id", sa.UUID(), nullable=False),
        _created_at(),
    )
    op.create_index(op.f("ix_waiting_act_login_id"), "waiting_act", ["login_id"])
    _of_a_login(
        "passkey_challenge",
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("is_enrolment", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("challenge", name=op.f("uq_passkey_challenge_challenge")),
    )
    op.create_table(
        "passkey",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        _created_at(),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("flagged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_passkey_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
    )
    op.create_index(op.f("ix_passkey_user_id"), "passkey", ["user_id"])
    # What a passkey is stays as it was enrolled; only its use is written down.
    op.execute("REVOKE UPDATE ON passkey FROM jit_app")
    op.execute("GRANT UPDATE (sign_count, last_used_at, flagged_at) ON passkey TO jit_app")
    _let_notices_be((*_NOTICES, _NEW_NOTICE))


def _let_notices_be(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_notice_noticekind"), "notice", type_="check")
    op.create_check_constraint(op.f("ck_notice_noticekind"), "notice", sa.column("kind").in_(kinds))


def _created_at() -> sa.Column[Any]:
    now = sa.text("clock_timestamp()")
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False)


def _of_a_login(table: str, *columns: sa.Column[Any] | sa.Constraint) -> None:
    """A table of what one person has under way in one login until a moment."""
    op.create_table(
        table,
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("login_id", sa.UUID(), nullable=False),
        *columns,
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(["login_id"], ["login_session.id"], name=op.f(f"fk_{table}_login_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f(f"fk_{table}_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_expires_at"), table, ["expires_at"])


def downgrade() -> None:
    op.execute(f"DELETE FROM notice WHERE kind = '{_NEW_NOTICE}'")
    _let_notices_be(_NOTICES)
    for table in ("passkey", "passkey_challenge", "waiting_act"):
        op.drop_table(table)
    op.drop_constraint(op.f("fk_login_attempt_login_id"), "login_attempt")
    op.drop_column("login_attempt", "login_id")
    op.drop_column("identity_provider", "proves_anew")
    for column in ("confirmed_at", "proved_at"):
        op.drop_column("login_session", column)
