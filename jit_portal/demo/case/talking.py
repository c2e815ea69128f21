"""Fills the boards and channels of a JIT of the demo case: tasks, messages, and how far everyone has read."""

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import select

from jit_portal.database import session
from jit_portal.demo.case.filling import Parties, Vault, name_of
from jit_portal.demo.case.founding import People
from jit_portal.demo.case.messages import MESSAGES, DemoMessage
from jit_portal.demo.case.people import BY_SUBJECT
from jit_portal.demo.case.shapes import DemoJit, Room
from jit_portal.demo.case.tasks import CITED, TASKS, DemoTask
from jit_portal.messages import channels, references
from jit_portal.messages import service as messages
from jit_portal.messages.channels import ChannelWish
from jit_portal.messages.models import Channel
from jit_portal.tasks import assigning, boards
from jit_portal.tasks import service as tasks
from jit_portal.tasks.models import Board, Column, Task
from jit_portal.vocabulary import INVESTIGATORS, Audience, ColumnKind
from jit_portal.workspaces.models import Workspace


@dataclass(frozen=True)
class Place:
    """A JIT of the case as it stands in the portal."""

    demo: DemoJit
    workspace: Workspace
    parties: Parties
    people: People
    vault: Vault


def tasks_of(demo: DemoJit) -> Iterator[DemoTask]:
    """The tasks of a JIT in the order in which they were written."""
    return (task for task in TASKS if task.jit == demo.key)


def messages_of(demo: DemoJit) -> list[tuple[int, DemoMessage]]:
    """The messages of a JIT in the order in which they were said, each with its number in the case."""
    said = [(number, message) for number, message in enumerate(MESSAGES) if message.jit == demo.key]
    return sorted(said, key=lambda each: -each[1].minutes_ago)


def _opener(place: Place, room: Room) -> str:
    """Who opens a room: the first of those it is for who may."""
    roles = {one.subject: one.role for one in place.demo.members}
    may = [one for one in (*place.demo.leaders, *roles) if roles[one] in INVESTIGATORS]
    if room.audience is Audience.PEOPLE:
        return next(one for one in room.named if one in may)
    if room.audience is Audience.PARTIES:
        return next(one for one in may if BY_SUBJECT[one].party in room.named)
    return may[0]


def open_boards(place: Place) -> dict[str, Board]:
    """The boards by the key of the case; the one that every workspace begins with is taken for the plan."""
    found = select(Board).where(Board.workspace_id == place.workspace.id).execution_options(policy=True)
    known = {board.prefix: board for board in session().scalars(found).unique()}
    return {room.key: known.get(room.prefix) or _open_board(place, room) for room in place.demo.boards}


def _open_board(place: Place, room: Room) -> Board:
    named = room.named
    by_party = room.audience is Audience.PARTIES
    return boards.open_board(
        place.people[_opener(place, room)],
        place.workspace.id,
        room.title,
        room.prefix,
        room.audience,
        party_ids=[place.parties[code].id for code in named] if by_party else [],
        person_ids=[] if by_party else [place.people[subject].id for subject in named],
    )


def write_tasks(place: Place) -> dict[str, Task]:
    """Create every task, give it to whom it belongs, and move it to where it stands now."""
    board_by_key = open_boards(place)
    made: dict[str, Task] = {}
    for task in tasks_of(place.demo):
        made[task.key] = _create(place, board_by_key[task.board], task, made)
    # The newest move lies on top, so the last is moved first.
    for task in reversed(list(tasks_of(place.demo))):
        if task.column is not ColumnKind.TODO:
            mover = place.people[task.assignee or task.author]
            column = _column(board_by_key[task.board], task.column)
            tasks.move_task(mover, made[task.key].id, made[task.key].edition, column.id)
    return made


def _create(place: Place, board: Board, task: DemoTask, made: dict[str, Task]) -> Task:
    author = place.people[task.author]
    due = task.due_days
    created = tasks.create_task(
        author,
        board.id,
        _column(board, ColumnKind.TODO).id,
        task.title,
        cited(task.description, place.vault, made),
        dt.datetime.now(dt.UTC).date() + dt.timedelta(days=due) if due is not None else None,
        token=name_of(task.key),
        ask_party_id=place.parties[task.asked].id if task.asked else None,
    )
    if task.assignee:
        return assigning.assign(author, created.id, created.edition, place.people[task.assignee].id)
    return created


def _column(board: Board, kind: ColumnKind) -> Column:
    return next(column for column in board.columns if column.kind == kind)


def cited(text: str, vault: Vault, made: dict[str, Task]) -> str:
    """The text with the references that stand in the portal for what the case cites."""
    words: dict[str, Callable[[str], str]] = {
        "exhibit": lambda key: f"#{vault[key].reference}",
        "task": lambda key: made[key].key,
    }
    return CITED.sub(lambda found: words[found[1]](found[2]), text)


def talk(place: Place, made: dict[str, Task]) -> None:
    """Open the channels and say everything in them, in the order in which it was said, and leave some of it unread."""
    by_key = {room.key: _channel(place, room) for room in place.demo.channels}
    said = dict.fromkeys(by_key, 0)
    for number, message in messages_of(place.demo):
        text = cited(message.text, place.vault, made)
        author, channel = place.people[message.author], by_key[message.channel]
        said[message.channel] = messages.post(author, channel, text, name_of("message", number)).number
    for key, channel in by_key.items():
        _read(place, channel, said[key])


def _channel(place: Place, room: Room) -> Channel:
    if room.key == "general":
        everyone = select(Channel).where(Channel.workspace_id == place.workspace.id).limit(1)
        return session().scalars(everyone.order_by(Channel.created_at).execution_options(policy=True)).unique().one()
    by_party = room.audience is Audience.PARTIES
    wish = ChannelWish(
        room.title,
        room.topic,
        room.audience,
        party_ids=frozenset(place.parties[code].id for code in room.named) if by_party else frozenset(),
        user_ids=frozenset() if by_party else frozenset(place.people[subject].id for subject in room.named),
    )
    return channels.open_channel(place.people[_opener(place, room)], place.workspace, wish)


def _read(place: Place, channel: Channel, last: int) -> None:
    """Everyone has read the channel but for the last few messages; some have not looked for days."""
    chance = random.Random(f"{place.demo.key}/{channel.own_name}")  # noqa: S311  (the same readers each time)
    by_id = {user.id: user for user in place.people.values()}
    for user_id, _name in references.hearers(channel):
        messages.read_until(by_id[user_id], channel, max(0, last - chance.choice((0, 0, 0, 1, 2, 3, 5, 8))))
