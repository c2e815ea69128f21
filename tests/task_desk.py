"""What tests of the pages of boards and tasks share: a board with a task, and people's browsers."""

import datetime as dt
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from jit_portal.database import session, transaction
from jit_portal.identity.models import User
from jit_portal.jits.models import Agreement
from jit_portal.tasks import service
from jit_portal.tasks.models import Board, Task
from tests import factories
from tests.factories import World

Browse = Callable[[User], FlaskClient]
UNCHECKED = {"policy": True}
NOBODY = uuid.UUID(int=7)


@dataclass
class Desk:
    """A world with a board and one task of France, and people's browsers."""

    app: Flask
    browse: Browse
    world: World
    board: Board
    columns: dict[str, uuid.UUID]
    task: Task
    clients: dict[str, FlaskClient] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, name: str) -> FlaskClient:
        if name not in self.clients:
            self.clients[name] = self.browse(self.world[name])
        return self.clients[name]

    def get(self, address: str, name: str = "fr_leader", /, **headers: str) -> TestResponse:
        return self.client(name).get(address, headers=headers)

    def post(self, address: str, name: str = "fr_leader", /, **fields: Any) -> TestResponse:
        if name not in self.tokens:
            page = self.get("/tasks", name).text
            self.tokens[name] = re.findall(r'name="csrf-token" content="([^"]+)"', page)[0]
        return self.client(name).post(
            address, data={"csrf_token": self.tokens[name], **fields}, headers={"Referer": "https://localhost/"}
        )

    def end_agreement(self) -> None:
        with transaction():
            yesterday = factories.now() - dt.timedelta(days=1)
            session().execute(sa.update(Agreement).values(in_force_until=yesterday))

    @property
    def board_page(self) -> str:
        return f"/workspaces/{self.world.workspace.id}/board"

    def run(self, act: Callable[[], Any]) -> Any:
        with self.app.test_request_context():
            return act()

    def now(self) -> Task:
        found = select(Task).where(Task.id == self.task.id).execution_options(populate_existing=True, **UNCHECKED)
        return session().scalars(found).one()


@pytest.fixture
def desk(app: Flask, browse: Browse) -> Desk:
    with app.test_request_context():
        world = factories.world(slugs=("fr", "nl", "eu"))
        other = factories.world("Kestrel", slugs=("fr", "nl"), providers=world.providers)
        world.people["stranger"] = other["nl_leader"]
        board = factories.board(world, "Work plan", "LAN")
        columns = {column.kind.value: column.id for column in session().merge(board).columns}
        task = service.create_task(world["fr_leader"], board.id, columns["todo"], "Trace the lorry")
    return Desk(app, browse, world, board, columns, task)
