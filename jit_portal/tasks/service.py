"""The verbs on tasks: create, edit, move, assign, take, give back, ask another party and answer, delete.

Two people changing one task lose nothing: a change of one kind (moving, editing, assigning) is refused when somebody
else made a change of that kind since the edition acted on, and says who and where; changes of different kinds merge.
Every change locks the board first, so that ranks and editions are given out one at a time.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotFound, Refused
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.notices import service as notices
from jit_portal.policy.person import person
from jit_portal.tasks import citations, people, ranks
from jit_portal.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH, Board, Column, Task, TaskChange
from jit_portal.tasks.reasons import refuse_stale, require
from jit_portal.tasks.texts import line, text
from jit_portal.vocabulary import May, NoticeKind, TaskAct
from jit_portal.wording import country, gettext

REASON_LENGTH = 1000
_WHO_HAS_IT = (
    TaskAct.ASSIGNED,
    TaskAct.TAKEN,
    TaskAct.GIVEN_BACK,
    TaskAct.ASKED,
    TaskAct.UNASKED,
    TaskAct.ACCEPTED,
    TaskAct.DECLINED,
)


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
            party=people.own_party(actor, board.workspace_id),
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
        _note(actor, task, TaskAct.CREATED, column_id=column.id)
        asked = None if ask_party_id == task.party.id else ask_party_id
        if asked is not None:
            _locked(actor, task.id, May.ASSIGN)
            _put_question(actor, task, asked, "")
        audit.record(actor, "task.created", task, board=board.id, column=column.id)
        if asked is not None:
            audit.record(actor, "task.asked", task, edition=task.edition, party=asked)
    return task


def edit_task(
    actor: User, task_id: uuid.UUID, edition: int, title: str, description: str, due_on: dt.date | None
) -> Task:
    """Write a task anew; ``description`` is as ``citations.masked`` showed it to the actor, changed at will."""
    with transaction():
        task = _locked(actor, task_id, May.EDIT)
        refuse_stale(actor, task, edition, TaskAct.EDITED)
        typed = text(description, "description", DESCRIPTION_LENGTH)
        kept = text(citations.unmask(task, typed), "description", DESCRIPTION_LENGTH)
        said = {"title": line(title, "title", TITLE_LENGTH), "description": kept, "due_on": due_on}
        changed = sorted(name for name, value in said.items() if getattr(task, name) != value)
        if changed:
            _change(actor, task, TaskAct.EDITED, title=task.title, description=task.description)
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

    A neighbour that has left the column meanwhile no longer counts. Two who bring a card to the same column agree.
    """
    with transaction():
        task = _locked(actor, task_id, May.MOVE)
        column = _column(task.board, column_id)
        if edition < task.edition and column is task.column and before_id is None and after_id is None:
            return task
        refuse_stale(actor, task, edition, TaskAct.MOVED)
        task.rank = _rank(actor, task, column, before_id, after_id)
        left = task.column_id
        task.column = column
        _change(actor, task, TaskAct.MOVED, column_id=column.id)
        audit.record(actor, "task.moved", task, edition=task.edition, left=left, to=column.id)
    return task


def assign(actor: User, task_id: uuid.UUID, edition: int, person_id: uuid.UUID) -> Task:
    """Give the task to a person of the party that owns it; a question to another party is taken back by that."""
    with transaction():
        task = _locked(actor, task_id, May.ASSIGN)
        refuse_stale(actor, task, edition, *_WHO_HAS_IT)
        if task.assignee_id == person_id:
            return task
        task.assignee = _candidate(task, task.party_id, person_id)
        task.asked_party = None
        _change(actor, task, TaskAct.ASSIGNED, person_id=person_id)
        notices.tell(NoticeKind.ASSIGNED, task, [person_id], actor)
        audit.record(actor, "task.assigned", task, edition=task.edition, person=person_id)
    return task


def take(actor: User, task_id: uuid.UUID) -> Task:
    """Take an unassigned task of one's own party."""
    with transaction():
        task = _locked(actor, task_id, May.TAKE)
        task.assignee = session().get_one(User, actor.id)
        _change(actor, task, TaskAct.TAKEN, person_id=actor.id)
        audit.record(actor, "task.taken", task, edition=task.edition)
    return task


def give_back(actor: User, task_id: uuid.UUID, edition: int) -> Task:
    """Leave the task to whoever of its party takes it next."""
    with transaction():
        task = _locked(actor, task_id, May.GIVE_BACK)
        refuse_stale(actor, task, edition, *_WHO_HAS_IT)
        _change(actor, task, TaskAct.GIVEN_BACK, person_id=task.assignee_id)
        task.assignee = None
        audit.record(actor, "task.given_back", task, edition=task.edition)
    return task


def ask(actor: User, task_id: uuid.UUID, edition: int, party_id: uuid.UUID, because: str) -> Task:
    """Ask another party of the JIT to take the task: a leader of theirs accepts and assigns, or declines.

    The same asked again is one question.
    """
    with transaction():
        task = _locked(actor, task_id, May.ASSIGN)
        refuse_stale(actor, task, edition, *_WHO_HAS_IT)
        said = text(because, "because", REASON_LENGTH)
        if (task.asked_party_id, task.asked_because) == (party_id, said):
            return task
        _put_question(actor, task, party_id, said)
        audit.record(actor, "task.asked", task, edition=task.edition, party=party_id)
    return task


