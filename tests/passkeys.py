"""What tests of passkeys share: somebody whose provider proves too little, her key and browser, and what it sends."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.sign_in_models import LoginSession, Passkey
from jit_portal.vocabulary import Assurance, Outcome
from tests import factories
from tests.authenticator import SecurityKey
from tests.factories import now
from tests.vault import token_in

UNCHECKED = {"policy": True}
ORIGIN, HOST = "http://localhost", "localhost"


@pytest.fixture
def leader(app: Flask) -> Iterator[User]:
    """Somebody whose provider knows no high assurance."""
    someone = factories.world()["fr_leader"]
    with transaction():
        session().execute(update(IdentityProvider).values(acr_levels={"substantial": 2}))
        session().refresh(someone.provider)
    yield factories.acts_in(someone, Assurance.SUBSTANTIAL)
    session.remove()


@pytest.fixture
def key() -> SecurityKey:
    return SecurityKey(ORIGIN, HOST)


@pytest.fixture
def client(app: Flask, leader: User, browse: Callable[[User], FlaskClient]) -> FlaskClient:
    """Her browser, in a login in which she has just signed in."""
    made = browse(leader)
    made.set_cookie(cookie(app), factories.login(leader, Assurance.SUBSTANTIAL), secure=True)
    return made


def cookie(app: Flask) -> str:
    return str(app.config["SETTINGS"].session_cookie)


def login_of(someone: User) -> LoginSession:
    newest = factories.logins_of(someone).order_by(LoginSession.started_at.desc()).limit(1)
    return session().scalars(newest.execution_options(populate_existing=True)).one()


def age(someone: User) -> None:
    """She signed in six minutes ago, and nothing has been confirmed since."""
    old = now() - dt.timedelta(minutes=6)
    with transaction():
        values = {"proved_at": old, "authenticated_at": old, "confirmed_at": None}
        session().execute(update(LoginSession).where(LoginSession.user_id == someone.id).values(**values))


def ask(client: FlaskClient, what: str) -> dict[str, Any]:
    answer = client.post(f"/account/passkeys/{what}", headers={"X-CSRFToken": token(client)})
    assert answer.status_code == 200, answer.text[-800:]
    options: dict[str, Any] = json.loads(answer.text)
    return options


def token(client: FlaskClient) -> str:
    return token_in(client.get("/account").text)


def enrol(client: FlaskClient, said: str, name: str = "Key on the desk") -> TestResponse:
    form = {"csrf_token": token(client), "name": name, "credential": said}
    return client.post("/account/passkeys", data=form)


def confirm(client: FlaskClient, said: str, next: str = "/confirm/x") -> TestResponse:
    form = {"csrf_token": token(client), "credential": said, "next": next}
    return client.post("/account/passkeys/confirm", data=form)


def held(someone: User) -> list[Passkey]:
    session().rollback()
    return list(session().scalars(policy.which(someone, Passkey).execution_options(populate_existing=True)))


def refused(answer: TestResponse, why: str) -> bool:
    """Whether a page said no, the browser keeps its session, and the record says why."""
    assert (answer.status_code, 'id="reason"' in answer.text) == (403, True), answer.text[-1500:]
    assert "Set-Cookie" not in answer.headers or "__Host-jit" not in answer.headers["Set-Cookie"]
    newest = select(LedgerEntry).where(LedgerEntry.outcome == Outcome.REFUSED).order_by(LedgerEntry.at.desc()).limit(1)
    entry = session().scalars(newest.execution_options(**UNCHECKED)).one()
    assert entry.act.startswith("passkeys.")
    return bool(json.loads(entry.details)["may"] == why)


def acts(act: str) -> int:
    counted = select(func.count()).select_from(LedgerEntry).where(LedgerEntry.act == act)
    return session().scalar(counted.execution_options(policy=True)) or 0
