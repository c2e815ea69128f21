"""What tests of exhibits share: one of France, a form that is sent as a page sends it, and what came of it."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.identity.models import User
from tests import factories
from tests.factories import World
from tests.vault import token_in

Browse = Callable[[User], FlaskClient]


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    yield factories.world()
    session.remove()


@pytest.fixture
def exhibit(world: World) -> Exhibit:
    made = factories.exhibit(world)
    with transaction():
        session().execute(update(Exhibit).values(description="Kingfisher", place="Kingfisher"))
    return made


def made(model: type[Release] | type[CountryRule]) -> list[Release] | list[CountryRule]:
    session().rollback()
    return list(session().scalars(select(model).execution_options(policy=True)).unique())  # type: ignore[return-value]


def all_acts() -> list[str]:
    """What is on record of everything, in order."""
    entries = select(LedgerEntry.act).order_by(LedgerEntry.at)
    return list(session().scalars(entries.execution_options(policy=True)))


def post(client: FlaskClient, path: str, **fields: str) -> tuple[int, str]:
    answer = client.post(path, data={"csrf_token": token_in(client.get("/").text), **fields})
    return answer.status_code, answer.text
