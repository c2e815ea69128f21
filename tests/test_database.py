"""Leaving a session: what was only tried is undone, and what the database has prepared is kept."""

import uuid
from collections.abc import Callable

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text, update

from jit_portal.audit import service as audit
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import leave, line_apart, session, transaction, undo
from jit_portal.demo.postgres import Postgres
from jit_portal.identity.models import User
from tests import factories, services
from tests.demo import wait_until
from tests.factories import World


@pytest.fixture
def world(app: Flask) -> World:
    return factories.world()


def name_of(world: World) -> str:
    leave()
    return session().scalars(select(User.name).where(User.id == world["fr_member"].id)).one()


def test_what_a_transaction_did_stays(world: World) -> None:
    with transaction():
        session().execute(update(User).where(User.id == world["fr_member"].id).values(name="Renamed"))
    assert name_of(world) == "Renamed"


def test_what_was_written_outside_a_transaction_is_undone(world: World) -> None:
    before = name_of(world)
    session().execute(update(User).where(User.id == world["fr_member"].id).values(name="Said in SQL"))
    assert name_of(world) == before
    person = session().get_one(User, world["fr_member"].id)
    person.name = "Set and flushed"
    session().flush()
    assert name_of(world) == before
    person = session().get_one(User, world["fr_member"].id)
    person.name = "Only set"
    assert name_of(world) == before


def test_what_is_put_on_record_outside_a_transaction_is_undone(world: World) -> None:
    for go in (leave, undo):
        audit.record(world["fr_member"], "jit.looked_at", world.jit)
        go()
        acts = select(LedgerEntry.act).where(LedgerEntry.act == "jit.looked_at").execution_options(policy=True)
        assert session().scalars(acts).all() == []


def test_what_was_only_tried_is_undone_without_leaving(world: World) -> None:
    before = name_of(world)
    person = session().get_one(User, world["fr_member"].id)
    person.name = "Only set"
    undo()
    assert person.name == before
    session().execute(update(User).where(User.id == world["fr_member"].id).values(name="Said in SQL"))
    undo()
    assert name_of(world) == before


@pytest.mark.parametrize("go", [leave, undo], ids=lambda each: each.__name__)
def test_reading_keeps_what_the_database_prepared(world: World, go: Callable[[], None]) -> None:
    for _ in range(3):
        name_of(world)
    go()
    prepared = session().scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    assert any("user" in statement for statement in prepared)


def test_a_refusal_keeps_what_the_database_prepared(world: World, browse: Callable[[User], FlaskClient]) -> None:
    client = browse(world["fr_member"])
    for _ in range(3):
        assert client.get(f"/exhibits/{uuid.uuid4()}").status_code == 404
    prepared = session().scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    assert any("FROM login_session" in statement for statement in prepared)


def test_a_line_apart_takes_nothing_from_the_others(world: World) -> None:
    """It is another, ends when it is closed, and leaves to the one used last what the database prepared on it."""
    number, known = select(func.pg_backend_pid()), text("SELECT pid FROM pg_stat_activity")
    for _ in range(3):
        name_of(world)
    used_last = session().scalar(number)
    leave()
    with line_apart() as line:
        apart = line.scalar(number)
        assert session().scalar(number) == used_last
        prepared = session().scalars(text("SELECT statement FROM pg_prepared_statements")).all()
        assert any("user" in statement for statement in prepared)
        assert {apart, used_last} <= set(session().scalars(known))
    leave()
    wait_until(lambda: apart not in session().scalars(known).all(), 10)


def test_a_line_that_broke_while_it_rested_is_not_lent(world: World, cluster: Postgres) -> None:
    name_of(world)
    leave()
    services.break_lines(cluster)
    assert name_of(world)


def test_a_line_that_rested_is_lent_without_a_word(world: World, cluster: Postgres) -> None:
    name_of(world)
    used = session().connection().connection.driver_connection
    assert isinstance(used, psycopg.Connection)
    leave()
    pid = used.info.backend_pid
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as line:
        asked = "SELECT state_change FROM pg_stat_activity WHERE pid = %s"
        before = line.execute(asked, [pid]).fetchone()
        assert session().connection().connection.driver_connection is used
        assert line.execute(asked, [pid]).fetchone() == before