def _put_question(actor: User, task: Task, party_id: uuid.UUID, because: str) -> None:
    task.asked_party = _other_party(task, party_id)
    leaders = _leaders(task, task.asked_party)
    task.asked_because = because
    task.declined_because = ""
    task.assignee = None
    _change(actor, task, TaskAct.ASKED, party_id=party_id, reason=because)
    notices.tell(NoticeKind.ASKED, task, leaders, actor)


def stop_asking(actor: User, task_id: uuid.UUID, edition: int) -> Task:
    """Take the question to another party back."""
    with transaction():
        task = _locked(actor, task_id, May.ASSIGN)
        refuse_stale(actor, task, edition, *_WHO_HAS_IT)
        if task.asked_party is None:
            raise Refused(gettext("No party is asked to take this task."))
        _change(actor, task, TaskAct.UNASKED, party_id=task.asked_party_id)
        task.asked_party = None
        audit.record(actor, "task.unasked", task, edition=task.edition)
    return task


def accept(actor: User, task_id: uuid.UUID, edition: int, person_id: uuid.UUID) -> Task:
    """The asked party takes the task over, and one of its people has it."""
    with transaction():
        task = _locked(actor, task_id, May.ANSWER)
        refuse_stale(actor, task, edition, *_WHO_HAS_IT)
        asked, asking = task.asked_party, task.party_id
        assert asked is not None, "the rule says that a party is asked"
        task.assignee = _candidate(task, asked.id, person_id)
        task.party, task.asked_party = asked, None
        _change(actor, task, TaskAct.ACCEPTED, party_id=asked.id, person_id=person_id)
        notices.tell(NoticeKind.ASSIGNED, task, [person_id], actor)
        notices.tell(NoticeKind.ASK_ACCEPTED, task, _askers(task), actor)
        audit.record(actor, "task.accepted", task, edition=task.edition, asking=asking, person=person_id)
    return task


def decline(actor: User, task_id: uuid.UUID, edition: int, because: str) -> Task:
    """The asked party does not take the task, and says why."""
    with transaction():
        task = _locked(actor, task_id, May.ANSWER)
        refuse_stale(actor, task, edition, *_WHO_HAS_IT)
        task.declined_because = text(because, "because", REASON_LENGTH)
        if not task.declined_because:
            raise Invalid(gettext("Say why your party does not take it."), field="because")
        declining = task.asked_party_id
        _change(actor, task, TaskAct.DECLINED, party_id=declining, reason=task.declined_because)
        notices.tell(NoticeKind.ASK_DECLINED, task, _askers(task), actor)
        task.asked_party = None
        audit.record(actor, "task.declined", task, edition=task.edition, party=declining)
    return task


def delete(actor: User, task_id: uuid.UUID) -> None:
    """Take the task off the board for everyone; what it said is kept, out of sight."""
    with transaction():
        task = _locked(actor, task_id, May.DELETE)
        saw = list(session().scalars(policy.who(task).with_only_columns(person.id)))
        task.deleted_at = func.clock_timestamp()
        _change(actor, task, TaskAct.DELETED)
        audit.record(actor, "task.deleted", task, also=saw, edition=task.edition)


def _created_with(actor: User, token: uuid.UUID | None, title: str) -> Task | None:
    same = (Task.created_by_id == actor.id, Task.token == token, Task.title == title)
    return session().scalar(policy.which(actor, Task).where(*same).limit(1))


def _locked(actor: User, task_id: uuid.UUID, may: May) -> Task:
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


def _change(actor: User, task: Task, act: TaskAct, **what: Any) -> None:
    task.edition += 1
    task.changed_at = func.clock_timestamp()
    _note(actor, task, act, **what)


def _note(actor: User, task: Task, act: TaskAct, **what: Any) -> None:
    session().add(TaskChange(task_id=task.id, edition=task.edition, act=act, by_id=actor.id, **what))


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
    if neighbour_id is not None and neighbour_id != task.id:
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


def _candidate(task: Task, party_id: uuid.UUID, person_id: uuid.UUID) -> User:
    for each in people.candidates(task, party_id):
        if each.id == person_id:
            return each
    raise Invalid(gettext("Choose one of your own party's people who see this board."), field="person")


def _other_party(task: Task, party_id: uuid.UUID) -> Party:
    for party in policy.parties_of([task.board.workspace.jit_id]):
        if party.id == party_id and party.id != task.party_id:
            return party
    raise Invalid(gettext("Choose another party of this JIT."), field="party")


def _askers(task: Task) -> Sequence[uuid.UUID]:
    asked = select(TaskChange.by_id).where(TaskChange.task_id == task.id, TaskChange.act == TaskAct.ASKED)
    return session().scalars(asked.order_by(TaskChange.edition.desc()).limit(1)).all()


def _leaders(task: Task, party: Party) -> Sequence[uuid.UUID]:
    found = people.leaders(task, party.id)
    if not found:
        raise Refused(
            gettext("Nobody who leads for %(party)s sees this board, so nobody could answer.", party=country(party))
        )
    return found
