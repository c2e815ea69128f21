"""What goes on while the store or the database is away, and that nothing is lost or doubled by it."""

import hashlib
import itertools
import os
import signal
import socket
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event

import psycopg
import pytest
import requests
from flask import Flask
from sqlalchemy import text
from urllib3 import PoolManager
from urllib3.exceptions import ProtocolError

from jit_portal import policy
from jit_portal.audit import proof
from jit_portal.database import session
from jit_portal.demo.postgres import APP, Postgres
from jit_portal.exhibits.models import Exhibit
from jit_portal.messages.models import Channel, Message
from jit_portal.tasks import service as tasks
from jit_portal.vocabulary import Integrity
from tests import factories, services
from tests.factories import World
from tests.portal import Gate, Hold, before_the_store
from tests.services import Running
from tests.test_vault_process import begin, patch
from tests.test_worker import running_worker, wait_until
from tests.vault import (
    MIB,
    Vault,
    acts,
    bytes_in_store,
    do_the_work,
    exhibit_of,
    file_at,
    put,
    running_vault,
)
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


@pytest.fixture(scope="module")
def vault_process(environ: dict[str, str], folder: Path) -> Iterator[Vault]:
    with running_vault(environ, folder, services.free_ports(1)) as vault:
        yield vault


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
Answer = tuple[int, str]
Say = Callable[[str, uuid.UUID], Answer]


