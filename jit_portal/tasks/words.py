"""What boards and columns are called in the reader's language."""

from flask_babel import lazy_gettext as _

from jit_portal.tasks.models import Board, Column
from jit_portal.vocabulary import ColumnKind
from jit_portal.wording import gettext

COLUMNS = {
    ColumnKind.TODO: _("To do"),
    ColumnKind.DOING: _("In progress"),
    ColumnKind.PARTNER: _("With partner"),
    ColumnKind.DONE: _("Done"),
}


def column_name(column: Column) -> str:
    """A column goes by its kind."""
    return str(COLUMNS[column.kind])


def board_name(board: Board) -> str:
    """Its own name, or what the board that a workspace opens with is called."""
    return board.own_name or gettext("Action plan")
