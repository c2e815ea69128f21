"""Card moves by socket: asked for as by a form, told to whoever sees the card, never relayed as received."""

import uuid
from collections.abc import Mapping
from typing import Any

from jit_portal.database import session
from jit_portal.identity.models import User
from jit_portal.realtime.push import Said, carry, tell
from jit_portal.realtime.sockets import receive
from jit_portal.tasks import service
from jit_portal.tasks.forms import read_move
from jit_portal.tasks.models import Task, TaskChange
from jit_portal.vocabulary import ColumnKind
from jit_portal.web.fields import read_id


@receive("task:move")
def move(person: User, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Move a card; the answer is its new place."""
    task_id = read_id(payload.get("task"))
    return {"place": place(service.move_task(person, task_id, **read_move(payload).place()))}


@carry("task")
def push(task: Task, said: Said, hearers: list[uuid.UUID]) -> None:
    """Where a card has gone; every other change is fetched again by each screen, as its reader may see it."""
    if said.act != "task.moved":
        return
    change = session().get(TaskChange, (task.id, task.edition))
    by = change.by if change is not None else None
    tell(hearers, "task_moved", {**place(task), "by": by.name if by else "", "by_id": str(by.id) if by else ""})


def place(task: Task) -> dict[str, Any]:
    """What a screen needs to put a card in its place; the same for everyone who sees it, and without content."""
    return {
        "id": str(task.id),
        "column": str(task.column_id),
        "rank": task.rank,
        "edition": task.edition,
        "is_done": task.column.kind == ColumnKind.DONE,
    }
