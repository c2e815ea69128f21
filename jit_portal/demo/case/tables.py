"""Reads the tables in which the demo case is written: one row a line, cells parted by a bar."""

from importlib.resources import files

_FOLDER = files(__package__) / "tables"


def lines(name: str) -> list[str]:
    """The lines of a table that say something: no comments, no blank ones."""
    text = (_FOLDER / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a table whose first line names its columns; raises ValueError on a row that does not fit them."""
    header, *body = (_cells(line) for line in lines(name))
    for cells in body:
        if len(cells) != len(header):
            raise ValueError(f"{name}: {len(cells)} cells for {len(header)} columns: {cells[:2]}")
    return [dict(zip(header, cells, strict=True)) for cells in body]


def words(cell: str) -> tuple[str, ...]:
    """The parts of a cell that holds a list, written with commas."""
    return tuple(part.strip() for part in cell.split(",") if part.strip())


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]
