"""Who joins a workspace, let in or by invitation, within what the agreement lists."""

import datetime as dt
import json
import threading
import uuid

import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotAllowed, NotFound, Refused
from jit_portal.identity import invitations
from jit_portal.identity.models import Invitation
from jit_portal.jits.models import Agreement, AgreementParty, AgreementPerson, Party
from jit_portal.notices.models import Notice
from jit_portal.vocabulary import (
    AgreementDuty,
    AgreementState,
    Duty,
    May,
    NoticeKind,
    PrincipalKind,
    Role,
)
from jit_portal.workspaces import service
from jit_portal.workspaces.models import MembershipPrincipal, Principal
from jit_portal.workspaces.principals import tie
from tests import factories
from tests.drafting import UNCHECKED
from tests.factories import World
from tests.joining import Browse, enrol, list_only, world

FIXTURES = (world,)
"""They are asked for by name."""


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


# What comes of it


def test_being_let_in_is_told(world: World) -> None:
    member = enrol(world, "fr_leader", "fr")
    from_notices = session().scalars(policy.which(world["fr_new"], Notice)).unique().one()
    assert (from_notices.kind, from_notices.object_id) == (NoticeKind.INVITED, member.id)


def test_nobody_is_tied_to_nothing(world: World) -> None:
    every = select(Principal.id).order_by(Principal.id)
    before = session().scalars(every).all()
    tie(world.workspace.id, {})
    assert session().scalars(every).all() == before
