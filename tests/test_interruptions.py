"""What goes on while the store or the database is away, and that nothing is lost or doubled by it."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from jit_portal.audit import proof
from jit_portal.database import session
from jit_portal.demo.postgres import APP, Postgres
from jit_portal.tasks import service as tasks
from jit_portal.vocabulary import Integrity
from tests import factories, services
from tests.load import Load, by_page, by_socket, card, pages_of, said_in
from tests.portal import before_the_store
from tests.services import Running
from tests.under_way import Bytes, reading_back
from tests.vault import Vault, acts, bytes_in_store, do_the_work, exhibit_of, file_at, running_vault
from tests.web import Web, running_web


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


@contextmanager
def stopped(server: Running, by: signal.Signals) -> Iterator[None]:
    """While the block lasts it does not run."""
    server.stop(by)
    try:
        yield
    finally:
        server.start()


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
