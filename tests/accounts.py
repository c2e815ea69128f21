"""What tests of accounts share: people of two countries, who administers them, and what is asked of an account."""

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.identity import people
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.people import Wanted
from jit_portal.vocabulary import Duty, Outcome
from tests import factories
from tests.factories import World
from tests.vault import token_in

Browse = Callable[[User], FlaskClient]
DAY = dt.timedelta(days=1)
LONG_AGO = 91 * DAY


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    made = factories.world("Lantern", ("fr", "nl", "eu"))
    made.people |= {
        "fr_administrator": factories.administrator(made.providers["fr"]),
        "nl_administrator": factories.administrator(made.providers["nl"]),
        "operator": factories.administrator(made.providers["nl"], Duty.OPERATOR),
    }
    factories.forget_logins_of_verbs()
    yield made
    session.remove()


def now_of(person: User) -> User:
    """The person as in the database now."""
    return session().get_one(User, person.id, populate_existing=True)


def put(person: User, **values: object) -> None:
    with transaction():
        session().execute(update(User).where(User.id == person.id).values(**values))
    now_of(person)


def names(viewer: User, **wanted: object) -> set[str]:
    return {row.person.name for row in people.rows(viewer, Wanted(**wanted)).rows}  # type: ignore[arg-type]


def acts(person: User) -> list[tuple[str, str]]:
    """What is on record as done to this account, and by whom."""
    entries = select(LedgerEntry).where(LedgerEntry.object_id == person.id, LedgerEntry.outcome == Outcome.DONE)
    found = session().scalars(entries.order_by(LedgerEntry.number).execution_options(policy=True))
    return [(entry.act, entry.actor_name) for entry in found]


def post(client: FlaskClient, path: str, **form: str) -> TestResponse:
    token = token_in(client.get("/account").text)
    return client.post(path, data={"csrf_token": token, **form})


def is_live(token: str, app: Flask) -> bool:
    client = app.test_client()
    client.environ_base["wsgi.url_scheme"] = "https"
    client.set_cookie(app.config["SETTINGS"].session_cookie, token, secure=True)
    return bool(client.get("/account").status_code == 200)


def logins_stand_since(when: dt.datetime) -> None:
    with transaction():
        session().execute(update(IdentityProvider).values(stands_since=when))
