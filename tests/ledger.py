"""What tests of the ledger share: a JIT with an exhibit, the entries that are on record, and what was said aloud."""

import json
from collections.abc import Callable, Iterator

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from tests import factories
from tests.factories import World

Browse = Callable[[User], FlaskClient]


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.test_request_context():
        yield factories.world()


@pytest.fixture
def exhibit(world: World) -> Exhibit:
    return factories.exhibit(world)


def entries(*narrowed: sa.ColumnElement[bool]) -> list[LedgerEntry]:
    session().rollback()
    statement = select(LedgerEntry).where(*narrowed).order_by(LedgerEntry.chain, LedgerEntry.number)
    return list(session().scalars(statement.execution_options(policy=True, populate_existing=True)))


def heard(connection: psycopg.Connection) -> list[dict[str, object]]:
    return [json.loads(notice.payload) for notice in connection.notifies(timeout=0.5)]
