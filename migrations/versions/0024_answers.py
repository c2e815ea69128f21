"""Whoever hands over an exhibit, or asks another party to take a task, is told of the answer."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_NOTICES = (
    *("mentioned", "assigned", "asked", "released", "handed_over", "invited"),
    *("entrusted", "entrusting_ended", "taken_back", "signed_in_newly", "strayed", "flagged", "passkey_added"),
    *("closings_wait", "glass_broken", "passkey_copied"),
)
_NEW_NOTICES = ("accepted", "declined", "ask_accepted", "ask_declined")


def upgrade() -> None:
    _let_notices_be((*_NOTICES, *_NEW_NOTICES))


def _let_notices_be(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_notice_noticekind"), "notice", type_="check")
    op.create_check_constraint(op.f("ck_notice_noticekind"), "notice", sa.column("kind").in_(kinds))


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM notice WHERE kind = ANY(:new)").bindparams(new=list(_NEW_NOTICES)))
    _let_notices_be(_NOTICES)
