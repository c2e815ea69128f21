"""What goes on while the store or the database is away, and that nothing is lost or doubled by it."""

import itertools
import signal
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import psycopg
import pytest
import requests
from flask import Flask

from jit_portal import policy
from jit_portal.database import session
from jit_portal.demo.postgres import APP, Postgres
from jit_portal.messages.models import Channel, Message
from jit_portal.tasks import service as tasks
from tests import factories
from tests.factories import World
from tests.services import Running
from tests.test_worker import wait_until
from tests.web import PATIENCE, Ear, Signed, Web, running_web


def test_chat_and_boards_go_on_without_the_store(app: Flask, environ: dict[str, str], folder: Path) -> None:
    with app.test_request_context(), running_web(environ | {"JIT_STORE_ENDPOINT": "127.0.0.1:9"}, folder) as web:
        world = factories.world()
        channel, board = factories.channel(world), session().merge(factories.board(world))
        cited = factories.exhibit(world, "fr", "Ledger")
        task = tasks.create_task(world["fr_leader"], board.id, board.columns[0].id, "Trace the lorry")
        french, dutch = (web.sign_in(world[name]).connect() for name in ("fr_leader", "nl_leader"))
        try:
            assert french.post(channel.id, f"See #{cited.reference}")["ok"]
            assert "an exhibit not released to you" in dutch.hear("message")["html"]
            moved = {"task": str(task.id), "edition": 1, "column": str(board.columns[1].id)}
            assert dutch.ask("task:move", moved)["ok"]
            assert french.hear("task_moved")["edition"] == 2
            space = f"/workspaces/{world.workspace.id}"
            for path in ("/", f"{space}/chat", f"{space}/board", f"/tasks/{task.id}", f"/exhibits/{cited.id}"):
                assert french.signed.get(path).status_code == 200, path
        finally:
            french.close()
            dutch.close()


# --- the database is restarted


@pytest.fixture(scope="module")
def process(environ: dict[str, str], folder: Path) -> Iterator[Web]:
    with running_web(environ, folder) as web:
        yield web


@pytest.fixture
def web(process: Web, app: Flask) -> Iterator[Web]:
    with app.test_request_context():
        yield process


