"""Whose passkey was used like a copy is told so."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_NOTICES = (
    *("mentioned", "assigned", "asked", "released", "handed_over", "invited"),
    *("entrusted", "entrusting_ended", "taken_back", "signed_in_newly", "strayed", "flagged", "passkey_added"),
    *("closings_wait", "glass_broken"),
)
_NEW_NOTICE = "passkey_copied"


def upgrade() -> None:
    _let_notices_be((*_NOTICES, _NEW_NOTICE))


def _let_notices_be(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_notice_noticekind"), "notice", type_="check")
    op.create_check_constraint(op.f("ck_notice_noticekind"), "notice", sa.column("kind").in_(kinds))


def downgrade() -> None:
    op.execute(f"DELETE FROM notice WHERE kind = '{_NEW_NOTICE}'")
    _let_notices_be(_NOTICES)
