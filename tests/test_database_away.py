"""The database does not answer: a page, a fragment and an event say so, in the reader's language, with every header."""

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask, Response
from flask.testing import FlaskClient

from jit_portal import database
from jit_portal.background import WORKER
from jit_portal.database import factory, session
from jit_portal.demo.postgres import APP, Postgres
from jit_portal.files import storage
from jit_portal.identity.models import User
from jit_portal.realtime import push
from jit_portal.web import health
from tests import factories
from tests.asking import assert_strict
from tests.factories import World
from tests.test_socket_events import Socket

NOWHERE = "postgresql://jit_app@127.0.0.1:9/jit"
FRENCH = "Le portail n’atteint pas sa base de données"
Browse = Callable[[User], FlaskClient]


def _closed() -> psycopg.Connection:
    raise psycopg.InterfaceError("the connection is closed")


@pytest.fixture(params=["nobody listens", "a broken driver", "all connections taken"])
def take_away(request: pytest.FixtureRequest, app: Flask) -> Iterator[Callable[[], None]]:
    """Takes the database away from this process in one of the ways it goes away."""
    held: list[sa.Connection] = []

    def go() -> None:
        session.remove()
        if request.param == "nobody listens":
            database.bind(NOWHERE)
        elif request.param == "a broken driver":
            factory.configure(bind=sa.create_engine("postgresql://", creator=_closed))
        else:
            url = app.config["SETTINGS"].database_url
            engine = sa.create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.05)
            held.append(engine.connect())
            factory.configure(bind=engine)

    yield go
    session.remove()
    factory.configure(bind=app.extensions["database"])
    for connection in held:
        connection.close()
        connection.engine.dispose()


@pytest.fixture
def world(app: Flask) -> World:
    return factories.world()


@pytest.mark.parametrize("path", ["/", "/account", "/no/such/page", "/sign-in", f"/channels/{uuid.UUID(int=1)}"])
def test_a_page_says_so(world: World, browse: Browse, take_away: Callable[[], None], path: str) -> None:
    client = browse(world["fr_leader"])
    take_away()
    answer = client.get(path)
    assert answer.status_code == 503
    assert_strict(answer)
    assert "cannot reach its database" in answer.text
    assert "Number of this request" in answer.text
    french = client.get(path, headers={"Accept-Language": "fr"})
    assert FRENCH in french.text
    client.set_cookie("__Host-language", "fr", secure=True)
    chosen = client.get(path, headers={"Accept-Language": "en"})
    assert FRENCH in chosen.text
    assert '<html lang="fr"' in chosen.text


def test_a_fragment_and_data_say_so(world: World, browse: Browse, take_away: Callable[[], None]) -> None:
    client = browse(world["fr_leader"])
    take_away()
    fragment = client.get("/", headers={"HX-Request": "true"})
    assert fragment.status_code == 503
    assert 'id="reason"' in fragment.text
    data = client.get("/vault/uploads/token", headers={"Accept": "application/json", "Accept-Language": "fr"})
    assert data.status_code == 503
    assert data.json is not None
    assert FRENCH in data.json["error"]
    assert_strict(data)


def test_an_event_is_acknowledged(app: Flask, world: World, browse: Browse, take_away: Callable[[], None]) -> None:
    ear = Socket(app, browse(world["fr_leader"]))
    take_away()
    answer: Any = ear.client.emit("channel:read", {"channel": str(uuid.UUID(int=1)), "number": 1}, callback=True)
    assert (answer["ok"], answer["status"]) == (False, 503)
    assert "cannot reach its database" in answer["reason"]
    assert ear.client.is_connected(), "she is not signed out by it"
    ear.client.disconnect()
    assert not push.connected
    assert not push.logins


def test_pages_come_back_with_the_database(
    app: Flask, world: World, browse: Browse, take_away: Callable[[], None]
) -> None:
    client = browse(world["fr_leader"])
    take_away()
    assert client.get("/").status_code == 503
    session.remove()
    factory.configure(bind=app.extensions["database"])
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("has_tried", [False, True], ids=["read", "tried"])
def test_a_page_that_is_made_is_given_though_the_line_breaks_before_its_session_ends(
    app: Flask, world: World, browse: Browse, monkeypatch: pytest.MonkeyPatch, has_tried: bool
) -> None:
    client = browse(world["fr_leader"])

    def cut(response: Response) -> Response:
        if has_tried:
            session().execute(sa.update(User).where(User.id == world["fr_leader"].id).values(title="Tried"))
        line = session().connection().connection.driver_connection
        assert line is not None
        line.close()
        return response

    with monkeypatch.context() as during:
        during.setitem(app.after_request_funcs, None, [*app.after_request_funcs[None], cut])
        assert client.get("/").status_code == 200
    assert client.get("/").status_code == 200


