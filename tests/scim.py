"""A country's directory as tests of SCIM play it, the world it speaks to, and what is on record of it."""

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.identity.models import User
from jit_portal.identity.scim import tokens as scim_tokens
from jit_portal.vocabulary import Duty, Outcome
from tests import factories
from tests.conftest import ClientApart
from tests.factories import World

Browse = Callable[[User], FlaskClient]
DAY = dt.timedelta(days=1)
USERS = "/scim/v2/Users"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    made = factories.world("Lantern", ("fr", "nl"))
    made.people |= {
        "fr_administrator": factories.administrator(made.providers["fr"]),
        "nl_administrator": factories.administrator(made.providers["nl"]),
        "operator": factories.administrator(made.providers["nl"], Duty.OPERATOR),
    }
    factories.forget_logins_of_verbs()
    yield made
    session.remove()


class Directory:
    """What keeps a country's people, and speaks SCIM with one token."""

    def __init__(self, app: Flask, secret: str) -> None:
        self.client = ClientApart(app, app.response_class, use_cookies=True)
        self.client.environ_base["wsgi.url_scheme"] = "https"
        self.headers = {"Authorization": f"Bearer {secret}"}

    def ask(self, method: str, path: str = "", body: Any = None, **query: str) -> TestResponse:
        sent = body if isinstance(body, bytes) else json.dumps(body) if body is not None else None
        answer: TestResponse = self.client.open(
            f"{USERS}{path}",
            method=method,
            data=sent,
            query_string=query,
            headers=self.headers,
            content_type="application/scim+json",
        )
        return answer

    def patch(self, person_id: uuid.UUID | str, *operations: dict[str, Any]) -> TestResponse:
        return self.ask("PATCH", f"/{person_id}", {"schemas": [PATCH], "Operations": operations})

    def turn(self, person: User, active: Any) -> TestResponse:
        return self.patch(person.id, {"op": "replace", "path": "active", "value": active})

    def found(self, **query: str) -> list[dict[str, Any]]:
        answer = self.ask("GET", **query)
        assert answer.status_code == 200, answer.text
        people: list[dict[str, Any]] = (answer.json or {}).get("Resources", [])
        return people


@pytest.fixture
def directory(app: Flask, world: World) -> Callable[[str], Directory]:
    def of(slug: str) -> Directory:
        return Directory(app, scim_tokens.make(world["operator"], slug, DAY)[1])

    return of


@pytest.fixture
def french(directory: Callable[[str], Directory]) -> Directory:
    return directory("fr")


def refusals() -> list[tuple[str, str, str]]:
    """What is on record as refused: to whom, what and why."""
    entries = select(LedgerEntry).where(LedgerEntry.outcome == Outcome.REFUSED).order_by(LedgerEntry.at)
    found = session().scalars(entries.execution_options(policy=True))
    return [(entry.actor_name, entry.act, str(json.loads(entry.details)["status"])) for entry in found]


def more_people(world: World, number: int) -> list[User]:
    with transaction():
        return [factories.user(world.providers["fr"], f"More {each:02}") for each in range(number)]
