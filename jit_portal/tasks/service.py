"""The verbs on tasks: create, edit, move, delete. Whose a task is, ``assigning`` changes."""

import datetime as dt
import uuid

from sqlalchemy import Select, func, select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import NotFound
from jit_portal.identity.models import User
from jit_portal.policy.person import person
from jit_portal.tasks import assigning, citations, ranks
from jit_portal.tasks.changing import change, locked, note
from jit_portal.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH, Board, Column, Task
from jit_portal.tasks.reasons import refuse_stale, require
from jit_portal.tasks.texts import line, text
from jit_portal.vocabulary import May, TaskAct
from jit_portal.workspaces.own import own_membership


def create_task(
    actor: User,
    board_id: uuid.UUID,
    column_id: uuid.UUID,
    title: str,
    description: str = "",
    due_on: dt.date | None = None,
    *,
    token: uuid.UUID | None = None,
    ask_party_id: uuid.UUID | None = None,
) -> Task:
    """Put a new task of the actor's own party on top of a column, and ask another party to take it where one is named.

    The same ``token`` and title again answer the task that they created before.
    """
    with transaction():
        board = policy.fetch(actor, Board, board_id, lock=True)
        require(actor, May.CREATE_TASK, board)
        said = line(title, "title", TITLE_LENGTH)
        if (before := _created_with(actor, token, said)) is not None:
            return before
        column = _column(board, column_id)
        board.last_number += 1
        task = Task(
            board=board,
            column=column,
            party=own_membership(actor, board.workspace_id).party,
            number=board.last_number,
            rank=ranks.between(None, _first_rank(actor, column)),
            title=said,
            description=text(description, "description", DESCRIPTION_LENGTH),
            due_on=due_on,
            token=token or uuid.uuid4(),
            created_by_id=actor.id,
        )
        session().add(task)
        session().flush()
        citations.refer(actor, task)
        note(actor, task, TaskAct.CREATED, column_id=column.id)
        asked = None if ask_party_id == task.party.id else ask_party_id
        if asked is not None:
            locked(actor, task.id, May.ASSIGN)
            assigning.put_question(actor, task, asked, "")
        audit.record(actor, "task.created", task, board=board.id, column=column.id)
        if asked is not None:
            audit.record(actor, "task.asked", task, edition=task.edition, party=asked)
    return task


def edit_task(
    actor: User, task_id: uuid.UUID, edition: int, title: str, description: str, due_on: dt.date | None
) -> Task:
    """Write a task anew; ``description`` is as ``citations.masked`` showed it to the actor, changed at will."""
    with transaction():
        task = locked(actor, task_id, May.EDIT)
        refuse_stale(actor, task, edition, TaskAct.EDITED)
        typed = text(description, "description", DESCRIPTION_LENGTH)
        kept = text(citations.unmask(task, typed), "description", DESCRIPTION_LENGTH)
        said = {"title": line(title, "title", TITLE_LENGTH), "description": kept, "due_on": due_on}
        changed = sorted(name for name, value in said.items() if getattr(task, name) != value)
        if changed:
            change(actor, task, TaskAct.EDITED, title=task.title, description=task.description)
            for name in changed:
                setattr(task, name, said[name])
            citations.refer(actor, task)
            audit.record(actor, "task.edited", task, edition=task.edition, changed=changed)
    return task


def move_task(
    actor: User,
    task_id: uuid.UUID,
    edition: int,
    column_id: uuid.UUID,
    *,
    before_id: uuid.UUID | None = None,
    after_id: uuid.UUID | None = None,
) -> Task:
    """Move a card to a column: right before or after another card there, or on top.

    A neighbour that left the column meanwhile, or was deleted, no longer counts. Two who bring a card to the same
    column agree.
    """
    with transaction():
        task = locked(actor, task_id, May.MOVE)
        column = _column(task.board, column_id)
        if edition < task.edition and column is task.column and before_id is None and after_id is None:
            return task
        refuse_stale(actor, task, edition, TaskAct.MOVED)
        task.rank = _rank(actor, task, column, before_id, after_id)
        left = task.column_id
        task.column = column
        change(actor, task, TaskAct.MOVED, column_id=column.id)
        audit.record(actor, "task.moved", task, edition=task.edition, left=left, to=column.id)
    return task


def delete(actor: User, task_id: uuid.UUID) -> None:
    """Take the task off the board for everyone; what it said is kept, out of sight."""
    with transaction():
        task = locked(actor, task_id, May.DELETE)
        saw = list(session().scalars(policy.who(task).with_only_columns(person.id)))
        task.deleted_at = func.clock_timestamp()
        change(actor, task, TaskAct.DELETED)
        audit.record(actor, "task.deleted", task, also=saw, edition=task.edition)


def _created_with(actor: User, token: uuid.UUID | None, title: str) -> Task | None:
    same = (Task.created_by_id == actor.id, Task.token == token, Task.title == title)
    return session().scalar(policy.which(actor, Task).where(*same).limit(1))


def _column(board: Board, column_id: uuid.UUID) -> Column:
    for column in board.columns:
        if column.id == column_id:
            return column
    raise NotFound(noun="board_column", object_id=column_id)


def _cards(actor: User, column: Column) -> Select[Task]:
    return policy.which(actor, Task).where(Task.column_id == column.id)


def _first_rank(actor: User, column: Column) -> str | None:
    return session().scalar(_cards(actor, column).with_only_columns(func.min(Task.rank)))


def _rank(actor: User, task: Task, column: Column, before_id: uuid.UUID | None, after_id: uuid.UUID | None) -> str:
    others = _cards(actor, column).where(Task.id != task.id)
    neighbour_id = after_id or before_id
    if neighbour_id is not None and neighbour_id != task.id and not _is_deleted(task.board, neighbour_id):
        neighbour = policy.fetch(actor, Task, neighbour_id)
        if neighbour.board_id != task.board_id:
            raise NotFound(noun="task", object_id=neighbour_id)
        if neighbour.column_id == column.id and after_id is not None:
            above = others.where(Task.rank > neighbour.rank).with_only_columns(func.min(Task.rank))
            return ranks.between(neighbour.rank, session().scalar(above))
        if neighbour.column_id == column.id:
            below = others.where(Task.rank < neighbour.rank).with_only_columns(func.max(Task.rank))
            return ranks.between(session().scalar(below), neighbour.rank)
    return ranks.between(None, session().scalar(others.with_only_columns(func.min(Task.rank))))


def _is_deleted(board: Board, task_id: uuid.UUID) -> bool:
    """Whether it was a card of this board, which the caller has locked, and is none any more."""
    gone = select(Task.id).where(Task.id == task_id, Task.board_id == board.id, Task.deleted_at.is_not(None))
    return session().scalar(gone.execution_options(policy=True)) is not None
