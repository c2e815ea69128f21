"""What the pages of boards show, each in a number of queries that does not grow with the cards."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, String, bindparam, cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import UUID

from jit_portal import policy
from jit_portal.database import session
from jit_portal.errors import NotFound
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.policy.person import me
from jit_portal.tasks.models import Board, Column, Task, TaskChange, TaskReference
from jit_portal.vocabulary import ColumnKind, May, Sight

DONE_SHOWN = 50
"""How many finished cards a board shows at first; open ones are all shown."""
_MOVABLE = policy.holds(Task, May.MOVE)
_workspace = bindparam("workspace", type_=UUID(as_uuid=True))
TO_DO = (
    policy.asked(Task)
    .join(Column, Column.id == Task.column_id)
    .where(Task.assignee_id == policy.asker, Column.kind != ColumnKind.DONE)
)
"""The ``asker``'s own tasks that are not done, in all JITs; order, count and narrow them further."""
_BOARDS = policy.asked(Board).where(Board.workspace_id == _workspace).order_by(Board.created_at, Board.id)
_LATEST = (
    policy.asked(Exhibit)
    .where(Exhibit.workspace_id == _workspace)
    .order_by(Exhibit.created_at.desc(), Exhibit.id.desc())
    .limit(5)
)


@dataclass(frozen=True)
class Chosen:
    """Which cards of a board are shown; the default is all of them."""

    whose: str = "all"
    person_id: uuid.UUID | None = None
    party_id: uuid.UUID | None = None
    due: str = ""
    text: str = ""
    all_done: bool = False

    @property
    def count(self) -> int:
        """How many filters hide cards, besides the segment."""
        return sum(map(bool, (self.person_id, self.party_id, self.due, self.text)))


@dataclass
class Lane:
    """A column with its cards, the ids of those that the reader may move, and how many more finished ones it has."""

    column: Column
    cards: list[Task] = field(default_factory=list)
    movable: set[uuid.UUID] = field(default_factory=set)
    hidden: int = 0


def boards(reader: User, workspace_id: uuid.UUID) -> Sequence[Board]:
    """Every board of the workspace that exists for this reader, oldest first."""
    return session().scalars(_BOARDS, {"workspace": workspace_id, "asker": reader.id}).all()


def board_of(seen: Sequence[Board], board_id: uuid.UUID | None) -> Board | None:
    """The board asked for, or the first; NotFound when the one asked for is not among those seen."""
    if board_id is None:
        return seen[0] if seen else None
    for board in seen:
        if board.id == board_id:
            return board
    raise NotFound(noun="board", object_id=board_id)


def lanes(reader: User, board: Board, chosen: Chosen, today: dt.date) -> list[Lane]:
    found = {column.id: Lane(column) for column in board.columns}
    wanted = _narrowed(reader, board, chosen, today)
    done = [column.id for column in board.columns if column.kind == ColumnKind.DONE]
    cards = wanted.add_columns(_MOVABLE).order_by(Task.rank, Task.number)
    if not chosen.all_done:
        first = wanted.where(Task.column_id.in_(done)).order_by(Task.rank, Task.number).limit(DONE_SHOWN + 1)
        shown = first.with_only_columns(Task.id).correlate(None)
        cards = cards.where(or_(Task.column_id.not_in(done), Task.id.in_(shown)))
    for task, is_movable in session().execute(cards):
        found[task.column_id].cards.append(task)
        if is_movable:
            found[task.column_id].movable.add(task.id)
    for column_id in done:
        lane = found[column_id]
        if not chosen.all_done and len(lane.cards) > DONE_SHOWN:
            counted = wanted.where(Task.column_id == column_id).with_only_columns(func.count())
            lane.cards = lane.cards[:DONE_SHOWN]
            lane.hidden = max(0, (session().scalar(counted) or 0) - DONE_SHOWN)
    return list(found.values())


def history(task: Task) -> Sequence[TaskChange]:
    """Every change of the task, newest first; the caller has fetched the task."""
    changes = select(TaskChange).where(TaskChange.task_id == task.id).order_by(TaskChange.edition.desc())
    return session().scalars(changes).all()


def mine(reader: User) -> Sequence[Task]:
    """The open tasks that the reader has, over all JITs: the most overdue first, those without a date last."""
    ordered = TO_DO.order_by(Task.due_on.asc().nulls_last(), Task.created_at)
    return session().scalars(ordered, {"asker": reader.id}).all()


def asked(reader: User) -> Sequence[Task]:
    """The tasks that the reader's parties are asked to take, where the reader is to answer."""
    return session().scalars(policy.which(reader, Task, May.ANSWER).order_by(Task.changed_at)).all()


def latest_exhibits(reader: User, workspace_id: uuid.UUID) -> list[tuple[Exhibit, Sight]]:
    """The newest exhibits that the reader sees, and how far."""
    newest = session().scalars(_LATEST, {"workspace": workspace_id, "asker": reader.id}).all()
    sights = policy.sights(reader, newest)
    return [(exhibit, sights[exhibit.id]) for exhibit in newest if exhibit.id in sights]


def _narrowed(reader: User, board: Board, chosen: Chosen, today: dt.date) -> Select[Task]:
    wanted = policy.which(reader, Task).where(Task.board_id == board.id)
    conditions: list[ColumnElement[bool]] = []
    if chosen.whose == "mine":
        conditions.append(Task.assignee_id == reader.id)
    if chosen.whose == "party":
        conditions.append(or_(Task.party_id == me.party_id, Task.asked_party_id == me.party_id))
    if chosen.person_id is not None:
        conditions.append(Task.assignee_id == chosen.person_id)
    if chosen.party_id is not None:
        conditions.append(Task.party_id == chosen.party_id)
    if chosen.due:
        conditions.append(_due(chosen.due, today))
    if chosen.text:
        conditions.append(_says(reader, chosen.text))
    return wanted.where(*conditions)


def _due(due: str, today: dt.date) -> ColumnElement[bool]:
    match due:
        case "overdue":
            return Task.due_on < today
        case "week":
            return Task.due_on.between(today, today + dt.timedelta(days=7))
        case "none":
            return Task.due_on.is_(None)
        case _:
            return Task.due_on.is_not(None)


def _says(reader: User, text: str) -> ColumnElement[bool]:
    """Title, key, or description; not one that cites exhibits or a hidden task, for a hit would tell which."""
    seen = policy.which(reader, Task).with_only_columns(Task.id).correlate(None)
    tells = or_(TaskReference.noun == "exhibit", TaskReference.object_id.not_in(seen))
    cites = exists().where(TaskReference.task_id == Task.id, tells).correlate(Task)
    return or_(
        Task.title.icontains(text, autoescape=True),
        (Board.prefix + "-" + cast(Task.number, String)).icontains(text, autoescape=True),
        Task.description.icontains(text, autoescape=True) & ~cites,
    )
