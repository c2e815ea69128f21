"""What tests of break-glass begin with: its account, the link and the keys of it, and the browser that opens it."""

import json
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.identity.glass import accounts
from jit_portal.identity.glass.models import GlassAccount, GlassOpening
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession, Passkey
from jit_portal.vocabulary import Duty, Outcome
from tests import factories
from tests.authenticator import SecurityKey
from tests.conftest import ClientApart
from tests.factories import World
from tests.signing_in import UNCHECKED, again
from tests.vault import token_in

ORIGIN, HOST = "http://localhost", "localhost"
NAME, REASON = "Nadia Brandt", "The French login signs in anybody."
Browse = Callable[[User], FlaskClient]


class Window:
    """A browser in which somebody breaks the glass, or enrols the keys for it."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = ClientApart(app, app.response_class, use_cookies=True)
        self.client.environ_base["wsgi.url_scheme"] = "https"

    def send(self, path: str, **form: str) -> TestResponse:
        token = token_in(self.client.get("/break-glass").text)
        return self.client.post(path, data={"csrf_token": token, **form})

    def ask(self, path: str) -> dict[str, object]:
        answer = self.send(path)
        assert answer.status_code == 200, answer.text[-600:]
        options: dict[str, object] = json.loads(answer.text)
        return options

    def enrol(self, link: str, key: SecurityKey) -> TestResponse:
        return self.send(link, credential=key.create(self.ask(f"{link}/ask")))

    def first(self, key: SecurityKey, reason: str = REASON) -> TestResponse:
        return self.send("/break-glass", reason=reason, credential=key.get(self.ask("/break-glass/ask")))

    def second(self, key: SecurityKey) -> TestResponse:
        return self.send("/break-glass/second", credential=key.get(self.ask("/break-glass/second/ask")))

    def open(self, keys: "Keys") -> TestResponse:
        assert self.first(keys[0]).status_code == 303
        return self.second(keys[1])

    def is_in(self) -> bool:
        return self.client.get("/account").status_code == 200


Keys = tuple[SecurityKey, SecurityKey]


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    made = factories.world()
    made.people |= {
        "operator": factories.administrator(made.providers["fr"], Duty.OPERATOR),
        "nl_administrator": factories.administrator(made.providers["nl"]),
    }
    yield made
    session.remove()


@pytest.fixture
def window(app: Flask) -> Window:
    return Window(app)


@pytest.fixture
def made(world: World) -> tuple[GlassAccount, str]:
    return accounts.make(world["operator"], NAME)


@pytest.fixture
def account(made: tuple[GlassAccount, str]) -> GlassAccount:
    """An account that waits for its keys."""
    return made[0]


@pytest.fixture
def link(made: tuple[GlassAccount, str]) -> str:
    """Where they are enrolled."""
    return f"/break-glass/keys/{made[1]}"


@pytest.fixture
def keys() -> Keys:
    return SecurityKey(ORIGIN, HOST), SecurityKey(ORIGIN, HOST)


@pytest.fixture
def enrolled(app: Flask, link: str, keys: Keys) -> Keys:
    """The two keys of an account that can be opened."""
    for key in keys:
        assert Window(app).enrol(link, key).status_code == 303
    return keys


def user_of(account: GlassAccount) -> User:
    return again(account).user


def count(model: type[GlassOpening | LoginSession | Passkey]) -> int:
    session().rollback()
    counted = select(func.count()).select_from(model)
    if model is not GlassOpening:
        counted = counted.where(model.user_id.in_(select(GlassAccount.user_id)))
    return session().scalar(counted.execution_options(**UNCHECKED)) or 0


def why_refused() -> tuple[str, str, str | None]:
    """Of the newest refusal on record: what was tried, why not, and who stands there for it."""
    newest = select(LedgerEntry).where(LedgerEntry.outcome == Outcome.REFUSED).order_by(LedgerEntry.at.desc()).limit(1)
    entry = session().scalars(newest.execution_options(**UNCHECKED)).one()
    return entry.act, json.loads(entry.details)["may"], str(entry.object_id) if entry.object_id else None
