"""Memberships and agreements that begin and end: by a verb or by the clock, open screens look again."""

import datetime as dt
from collections.abc import Iterator

import pytest
from flask import Flask

from jit_portal.database import session, transaction
from jit_portal.exhibits import jobs
from jit_portal.workspaces import service, windows
from tests import factories
from tests.factories import World
from tests.web import Ear, Web

A_MOMENT = dt.timedelta(seconds=5)
LONG = dt.timedelta(days=1)


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.test_request_context():
        yield factories.world()


@pytest.fixture
def ears(process: Web, world: World) -> Iterator[dict[str, Ear]]:
    made = {name: process.sign_in(world[name]).connect() for name in ("nl_member", "fr_member")}
    yield made
    for ear in made.values():
        ear.close()


def member_until(world: World, name: str, until: dt.datetime) -> None:
    with transaction():
        world.members[name].live_until = until
        session().merge(world.members[name])


def agreement_until(world: World, until: dt.datetime) -> None:
    with transaction():
        world.agreement.in_force_until = until
        session().merge(world.agreement)


def test_who_is_ended_looks_again_everywhere(world: World, ears: dict[str, Ear]) -> None:
    service.end(world["nl_leader"], session().merge(world.members["nl_member"]), "Left the service")
    ears["nl_member"].hear("look_again")
    assert ears["fr_member"].hears_nothing_of("look_again")


def test_a_membership_that_ends_by_the_clock_is_told_within_a_sweep(world: World, ears: dict[str, Ear]) -> None:
    member_until(world, "nl_member", factories.now() - A_MOMENT)
    jobs.sweep(timestamp=0)
    ears["nl_member"].hear("look_again")
    assert ears["fr_member"].hear("changed")["noun"] == "membership"
    assert ears["fr_member"].hears_nothing_of("look_again")


def test_an_agreement_that_ends_by_the_clock_is_told_to_its_members(world: World, ears: dict[str, Ear]) -> None:
    agreement_until(world, factories.now() - A_MOMENT)
    jobs.sweep(timestamp=0)
    for ear in ears.values():
        ear.hear("look_again")


def test_what_ended_long_ago_or_ends_later_is_not_told(world: World) -> None:
    for until in (factories.now() - LONG, factories.now() + LONG):
        member_until(world, "nl_member", until)
        agreement_until(world, until)
        assert windows.tell_of_changes() == 0
