"""Uploads that break off, meet, or outlast their person, their store and their database: nothing is lost."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import Unauthorized

from jit_portal.database import session, transaction
from jit_portal.demo import store as demo_store
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.demo.secrets import Secrets
from jit_portal.errors import NotFound, StoreUnavailable
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits.watching import Watch
from jit_portal.files import receiving, storage
from jit_portal.files import service as files
from jit_portal.files.models import StoredFile
from jit_portal.files.refusals import WrongOffset
from jit_portal.files.writing import sole_writer
from jit_portal.identity.models import User
from jit_portal.vocabulary import Integrity
from jit_portal.workspaces.models import Membership
from tests import factories, services
from tests.factories import World
from tests.portal import before_the_store
from tests.vault import (
    BYTES,
    MIB,
    Sender,
    acts,
    bytes_in_store,
    do_the_work,
    error_in,
    file_at,
    sha256,
    together,
)

Browse = Callable[[User], FlaskClient]
PART = receiving.chunks_in_part(20 * MIB)
ROOM = 128


@pytest.fixture
def world(app: Flask) -> World:
    return factories.world()


@pytest.fixture
def sender(world: World, browse: Browse) -> Sender:
    return Sender(browse(world["fr_member"]))


class Breaking:
    """A body whose connection breaks after its bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = BytesIO(data)

    def readinto(self, into: memoryview, /) -> int:
        came = self._data.readinto(into[:65_537])
        if not came:
            raise ConnectionResetError
        return came


class Meanwhile(BytesIO):
    """A body in whose middle something happens, and whose sender takes her time after that."""

    MIDDLE = 40 * MIB

    def __init__(self, length: int, happens: Callable[[], None]) -> None:
        super().__init__(bytes(length))
        self._happens = happens

    def readinto(self, buffer: Any, /) -> int:
        before = self.tell()
        came = super().readinto(buffer)
        if before < self.MIDDLE <= self.tell():
            self._happens()
        if self.tell() >= self.MIDDLE:
            time.sleep(0.05)
        return came


class TestMeanwhile:
    """A right or a login that ends while a body comes in ends the request; what was stored before is kept."""

    LENGTH = 80 * MIB

    @pytest.mark.parametrize(
        ("statement", "status"),
        [
            ("UPDATE membership SET live_until = clock_timestamp()", 404),
            ("UPDATE login_session SET ended_at = clock_timestamp()", 401),
        ],
    )
    def test_what_ends_meanwhile_ends_the_body(
        self, world: World, sender: Sender, cluster: Postgres, statement: str, status: int
    ) -> None:
        def happens() -> None:
            with psycopg.connect(cluster.url(OWNER), autocommit=True) as connection:
                connection.execute(statement)

        address = sender.begin(world, self.LENGTH)
        answer = sender.client.patch(
            address,
            headers=sender.headers | {"Upload-Offset": "0"},
            content_type=BYTES,
            content_length=self.LENGTH,
            input_stream=Meanwhile(self.LENGTH, happens),
        )
        assert answer.status_code == status
        assert 0 < file_at(address).received < self.LENGTH


class Expelling(Breaking):
    """A body at whose end nobody belongs to the JIT any more."""

    def readinto(self, into: memoryview, /) -> int:
        came = self._data.readinto(into[:65_537])
        if not came:
            with transaction():
                session().execute(update(Membership).values(live_until=factories.now()))
        return came


