"""Leaving a session: what was only tried is undone, and what the database has prepared is kept."""

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from jit_portal.database import leave, session, transaction
from jit_portal.identity.models import User
from tests import factories
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
