"""The pages where people are let in, invited and ended, and who gets them."""

import datetime as dt
import re
import uuid

from flask import Flask
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.identity import invitations
from jit_portal.identity.models import Invitation
from jit_portal.vocabulary import (
    Outcome,
    Role,
)
from jit_portal.workspaces import people, service
from jit_portal.workspaces.models import Membership
from tests import factories
from tests.drafting import UNCHECKED, submit
from tests.factories import World
from tests.joining import HOSTILE, Browse, enrol, list_only, world

FIXTURES = (world,)
"""They are asked for by name."""


def test_the_people_page_groups_by_party_and_marks_who_may_do_what(world: World) -> None:
    seen = people.people(world["nl_leader"], world.workspace)
    groups = {group.party.country: group for group in seen.groups}
    assert list(groups) == ["FR", "NL", "AL", "EUROJUST"]
    assert [group.party.country for group in seen.groups if group.may_invite] == ["NL"]
    assert [member.user.name for member in groups["NL"].members] == ["Nl_Leader", "Nl_Member"]
    assert seen.endable == {world.members["nl_leader"].id, world.members["nl_member"].id}
    assert [member.user_id for member in seen.left] == [world["gone"].id]
    administrator = people.people(world["fr_leader"], world.workspace)
    assert [group.party.country for group in administrator.groups if group.may_invite] == ["FR", "EUROJUST"]
    assert len(administrator.endable) == administrator.number


def test_the_pages_of_letting_in_inviting_and_ending(world: World, browse: Browse) -> None:
    leader = browse(world["nl_leader"])
    space, party = world.workspace.id, world.parties["nl"].id
    page = f"/workspaces/{space}/people/{party}/invite"
    assert "New NL" in leader.get(page).text
    assert "New FR" not in leader.get(page).text
    sent = {"known-person": str(world["nl_new"].id), "known-role": "member", "known-purpose": ""}
    assert submit(leader, page, f"/workspaces/{space}/people/{party}/enrol", sent).status_code == 303
    assert "New NL" in leader.get(f"/workspaces/{space}/people").text
    again = submit(leader, page, f"/workspaces/{space}/people/{party}/enrol", sent)
    assert (again.status_code, "New NL is in this JIT already." in again.text) == (409, True)
    for stranger in (world["fr_new"], world["fr_member"]):
        unknown = sent | {"known-person": str(stranger.id)}
        other = submit(leader, page, f"/workspaces/{space}/people/{party}/enrol", unknown)
        assert (other.status_code, "Not a valid choice" in other.text) == (422, True)
        assert stranger.name not in other.text
    authority = str(world.providers["nl"].authorities[0].id)
    sent = {
        "new-name": f"Bram {HOSTILE}",
        "new-authority": authority,
        "new-role": "expert",
        "new-purpose": "Telephones",
        "new-subject": "NL-77",
    }
    made = submit(leader, page, page, sent)
    assert made.status_code == 201
    assert "<script>alert" not in made.text
    link = re.search(r'value="(https?://[^"]+/invitations/[^"]+)"', made.text)
    assert link is not None
    found = invitations.find(link[1].rpartition("/")[2])
    assert (found.name, found.subject) == (f"Bram {HOSTILE}", "NL-77")
    again = submit(leader, page, page, sent)
    assert again.status_code == 409
    assert "is open already" in again.text
    revoke = f"/workspaces/{space}/invitations/{found.id}/revoke"
    assert revoke in leader.get(f"/workspaces/{space}/people").text
    assert revoke not in browse(world["fr_leader"]).get(f"/workspaces/{space}/people").text
    assert submit(leader, page, revoke, {}).status_code == 303
    assert revoke not in leader.get(f"/workspaces/{space}/people").text
    member = (
        session()
        .scalars(policy.which(world["nl_leader"], Membership).where(Membership.user_id == world["nl_new"].id))
        .unique()
        .one()
    )
    end = f"/memberships/{member.id}/end"
    assert "at once" in leader.get(end).text
    assert submit(leader, end, end, {"because": ""}).status_code == 422
    assert submit(leader, end, end, {"because": HOSTILE}).status_code == 303
    assert "<script>alert" not in leader.get(f"/workspaces/{space}/people").text
    assert submit(leader, f"/workspaces/{space}", end, {"because": "Twice"}).status_code == 403


def test_an_invitation_into_another_jit_is_not_taken_back_through_this_one(world: World, browse: Browse) -> None:
    other = factories.world("Harbour", ("fr",), providers=world.providers)
    hers = world.providers["fr"].authorities[0]
    made, _token = service.invite(world["fr_leader"], world.workspace, hers, "Somebody New", Role.MEMBER)
    service.enrol(other["fr_leader"], other.workspace, world["fr_leader"], other.parties["fr"], Role.MEMBER)
    client = browse(world["fr_leader"])
    for space, status in ((other.workspace.id, 404), (world.workspace.id, 303)):
        assert submit(client, "/account", f"/workspaces/{space}/invitations/{made.id}/revoke", {}).status_code == status
        open_ones = service.open_invitations(world["fr_leader"], world.workspace)
        assert [each.id for each in open_ones] == ([made.id] if status == 404 else [])