class Load:
    """What people go on doing, each in a thread of their own, until it is over; and what they were answered."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.answers: defaultdict[str, list[Answer]] = defaultdict(list)
        self.acknowledged: list[str] = []
        self.editions: list[int] = []
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
                    self._insist(name, partial(say, text, token))
                self.acknowledged.append(text)

        self._begun.append(self._threads.submit(go_on))

    def move(self, ear: Ear, task: uuid.UUID, columns: list[uuid.UUID]) -> None:
        """Bring a new card to one column after another, each time until it is there, and then once more."""
        edition = 1

        def bring(to: uuid.UUID) -> Answer:
            answer = ear.ask("task:move", {"task": str(task), "edition": edition, "column": str(to)})
            if answer["ok"]:
                self.editions.append(answer["place"]["edition"])
            return answer.get("status", 200), answer.get("reason", "")

        def go_on() -> None:
            nonlocal edition
            for column in itertools.cycle(columns):
                if self._over.wait(0.4):
                    return
                for _ in range(2):
                    self._insist("card", partial(bring, column))
                edition += 1

        self._begun.append(self._threads.submit(go_on))

    def _insist(self, name: str, act: Callable[[], Answer]) -> None:
        end = time.monotonic() + LONGEST
        while True:
            self.answers[name].append(act())
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


class Parcel:
    """A file on its way to the vault, with whose sending somebody goes on until it is whole; and what she is told."""

    def __init__(self, vault: Vault, world: World, data: bytes) -> None:
        self.data = data
        self.address = begin(vault, world, len(data))
        self.answers: list[Answer] = []
        self.looks: list[int] = []
        self._vault = vault

    def send(self, pieces: Callable[[bytes], Iterator[bytes]]) -> None:
        """At first in these pieces, and at once what is left of it later."""
        self._send(0, pieces(self.data))
        while (at := self._stands()) < len(self.data):
            self._send(at, self.data[at:])

    def declare(self) -> requests.Response:
        said = {"sha256": hashlib.sha256(self.data).hexdigest()}
        return requests.post(f"{self.address}/hash", json=said, headers=self._vault.headers, timeout=PATIENCE)

    def _send(self, at: int, body: Iterator[bytes] | bytes) -> None:
        answer = patch(self._vault, self.address, at, body)
        self.answers.append((answer.status_code, answer.text))

    def _stands(self) -> int:
        def look() -> requests.Response:
            answer = requests.head(self.address, headers=self._vault.headers, timeout=PATIENCE)
            self.looks.append(answer.status_code)
            return answer

        return int(insist(look, 200).headers["Upload-Offset"])


class Taking:
    """A file that somebody takes away, going on from where it broke off; and what she is told."""

    def __init__(self, vault: Vault, exhibit: Exhibit) -> None:
        self.came = bytearray()
        self.answers: list[Answer] = []
        self.has_begun, self.has_broken = Event(), Event()
        self._length = exhibit.file.length if exhibit.file else 0
        self._address = f"{vault.address}/vault/exhibits/{exhibit.id}/content?as=download"
        self._headers = vault.headers

    def take(self, is_away: Event) -> None:
        """Take the beginning, and the rest once ``is_away``."""
        # An end that holds little: else a fast line has brought all of it before the database goes.
        pool = PoolManager(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)])
        first = pool.request("GET", self._address, headers=self._headers, preload_content=False, timeout=PATIENCE)
        assert first.status == 200
        self.came += first.read(MIB)
        self.has_begun.set()
        assert is_away.wait(LONGEST)
        with suppress(ProtocolError):
            while piece := first.read(64 << 10):
                self.came += piece
        assert len(self.came) < self._length, "it came whole, with the database away"
        self.has_broken.set()
        self.came += insist(partial(self._go_on, first.headers["ETag"]), 206).content

    def _go_on(self, etag: str) -> requests.Response:
        rest = {"Range": f"bytes={len(self.came)}-", "If-Range": etag}
        answer = requests.get(self._address, headers=self._headers | rest, timeout=PATIENCE)
        self.answers.append((answer.status_code, "" if answer.ok else answer.text))
        return answer


def insist(ask: Callable[[], requests.Response], status: int) -> requests.Response:
    """Ask again until it is answered so."""
    end = time.monotonic() + LONGEST
    while (answer := ask()).status_code != status:
        assert time.monotonic() < end, answer
        time.sleep(0.2)
    return answer


class Bytes:
    """What comes and goes at the vault while its database does: nothing of it ends before that."""

    def __init__(self, vault: Vault, world: World, threads: ThreadPoolExecutor) -> None:
        self.exhibit = put(world, os.urandom(12 * MIB))
        self.slow, self.held = (Parcel(vault, world, os.urandom(size)) for size in (24 * MIB, 3 * MIB))
        self.taking = Taking(vault, self.exhibit)
        self._is_away, self._is_held = Event(), Event()
        self._begun = [
            threads.submit(self.slow.send, self._slowly),
            threads.submit(self.held.send, self._all_but_the_end),
            threads.submit(self.taking.take, self._is_away),
        ]

    def _slowly(self, data: bytes) -> Iterator[bytes]:
        yield data[: 17 * MIB]
        for start in range(17 * MIB, len(data), 64 << 10):
            yield data[start : start + (64 << 10)]
            time.sleep(0.1)

    def _all_but_the_end(self, data: bytes) -> Iterator[bytes]:
        yield data[:-1000]
        self._is_held.set()
        assert self._is_away.wait(LONGEST)
        yield data[-1000:]

    def are_under_way(self) -> None:
        """Wait until they are."""
        assert self._is_held.wait(LONGEST)
        assert self.taking.has_begun.wait(LONGEST)
        wait_until(lambda: file_at(self.slow.address).received >= 16 * MIB, LONGEST)
        session.remove()

    def are_told(self) -> None:
        """The database is away: wait until everybody knows."""
        self._is_away.set()
        wait_until(lambda: bool(self.slow.answers and self.held.answers), LONGEST)
        assert self.taking.has_broken.wait(LONGEST)

    def end(self) -> None:
        self._is_away.set()
        for each in self._begun:
            each.result(2 * LONGEST)


class ReadBack:
    """Two files that a worker is reading back when the database goes: the bytes of one come while it is away, those of
    the other once it is there again.
    """

    def __init__(self, gate: Gate, world: World) -> None:
        self._exhibits = [put(world, name) for name in (b"while it is away", b"afterwards")]
        self._holds = [Hold(), Hold()]
        names = [str(each.file_id) for each in self._exhibits]
        gate.holds.update(zip(names, self._holds, strict=True))

    def is_under_way(self) -> None:
        """Wait until it is."""
        assert all(hold.came.wait(LONGEST) for hold in self._holds)

    def goes_on(self, *, is_away: bool) -> None:
        self._holds[not is_away].goes.set()

    def ends(self) -> None:
        """Wait until nothing of it is left to do: each is verified, once."""
        wait_until(lambda: not self._left(), 2 * LONGEST)
        for each in self._exhibits:
            assert acts(each.id) == ["exhibit.registered", "file.verified"]

    def _left(self) -> list[str]:
        session.remove()
        return list(session().scalars(text(_VERIFYING), {"ids": [str(each.file_id) for each in self._exhibits]}))


@contextmanager
def reading_back(gate: Gate, world: World, environ: dict[str, str], folder: Path) -> Iterator[ReadBack]:
    """While a worker runs that asks for its bytes at this gate."""
    read_back = ReadBack(gate, world)
    with running_worker(environ | {"JIT_STORE_ENDPOINT": gate.address}, folder):
        yield read_back


_VERIFYING = """
    SELECT status::text FROM procrastinate_jobs
    WHERE task_name = 'exhibits:verify' AND args ->> 'file_id' = ANY(:ids)
