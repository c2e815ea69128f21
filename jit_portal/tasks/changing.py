"""How every change of a task begins and ends: its board is locked first, and the change is one edition of it.

Two people changing one task lose nothing: a change of one kind (moving, editing, assigning) is refused when somebody
else made a change of that kind since the edition acted on, and says who and where; changes of different kinds merge.
Ranks and editions are given out one at a time.
"""

import uuid
from typing import Any

from sqlalchemy import func

from jit_portal import policy
from jit_portal.database import session
from jit_portal.errors import NotFound
from jit_portal.identity.models import User
from jit_portal.tasks.models import Board, Task, TaskChange
from jit_portal.tasks.reasons import require
from jit_portal.vocabulary import May, TaskAct


def locked(actor: User, task_id: uuid.UUID, may: May) -> Task:
    """The task as it is now, if the actor may do this to it, on its locked board: whoever else changes it waits."""
    found = policy.which(actor, Task).where(Task.id == task_id).with_only_columns(Task.board_id)
    board_id = session().scalar(found)
    if board_id is None:
        raise NotFound(may=may, noun="task", object_id=task_id)
    policy.fetch(actor, Board, board_id, lock=True)
    try:
        return policy.fetch(actor, Task, task_id, may, lock=True)
    except NotFound:
        task = policy.fetch(actor, Task, task_id)
        require(actor, may, task)
        return task


def change(actor: User, task: Task, act: TaskAct, **what: Any) -> None:
    """Count the change: it is the task's next edition, made now."""
    task.edition += 1
    task.changed_at = func.clock_timestamp()
    note(actor, task, act, **what)


def note(actor: User, task: Task, act: TaskAct, **what: Any) -> None:
    """Keep what was done at this edition for the task's history."""
    session().add(TaskChange(task_id=task.id, edition=task.edition, act=act, by_id=actor.id, **what))
