"""A workspace opens with things that have no name of their own, and columns go by their kind, in the reader's words."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_FIRST = {"channel": "everyone", "board": "Action plan"}
_COLUMNS = {"todo": "To do", "doing": "In progress", "partner": "With partner", "done": "Done"}


def upgrade() -> None:
    for table, name in _FIRST.items():
        op.alter_column(table, "name", nullable=True)
        op.execute(sa.text(f"UPDATE {table} SET name = NULL WHERE name = :name").bindparams(name=name))
    op.drop_column("board_column", "name")


def downgrade() -> None:
    op.add_column("board_column", sa.Column("name", sa.Text()))
    for kind, name in _COLUMNS.items():
        naming = sa.text("UPDATE board_column SET name = :name WHERE kind = :kind")
        op.execute(naming.bindparams(name=name, kind=kind))
    op.alter_column("board_column", "name", nullable=False)
    for table, name in _FIRST.items():
        op.execute(sa.text(f"UPDATE {table} SET name = :name WHERE name IS NULL").bindparams(name=name))
        op.alter_column(table, "name", nullable=False)
