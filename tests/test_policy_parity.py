"""Every way of asking the policy answers alike, over generated worlds."""

import importlib
import random
import uuid
from collections.abc import Callable
from itertools import islice

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jit_portal import policy
from jit_portal.database import Thing, session
from jit_portal.errors import NotAllowed, NotFound, StepUpNeeded
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.policy import Seer
from jit_portal.vocabulary import (
    BODIES,
    INVESTIGATORS,
    May,
    Role,
    Sight,
)
from tests import policy_furniture, policy_worlds
from tests.policy_worlds import PolicyWorld, Space
from tests.policy_written import fits, is_granted, is_live, is_named, is_there

Pairs = set[tuple[uuid.UUID, uuid.UUID]]


def things_of(world: PolicyWorld) -> dict[type[Thing], list[Thing]]:
    found: dict[type[Thing], list[Thing]] = {}
    for space in world.spaces:
        for thing in space.things:
            found.setdefault(type(thing), []).append(thing)
    return found


def pairs(model: type[Thing], may: May, things: list[Thing]) -> Pairs:
    ids = [thing.id for thing in things]
    return {(row[0], row[1]) for row in session().execute(policy.pairs(model, may, model.id.in_(ids)))}


def check_which(model: type[Thing], may: May, things: list[Thing], people: list[User], allowed: Pairs) -> None:
    known = {thing.id for thing in things}
    for person in people:
        found = session().scalars(policy.which(person, model, may).with_only_columns(model.id)).all()
        assert len(found) == len(set(found)), "a list shows nothing twice"
        assert set(found) & known == {id for id, of in allowed if of == person.id}, (model, may)


def check_who(model: type[Thing], may: May, things: list[Thing], world: PolicyWorld, allowed: Pairs) -> None:
    known = {person.id for person in world.people}
    for thing in things:
        found = set(session().scalars(policy.who(thing, may).with_only_columns(policy.person.person.id)))
        # People of worlds before this one may be administrators of the same country, or operators.
        assert found & known == {person for id, person in allowed if id == thing.id} & known, (model, may)


NEWEST = importlib.import_module("jit_portal.policy.newest")
STEP_UP = -1
"""The status of what she may, once she has proved anew who she is."""


def check_one(person: User, thing: Thing, allowed: dict[May, Pairs]) -> None:
    """Every question about one person and one thing has the answer of the whole."""
    pair = (thing.id, person.id)
    want = {may for may, answers in allowed.items() if pair in answers}
    assert policy.allowed(person, thing) == want
    for may in allowed:
        assert policy.may(person, may, thing) == (may in want)
        conditions = policy.explain(person, may, thing)
        assert conditions
        assert all(condition.holds for condition in conditions) == (may in want), (may, conditions)
        right = 200 if may in want else 403 if May.SEE in want else 404
        assert status_of(lambda may=may: policy.require_right(person, may, thing)) == right  # type: ignore[misc]
        waits = (type(thing), may) in policy.stepup.DEMANDED and right == 200
        said = status_of(lambda may=may: policy.require(person, may, thing))  # type: ignore[misc]
        assert said == (STEP_UP if waits else right), "these people have no login in which they proved anything"
    assert status_of(lambda: policy.fetch(person, type(thing), thing.id)) == (200 if May.SEE in want else 404)


def status_of(ask: Callable[[], object]) -> int:
    try:
        ask()
    except StepUpNeeded:
        return STEP_UP
    except (NotFound, NotAllowed) as refusal:
        return refusal.status
    return 200


