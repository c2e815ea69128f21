"""The rules of a country: standing releases and forbids, who sets them, by which form, and what they move."""

import pytest
from flask import Flask

from jit_portal import policy
from jit_portal.errors import NotAllowed
from jit_portal.exhibits import rules
from jit_portal.exhibits.models import CountryRule
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.vocabulary import ExhibitKind, May, Sight
from tests import factories
from tests.exhibits import Browse, made, post, world
from tests.factories import World

FIXTURES = (world,)
"""They are asked for by name."""


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


class TestRuleForm:
    @pytest.mark.parametrize("field", ["seized_from", "seized_until"])
    @pytest.mark.parametrize("act", ["look", "submit"])
    def test_a_forbid_has_no_dates_of_seizure(self, world: World, browse: Browse, field: str, act: str) -> None:
        fields = {"is_forbid": "1", "to": f"party:{world.parties['nl'].id}", "sight": "2", field: "2026-03-01"}
        client, path = browse(world["fr_leader"]), f"/workspaces/{world.workspace.id}/rules/new"
        status, page = post(client, path, **{act: "1"}, **fields)
        assert status == 422
        assert "A forbid holds whatever the date of seizure" in page
        assert 'value="2026-03-01"' in page, "what was typed comes back"
        assert made(CountryRule) == []
        assert post(client, path, **{act: "1"}, **(fields | {"is_forbid": "0"}))[0] in (200, 303)
