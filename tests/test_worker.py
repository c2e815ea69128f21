"""The worker as a process: what is queued is done, though it is killed, though the database or the store goes away."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from jit_portal import jobs
from jit_portal.background import enqueue
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.demo.process import Component
from jit_portal.demo.store import Store
from jit_portal.exhibits import windows
from jit_portal.exhibits.models import Exhibit
from jit_portal.files import storage
from jit_portal.vocabulary import Integrity
from tests import factories, services
from tests.factories import World
from tests.vault import MIB, acts, do_the_work, file_at, put


@pytest.fixture
def world(app: Flask) -> World:
    return factories.world()


@contextmanager
def running_worker(environ: dict[str, str], folder: Path) -> Iterator[services.Running]:
    began = time.time()
    component = Component(
        name="worker",
        argv=[sys.executable, "-m", "jit_portal.worker"],
        environ=environ | {"JIT_ROLE": "worker"},
        ready=lambda: beats_since(began),
        stop_seconds=10,
        start_seconds=60,
        cwd=Path(__file__).parent.parent,
    )
    with services.running(component, folder / "worker.log") as worker:
        yield worker
    assert "main Python module" not in (folder / "worker.log").read_text(), "its jobs are known by no name"


def seen_at() -> datetime | None:
    """The newest heartbeat of a worker."""
    found: datetime | None = session().scalar(text("SELECT max(last_heartbeat) FROM procrastinate_workers"))
    return found


def beats_since(moment: float) -> bool:
    session.remove()
    seen = seen_at()
    return seen is not None and seen.timestamp() > moment


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.1)


def integrity(exhibit: Exhibit) -> Integrity:
    return file_at(f"/{exhibit.file_id}").integrity


def test_a_file_is_verified_at_once(world: World, environ: dict[str, str], folder: Path) -> None:
    with running_worker(environ, folder):
        exhibit = put(world, b"evidence")
        wait_until(lambda: integrity(exhibit) == Integrity.VERIFIED, 10)
    session.remove()
    assert seen_at() is None


def test_a_killed_worker_is_missed_at_once(app: Flask, environ: dict[str, str], folder: Path) -> None:
    def state() -> str:
        answer = app.test_client().get("/readyz").json
        assert answer is not None
        return str(answer["components"]["worker"])

    with running_worker(environ, folder) as worker:
        wait_until(lambda: state() == "ready", 10)
        worker.stop(signal.SIGKILL)
        wait_until(lambda: state() == "away", jobs.FRESH / 2)
        worker.start()
        wait_until(lambda: state() == "ready")


def test_it_goes_on_when_the_database_comes_back(
    world: World, environ: dict[str, str], folder: Path, cluster: Postgres
) -> None:
    with running_worker(environ, folder):
        session.remove()
        services.break_lines(cluster)
        exhibit = put(world, b"evidence")
        wait_until(lambda: integrity(exhibit) == Integrity.VERIFIED, 30)


def test_what_a_killed_worker_had_begun_is_done_again(world: World, environ: dict[str, str]) -> None:
    exhibit = put(world, b"evidence")
    with transaction():
        session().execute(text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')"))
        session().execute(
            text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM procrastinate_workers)")
        )
        enqueue("queue:retry_stalled", timestamp=0)
        # A second one at the same moment, as when a minute begins: it comes too late, and nothing is wrong with that.
        session().execute(text("UPDATE procrastinate_jobs SET queueing_lock = NULL WHERE status = 'todo'"))
        enqueue("queue:retry_stalled", timestamp=1)
    do_the_work(environ)
    do_the_work(environ)
    assert integrity(exhibit) == Integrity.VERIFIED
    with transaction():  # as if it had died when all was done but the job itself
        enqueue("exhibits:verify", file_id=str(exhibit.file_id))
    do_the_work(environ)
    assert acts(exhibit.id).count("file.verified") == 1
    assert session().scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0


def test_the_store_is_waited_for(
    world: World, environ: dict[str, str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    exhibit = put(world, bytes(3 * MIB))
    with monkeypatch.context() as while_away:
        while_away.setattr(storage, "_store", storage.Store("127.0.0.1:9", "x", "y" * 20, "evidence", secure=False))
        do_the_work(environ)
    assert integrity(exhibit) == Integrity.CHECKING
    with transaction():
        session().execute(text("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"))
    do_the_work(environ)
    assert integrity(exhibit) == Integrity.VERIFIED


def test_an_act_that_fails_leaves_no_job(world: World) -> None:
    def fail() -> None:
        with transaction():
            enqueue("exhibits:verify", file_id="x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert session().scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0


def test_an_entrustment_that_ends_by_the_clock_is_told(world: World, cluster: Postgres) -> None:
    ended = factories.entrustment(world, "fr_member", live_until=factories.now() - timedelta(seconds=5))
    with psycopg.connect(cluster.url("jit_app"), autocommit=True) as listening:
        listening.execute("LISTEN jit_portal")
        assert windows.tell_of_changes() == 1
        (told,) = list(listening.notifies(timeout=20, stop_after=1))
    assert f'"noun": "entrustment", "id": "{ended.id}"' in told.payload


def test_a_release_that_begins_or_ends_by_the_clock_is_told(world: World, cluster: Postgres) -> None:
    exhibit = put(world, b"evidence")
    ago = factories.now() - timedelta(days=2)
    just_now = factories.now() - timedelta(seconds=5)
    ended = factories.release(world, exhibit, "nl", live_from=ago, live_until=just_now)
    factories.release(world, exhibit, "nl", live_from=ago)
    people = sorted(str(world[name].id) for name in ("nl_leader", "nl_member"))
    with psycopg.connect(cluster.url("jit_app"), autocommit=True) as listening:
        listening.execute("LISTEN jit_portal")
        assert windows.tell_of_changes() == 1
        (told,) = list(listening.notifies(timeout=20, stop_after=1))
    assert f'"id": "{exhibit.id}"' in told.payload
    assert all(person in told.payload for person in people)
    assert str(world["fr_member"].id) not in told.payload
    assert ended.live_until == just_now
