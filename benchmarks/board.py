"""A card move: from emit until each of 20 other screens has heard where the card went.

By hand: ``python -m benchmarks.board``. A move is ruled, ranked, persisted and its act sealed on the record, durably
committed before anybody hears of it. The real client library holds every socket; load generator, server and database
share this machine.
"""

import os
import platform
import statistics
import threading
import time
import uuid
from typing import Any

from benchmarks.chat import settings
from jit_portal import database, migrate
from jit_portal.database import session
from jit_portal.demo import postgres
from jit_portal.demo.postgres import APP, OWNER
from jit_portal.demo.secrets import Secrets
from jit_portal.tasks import service
from tests import factories, services
from tests.web import Ear, Web, running_web

SCREENS = 20
CARDS = 60
MOVES = 120
WARM_UP = 15
PAUSE = 0.1
GOAL = 200.0


class Arrivals:
    """When each of the other screens heard of the move that is under way."""

    def __init__(self, ears: list[Ear]) -> None:
        self.at: list[float] = []
        self.everybody = threading.Event()
        self.expected = len(ears)
        self._lock = threading.Lock()
        for ear in ears:
            ear.client.on("task_moved", self._hear)

    def begin(self) -> None:
        with self._lock:
            self.at.clear()
            self.everybody.clear()

    def _hear(self, _place: dict[str, Any]) -> None:
        now = time.perf_counter()
        with self._lock:
            self.at.append(now)
            if len(self.at) == self.expected:
                self.everybody.set()


def board_of(web: Web) -> tuple[list[Ear], list[uuid.UUID], list[uuid.UUID]]:
    """Sockets of 21 people of two countries, the columns of their board, and the cards on it."""
    world = factories.world("Lantern", ("fr", "nl"))
    people = [world[name] for name in ("fr_leader", "fr_member", "nl_leader", "nl_member")]
    people += [
        world.join(f"member {number}", "fr" if number % 2 else "nl") for number in range(SCREENS + 1 - len(people))
    ]
    session().commit()
    board = factories.board(world)
    columns = [column.id for column in session().merge(board).columns]
    cards = [
        service.create_task(people[0], board.id, columns[number % len(columns)], f"Task {number}").id
        for number in range(CARDS)
    ]
    return [web.sign_in(person).connect() for person in people], columns, cards


def measure(web: Web) -> tuple[list[float], list[list[float]]]:
    """Milliseconds of each move until its mover had the answer, and until each other screen had it."""
    ears, columns, cards = board_of(web)
    mover, others = ears[0], Arrivals(ears[1:])
    editions = dict.fromkeys(cards, 1)
    answered: list[float] = []
    arrived: list[list[float]] = []
    for turn in range(WARM_UP + MOVES):
        card = cards[turn % len(cards)]
        said = {"task": str(card), "edition": editions[card], "column": str(columns[(turn + 1) % len(columns)])}
        others.begin()
        began = time.perf_counter()
        answer = mover.ask("task:move", said)
        done = time.perf_counter()
        if not answer["ok"] or not others.everybody.wait(20):
            raise RuntimeError(f"a move went astray: {answer}, {len(others.at)} of {SCREENS} screens heard it")
        editions[card] = answer["place"]["edition"]
        if turn >= WARM_UP:
            answered.append((done - began) * 1000)
            arrived.append([(at - began) * 1000 for at in others.at])
        time.sleep(PAUSE)
    for ear in ears:
        ear.close()
    return answered, arrived


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main() -> None:
    with services.scratch() as folder:
        cluster = postgres.prepare(folder, folder, Secrets())
        with services.running(cluster.component(), folder / "postgres.log"):
            cluster.make_roles()
            migrate.upgrade(cluster.url(OWNER))
            environ = settings(folder, cluster)
            database.bind(cluster.url(APP))
            with running_web(environ, folder) as web:
                answered, arrived = measure(web)
                session.remove()
    slowest = [max(times) for times in arrived]
    each = [time_ for times in arrived for time_ in times]
    print(f"{time.strftime('%Y-%m-%d')}, {platform.platform()}, {os.cpu_count()} cores for load and server together")
    print(f"{MOVES} moves on a board of {CARDS} cards, {SCREENS} other screens; load average {os.getloadavg()[0]:.1f}")
    print("| milliseconds until | median | p95 | worst |\n|---|---:|---:|---:|")
    for name, values in (
        ("the mover is answered", answered),
        ("another screen has it", each),
        (f"all {SCREENS} screens have it", slowest),
    ):
        print(f"| {name} | {statistics.median(values):.1f} | {p95(values):.1f} | {max(values):.1f} |")
    print(f"goal: p95 to {SCREENS} other screens at most {GOAL:.0f} ms: {'met' if p95(each) <= GOAL else 'MISSED'}")


if __name__ == "__main__":
    main()
