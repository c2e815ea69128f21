"""Accounts of two security keys for when national logins are down or hostile, and each time that one was opened."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NOTICES = (
    *("mentioned", "assigned", "asked", "released", "handed_over", "invited"),
    *("entrusted", "entrusting_ended", "taken_back", "signed_in_newly", "strayed", "flagged", "passkey_added"),
    "closings_wait",
)
_NEW_NOTICE = "glass_broken"
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create(
        "glass_account",
        {"user_id": "user"},
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("link_hash", sa.LargeBinary(), nullable=False),
        sa.Column("link_expires_at", _MOMENT, nullable=False),
        sa.Column("enrolled_at", _MOMENT, nullable=True),
        sa.Column("created_at", _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.UniqueConstraint("user_id", name=op.f("uq_glass_account_user_id")),
        sa.UniqueConstraint("link_hash", name=op.f("uq_glass_account_link_hash")),
    )
    _create(
        "glass_challenge",
        {"account_id": "glass_account", "first_key_id": "passkey"},
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=True),
        sa.Column("first_key_id", sa.UUID(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.UniqueConstraint("challenge", name=op.f("uq_glass_challenge_challenge")),
        sa.CheckConstraint("step IN ('enrolment', 'first', 'second')", name=op.f("ck_glass_challenge_glassstep")),
    )
    op.create_index(op.f("ix_glass_challenge_expires_at"), "glass_challenge", ["expires_at"])
    _create(
        "glass_opening",
        {"user_id": "user", "login_id": "login_session"},
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("login_id", sa.UUID(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.CheckConstraint(
            "ends_at > opened_at AND ends_at <= opened_at + interval '60 minutes'",
            name=op.f("ck_glass_opening_an_hour"),
        ),
    )
    op.create_index(op.f("ix_glass_opening_user_id"), "glass_opening", ["user_id"])
    # Whose keys they are, and who broke the glass, stays as it was written down.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON glass_account, glass_opening FROM jit_app")
    op.execute("GRANT UPDATE (enrolled_at) ON glass_account TO jit_app")
    _let_notices_be((*_NOTICES, _NEW_NOTICE))


def _create(table: str, pointing: dict[str, str], *columns: sa.Column[object] | sa.Constraint) -> None:
    keys = [
        sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))
        for column, target in pointing.items()
    ]
    own = sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))
    op.create_table(table, *columns, sa.Column("id", sa.UUID(), nullable=False), own, *keys)


def _let_notices_be(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_notice_noticekind"), "notice", type_="check")
    op.create_check_constraint(op.f("ck_notice_noticekind"), "notice", sa.column("kind").in_(kinds))


def downgrade() -> None:
    op.execute(f"DELETE FROM notice WHERE kind = '{_NEW_NOTICE}'")
    _let_notices_be(_NOTICES)
    for table in ("glass_opening", "glass_challenge", "glass_account"):
        op.drop_table(table)
