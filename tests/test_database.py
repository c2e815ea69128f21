"""Leaving a session: what was only tried is undone, and what the database has prepared is kept."""

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select, text, update

from jit_portal.database import leave, session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.identity.models import User
from tests import factories, services
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


def test_reading_keeps_what_the_database_prepared(world: World) -> None:
    for _ in range(3):
        name_of(world)
    leave()
    prepared = session().scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    assert any("user" in statement for statement in prepared)


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
