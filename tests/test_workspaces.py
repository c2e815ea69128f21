"""Who joins a workspace and who is ended, within what the agreement lists; and what its first page shows."""

import datetime as dt
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.audit.service import CHANNEL
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import APP, Postgres
from jit_portal.errors import Invalid, NotAllowed, NotFound, Refused
from jit_portal.exhibits.models import CountryRule
from jit_portal.identity import invitations
from jit_portal.identity.models import Invitation, User
from jit_portal.jits.models import Agreement, AgreementParty, AgreementPerson, Party
from jit_portal.messages.models import Channel
from jit_portal.notices.models import Notice
from jit_portal.vocabulary import (
    AgreementDuty,
    AgreementState,
    Audience,
    Duty,
    May,
    NoticeKind,
    Outcome,
    PrincipalKind,
    Role,
    Sight,
)
from jit_portal.workspaces import overview, people, service
from jit_portal.workspaces.models import Membership, MembershipPrincipal, Principal
from jit_portal.workspaces.principals import principal, tie
from tests import factories
from tests.drafting import UNCHECKED, submit
from tests.factories import World

Browse = Callable[[User], FlaskClient]
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    """Lantern of France, the Netherlands, Albania and Eurojust; ``gone`` has left, ``stranger`` is of Kestrel."""
    with app.test_request_context():
        made = factories.world(slugs=("fr", "nl", "al", "eu"))
        other = factories.world("Kestrel", ("fr", "nl"), made.providers)
        with transaction():
            made.join("auditor", "fr", Role.AUDITOR)
            made.join("expert", "fr", Role.EXPERT)
            made.join("gone", "fr")
            made.people["stranger"] = other["fr_leader"]
            for slug in ("fr", "nl", "al", "eu"):
                made.people[f"{slug}_new"] = factories.user(made.providers[slug], f"New {slug.upper()}")
        factories.end_membership(made, "gone")
        yield made


def list_only(world: World, slug: str, *roles: Role, until: dt.date | None = None) -> None:
    """From now on the agreement lists only these roles for a party."""
    with transaction():
        named = session().scalars(
            select(AgreementParty).where(
                AgreementParty.agreement_id == world.agreement.id, AgreementParty.party_id == world.parties[slug].id
            )
        )
        clause = named.unique().one()
        clause.roles, clause.invites_until = [role.value for role in roles], until


def enrol(world: World, by: str, slug: str, role: Role = Role.MEMBER, who: str = "", purpose: str = "") -> Membership:
    person = world[who or f"{slug}_new"]
    return service.enrol(world[by], world.workspace, person, world.parties[slug], role, purpose=purpose)


# Joining


def test_a_leader_lets_in_people_of_the_own_party(world: World) -> None:
    for by, slug in [("fr_leader", "fr"), ("nl_leader", "nl"), ("al_leader", "al")]:
        member = enrol(world, by, slug)
        assert policy.may(world[f"{slug}_new"], May.SEE, world.workspace)
        assert (member.role, member.party_id) == (Role.MEMBER, world.parties[slug].id)
        assert member.is_outside_union == (slug == "al")
        act = (
            session()
            .scalars(select(LedgerEntry).where(LedgerEntry.object_id == member.id).execution_options(**UNCHECKED))
            .one()
        )
        assert (act.act, json.loads(act.details)["role"]) == ("membership.begun", "member")


def test_nobody_else_lets_anybody_in(world: World) -> None:
    for by, slug, refusal in [
        ("fr_leader", "nl", NotAllowed),
        ("nl_leader", "fr", NotAllowed),
        ("fr_member", "fr", NotAllowed),
        ("expert", "fr", NotAllowed),
        ("auditor", "fr", NotAllowed),
        ("eu_participant", "eu", NotAllowed),
        ("nl_leader", "eu", NotAllowed),
        ("al_leader", "fr", NotAllowed),
        ("gone", "fr", NotFound),
        ("stranger", "fr", NotFound),
        ("fr_new", "fr", NotFound),
    ]:
        with pytest.raises(refusal):
            enrol(world, by, slug)
        assert not policy.may(world[f"{slug}_new"], May.SEE, world.workspace)


