"""What tests of news share: a JIT, and in it a task, a message and a notice for somebody."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jit_portal.database import session, transaction
from jit_portal.identity.models import User
from jit_portal.messages.models import Channel, Message
from jit_portal.notices import service
from jit_portal.tasks import service as tasks
from jit_portal.tasks.models import Board, Task
from jit_portal.vocabulary import ColumnKind, NoticeKind
from tests import factories
from tests.factories import World

Browse = Callable[[User], FlaskClient]
TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.test_request_context():
        yield factories.world()


def task(world: World, board: Board, title: str, due: dt.date | None, assignee: str = "fr_leader") -> Task:
    columns = {column.kind: column.id for column in session().merge(board).columns}
    made = tasks.create_task(world["fr_leader"], board.id, columns[ColumnKind.TODO], title, "", due_on=due)
    with transaction():
        made.assignee_id = world[assignee].id
    return made


def message(world: World, channel: Channel, by: str = "nl_leader", text: str = "hello") -> Message:
    with transaction():
        held = session().merge(channel)
        held.message_count += 1
        made = Message(
            channel_id=channel.id,
            number=held.message_count,
            author_id=world[by].id,
            party_id=world.members[by].party_id,
            text=text,
            token=uuid.uuid4(),
        )
        session().add(made)
        session().flush()
        session().refresh(made)
    return made


def tell(kind: NoticeKind, thing: Message | Task, to: User, by: User) -> None:
    with transaction():
        service.tell(kind, thing, [to.id], by)
