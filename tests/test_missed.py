"""What is said while a page is on its way is made up for when its socket opens, to those only who were to hear it."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from jit_portal.exhibits import releasing, service
from jit_portal.exhibits.models import Exhibit, Release
from jit_portal.realtime import missed
from jit_portal.vocabulary import Purpose, Sight
from jit_portal.workspaces import service as workspaces
from tests import factories
from tests.factories import World
from tests.web import Ear, Signed, Web


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.test_request_context():
        yield factories.world()


@pytest.fixture
def exhibit(world: World) -> Exhibit:
    return factories.exhibit(world)


@pytest.fixture
def dutch(process: Web, world: World) -> Signed:
    return process.sign_in(world["nl_member"])


@pytest.fixture
def listening(process: Web, world: World) -> Iterator[Ear]:
    """Somebody whose socket is open already: when this hears of an act, the process has."""
    ear = process.sign_in(world["fr_leader"]).connect()
    yield ear
    ear.close()


def made(signed: Signed) -> float:
    """When a page that this person gets now was made, as it says itself."""
    found = re.search(r'data-as-of="([\d.]+)"', signed.get("/").text)
    assert found
    return float(found.group(1))


def is_told(signed: Signed, **says: Any) -> bool:
    """Whether the first socket of a page is told to look again."""
    ear = signed.connect(**says)
    try:
        return not ear.hears_nothing_of("look_again")
    finally:
        ear.close()


def release(world: World, exhibit: Exhibit) -> Release:
    to = f"party:{world.parties['nl'].id}"
    return releasing.release(world["fr_leader"], exhibit, to, Sight.READ, Purpose.JIT_PURPOSE)


def test_who_missed_nothing_is_told_nothing(dutch: Signed, world: World, exhibit: Exhibit, listening: Ear) -> None:
    release(world, exhibit)
    listening.hear("changed")
    assert not is_told(dutch, as_of=made(dutch))


def test_a_release_meanwhile_is_made_up_for(dutch: Signed, world: World, exhibit: Exhibit, listening: Ear) -> None:
    then = made(dutch)
    release(world, exhibit)
    listening.hear("changed")
    assert is_told(dutch, as_of=then)


def test_a_withdrawal_meanwhile_is_made_up_for(dutch: Signed, world: World, exhibit: Exhibit, listening: Ear) -> None:
    ending = release(world, exhibit)
    listening.hear("changed")
    then = made(dutch)
    releasing.withdraw(world["fr_leader"], ending, "By mistake.")
    listening.hear("changed")
    assert is_told(dutch, as_of=then)


def test_what_changed_meanwhile_of_what_she_sees_is_made_up_for(
    dutch: Signed, world: World, exhibit: Exhibit, listening: Ear
) -> None:
    release(world, exhibit)
    listening.hear("changed")
    then = made(dutch)
    service.describe(world["fr_leader"], exhibit, "Another title", "", "", exhibit.edition)
    listening.hear("changed")
    assert is_told(dutch, as_of=then)


def test_a_membership_that_ended_meanwhile_is_made_up_for(dutch: Signed, world: World, listening: Ear) -> None:
    then = made(dutch)
    workspaces.end(world["nl_leader"], world.members["nl_member"], "Moved to another unit.")
    listening.hear("changed")
    assert is_told(dutch, as_of=then)


def test_what_she_may_not_see_stays_unsaid(dutch: Signed, world: World, exhibit: Exhibit, listening: Ear) -> None:
    then = made(dutch)
    service.describe(world["fr_leader"], exhibit, "Another title", "", "", exhibit.edition)
    listening.hear("changed")
    assert not is_told(dutch, as_of=then)


def test_a_socket_that_comes_back_looks_again_by_itself(
    dutch: Signed, world: World, exhibit: Exhibit, listening: Ear
) -> None:
    release(world, exhibit)
    listening.hear("changed")
    assert not is_told(dutch)


def test_a_page_older_than_what_the_process_has_heard_looks_again(process: Web, dutch: Signed) -> None:
    then = made(dutch)
    process.stop()
    process.start()
    assert is_told(dutch, as_of=then)
    assert not is_told(dutch, as_of=made(dutch))


@pytest.mark.parametrize("as_of", [0, -1, "then", None, [], {}, 1e400, "long ago"])
def test_who_does_not_say_when_looks_again(dutch: Signed, as_of: object) -> None:
    long_ago = time.time() - missed.KEPT_SECONDS - 60
    assert is_told(dutch, as_of=long_ago if as_of == "long ago" else as_of)