def test_a_party_that_is_only_drafted_is_there_for_those_who_see_the_draft(world: World, browse: Browse) -> None:
    with transaction():
        belgium = factories.provider("be")
        drafted = Party(jit_id=world.jit.id, provider_id=belgium.id, kind=belgium.kind, country="BE", name="Belgium")
        draft = Agreement(
            **{column.name: getattr(world.agreement, column.name) for column in Agreement.__table__.columns}
            | {"id": uuid.uuid4(), "version": 2, "state": AgreementState.DRAFT}
            | {"in_force_from": None, "in_force_until": None}
        )
        session().add_all([drafted, draft])
        session().flush()
        session().add(AgreementParty(agreement_id=draft.id, party_id=drafted.id, roles=[]))
        session().add(
            AgreementPerson(
                agreement_id=draft.id,
                party_id=world.parties["nl"].id,
                user_id=world["nl_member"].id,
                duty=AgreementDuty.LEADER,
            )
        )
    for name in ("fr_member", "eu_participant", "expert", "auditor"):
        with pytest.raises(NotFound):
            policy.fetch(world[name], Party, drafted.id)
        told = {
            browse(world[name]).get(f"/workspaces/{world.workspace.id}/people/{party_id}/invite").status_code
            for party_id in (drafted.id, uuid.uuid4())
        }
        assert told == {404}, name
    for name in ("fr_leader", "nl_leader", "nl_member"):
        assert policy.fetch(world[name], Party, drafted.id).id == drafted.id
    for name, party in world.parties.items():
        assert policy.fetch(world["fr_member"], Party, party.id).id == party.id, name


def test_space_administrators_let_in_people_of_a_body(world: World) -> None:
    member = enrol(world, "fr_leader", "eu", Role.PARTICIPANT, purpose="Coordination meetings")
    assert member.purpose == "Coordination meetings"


def test_what_the_agreement_does_not_list_is_refused_by_its_clause(world: World) -> None:
    list_only(world, "fr", Role.MEMBER)
    with pytest.raises(Refused) as caught:
        enrol(world, "fr_leader", "fr", Role.EXPERT, purpose="Telephones")
    assert caught.value.reason == "Agreement version 1 does not list experts for France."
    enrol(world, "fr_leader", "fr", Role.MEMBER)


def test_invitations_end_on_the_day_that_the_agreement_says(world: World) -> None:
    today = dt.datetime.now(dt.UTC).date()
    list_only(world, "fr", Role.MEMBER, until=today - dt.timedelta(days=2))
    with pytest.raises(Refused, match="let France invite until"):
        enrol(world, "fr_leader", "fr")
    list_only(world, "fr", Role.MEMBER, until=today + dt.timedelta(days=1))
    enrol(world, "fr_leader", "fr")


def test_after_the_agreement_nobody_joins(world: World) -> None:
    factories.end_agreement(world)
    with pytest.raises(NotAllowed):
        enrol(world, "fr_leader", "fr")


def test_only_a_countrys_own_people_join_for_it_save_experts(world: World) -> None:
    with pytest.raises(Refused, match="only be joined by its own people"):
        enrol(world, "fr_leader", "fr", who="nl_new")
    expert = enrol(world, "fr_leader", "fr", Role.EXPERT, who="al_new", purpose="Interpreting")
    assert expert.is_outside_union


def test_a_person_is_in_a_jit_once(world: World) -> None:
    enrol(world, "fr_leader", "fr")
    with pytest.raises(Refused, match="already"):
        enrol(world, "fr_leader", "fr")
    with pytest.raises(Refused, match="already"):
        enrol(world, "fr_leader", "fr", Role.AUDITOR, who="fr_member")


