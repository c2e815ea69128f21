"""``newest`` is ``which``, ordered and cut: for whoever sees much, little or nothing."""

import datetime as dt
import importlib
import random
import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import update

from jit_portal import policy
from jit_portal.database import session, transaction
from jit_portal.exhibits import rules
from jit_portal.exhibits.models import Exhibit
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.identity.models import User
from jit_portal.vocabulary import ExhibitKind, Role, Sight
from tests import factories
from tests.factories import World

module = importlib.import_module("jit_portal.policy.newest")
Place = tuple[dt.datetime, uuid.UUID]


def by_which(world: World, person: User, size: int, before: Place) -> list[str]:
    statement = policy.which(person, Exhibit).where(Exhibit.workspace_id == world.workspace.id)
    ordered = statement.order_by(Exhibit.created_at.desc(), Exhibit.id.desc())
    seen = [each for each in session().scalars(ordered) if (each.created_at, each.id) < before]
    return [each.reference for each in seen[:size]]


def filled(seed: int) -> World:
    world = factories.world(slugs=("fr", "nl", "ro", "al", "eu"))
    dice = random.Random(seed)  # noqa: S311 (throws dice, keeps no secrets)
    with transaction():
        expert = world.join("expert", "nl", Role.EXPERT)
    kinds = list(ExhibitKind)
    for number in range(40):
        slug = dice.choice(["fr", "fr", "nl", "ro"])
        tags = ("bank",) if dice.random() < 0.2 else ()
        made = factories.exhibit(world, slug, f"Exhibit {number}", kind=dice.choice(kinds), tags=tags)
        if dice.random() < 0.4:
            anybody: list[str | User] = ["fr", "nl", "ro", "al", "eu", expert]
            to = dice.choice(anybody)
            factories.release(world, made, to, dice.choice(list(Sight)))
    for slug in ("fr", "nl", "ro"):
        for _ in range(3):
            other = dice.choice([each for each in ("fr", "nl", "ro", "eu") if each != slug])
            said = RuleDescription(
                is_forbid=dice.random() < 0.4,
                to=f"party:{world.parties[other].id}",
                sight=dice.choice(list(Sight)),
                kind=dice.choice([None, *kinds]),
                tag=dice.choice([None, "bank"]),
            )
            rules.set_rule(world[f"{slug}_leader"], world.workspace, world.parties[slug], said)
    with transaction():
        session().execute(
            update(Exhibit)
            .where(Exhibit.reference.endswith("7"))
            .values(holder_id=world["eu_participant"].id)
            .execution_options(synchronize_session=False)
        )
    return world


def test_what_is_shown_twice_is_listed_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """By two releases to one principal, to two, and by two rules: nothing older goes missing for it."""
    monkeypatch.setattr(module, "LOOKED_AT", 1)
    world = factories.world(slugs=("fr", "nl", "ro"))
    dutch, romanian = world["nl_member"], world["ro_member"]
    shown = [factories.exhibit(world, "fr", f"Telephone {number}", tags=("bank", "port")) for number in range(4)]
    shown.append(factories.exhibit(world, "fr", "Kept"))
    for exhibit in shown[:4]:
        for _ in range(2):
            factories.release(world, exhibit, "nl", Sight.SEE)
            factories.release(world, exhibit, dutch, Sight.READ)
    for tag in ("bank", "port"):
        said = RuleDescription(is_forbid=False, to=f"party:{world.parties['ro'].id}", sight=Sight.SEE, tag=tag)
        rules.set_rule(world["fr_leader"], world.workspace, world.parties["fr"], said)
    newest_first = [exhibit.reference for exhibit in reversed(shown[:4])]
    for person in (dutch, romanian):
        for size in (1, 3, 4, 50):
            found = policy.newest(person, world.workspace, size)
            assert [each.reference for each in found] == newest_first[:size]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("looked_at", [3, 500])
def test_newest_is_which(app: Flask, monkeypatch: pytest.MonkeyPatch, seed: int, looked_at: int) -> None:
    monkeypatch.setattr(module, "LOOKED_AT", looked_at)
    world = filled(seed)
    for person in world.people.values():
        for size in (1, 5, 50):
            before = module.THE_END
            for _ in range(3):
                found = policy.newest(person, world.workspace, size, before)
                assert [each.reference for each in found] == by_which(world, person, size, before)
                if not found:
                    break
                before = (found[-1].created_at, found[-1].id)


def test_an_ended_membership_sees_nothing_new(app: Flask) -> None:
    world = filled(9)
    factories.end_membership(world, "nl_member")
    assert policy.newest(world["nl_member"], world.workspace) == []
    assert dt.datetime.now(dt.UTC) < module.THE_END[0]


@pytest.mark.parametrize("joins_again", [False, True], ids=["ended", "another"])
def test_a_membership_that_ends_between_two_queries_shows_nothing(
    app: Flask, monkeypatch: pytest.MonkeyPatch, joins_again: bool
) -> None:
    """Not even where another takes its place that moment."""
    world = filled(9)
    branches = module._branches

    def after_it_ends(*ways: str) -> object:
        factories.end_membership(world, "fr_member")
        if joins_again:
            with transaction():
                world.join("fr_member", "fr", Role.EXPERT, person=world["fr_member"], live_from=factories.now())
        return branches(*ways)

    monkeypatch.setattr(module, "LOOKED_AT", 1)
    assert len(policy.newest(world["fr_member"], world.workspace)) > 1
    monkeypatch.setattr(module, "_branches", after_it_ends)
    assert policy.newest(world["fr_member"], world.workspace) == []
    monkeypatch.setattr(module, "_branches", branches)
    again = [each.reference for each in policy.newest(world["fr_member"], world.workspace)]
    assert again == by_which(world, world["fr_member"], 50, module.THE_END)


def test_a_page_takes_one_query_two_where_there_is_no_more_and_three_where_little_is_seen(
    app: Flask, monkeypatch: pytest.MonkeyPatch, count_queries: Callable[[], int]
) -> None:
    world = filled(3)
    taken = []
    for looked_at, size in ((500, 5), (500, 400), (1, 5)):
        monkeypatch.setattr(module, "LOOKED_AT", looked_at)
        count_queries()
        assert policy.newest(world["fr_member"], world.workspace, size)
        taken.append(count_queries())
    assert taken == [1, 2, 3]
