"""Limits of sign-ins by country, where sign-ins come from, and what a country's administrator keeps of its people."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_LIMITS = {"idle_minutes": (5, 30), "absolute_hours": (1, 12), "most_logins": (1, 5)}
_NOTICES = (
    *("mentioned", "assigned", "asked", "released", "handed_over", "invited"),
    *("entrusted", "entrusting_ended", "taken_back"),
)
_NEW_NOTICES = ("signed_in_newly", "strayed", "flagged")
_OF_PEOPLE = ("claimed_name", "claimed_authority_id", "closed_because", "confirmed_at", "opened_at")
_OF_LOGINS: dict[str, tuple[sa.types.TypeEngine[Any], str]] = {
    "idle_minutes": (sa.SmallInteger(), "30"),
    "is_new_device": (sa.Boolean(), "false"),
    "is_new_network": (sa.Boolean(), "false"),
    "strayed_address": (sa.Text(), "''"),
    "strayed_browser": (sa.Text(), "''"),
}


def upgrade() -> None:
    for limit, (least, most) in _LIMITS.items():
        _add_filled("identity_provider", limit, sa.SmallInteger(), str(most))
        check = op.f(f"ck_identity_provider_{limit}")
        op.create_check_constraint(check, "identity_provider", f"{limit} BETWEEN {least} AND {most}")
    for column, (kind, before) in _OF_LOGINS.items():
        _add_filled("login_session", column, kind, before)
    op.add_column("login_session", sa.Column("strayed_at", sa.DateTime(timezone=True)))
    op.add_column("user", sa.Column("claimed_name", sa.Text()))
    op.add_column("user", sa.Column("claimed_authority_id", sa.UUID()))
    op.create_foreign_key(op.f("fk_user_claimed_authority_id"), "user", "authority", ["claimed_authority_id"], ["id"])
    op.add_column("user", sa.Column("closed_because", sa.Text()))
    for moment in ("confirmed_at", "opened_at"):
        now = sa.text("clock_timestamp()")
        op.add_column("user", sa.Column(moment, sa.DateTime(timezone=True), nullable=False, server_default=now))
    _let_notices_be((*_NOTICES, *_NEW_NOTICES))


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM notice WHERE kind = ANY(:new)").bindparams(new=list(_NEW_NOTICES)))
    _let_notices_be(_NOTICES)
    for column in _OF_PEOPLE:
        op.drop_column("user", column)
    for column in ("strayed_at", *_OF_LOGINS):
        op.drop_column("login_session", column)
    for limit in _LIMITS:
        op.drop_column("identity_provider", limit)


def _add_filled(table: str, column: str, kind: sa.types.TypeEngine[Any], before: str) -> None:
    """A column that must be filled, and is in the rows that are there already."""
    op.add_column(table, sa.Column(column, kind, nullable=False, server_default=sa.text(before)))
    op.alter_column(table, column, server_default=None)


def _let_notices_be(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_notice_noticekind"), "notice", type_="check")
    op.create_check_constraint(op.f("ck_notice_noticekind"), "notice", sa.column("kind").in_(kinds))
