"""What every test may ask for: a real database, a real store, and the settings that point to them."""

import gc
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from xdist.scheduler import LoadFileScheduling

from jit_portal import migrate, policy
from jit_portal.config import Settings
from jit_portal.database import factory, leave, session, undo
from jit_portal.demo.postgres import APP, OWNER, Postgres
from jit_portal.demo.secrets import make_signing_key
from jit_portal.demo.store import BUCKET, PORTAL, Store
from jit_portal.extensions import limiter
from jit_portal.files.keys import FileKeyring
from jit_portal.identity.models import User
from jit_portal.portal import create_app
from tests import factories, services, told_first
from tests.demo import Demo, running_demo
from tests.services import Running
from tests.web import Web, running_web


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-look", action="store_true", help="examine pages in four looks, not in two of them")


TOGETHER = (
    ("tests/test_demo_load.py", "tests/test_demo_start.py", "tests/browser/test_journey.py"),
    ("tests/browser/vault/",),
)
"""What one worker takes, for each starts long: the whole demo (in this order: the last changes it, and ends it), and
the portal behind its proxy.
"""

LONGEST = (
    *("browser/vault/", "test_demo_load.py", "test_demo_start.py", "browser/test_journey.py"),
    *("test_routes.py", "browser/test_pages.py"),
    *("test_vault_process.py", "browser/test_board.py", "browser/test_previews.py"),
    *("browser/test_stepup.py", "test_broken_uploads.py", "test_cedar.py", "browser/test_double.py"),
    *("test_requests.py", "test_live_logins.py", "browser/", "providers/"),
    *("test_chat_sockets.py", "test_scim_early.py", "test_uploads.py", "test_slow_logins.py", "test_logs.py"),
    *("test_interruptions.py", "test_policy_parity.py", "test_worker.py"),
)
"""What takes minutes, begun first: workers take whole files, and none must be left alone with a long one at the end."""


def _place(item: pytest.Item) -> int:
    return next((place for place, name in enumerate(LONGEST) if f"tests/{name}" in item.nodeid), len(LONGEST))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files come first."""
    items.sort(key=_place)


class _ByFile(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((begins[0] for begins in TOGETHER if file.startswith(begins)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Workers take whole files, and some of them together."""
    return _ByFile(config, log)


def pytest_collection_finish() -> None:
    """What is loaded now stays, as in the portal's own processes."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder with a short name for the whole session."""
    with services.scratch() as path:
        yield path


@pytest.fixture(scope="session")
def database_server(folder: Path) -> Iterator[tuple[Postgres, Running]]:
    """PostgreSQL, and its process for whoever ends it and starts it again."""
    with services.database_server(folder) as server:
        yield server


@pytest.fixture(scope="session")
def cluster(database_server: tuple[Postgres, Running]) -> Postgres:
    """PostgreSQL with every migration run."""
    server, _ = database_server
    migrate.upgrade(server.url(OWNER))
    services.remember_seeds(server)
    return server


@pytest.fixture(scope="session")
def store(folder: Path) -> Iterator[Store]:
    """The object store with an empty bucket; objects stay from test to test."""
    with services.object_store(folder) as server:
        yield server


@pytest.fixture
def database(cluster: Postgres) -> Postgres:
    """The database as the migrations left it: nothing of an earlier test."""
    services.forget_everything(cluster)
    return cluster


@pytest.fixture(scope="session")
def environ(cluster: Postgres, store: Store, folder: Path) -> dict[str, str]:
    """The environment of a portal that uses the test database and store, for ``Settings.read``."""
    make_signing_key(folder / "signing-key.json")
    services.make_saml_key(folder / "saml-key.pem")
    FileKeyring.create(folder / "keyring.json")
    return {
        "JIT_ROLE": "web",
        "JIT_ORIGIN": "http://localhost",
        "JIT_INSTANCE": "test",
        "JIT_DATABASE_URL": cluster.url(APP),
        "JIT_OWNER_DATABASE_URL": cluster.url(OWNER),
        "JIT_STORE_ENDPOINT": store.endpoint,
        "JIT_STORE_SECURE": "0",
        "JIT_STORE_ACCESS_KEY": PORTAL,
        "JIT_STORE_SECRET_KEY": store.secrets.store_portal,
        "JIT_STORE_BUCKET": BUCKET,
        "JIT_KEYRING": str(folder / "keyring.json"),
        "JIT_SECRET_KEY": "only for tests, never anywhere else, at all",
        "JIT_SIGNING_KEY": str(folder / "signing-key.json"),
        "JIT_SAML_KEY": str(folder / "saml-key.pem"),
        "JIT_PROXY_HOPS": "1",
        "JIT_BREAK_GLASS": "1",
        "PATH": os.environ["PATH"],
    }


@pytest.fixture(scope="session")
def portal(environ: dict[str, str]) -> Flask:
    """The application itself, once a session; protected things are read through the policy only, and whoever is told
    of something is told before it is put on record."""
    policy.watch(factory)
    made = create_app(Settings.read(environ))
    told_first.watch(made.extensions["database"])
    return made


@pytest.fixture(scope="session")
def process(environ: dict[str, str], folder: Path) -> Iterator[Web]:
    """One web process for whoever needs a real one, and leaves it as it was."""
    with running_web(environ, folder) as web:
        yield web


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """The whole demo at its first start, with the case that it has loaded."""
    with services.scratch() as folder, running_demo(folder / "data") as demo:
        yield demo


@pytest.fixture
def app(portal: Flask, database: Postgres) -> Iterator[Flask]:
    """The application on an empty database; nobody has asked it anything yet."""
    limiter.reset()
    yield portal
    leave()


class ClientApart(FlaskClient):
    """A client whose requests run in a thread, and so in a database session, of their own, as in real life."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._apart = ThreadPoolExecutor(1)
        self._thread = self._apart.submit(threading.get_ident).result()

    def open(self, *arguments: Any, **options: Any) -> Any:
        if threading.get_ident() == self._thread:  # of a request that is led on
            return super().open(*arguments, **options)
        answer = self._apart.submit(super().open, *arguments, **options).result()
        if session().in_transaction():  # what was read before may be otherwise now
            undo()
            session().expire_all()
        return answer


@pytest.fixture
def browse(app: Flask) -> Callable[[User], FlaskClient]:
    """A client that is signed in as a person: ``browse(someone).get("/")``."""

    def sign_in(someone: User) -> FlaskClient:
        client = ClientApart(app, app.response_class, use_cookies=True)
        settings: Settings = app.config["SETTINGS"]
        client.set_cookie(settings.session_cookie, factories.login(someone), secure=True)
        client.environ_base["wsgi.url_scheme"] = "https"
        return client

    return sign_in


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What the log says of the last refusal of a sign-in."""
    caplog.set_level("INFO", "jit_portal.identity.service")
    return lambda: str(next(each.detail for each in reversed(caplog.records) if hasattr(each, "detail")))


@pytest.fixture
def count_queries(app: Flask) -> Iterator[Callable[[], int]]:
    """How many statements the database was sent since the last call."""
    counted = 0

    def more(*_: object) -> None:
        nonlocal counted
        counted += 1

    def since() -> int:
        nonlocal counted
        counted, before = 0, counted
        return before

    engine = app.extensions["database"]
    event.listen(engine, "before_cursor_execute", more)
    yield since
    event.remove(engine, "before_cursor_execute", more)