@pytest.fixture
def keeps_what_it_acknowledged(database: Postgres) -> Iterator[None]:
    """As in real life; the database of the tests may forget its last moments."""
    with psycopg.connect(database.url("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {APP} SET synchronous_commit = on")
    yield
    with psycopg.connect(database.url("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {APP} RESET synchronous_commit")


LONGEST = 60.0
"""Seconds that anything here may take: a dozen people ask one process as fast as it answers."""
Say = Callable[[str, uuid.UUID], tuple[int, str]]


class Load:
    """What people go on doing, each in a thread of their own, until it is over; and what they were answered."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.answers: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        self.acknowledged: list[str] = []
        self._threads = threads
        self._begun: list[Future[None]] = []
        self._over = Event()

    def read(self, signed: Signed, path: str) -> None:
        """Open this page again and again."""

        def go_on() -> None:
            while not self._over.wait(0.3):
                answer = signed.get(path)
                self.answers[path].append((answer.status_code, answer.text))

        self._begun.append(self._threads.submit(go_on))

    def talk(self, name: str, say: Say) -> None:
        """Say one thing after another, each until it is acknowledged, and then, as by a double click, once more."""

        def go_on() -> None:
            for number in itertools.count(1):
                if self._over.wait(0.4):
                    return
                text, token = f"{name} {number}", uuid.uuid4()
                for _ in range(2):
                    self._insist(name, say, text, token)
                self.acknowledged.append(text)

        self._begun.append(self._threads.submit(go_on))

    def _insist(self, name: str, say: Say, text: str, token: uuid.UUID) -> None:
        end = time.monotonic() + LONGEST
        while True:
            self.answers[name].append(say(text, token))
            if self.answers[name][-1][0] == 200:
                return
            assert time.monotonic() < end, self.answers[name][-1]
            time.sleep(0.2)

    def end(self) -> None:
        self._over.set()
        for each in self._begun:
            each.result(2 * LONGEST)

    def meets(self, status: int, times: int) -> None:
        """Wait until everybody has been answered so, so many times from now on."""
        before = {name: len(answers) for name, answers in self.answers.items()}
        end = time.monotonic() + LONGEST

        def met() -> dict[str, list[int]]:
            return {name: [said for said, _ in list(self.answers[name])[begun:]] for name, begun in before.items()}

        while any(said.count(status) < times for said in met().values()):
            for each in self._begun:
                if each.done():
                    each.result()
            assert time.monotonic() < end, met()
            time.sleep(0.05)

    def begins(self) -> None:
        """Wait until everybody has begun."""
        wait_until(lambda: len(self.answers) == len(self._begun), LONGEST)


@contextmanager
def stopped(server: Running, by: signal.Signals) -> Iterator[None]:
    """While the block lasts it does not run."""
    server.stop(by)
    try:
        yield
    finally:
        server.start()


def by_socket(ear: Ear, channel: Channel) -> Say:
    def say(text: str, token: uuid.UUID) -> tuple[int, str]:
        answer = ear.post(channel.id, text, token)
        return answer.get("status", 200), answer.get("reason", "")

    return say


def by_page(signed: Signed, channel: Channel) -> Say:
    headers = signed.open_form()

    def say(text: str, token: uuid.UUID) -> tuple[int, str]:
        address = f"{signed.web.origin}/channels/{channel.id}/messages"
        sent = {"text": text, "token": str(token)}
        answer = requests.post(address, sent, headers=headers, timeout=PATIENCE, allow_redirects=False)
        return 200 if answer.status_code == 303 else answer.status_code, answer.text

    return say


def pages_of(world: World) -> list[str]:
    board = session().merge(factories.board(world))
    task = tasks.create_task(world["fr_leader"], board.id, board.columns[0].id, "Trace the lorry")
    exhibit, space = factories.exhibit(world, "fr"), f"/workspaces/{world.workspace.id}"
    within = [f"{space}/{part}" for part in ("chat", "board", "vault", "record")]
    return ["/", "/account", *within, f"/tasks/{task.id}", f"/exhibits/{exhibit.id}"]


def said_in(world: World, channel: Channel) -> list[tuple[int, str]]:
    heard = policy.which(world["fr_leader"], Message).where(Message.channel_id == channel.id)
    return [(message.number, message.text) for message in session().scalars(heard.order_by(Message.number)).unique()]


@pytest.mark.usefixtures("keeps_what_it_acknowledged")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_the_database_is_restarted_under_load(
    web: Web, database_server: tuple[Postgres, Running], stop: signal.Signals
) -> None:
    world = factories.world()
    channel, pages = factories.channel(world), pages_of(world)
    reader = web.sign_in(world["fr_leader"])
    ears = {name: web.sign_in(world[name]).connect() for name in ("fr_leader", "nl_leader")}
    ways = {name: by_socket(ear, channel) for name, ear in ears.items()}
    ways["nl_member"] = by_page(web.sign_in(world["nl_member"]), channel)
    session.remove()
    with ThreadPoolExecutor(len(ways) + len(pages)) as threads:
        load = Load(threads)
        try:
            for name, say in ways.items():
                load.talk(name, say)
            for path in pages:
                load.read(reader, path)
            load.begins()
            load.meets(200, 3)
            with stopped(database_server[1], stop):
                load.meets(503, 1)
            load.meets(200, 3)
        finally:
            load.end()
    answers = [answer for each in load.answers.values() for answer in each]
    assert {status for status, _ in answers} == {200, 503}, web.said()
    assert all("cannot reach its database" in said for status, said in answers if status == 503)
    said = said_in(world, channel)
    assert [number for number, _ in said] == list(range(1, len(said) + 1))
    assert sorted(text for _, text in said) == sorted(load.acknowledged)
    for ear in ears.values():
        ear.hear("look_again")
        assert ears["nl_leader"].post(channel.id, "We are back")["ok"]
        while "We are back" not in ear.hear("message")["html"]:
            pass
        assert ear.hears_nothing_of("disconnect", 0)
        ear.close()
    assert {path: reader.get(path).status_code for path in pages} == dict.fromkeys(pages, 200)
