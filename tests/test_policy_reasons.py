"""Why not: whatever stands in the way has words, and they are said of the membership she has."""

from typing import Any

from sqlalchemy import ColumnElement

from jit_portal import policy
from jit_portal.database import transaction
from jit_portal.exhibits.models import Exhibit
from jit_portal.vocabulary import (
    May,
    Role,
    Sight,
)
from jit_portal.web.reasons import REASONS, why_not
from tests import factories
from tests.factories import World
from tests.policy_things import Things, things, world

FIXTURES = (things, world)
"""They are asked for by name."""


def test_why_not_is_said_of_the_membership_she_has(world: World, things: Things) -> None:
    """Not of one that ended, by which she could do more."""
    exhibit = things["exhibit shown"]
    with transaction():
        world.join("fr_other", "fr", Role.LEADER)
    leader = world["fr_leader"]
    factories.end_membership(world, "fr_leader")
    with transaction():
        world.join("fr_leader", "fr", Role.MEMBER, person=leader, live_from=factories.now())
    failed = [each.name for each in policy.explain(leader, May.RELEASE, exhibit) if not each.holds]
    assert failed == ["leader_or_entrusted"]


def test_whatever_can_stand_in_the_way_of_who_sees_a_thing_has_words() -> None:
    """What stands in the way of seeing it as well is told to nobody."""

    def said(condition: ColumnElement[bool] | None) -> tuple[str, dict[str, Any]] | None:
        return None if condition is None else (str(condition), condition.compile().params)

    named: set[str] = set()
    for (model, _), rule in policy.RULES.items():
        seeing = policy.RULES.get((model, May.SEE), {})
        named |= {name for name, condition in rule.items() if said(condition) != said(seeing.get(name))}
    assert len(named) > 30
    assert named - {"herself"} == REASONS.keys(), "whether she keeps the register is asked of nobody else"


def test_a_guest_is_told_the_authority_where_she_is_one_and_names_elsewhere(world: World, things: Things) -> None:
    exhibit, kestrel = things["exhibit shown"], factories.world("Kestrel", ("ro",))
    member, expert = world["fr_member"], world["fr_expert"]
    assert isinstance(exhibit, Exhibit)
    with transaction():
        kestrel.providers["fr"] = world.providers["fr"]
        kestrel.join("guest", "fr", Role.EXPERT, person=member, as_party="ro")
    factories.release(world, exhibit, expert, Sight.READ)
    assert "Who could: Fr_Leader" in why_not(member, May.RELEASE, exhibit)
    assert "Who could: Police FR" in why_not(expert, May.RELEASE, exhibit)
