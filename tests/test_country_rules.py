"""The rules of a country: standing releases and forbids, who sets them, and what they show and hide."""

import pytest
from flask import Flask

from jit_portal import policy
from jit_portal.errors import NotAllowed
from jit_portal.exhibits import rules
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.vocabulary import ExhibitKind, May, Sight
from tests import factories


def test_a_standing_release_shows_and_a_forbid_takes_away(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world, kind=ExhibitKind.DOCUMENT, tags=("bank",))
    leader, party, other = world["fr_leader"], world.parties["fr"], world["nl_member"]
    to = f"party:{world.parties['nl'].id}"
    shown = RuleDescription(is_forbid=False, to=to, sight=Sight.DOWNLOAD, kind=ExhibitKind.DOCUMENT)
    preview = rules.preview(leader, world.workspace, party, shown)
    assert preview.exhibits == 1
    assert {move.person.id for move in preview.moves if move.rises} == {world["nl_leader"].id, other.id}
    assert policy.allowed(other, exhibit) == frozenset(), "a preview changes nothing"
    rules.set_rule(leader, world.workspace, party, shown)
    assert May.DOWNLOAD in policy.allowed(other, exhibit)
    forbid = rules.set_rule(
        leader, world.workspace, party, RuleDescription(is_forbid=True, to=to, sight=Sight.READ, tag="bank")
    )
    assert policy.allowed(other, exhibit) == {May.SEE}
    assert May.USE in policy.allowed(world["fr_member"], exhibit), "a forbid never touches the seizing party"
    rules.close_rule(leader, forbid)
    assert May.DOWNLOAD in policy.allowed(other, exhibit)


def test_a_release_of_what_a_forbid_hides_is_hidden_too(app: Flask) -> None:
    world = factories.world()
    made = factories.release(world, factories.exhibit(world), "nl")
    assert policy.may(world["nl_member"], May.SEE, made)
    said = RuleDescription(is_forbid=True, to=f"party:{world.parties['nl'].id}", sight=Sight.SEE)
    rules.set_rule(world["fr_leader"], world.workspace, world.parties["fr"], said)
    assert not policy.may(world["nl_member"], May.SEE, made)
    assert policy.may(world["fr_member"], May.SEE, made)


def test_only_leaders_set_rules_for_their_own_party(app: Flask) -> None:
    world = factories.world()
    said = RuleDescription(is_forbid=False, to=f"party:{world.parties['nl'].id}", sight=Sight.SEE)
    for name in ("fr_member", "nl_leader", "eu_participant"):
        with pytest.raises(NotAllowed):
            rules.set_rule(world[name], world.workspace, world.parties["fr"], said)