def test_why_a_membership_ended_is_for_leaders_and_the_person(world: World, browse: Browse) -> None:
    service.end(world["nl_leader"], session().merge(world.members["nl_member"]), "Under suspicion")
    enrol(world, "nl_leader", "nl", who="nl_member")
    people_page = f"/workspaces/{world.workspace.id}/people"
    for name in ("nl_leader", "fr_leader", "nl_member"):
        assert "Under suspicion" in browse(world[name]).get(people_page).text, name
    for name in ("fr_member", "auditor", "expert", "eu_participant"):
        page = browse(world[name]).get(people_page).text
        assert "Nl_Member" in page
        assert "Under suspicion" not in page, name


def test_what_the_agreement_does_not_let_is_on_the_jits_record(world: World, browse: Browse) -> None:
    list_only(world, "nl", Role.MEMBER)
    page = f"/workspaces/{world.workspace.id}/people/{world.parties['nl'].id}/invite"
    sent = {"known-person": str(world["nl_new"].id), "known-role": "member"}
    list_only(world, "nl", Role.MEMBER, until=dt.date(2020, 1, 1))
    answer = submit(browse(world["nl_leader"]), page, page.replace("/invite", "/enrol"), sent)
    assert answer.status_code == 409
    assert "invite until" in answer.text
    refusals = select(LedgerEntry).where(LedgerEntry.outcome == Outcome.REFUSED).execution_options(**UNCHECKED)
    entry = session().scalars(refusals).one()
    assert (entry.act, entry.chain) == ("workspaces.enrol", world.jit.id)
    assert entry.object_party_id == world.parties["nl"].id


def test_a_person_who_cannot_be_let_in_is_refused_on_the_page(world: World, browse: Browse) -> None:
    for field, value in [
        ("known-person", ""),
        ("known-person", "x"),
        ("known-person", str(uuid.UUID(int=5))),
        ("known-role", "emperor"),
        ("known-purpose", "x" * 501),
    ]:
        page = f"/workspaces/{world.workspace.id}/people/{world.parties['nl'].id}/invite"
        sent = {"known-person": str(world["nl_new"].id), "known-role": "member", "known-purpose": "", field: value}
        answer = submit(browse(world["nl_leader"]), page, page.replace("/invite", "/enrol"), sent)
        assert answer.status_code == 422
        assert "There is a problem" in answer.text


def test_what_is_wrong_is_said_above_the_form_and_leads_to_its_field(world: World, browse: Browse) -> None:
    page = f"/workspaces/{world.workspace.id}/people/{world.parties['nl'].id}/invite"
    sent = {"known-person": "", "known-role": "member", "known-purpose": "x" * 501}
    said = submit(browse(world["nl_leader"]), page, page.replace("/invite", "/enrol"), sent).text
    summary = said[said.index("error-summary") : said.index("</ul>", said.index("error-summary"))]
    found = dict(re.findall(r'<a href="#([\w-]+)">([^<]+): [^<]+</a>', summary))
    assert found == {"known-person": "Person", "known-purpose": "Purpose and scope"}


def test_people_of_another_country_cannot_be_slipped_into_the_form(world: World, browse: Browse) -> None:
    page = f"/workspaces/{world.workspace.id}/people/{world.parties['nl'].id}/invite"
    # Who is in already is known to whoever would let her in.
    for name, status in (("fr_new", 422), ("nl_member", 409), ("stranger", 422)):
        sent = {"known-person": str(world[name].id), "known-role": "member"}
        assert submit(browse(world["nl_leader"]), page, page.replace("/invite", "/enrol"), sent).status_code == status


def test_an_invitation_that_makes_no_sense_is_not_made(world: World, browse: Browse) -> None:
    for field, value in [("new-name", ""), ("new-name", "x" * 300), ("new-name", "a\u202eb"), ("new-authority", "x")]:
        page = f"/workspaces/{world.workspace.id}/people/{world.parties['nl'].id}/invite"
        authority = str(world.providers["nl"].authorities[0].id)
        sent = {"new-name": "Bram", "new-authority": authority, "new-role": "member", field: value}
        assert submit(browse(world["nl_leader"]), page, page, sent).status_code == 422
        assert session().scalars(select(Invitation).execution_options(**UNCHECKED)).all() == []


def test_nobody_else_gets_these_pages(world: World, app: Flask, browse: Browse) -> None:
    space, party = world.workspace.id, world.parties["nl"].id
    gets = [f"/workspaces/{space}", f"/workspaces/{space}/people", f"/workspaces/{space}/people/{party}/invite"]
    gets.append(f"/memberships/{world.members['nl_member'].id}/end")
    posts = [f"/workspaces/{space}/people/{party}/{verb}" for verb in ("enrol", "invite")]
    posts.append(f"/memberships/{world.members['nl_member'].id}/end")
    for name in ("stranger", "gone", "nl_new"):
        client = browse(world[name])
        assert {client.get(path).status_code for path in gets} == {404}, name
        assert {submit(client, "/notices", path, {}).status_code for path in posts} == {404}, name
    for name in ("nl_member", "al_leader", "auditor", "eu_participant"):
        client = browse(world[name])
        assert [client.get(path).status_code for path in gets] == [200, 200, 403, 403], name
        assert {submit(client, "/notices", path, {"because": "x"}).status_code for path in posts} == {403}, name
    nobody = app.test_client()
    assert {nobody.get(path, base_url="https://localhost").status_code for path in gets} == {302}