class TestInterruptions:
    @pytest.mark.parametrize("came", [0, 1, MIB, 3 * MIB + 7, 5 * MIB, 7 * MIB + 1, 8 * MIB, 17 * MIB + 1])
    def test_a_broken_connection_keeps_every_byte_that_came(self, world: World, app: Flask, came: int) -> None:
        data = os.urandom(18 * MIB)
        person = world["fr_member"]
        file = put_nothing(world, len(data))
        after = exhibit_bytes.append(person, file.id, 0, Breaking(data[:came]), size=len(data))
        assert after.received == came
        whole = exhibit_bytes.append(person, file.id, came, BytesIO(data[came:]), size=len(data) - came)
        assert whole.integrity == Integrity.CHECKING
        assert bytes_in_store(whole) == data

    def test_a_right_that_ends_while_bytes_come(self, world: World, app: Flask) -> None:
        data = os.urandom(18 * MIB)
        file = put_nothing(world, len(data))
        with pytest.raises(NotFound):
            exhibit_bytes.append(world["fr_member"], file.id, 0, Expelling(data[: 17 * MIB]), size=17 * MIB)
        assert file_at(f"/{file.id}").integrity == Integrity.RECEIVING

    def test_many_small_pieces(self, world: World, app: Flask) -> None:
        data = os.urandom(7 * MIB + 99)
        person, at, step = world["fr_member"], 0, 200_003
        file = put_nothing(world, len(data))
        while at < len(data):
            piece = data[at : at + step]
            at = exhibit_bytes.append(person, file.id, at, BytesIO(piece), size=len(piece)).received
        assert bytes_in_store(file_at(f"/{file.id}")) == data

    def test_a_second_sender_waits_and_is_told(self, world: World, sender: Sender) -> None:
        address = sender.begin(world, 5)
        with sole_writer(file_at(address).id, patience=1):
            answer = sender.patch(address, 0, b"hello")
        assert answer.status_code == 423
        assert sender.patch(address, 0, b"hello").status_code == 204

    def test_two_windows_resuming_one_upload_lose_nothing(self, world: World, app: Flask) -> None:
        data = os.urandom(12 * MIB)
        person = world["fr_member"]
        file = put_nothing(world, len(data))

        def resume() -> None:
            at = files.stand(person, file.id).received
            while at < len(data):
                piece = data[at : at + MIB]
                try:
                    at = exhibit_bytes.append(person, file.id, at, BytesIO(piece), size=len(piece)).received
                except WrongOffset:
                    at = files.stand(person, file.id).received
            session.remove()

        together([resume, resume])
        assert bytes_in_store(file_at(f"/{file.id}")) == data

    def test_little_memory_slows_and_does_not_stop(
        self, world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receiving, "_ROOM", threading.Semaphore(16))
        data = os.urandom(21 * MIB + 5)
        sent = [put_nothing(world, len(data)) for _ in range(3)]

        def send(file: StoredFile) -> Callable[[], None]:
            def run() -> None:
                exhibit_bytes.append(world["fr_member"], file.id, 0, BytesIO(data), size=len(data))
                session.remove()

            return run

        together([send(file) for file in sent])
        for file in sent:
            assert bytes_in_store(file_at(f"/{file.id}")) == data
        assert all(receiving._ROOM.acquire(blocking=False) for _ in range(16))

    def test_parts_that_the_store_has_lost_are_sent_again(self, world: World, app: Flask) -> None:
        data = os.urandom(40 * MIB)
        person = world["fr_member"]
        file = put_nothing(world, len(data))
        exhibit_bytes.append(person, file.id, 0, Breaking(data[: 20 * MIB]), size=len(data))
        standing = file_at(f"/{file.id}")
        storage.store().abort(standing.object_name, str(standing.store_upload))
        with pytest.raises(StoreUnavailable, match="begins again"):
            exhibit_bytes.append(person, file.id, 20 * MIB, BytesIO(data[20 * MIB :]), size=20 * MIB)
        assert files.stand(person, file.id).received == 0
        exhibit_bytes.append(person, file.id, 0, BytesIO(data), size=len(data))
        assert bytes_in_store(file_at(f"/{file.id}")) == data

    def test_a_death_between_the_store_and_the_record_is_made_up_for(
        self, world: World, sender: Sender, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = os.urandom(20 * MIB)
        address = sender.begin(world, len(data))

        def die(*_: object, **__: object) -> None:
            raise SystemError

        with monkeypatch.context() as dying:
            dying.setattr(files, "enqueue", die)
            assert sender.patch(address, 0, data).status_code == 500
        assert file_at(address).integrity == Integrity.RECEIVING
        assert sender.offset(address) == len(data)
        assert file_at(address).integrity == Integrity.CHECKING
        assert bytes_in_store(file_at(address)) == data
        assert acts(file_at(address).id) == ["file.begun", "file.received"]


_FULL = b"<Error><Code>%s</Code><Message>no room</Message></Error>"


@pytest.mark.parametrize(
    "refusal",
    [
        (507, "application/xml", _FULL % b"XMinioStorageFull"),
        (400, "application/xml", _FULL % b"XMinioAdminBucketQuotaExceeded"),
        (507, "text/plain", b"no room"),
    ],
    ids=["full", "quota", "plain"],
)
def test_a_store_without_room_is_said_and_nothing_that_came_is_lost(
    world: World, sender: Sender, environ: dict[str, str], refusal: tuple[int, str, bytes]
) -> None:
    data = os.urandom(40 * MIB)
    address = sender.begin(world, len(data))
    assert sender.patch(address, 0, data[: 17 * MIB]).status_code == 204
    before = storage.store()
    with before_the_store(environ["JIT_STORE_ENDPOINT"]) as gate:
        keys = (environ["JIT_STORE_ACCESS_KEY"], environ["JIT_STORE_SECRET_KEY"])
        storage.use(storage.Store(gate.address, *keys, environ["JIT_STORE_BUCKET"], secure=False))
        try:
            gate.refusal = refusal
            answer = sender.patch(address, 17 * MIB, data[17 * MIB :])
            assert (answer.status_code, error_in(answer)) == (507, "The store is full; the operator has to make room.")
            assert sender.create(world, 0).status_code == 507
            assert sender.offset(address) == 17 * MIB
            gate.opens()
            assert sender.patch(address, 17 * MIB, data[17 * MIB :]).status_code == 204
        finally:
            storage.use(before)
    sender.declare(address, sha256(data))
    do_the_work(environ)
    assert file_at(address).integrity == Integrity.VERIFIED


def test_a_store_that_is_late_once_is_not_away() -> None:
    answers = [False, True, True, False, True, False, False]
    said = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(storage, "_store", SimpleNamespace(answers=lambda: answers.pop(0)))
        patience = storage.Patience()
        for _ in range(6):
            patience.require()
            said.append("goes on")
        with pytest.raises(StoreUnavailable):
            patience.require()
    assert len(said) == 6


def put_nothing(world: World, length: int) -> StoredFile:
    details = {"title": "Report", "kind": "document", "handling": "H0", "unclassified": "yes"}
    return exhibit_bytes.receive(world["fr_member"], world.workspace, details, exhibit_bytes.Sent("r.bin", length))


@pytest.fixture
def away(folder: Path, environ: dict[str, str]) -> Iterator[demo_store.Store]:
    """A store of its own, made and not running; the portal speaks to it meanwhile."""
    own = folder / "away"
    own.mkdir(exist_ok=True)
    server = demo_store.prepare(own, own, services.free_ports(demo_store.PORTS), Secrets())
    keys = ("portal", server.secrets.store_portal)
    before = storage.store()
    storage.use(storage.Store(server.endpoint, *keys, demo_store.BUCKET, secure=False))
    yield server
    storage.use(before)


def test_what_cannot_even_begin_in_the_store_takes_no_room_from_others(
    world: World, sender: Sender, away: demo_store.Store
) -> None:
    """Room for parts is shared by all uploads: what is not given back is gone until the process ends."""
    files_of_two_parts = [sender.begin(world, 20 * MIB) for _ in range(ROOM // PART + 1)]
    for address in files_of_two_parts:
        answer = sender.patch(address, 0, bytes(PART * MIB))
        assert (answer.status_code, error_in(answer)) == (503, "The store does not answer.")


def test_the_store_goes_away_and_comes_back(
    world: World, sender: Sender, away: demo_store.Store, folder: Path, environ: dict[str, str]
) -> None:
    running = partial(services.running, away.component(), folder / "away.log", by=signal.SIGKILL)
    data = os.urandom(40 * MIB)
    address = sender.begin(world, len(data))
    with running():
        away.make_bucket()
        assert sender.patch(address, 0, data[: 17 * MIB]).status_code == 204
    answer = sender.patch(address, 17 * MIB, data[17 * MIB :])
    assert answer.status_code == 503
    assert "store" in error_in(answer)
    assert sender.create(world, 0).status_code == 503
    at = sender.offset(address)
    assert at == 17 * MIB
    with running():
        assert sender.patch(address, at, data[at:]).status_code == 204
        sender.declare(address, sha256(data))
        assert bytes_in_store(file_at(address)) == data
    assert file_at(address).integrity == Integrity.CHECKING
    deadline = time.monotonic() + 60
    with running():
        # A store that has just come back may refuse the first reading; the worker then tries again a little later.
        while file_at(address).integrity == Integrity.CHECKING and time.monotonic() < deadline:
            do_the_work(environ)
            time.sleep(0.5)
    assert file_at(address).integrity == Integrity.VERIFIED


# --- asked about while it runs


def refuse() -> None:
    raise Unauthorized


def test_what_waits_is_asked_about_and_its_line_cut() -> None:
    is_cut = threading.Event()

    def wait(watch: Watch) -> None:
        with watch:
            assert is_cut.wait(10), "it waits for something else, and its line is not cut"
            watch.end()

    with pytest.raises(Unauthorized):
        wait(Watch(refuse, is_cut.set))


def test_what_ends_by_itself_is_answered_and_not_cut() -> None:
    cut: list[str] = []

    def go_on(watch: Watch) -> None:
        with watch:
            until = time.monotonic() + 10
            while time.monotonic() < until:
                watch.end()

    with pytest.raises(Unauthorized):
        go_on(Watch(refuse, lambda: cut.append("cut")))
    assert cut == []


def test_a_database_that_is_away_refuses_nothing() -> None:
    asked: list[str] = []

    def ask() -> None:
        asked.append("once more")
        raise OperationalError("SELECT 1", {}, Exception())

    with Watch(ask, lambda: asked.append("cut")) as watch:
        until = time.monotonic() + 10
        while len(asked) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        watch.end()
    assert asked == ["once more"] * len(asked)
    assert len(asked) >= 3


def test_whatever_goes_wrong_in_asking_it_is_asked_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool without a connection to spare, and a session that cannot even be closed, refuse nothing either.

    What stays wrong is said once.
    """
    wrongs: list[Exception] = [NoConnection(), NoConnection(), ValueError("unheard of"), ValueError("unheard of")]
    closes: list[Exception] = [OperationalError("ROLLBACK", {}, Exception())]
    refusals: list[str] = []
    is_cut = threading.Event()
    remove = session.remove

    def ask() -> None:
        if wrongs:
            raise wrongs.pop()
        refusals.append("refused")
        raise Unauthorized

    def close() -> None:
        if refusals and closes:
            raise closes.pop()
        remove()

    monkeypatch.setattr("jit_portal.exhibits.watching.session.remove", close)
    with Watch(ask, is_cut.set):
        assert is_cut.wait(10), "nobody asked any more"
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [
        ValueError,
        NoConnection,
        OperationalError,
    ]