def test_a_person_let_in_twice_at_the_same_moment_is_in_once(world: World, app: Flask) -> None:
    outcomes, together = [], threading.Barrier(2)

    def let_in() -> None:
        with app.test_request_context():
            together.wait()
            try:
                enrol(world, "fr_leader", "fr")
                outcomes.append("in")
            except Refused as refusal:
                outcomes.append(refusal.reason)
            finally:
                session.remove()

    both = [threading.Thread(target=let_in) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert sorted(outcomes) == ["New FR is in this JIT already.", "in"]


def test_a_member_answers_to_what_means_her_in_this_jit_alone(world: World) -> None:
    member = enrol(world, "fr_leader", "fr", who="stranger")
    tied = select(Principal).join(MembershipPrincipal).where(MembershipPrincipal.membership_id == member.id)
    found = list(session().scalars(tied).unique())
    assert {each.kind for each in found} == set(PrincipalKind)
    assert len(found) == len(PrincipalKind)
    assert {each.workspace_id for each in found} == {world.workspace.id}


def test_who_was_ended_can_come_back(world: World) -> None:
    enrol(world, "fr_leader", "fr", who="gone")
    assert policy.may(world["gone"], May.SEE, world.workspace)


@pytest.mark.parametrize("duty", list(Duty))
def test_who_has_a_duty_or_is_deactivated_joins_nothing(world: World, duty: Duty) -> None:
    with transaction():
        world["fr_new"].duty = duty
        session().merge(world["fr_new"])
    with pytest.raises(Refused):
        enrol(world, "fr_leader", "fr")
    with transaction():
        world["fr_new"].duty, world["fr_new"].deactivated_at = None, factories.now()
        session().merge(world["fr_new"])
    with pytest.raises(Refused):
        enrol(world, "fr_leader", "fr")


def test_participants_and_experts_need_a_purpose(world: World) -> None:
    for slug, role in [("eu", Role.PARTICIPANT), ("fr", Role.EXPERT)]:
        with pytest.raises(Invalid) as caught:
            enrol(world, "fr_leader", slug, role, purpose="  ")
        assert caught.value.field == "purpose"


def test_a_party_of_another_jit_is_not_joined_through_this_one(world: World, app: Flask) -> None:
    other = factories.world("Heron", ("fr", "nl"), world.providers)
    with pytest.raises(NotFound):
        service.enrol(other["fr_leader"], world.workspace, world["fr_new"], other.parties["fr"], Role.MEMBER)


# By invitation


def test_an_invitation_seats_whoever_accepts_it(world: World) -> None:
    authority = world.providers["fr"].authorities[0]
    made, token = service.invite(world["fr_leader"], world.workspace, authority, "Somebody New", Role.MEMBER)
    assert token not in str(made.membership_offer)
    with transaction():
        service.join_by_invitation(world["fr_new"], made)
    assert policy.may(world["fr_new"], May.SEE, world.workspace)
    assert service.join_by_invitation in invitations.ON_ACCEPT


def test_only_the_own_leader_invites(world: World) -> None:
    for by in ["fr_member", "expert", "nl_leader", "gone", "stranger", "eu_participant"]:
        authority = world.providers["fr"].authorities[0]
        with pytest.raises((NotAllowed, NotFound)):
            service.invite(world[by], world.workspace, authority, "Somebody New", Role.MEMBER)
        assert session().scalars(select(Invitation).execution_options(**UNCHECKED)).all() == []


def test_an_offer_is_held_against_the_rules_of_the_day_it_is_accepted(world: World) -> None:
    authority = world.providers["fr"].authorities[0]
    made, _token = service.invite(world["fr_leader"], world.workspace, authority, "Somebody New", Role.MEMBER)
    list_only(world, "fr", Role.EXPERT)
    with pytest.raises(Refused), transaction():
        service.join_by_invitation(world["fr_new"], made)
    list_only(world, "fr", Role.MEMBER)
    with transaction():
        session().merge(world.members["fr_leader"]).role = Role.MEMBER
    with pytest.raises(Refused, match="may not invite any more"), transaction():
        service.join_by_invitation(world["fr_new"], made)
    factories.end_membership(world, "fr_leader")
    with pytest.raises(Refused, match="may not invite any more"), transaction():
        service.join_by_invitation(world["fr_new"], made)
    assert not policy.may(world["fr_new"], May.SEE, world.workspace)


def test_an_open_invitation_is_not_made_twice_until_it_is_taken_back(world: World) -> None:
    authority = world.providers["fr"].authorities[0]
    leader, space = world["fr_leader"], world.workspace
    made, _token = service.invite(leader, space, authority, "Somebody New", Role.MEMBER)
    with pytest.raises(Refused, match="is open already"):
        service.invite(leader, space, authority, " somebody new", Role.MEMBER)
    service.invite(leader, space, authority, "Somebody New", Role.SECONDED_MEMBER)
    assert [each.name for each in service.open_invitations(leader, space)] == ["Somebody New"] * 2
    assert service.open_invitations(world["nl_leader"], space) == []
    invitations.revoke(leader, made)
    service.invite(leader, space, authority, "Somebody New", Role.MEMBER)


def test_an_invitation_can_be_for_one_national_identifier_alone(world: World) -> None:
    authority = world.providers["fr"].authorities[0]
    made, _token = service.invite(
        world["fr_leader"], world.workspace, authority, "Somebody New", Role.LEADER, subject="FR-77"
    )
    assert made.subject == "FR-77"


def test_an_invitation_to_the_portal_alone_seats_nobody(world: World) -> None:
    made, _token = invitations.invite(None, world.providers["fr"].authorities[0], "Somebody")
    service.join_by_invitation(world["fr_new"], made)
    assert not policy.may(world["fr_new"], May.SEE, world.workspace)


# Ending


def test_leaders_end_their_own_people_and_space_administrators_anybody(world: World) -> None:
    for by, who in [
        ("nl_leader", "nl_member"),
        ("fr_leader", "al_leader"),
        ("fr_leader", "eu_participant"),
        ("nl_leader", "nl_leader"),
    ]:
        member = session().merge(world.members[who])
        service.end(world[by], member, "Works on another case")
        assert not policy.may(world[who], May.SEE, world.workspace)
        with pytest.raises(NotFound):
            policy.fetch(world[who], Channel, factories_channel(world).id)
        assert (member.ended_because, member.ended_by_id) == ("Works on another case", world[by].id)


def factories_channel(world: World) -> Channel:
    return factories.channel(world, f"c{uuid.uuid4().hex[:6]}")


def test_nobody_else_ends_a_membership(world: World) -> None:
    for by, who, refusal in [
        ("nl_leader", "fr_member", NotAllowed),
        ("al_leader", "nl_member", NotAllowed),
        ("nl_member", "nl_member", NotAllowed),
        ("auditor", "expert", NotAllowed),
        ("eu_participant", "nl_member", NotAllowed),
        ("gone", "nl_member", NotFound),
        ("stranger", "nl_member", NotFound),
        ("fr_leader", "gone", NotAllowed),
    ]:
        with pytest.raises(refusal):
            service.end(world[by], session().merge(world.members[who]), "Because")


def test_ending_needs_a_reason(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        service.end(world["nl_leader"], session().merge(world.members["nl_member"]), " \t")
    assert caught.value.field == "because"


def test_who_is_ended_is_told_at_once_and_gets_nothing_more(world: World, cluster: Postgres, browse: Browse) -> None:
    shown = factories.exhibit(world, "fr", "Ledger")
    factories.release(world, shown, "nl")
    screen = browse(world["nl_member"])
    paths = [f"/workspaces/{world.workspace.id}{page}" for page in ("", "/people", "/board", "/chat", "/vault")]
    paths += [f"/exhibits/{shown.id}", f"/jits/{world.jit.id}", f"/jits/{world.jit.id}/agreement"]
    assert {screen.get(path, follow_redirects=True).status_code for path in paths} == {200}
    with psycopg.connect(cluster.url(APP).replace("+psycopg", ""), autocommit=True) as listening:
        listening.execute(f"LISTEN {CHANNEL}")
        service.end(world["nl_leader"], session().merge(world.members["nl_member"]), "Left the service")
        told = [json.loads(notice.payload) for notice in listening.notifies(timeout=20, stop_after=1)]
    assert told[0]["act"] == "membership.ended"
    assert told[0]["also"] == [str(world["nl_member"].id)]
    assert {screen.get(path).status_code for path in paths} == {404}
    assert screen.get("/").status_code == 200
    entry = (
        session()
        .scalars(select(LedgerEntry).where(LedgerEntry.act == "membership.ended").execution_options(**UNCHECKED))
        .one()
    )
    assert "Left the service" not in entry.details


# Pages


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
    for name in ("fr_new", "nl_member", "stranger"):
        sent = {"known-person": str(world[name].id), "known-role": "member"}
        assert submit(browse(world["nl_leader"]), page, page.replace("/invite", "/enrol"), sent).status_code == 422


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


def test_the_first_page_shows_each_reader_what_the_policy_lets_them_see(world: World, browse: Browse) -> None:
    ours, theirs = factories.exhibit(world, "fr", "Ours alone"), factories.exhibit(world, "nl", "Shown to France")
    factories.release(world, theirs, "fr", Sight.SEE)
    secret = factories.channel(world, "leaders-only", Audience.PEOPLE)
    with transaction():
        secret.message_count = 3
        session().merge(secret)
    page = f"/workspaces/{world.workspace.id}"
    french, dutch, eu = (browse(world[name]).get(page).text for name in ("fr_leader", "nl_leader", "eu_participant"))
    assert "Ours alone" in french
    assert "Shown to France" in french
    assert "Ours alone" not in dutch
    assert "Shown to France" in dutch
    assert "Ours alone" not in eu
    assert "Shown to France" not in eu
    assert "leaders-only" not in french + dutch + eu
    assert "Upload evidence" in french
    assert "Upload evidence" not in eu
    pieces = overview.overview(world["fr_leader"], world.workspace)
    assert pieces.sights[ours.id] == Sight.USE
    assert pieces.sights[theirs.id] == Sight.SEE
    assert pieces.fresh_exhibits == 2


def test_who_kept_a_view_finds_what_is_theirs_and_withdraws_it_and_nothing_else(world: World, browse: Browse) -> None:
    ours, theirs = factories.exhibit(world, "nl", "Ours of old"), factories.exhibit(world, "fr", "Shown once")
    release = factories.release(world, ours, "fr")
    factories.release(world, theirs, "nl")
    with transaction():
        meant = principal(world.workspace.id, PrincipalKind.PARTY, party_id=world.parties["fr"].id)
        named = {"workspace_id": world.workspace.id, "party_id": world.parties["nl"].id, "principal_id": meant.id}
        session().add(CountryRule(is_forbid=True, sight=4, set_by_id=world["nl_leader"].id, **named))
        session().merge(world.parties["nl"]).live_until = factories.now()
        session().merge(world.members["nl_leader"]).keeps_own_exhibits = True
    keeper, space = browse(world["nl_leader"]), f"/workspaces/{world.workspace.id}"
    assert f"{space}/vault" in keeper.get("/").text
    vault = keeper.get(f"{space}/vault").text
    assert "Ours of old" in vault
    assert "Your party has left" in vault
    assert "Shown once" not in vault
    assert vault.count('id="vault-count"') == 1, "what takes its place when the list changes"
    for place in ("board", "chat", "people", "record"):
        assert f"{space}/{place}" not in vault
    page = keeper.get(f"/exhibits/{ours.id}").text
    withdraw = f"/releases/{release.id}/withdraw"
    assert withdraw in page
    assert submit(keeper, withdraw, withdraw, {"reason": "We left."}).status_code == 303
    assert not policy.may(world["fr_leader"], May.SEE, ours)
    close = re.search(r"/rules/[0-9a-f-]+/close", keeper.get(f"{space}/rules").text)
    assert close is not None
    assert submit(keeper, f"{space}/rules", close[0], {}).status_code == 303
    assert "Ended" in keeper.get(f"{space}/rules").text
    closed = [f"{space}{place}" for place in ("", "/people", "/board", "/chat", "/record", "/rules/new")]
    closed += [f"/exhibits/{theirs.id}", f"/jits/{world.jit.id}", f"/jits/{world.jit.id}/agreement"]
    assert {path: keeper.get(path).status_code for path in closed} == dict.fromkeys(closed, 404)
    other = browse(world["nl_member"])
    both = [f"{space}/vault", f"{space}/rules", f"/exhibits/{ours.id}", withdraw]
    assert {path: other.get(path).status_code for path in both} == dict.fromkeys(both, 404)


def test_the_pieces_that_refetch_themselves_come_without_the_page(world: World, browse: Browse) -> None:
    leader = browse(world["fr_leader"])
    for path in (f"/workspaces/{world.workspace.id}", f"/workspaces/{world.workspace.id}/people"):
        piece = leader.get(path, headers={"HX-Request": "true"})
        assert piece.status_code == 200
        assert "<html" not in piece.text
        assert f'data-src="{path}"' in piece.text


def test_after_the_end_the_pages_can_be_read_only(world: World, browse: Browse) -> None:
    factories.end_agreement(world)
    leader = browse(world["fr_leader"])
    page = leader.get(f"/workspaces/{world.workspace.id}").text
    assert "The agreement has ended." in page
    head = page[page.index('class="head-title"') : page.index("</dl>")]
    assert "Ended" in head
    assert "Ended on" in head
    assert "Active" not in head
    assert "Upload evidence" not in page
    listing = leader.get(f"/workspaces/{world.workspace.id}/people")
    assert listing.status_code == 200
    assert "/invite" not in listing.text
    invite = f"/workspaces/{world.workspace.id}/people/{world.parties['fr'].id}/invite"
    assert leader.get(invite).status_code == 403


def test_as_many_queries_for_many_people_as_for_few(
    world: World, browse: Browse, count_queries: Callable[[], int]
) -> None:
    leader = browse(world["fr_leader"])
    paths = [f"/workspaces/{world.workspace.id}", f"/workspaces/{world.workspace.id}/people"]

    def cost() -> list[int]:
        session().rollback()
        spent = []
        for path in paths:
            count_queries()
            assert leader.get(path).status_code == 200
            spent.append(count_queries())
        return spent

    for path in paths:
        leader.get(path)
    few = cost()
    with transaction():
        for number in range(12):
            world.join(f"many{number}", ("fr", "nl")[number % 2])
    for number in range(8):
        factories.release(world, factories.exhibit(world, "nl", f"Thing {number}"), "fr")
    assert cost() == few
    assert max(few) < 40


def test_being_let_in_is_told(world: World) -> None:
    member = enrol(world, "fr_leader", "fr")
    from_notices = session().scalars(policy.which(world["fr_new"], Notice)).unique().one()
    assert (from_notices.kind, from_notices.object_id) == (NoticeKind.INVITED, member.id)


def test_nobody_is_tied_to_nothing(world: World) -> None:
    every = select(Principal.id).order_by(Principal.id)
    before = session().scalars(every).all()
    tie(world.workspace.id, {})
    assert session().scalars(every).all() == before
