"""The tasks of the demo case."""

import re
from dataclasses import dataclass

from jit_portal.demo.case.tables import rows
from jit_portal.vocabulary import ColumnKind

CITED = re.compile(r"\[\[(exhibit|task):([a-z0-9-]+)\]\]")


@dataclass(frozen=True)
class DemoTask:
    """A task on a board of a JIT; `due_days` counts from today; its party has it, or another is asked."""

    key: str
    jit: str
    board: str
    column: ColumnKind
    party: str
    author: str
    assignee: str | None
    asked: str | None
    due_days: int | None
    title: str
    description: str


def _task(row: dict[str, str]) -> DemoTask:
    jit, board = row["board"].split("/")
    return DemoTask(
        key=row["key"],
        jit=jit,
        board=board,
        column=ColumnKind(row["column"]),
        party=row["party"],
        author=row["by"],
        assignee=row["assignee"] or None,
        asked=row["asked"] or None,
        due_days=int(row["due"]) if row["due"] else None,
        title=row["title"],
        description=row["description"],
    )


TASKS = tuple(_task(row) for row in rows("tasks.txt"))
BY_TASK_KEY = {task.key: task for task in TASKS}
