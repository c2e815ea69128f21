"""A board of everyone and one of a few, and what comes of acts on them, also at the same moment."""

import datetime as dt
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.errors import Refusal
from jit_portal.identity.models import User
from jit_portal.tasks import assigning, reading, service
from jit_portal.tasks.boards import open_board
from jit_portal.tasks.models import Board, Task
from jit_portal.vocabulary import Audience, Role
from tests import factories
from tests.factories import World

UNCHECKED = {"policy": True}
NOBODY = uuid.UUID(int=7)
TODAY = dt.date(2026, 11, 23)
OUTSIDE = ("eu_participant", "expert", "auditor", "secretariat", "gone", "stranger")
"""People for whom a board of everyone does not exist."""


@dataclass
class Place:
    """A world with a board of everyone, and its columns by kind."""

    world: World
    board: Board
    columns: dict[str, uuid.UUID]

    def __getitem__(self, name: str) -> User:
        return self.world[name]

    def make(self, title: str = "Trace the lorry", by: str = "fr_leader", description: str = "") -> Task:
        return service.create_task(self[by], self.board.id, self.columns["todo"], title, description)

    def order(self, column: str = "todo", eyes: str = "fr_leader") -> list[str]:
        """Titles in a column, from the top."""
        lanes = reading.lanes(self[eyes], self.board, reading.Chosen(), TODAY)
        return [task.title for lane in lanes if lane.column.id == self.columns[column] for task in lane.cards]


def columns_of(board: Board) -> dict[str, uuid.UUID]:
    return {column.kind.value: column.id for column in session().merge(board).columns}


@pytest.fixture
def place(app: Flask) -> Iterator[Place]:
    with app.test_request_context():
        world = factories.world(slugs=("fr", "nl", "eu", "al"))
        other = factories.world("Kestrel", slugs=("fr", "nl"), providers=world.providers)
        with transaction():
            world.join("expert", "fr", Role.EXPERT)
            world.join("auditor", "fr", Role.AUDITOR)
            world.join("secretariat", "fr", Role.SECRETARIAT)
            world.join("gone", "fr", Role.LEADER)
        factories.end_membership(world, "gone")
        world.people["stranger"] = other["fr_leader"]
        board = factories.board(world, "Work plan", "LAN")
        yield Place(world, board, columns_of(board))


def outcome(act: Callable[[], object]) -> int:
    """200, or the status with which the act is refused; 0 where a refusal does not say why."""
    try:
        act()
    except Refusal as refusal:
        is_said = bool(refusal.reason) or refusal.status == 404
        return refusal.status if is_said else 0
    return 200


def entries(act: str) -> list[LedgerEntry]:
    found = select(LedgerEntry).where(LedgerEntry.act == act).order_by(LedgerEntry.at)
    return list(session().scalars(found, execution_options=UNCHECKED))


def asked_of_nl(place: Place) -> Callable[[Task], Task]:
    nl = place.world.parties["nl"].id
    return lambda task: assigning.ask(place["fr_leader"], task.id, task.edition, nl, "You have the tool.")


def restricted(place: Place, *names: str) -> tuple[Board, dict[str, uuid.UUID]]:
    ids = [place[name].id for name in names]
    board = open_board(place["fr_leader"], place.world.workspace.id, "Covert", "COV", Audience.PEOPLE, person_ids=ids)
    return board, columns_of(board)


def in_threads(app: Flask, *acts: Callable[[], object]) -> list[int]:
    """What comes of acts that begin at the same moment, each in its own thread with its own session."""
    start = threading.Barrier(len(acts))
    found: list[int] = [0] * len(acts)

    def run(index: int, act: Callable[[], object]) -> None:
        with app.test_request_context():
            start.wait()
            try:
                found[index] = outcome(act)
            finally:
                session.remove()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(found)