def check_sights(world: PolicyWorld, allowed: dict[May, Pairs], people: list[User]) -> None:
    """``sights``, ``seers`` and ``newest`` say of exhibits what the rules say."""
    by_sight = [(Sight.USE, May.USE), (Sight.DOWNLOAD, May.DOWNLOAD), (Sight.READ, May.READ), (Sight.SEE, May.SEE)]

    def sight_of(exhibit: uuid.UUID, person: uuid.UUID) -> Sight | None:
        return next((sight for sight, may in by_sight if (exhibit, person) in allowed[may]), None)

    for person in people:
        want = {exhibit.id: sight_of(exhibit.id, person.id) for exhibit in world.exhibits}
        seen = {id: sight for id, sight in want.items() if sight}
        assert policy.sights(person, world.exhibits) == seen
        for space in world.spaces:
            ordered = sorted(space.exhibits, key=lambda each: (each.created_at, each.id), reverse=True)
            expected = [each.id for each in ordered if each.id in seen]
            for looked_at in (NEWEST.LOOKED_AT, 1):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(NEWEST, "LOOKED_AT", looked_at)
                    assert [each.id for each in policy.newest(person, space.workspace)] == expected
                    assert [each.id for each in policy.newest(person, space.workspace, 2)] == expected[:2]
    for space in world.spaces:
        for exhibit in islice(space.exhibits, 3):
            seers = policy.seers(exhibit)
            there = {member.id for member in space.memberships if is_there(member)}
            assert {seer.membership.id for seer in seers} == there
            assert len(seers) == len(there)
            for seer in seers:
                assert seer.sight == sight_of(exhibit.id, seer.membership.user_id)
                check_why(space, exhibit, seer)


def check_why(space: Space, exhibit: Exhibit, seer: Seer) -> None:
    """The reasons are those that the rows themselves give, looked at one by one."""
    member = next(each for each in space.memberships if each.id == seer.membership.id)
    released = [
        each
        for each in space.releases
        if each.exhibit_id == exhibit.id and is_live(each) and is_granted(space, member, each.principal)
    ]
    meant = [each for each in space.rules if is_live(each) and fits(each, exhibit)]
    granted = [each for each in meant if not each.is_forbid and is_granted(space, member, each.principal)]
    refused = [each for each in meant if each.is_forbid and is_named(space, member, each.principal)]
    assert sorted(seer.releases) == sorted(each.id for each in released)
    assert sorted(seer.rules) == sorted(each.id for each in granted)
    assert sorted(seer.forbids) == sorted(each.id for each in refused)
    assert seer.granted == max([*(each.sight for each in released), *(each.sight for each in granted)], default=0)
    own_role = member.role in INVESTIGATORS or (member.role == Role.PARTICIPANT and member.party.kind in BODIES)
    assert seer.is_own == (member.party_id == exhibit.party_id and own_role)
    is_shown = not any(each.sight == Sight.SEE for each in refused) and bool(granted)
    assert policy.is_shown_by_rule(member.user, exhibit) == is_shown


@settings(
    max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_every_way_of_asking_answers_alike(app: Flask, seed: int) -> None:
    world = policy_worlds.make(seed, people=14, exhibits=8)
    policy_furniture.furnish(world)
    chance = random.Random(seed)  # noqa: S311 - only a sample, drawn again from its seed
    of_exhibits: dict[May, Pairs] = {}
    for model, things in things_of(world).items():
        mays = [may for known, may in policy.RULES if known is model]
        allowed = {may: pairs(model, may, things) for may in mays}
        of_exhibits = allowed if model is Exhibit else of_exhibits
        for may in mays:
            check_which(model, may, things, chance.sample(world.people, 3), allowed[may])
            check_who(model, may, chance.sample(things, 1), world, allowed[may])
        for _ in range(2):
            check_one(chance.choice(world.people), chance.choice(things), allowed)
        some = [
            (thing, person) for thing in things for person in world.people if (thing.id, person.id) in allowed[May.SEE]
        ]
        for thing, person in chance.sample(some, min(2, len(some))):
            check_one(person, thing, allowed)
    assert set(things_of(world)) == set(policy.GROUNDS) >= policy.GUARDED, (
        "a kind of thing is protected that these worlds do not have"
    )
    check_sights(world, of_exhibits, chance.sample(world.people, 4))
    session.remove()