"""


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


def card(world: World) -> tuple[uuid.UUID, list[uuid.UUID]]:
    """A card, and the columns that it can be brought to in turn."""
    board = session().merge(factories.board(world))
    first, second, *_ = (column.id for column in board.columns)
    return tasks.create_task(world["fr_leader"], board.id, first, "Trace the lorry").id, [second, first]


def pages_of(world: World, task: uuid.UUID) -> list[str]:
    exhibit, space = factories.exhibit(world, "fr"), f"/workspaces/{world.workspace.id}"
    within = [f"{space}/{part}" for part in ("chat", "board", "vault", "record")]
    return ["/", "/account", *within, f"/tasks/{task}", f"/exhibits/{exhibit.id}"]


def said_in(world: World, channel: Channel) -> list[tuple[int, str]]:
    heard = policy.which(world["fr_leader"], Message).where(Message.channel_id == channel.id)
    return [(message.number, message.text) for message in session().scalars(heard.order_by(Message.number)).unique()]


@pytest.mark.usefixtures("keeps_what_it_acknowledged")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_the_database_is_restarted_under_load(
    web: Web,
    vault_process: Vault,
    environ: dict[str, str],
    folder: Path,
    database_server: tuple[Postgres, Running],
    stop: signal.Signals,
) -> None:
    world = factories.world()
    channel, (task, columns) = factories.channel(world), card(world)
    pages = pages_of(world, task)
    reader = web.sign_in(world["fr_leader"])
    ears = {name: web.sign_in(world[name]).connect() for name in ("fr_leader", "fr_member", "nl_leader")}
    ways = {name: by_socket(ears[name], channel) for name in ("fr_leader", "nl_leader")}
    ways["nl_member"] = by_page(web.sign_in(world["nl_member"]), channel)
    vault = vault_process.sign_in(environ, world["fr_member"])
    session.remove()
    with (
        before_the_store(environ["JIT_STORE_ENDPOINT"]) as gate,
        reading_back(gate, world, environ, folder) as read_back,
        ThreadPoolExecutor(len(ways) + len(pages) + 4) as threads,
    ):
        load = Load(threads)
        try:
            for name, say in ways.items():
                load.talk(name, say)
            for path in pages:
                load.read(reader, path)
            load.move(ears["fr_member"], task, columns)
            load.begins()
            load.meets(200, 3)
            held = Bytes(vault, world, threads)
            try:
                held.are_under_way()
                read_back.is_under_way()
                with stopped(database_server[1], stop):
                    read_back.goes_on(is_away=True)
                    held.are_told()
                    load.meets(503, 1)
                read_back.goes_on(is_away=False)
                load.meets(200, 3)
            finally:
                held.end()
        finally:
            load.end()
        read_back.ends()
    answers = [answer for each in load.answers.values() for answer in each]
    assert {status for status, _ in answers} == {200, 503}, web.said()
    assert all("cannot reach its database" in said for status, said in answers if status == 503)
    said = said_in(world, channel)
    assert [number for number, _ in said] == list(range(1, len(said) + 1))
    assert sorted(text for _, text in said) == sorted(load.acknowledged)
    moves = acts(task).count("task.moved")
    assert load.editions == [edition for edition in range(2, moves + 2) for _ in range(2)]
    assert_nothing_is_lost_or_doubled(held, environ)
    for ear in ears.values():
        ear.hear("look_again")
        assert ears["nl_leader"].post(channel.id, "We are back")["ok"]
        while "We are back" not in ear.hear("message")["html"]:
            pass
        assert ear.hears_nothing_of("disconnect", 0)
        ear.close()
    assert {path: reader.get(path).status_code for path in pages} == dict.fromkeys(pages, 200)


def assert_nothing_is_lost_or_doubled(held: Bytes, environ: dict[str, str]) -> None:
    """What was being sent and taken has come, once, and is in order; and the record is whole."""
    for parcel in (held.slow, held.held):
        assert [status for status, _ in parcel.answers] == [503, 204], parcel.answers
        assert "The database does not answer; the upload goes on in a moment." in parcel.answers[0][1]
        assert set(parcel.looks) <= {200, 503}
        assert parcel.declare().status_code == 200
    do_the_work(environ)
    for parcel in (held.slow, held.held):
        file = file_at(parcel.address)
        assert file.integrity == Integrity.VERIFIED
        assert bytes_in_store(file) == parcel.data
        assert acts(file.id) == ["file.begun", "file.received", "file.hash_declared"]
        assert acts(exhibit_of(file).id) == ["exhibit.registered", "file.verified"]
    assert bytes(held.taking.came) == bytes_in_store(file_at(f"/{held.exhibit.file_id}"))
    assert {status for status, _ in held.taking.answers} <= {206, 503}
    assert all("cannot reach its database" in said for status, said in held.taking.answers if status == 503)
    assert acts(held.exhibit.id).count("exhibit.downloaded") == 1
    assert {verdict.broken_at for verdict in proof.verify(session().connection())} == {None}
