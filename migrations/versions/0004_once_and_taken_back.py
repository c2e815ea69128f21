"""Releases and country rules know the form that made them; what was offered can be taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MAKERS = {"release": ("exhibit_id", "released_by_id", "token"), "country_rule": ("party_id", "set_by_id", "token")}
_STEPS = ("received", "handed_over", "accepted", "declined")
_NOTICES = ("mentioned", "assigned", "asked", "released", "handed_over", "invited", "entrusted", "entrusting_ended")


def upgrade() -> None:
    for table, once in _MAKERS.items():
        made_before = sa.text("gen_random_uuid()")
        op.add_column(table, sa.Column("token", sa.UUID(), nullable=False, server_default=made_before))
        op.alter_column(table, "token", server_default=None)
        op.create_unique_constraint(f"uq_{table}_{'_'.join(once)}", table, list(once))
    _allow("custody_event", "custodystep", "step", (*_STEPS, "taken_back"))
    _allow("notice", "noticekind", "kind", (*_NOTICES, "taken_back"))


def downgrade() -> None:
    _allow("notice", "noticekind", "kind", _NOTICES)
    _allow("custody_event", "custodystep", "step", _STEPS)
    for table, once in _MAKERS.items():
        op.drop_constraint(f"uq_{table}_{'_'.join(once)}", table)
        op.drop_column(table, "token")


def _allow(table: str, name: str, column: str, words: tuple[str, ...]) -> None:
    op.drop_constraint(f"ck_{table}_{name}", table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, sa.column(column).in_(words))