def test_a_failure_is_said_without_asking_the_database_anything(
    app: Flask, world: World, browse: Browse, cluster: Postgres
) -> None:
    """What failed may be what every page shows."""
    client = browse(world["fr_leader"])
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        session.remove()
        connection.execute("ALTER TABLE notice RENAME TO notice_gone")
        try:
            answer = client.get("/account")
        finally:
            session.remove()
            connection.execute("ALTER TABLE notice_gone RENAME TO notice")
    assert answer.status_code == 500
    assert_strict(answer)
    assert "Something went wrong on our side" in answer.text
    assert answer.headers["X-Request-ID"] in answer.text


# --- health


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes long to answer what is ready; nothing is waited for in vain."""
    monkeypatch.setattr(health, "PATIENCE", 30)


@pytest.mark.usefixtures("patient")
def test_every_component_is_named_with_its_state(app: Flask, cluster: Postgres) -> None:
    client = app.test_client()
    answer = client.get("/readyz")
    assert answer.json == {"components": {"web": "ready", "worker": "away", "database": "ready", "store": "ready"}}
    assert answer.status_code == 200
    with psycopg.connect(cluster.url("postgres")) as connection:
        connection.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '12 seconds')")
    assert _states(client)["worker"] == "away", "what it left behind is no sign of life"
    with psycopg.connect(cluster.url(APP), application_name=WORKER):
        assert _states(client)["worker"] == "ready"
        with psycopg.connect(cluster.url("postgres")) as connection:
            connection.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '20 seconds'")
        assert _states(client)["worker"] == "away", "a worker that hangs is shown within twenty seconds"


@pytest.mark.usefixtures("patient")
def test_alive_without_a_database_but_not_ready(app: Flask, take_away: Callable[[], None]) -> None:
    client = app.test_client()
    take_away()
    alive = client.get("/healthz")
    assert (alive.status_code, alive.json) == (200, {"state": "alive", "role": "web"})
    assert_strict(alive)
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json == {"components": {"web": "ready", "worker": "away", "database": "away", "store": "ready"}}
    assert_strict(ready)


@pytest.mark.usefixtures("patient")
def test_a_proxy_that_nobody_gets_through_is_shown_behind_it(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as place:
        settings = replace(app.config["SETTINGS"], proxy_health=f"http://127.0.0.1:{place.getsockname()[1]}")
        monkeypatch.setitem(app.config, "SETTINGS", settings)
        assert _states(app.test_client())["proxy"] == "ready", "it need not say anything"
    assert _states(app.test_client())["proxy"] == "away"


@pytest.mark.usefixtures("patient")
def test_vault_says_how_all_are_where_web_is_away(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(app.config["SETTINGS"], role="vault", web_health="http://127.0.0.1:9")
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    answer = app.test_client().get("/readyz")
    states = {"vault": "ready", "web": "away", "worker": "away", "database": "ready", "store": "ready"}
    assert answer.json == {"components": states}
    assert answer.status_code == 503, "there is no page"


@pytest.mark.usefixtures("patient")
def test_ready_without_a_store(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_store", storage.Store("127.0.0.1:9", "x", "y" * 20, "evidence", secure=False))
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["components"]["store"] == "away"


def test_who_hangs_holds_nobody_up(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that takes the connection and says nothing."""
    monkeypatch.setattr(health, "PATIENCE", 5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(storage, "_store", storage.Store(place, "x", "y" * 20, "evidence", secure=False))
        began = time.monotonic()
        states = _states(app.test_client())
        assert time.monotonic() - began < 3 * health.PATIENCE
        waiting = [each for each in threading.enumerate() if each.daemon and "ask" in each.name]
    for each in waiting:
        each.join(10)
    assert states == {"web": "ready", "worker": "away", "database": "ready", "store": "away"}


def _states(client: FlaskClient) -> dict[str, str]:
    answer = client.get("/readyz")
    assert answer.json is not None
    states: dict[str, str] = answer.json["components"]
    return states
