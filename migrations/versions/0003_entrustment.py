"""Who is entrusted with releasing for a party: rows that the app's role adds and closes, and never changes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IMMUTABLE = """
REVOKE UPDATE, DELETE, TRUNCATE ON entrustment FROM jit_app;
GRANT UPDATE (live_until, closed_by_id) ON entrustment TO jit_app;
"""
NOTICES = ("mentioned", "assigned", "asked", "released", "handed_over", "invited")
NEW_NOTICES = ("entrusted", "entrusting_ended")


def upgrade() -> None:
    op.create_table(
        "entrustment",
        sa.Column("workspace_id", sa.UUID(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("sight", sa.SmallInteger(), nullable=False),
        sa.Column("live_from", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("live_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entrusted_by_id", sa.UUID(), nullable=False),
        sa.Column("closed_by_id", sa.UUID(), nullable=True),
        sa.Column("id", sa.UUID(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("party_id"), "="),
            (sa.column("user_id"), "="),
            (sa.text("tstzrange(live_from, live_until)"), "&&"),
            using="gist",
            name="ex_entrustment_one_live",
        ),
        sa.CheckConstraint("sight BETWEEN 1 AND 4", name=op.f("ck_entrustment_sight")),
        sa.ForeignKeyConstraint(["closed_by_id"], ["user.id"], name=op.f("fk_entrustment_closed_by_id")),
        sa.ForeignKeyConstraint(["entrusted_by_id"], ["user.id"], name=op.f("fk_entrustment_entrusted_by_id")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_entrustment_party_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_entrustment_user_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_entrustment_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entrustment")),
    )
    op.execute(IMMUTABLE)
    _let_notices_be((*NOTICES, *NEW_NOTICES))


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM notice WHERE kind = ANY(:new)").bindparams(new=list(NEW_NOTICES)))
    _let_notices_be(NOTICES)
    op.drop_table("entrustment")


def _let_notices_be(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_notice_noticekind"), "notice", type_="check")
    op.create_check_constraint(op.f("ck_notice_noticekind"), "notice", sa.column("kind").in_(kinds))
