"""Where a login gives another name or authority than the account was made with, a person decides."""

import pytest

from jit_portal.database import session, transaction
from jit_portal.errors import NotAllowed, Refused
from jit_portal.identity import accounts
from jit_portal.identity.models import Authority, User
from jit_portal.vocabulary import Role
from jit_portal.workspaces import service as workspaces
from tests import factories
from tests.accounts import Browse, acts, now_of, post, put, world
from tests.factories import World

__all__ = ["world"]


@pytest.fixture
def flagged(world: World) -> User:
    """Somebody whose login now gives another name and authority."""
    with transaction():
        customs = Authority(provider_id=world.providers["fr"].id, code="fr-customs", name="Customs FR")
        session().add(customs)
    put(world["fr_member"], flagged="authority,name", claimed_name="Fr Married", claimed_authority_id=customs.id)
    return world["fr_member"]


def test_changed_details_are_taken_over_and_the_person_stays_the_same(
    world: World, flagged: User, browse: Browse
) -> None:
    administrator, before = world["fr_administrator"], (flagged.provider_id, flagged.issuer, flagged.subject)
    client = browse(administrator)
    assert "Details changed: 1" in client.get("/people").text
    page = client.get(f"/people/{flagged.id}").text
    assert "Fr Married" in page
    assert "Customs FR" in page
    answer = post(client, f"/people/{flagged.id}/accept", name="Fr Married", authority="fr-customs")
    assert answer.status_code == 303
    person = now_of(flagged)
    assert (person.name, person.authority.code, person.flagged) == ("Fr Married", "fr-customs", None)
    assert (person.claimed_name, person.claimed_authority_id) == (None, None)
    assert (person.provider_id, person.issuer, person.subject) == before
    assert acts(flagged) == [("user.claims_accepted", administrator.name)]
    member = session().merge(world.members["fr_member"])
    assert member.authority_id != person.authority_id


def accept(world: World) -> None:
    accounts.accept_claims(world["fr_administrator"], now_of(world["fr_member"]), "Fr Married", "fr-customs")


def test_leaders_of_her_party_are_told_of_a_new_authority(world: World, flagged: User, browse: Browse) -> None:
    other, elsewhere = (factories.world(name, ("fr", "nl"), world.providers) for name in ("Harbour", "Heron"))
    with transaction():
        for team in (other, elsewhere):
            team.join("both", "fr", person=session().merge(flagged))
    factories.end_membership(elsewhere, "both")
    leaders = {"Lantern": browse(world["fr_leader"]), "Harbour": browse(other["fr_leader"])}
    accept(world)
    for name, client in leaders.items():
        team = world if name == "Lantern" else other
        page = client.get("/notices").text
        member = team.members["fr_member" if name == "Lantern" else "both"]
        assert page.count("Fr Married is of another authority now: Customs FR") == 1
        assert "The membership still stands on Police FR." in page
        assert f'href="/workspaces/{team.workspace.id}/people#member-{member.id}"' in page
        people_page = client.get(f"/workspaces/{team.workspace.id}/people").text
        assert f'id="member-{member.id}"' in people_page
        assert people_page.count("Another authority now") == 1
    for someone in (world["nl_leader"], flagged, elsewhere["fr_leader"], world["fr_administrator"]):
        assert "another authority now" not in browse(someone).get("/notices").text.lower()
    dutch = browse(other["nl_leader"]).get(f"/workspaces/{other.workspace.id}/people").text
    assert "Another authority now" not in dutch


def test_a_membership_begun_anew_stands_on_the_new_authority(world: World, flagged: User, browse: Browse) -> None:
    accept(world)
    leader, before = world["fr_leader"], session().merge(world.members["fr_member"])
    workspaces.end(leader, before, "Of another authority now")
    workspaces.enrol(leader, world.workspace, now_of(flagged), world.parties["fr"], Role.MEMBER)
    client = browse(leader)
    assert "Another authority now" not in client.get(f"/workspaces/{world.workspace.id}/people").text
    page = client.get("/notices").text
    assert "is of another authority now" in page
    assert "still stands on" not in page


def test_a_new_name_alone_tells_nobody(world: World, flagged: User, browse: Browse) -> None:
    accept(world)
    put(world["fr_member"], flagged="name", claimed_name="Fr Divorced")
    accounts.accept_claims(world["fr_administrator"], now_of(world["fr_member"]), "Fr Divorced", "")
    assert browse(world["fr_leader"]).get("/notices").text.count("is of another authority now") == 1


def test_where_nobody_else_leads_her_party_those_who_may_end_it_are_told(world: World, browse: Browse) -> None:
    """The one Dutch leader moves: the space administrator, who is French, can act."""
    with transaction():
        customs = Authority(provider_id=world.providers["nl"].id, code="nl-customs", name="Douane NL")
        session().add(customs)
    put(world["nl_leader"], flagged="authority", claimed_authority_id=customs.id)
    accounts.accept_claims(world["nl_administrator"], now_of(world["nl_leader"]), "", "nl-customs")
    assert "is of another authority now: Douane NL" in browse(world["fr_leader"]).get("/notices").text
    assert "is of another authority now" not in browse(world["nl_leader"]).get("/notices").text


@pytest.mark.parametrize(
    ("name", "authority"), [("Fr Other", "fr-customs"), ("Fr Married", ""), ("", ""), ("Fr Married", "fr-police")]
)
def test_only_what_was_read_is_taken_over(world: World, flagged: User, name: str, authority: str) -> None:
    with pytest.raises(Refused):
        accounts.accept_claims(world["fr_administrator"], flagged, name, authority)
    assert now_of(flagged).flagged == "authority,name"


def test_nobody_takes_over_her_own_details(world: World) -> None:
    put(world["fr_administrator"], flagged="name", claimed_name="The Minister")
    with pytest.raises(NotAllowed):
        accounts.accept_claims(world["fr_administrator"], world["fr_administrator"], "The Minister", "")
    second = factories.administrator(world.providers["fr"])
    accounts.accept_claims(second, world["fr_administrator"], "The Minister", "")
    assert now_of(world["fr_administrator"]).name == "The Minister"


def test_details_that_came_back_are_settled(world: World) -> None:
    put(world["fr_member"], flagged="name")
    accounts.accept_claims(world["fr_administrator"], world["fr_member"], "", "")
    person = now_of(world["fr_member"])
    assert (person.name, person.flagged) == ("Fr_Member", None)
