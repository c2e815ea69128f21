"""What a directory can do to its people, and to whom it announces, and what it never can."""

import time
import uuid
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.identity import accounts, invitations
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.refusals import SignInRefused
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.identity.vouching import Vouched
from jit_portal.vocabulary import Assurance
from tests import factories
from tests.accounts import acts, is_live, now_of, put
from tests.factories import World
from tests.scim import CORE, PATCH, Directory, directory, french, refusals, world
from tests.waiting import held_login, record_is_free_while_it_waits

FIXTURES = (directory, french, world)
"""They are asked for by name."""


# What a directory does


def test_who_is_not_active_any_more_is_out_at_once(app: Flask, world: World, french: Directory) -> None:
    member = world["fr_member"]
    sign_ins = [factories.login(member), factories.login(member)]
    answer = french.turn(member, False)
    assert (answer.status_code, (answer.json or {})["active"]) == (200, False)
    assert [is_live(token, app) for token in sign_ins] == [False, False]
    assert acts(member) == [("user.deactivated", "Login FR (SCIM)")]
    closed = now_of(member)
    assert (closed.is_active, closed.closed_because) == (False, "by_directory")
    assert french.turn(member, False).status_code == 200
    assert len(acts(member)) == 1


@pytest.mark.parametrize("said", ["False", "false", False])
def test_whatever_way_directories_write_false(world: World, french: Directory, said: Any) -> None:
    assert french.patch(world["fr_member"].id, {"op": "Replace", "value": {"active": said}}).status_code == 200
    assert not now_of(world["fr_member"]).is_active


def test_an_account_is_opened_again_unless_somebody_else_closed_it(world: World, french: Directory) -> None:
    member = world["fr_member"]
    french.turn(member, False)
    assert french.turn(member, True).status_code == 200
    assert now_of(member).is_active
    accounts.deactivate(world["fr_administrator"], now_of(member))
    assert french.turn(member, True).status_code == 409
    assert not now_of(member).is_active
    put(member, closed_because="unused")
    assert french.turn(member, True).status_code == 409
    assert refusals()[-1] == ("Login FR (SCIM)", "scim.update", "409")


def test_a_person_taken_back_is_closed_and_missing(world: World, french: Directory) -> None:
    member = world["fr_member"]
    assert french.ask("DELETE", f"/{member.id}").status_code == 204
    assert not now_of(member).is_active
    assert french.ask("GET", f"/{member.id}").status_code == 404
    assert french.found(filter=f'externalId eq "{member.subject}"') == []
    again = french.ask("POST", "", {"schemas": [CORE], "userName": "Back", "externalId": member.subject})
    assert (again.status_code, (again.json or {})["id"], (again.json or {})["active"]) == (201, str(member.id), True)
    assert now_of(member).is_active


def test_whoever_comes_back_under_another_name_is_flagged(world: World, french: Directory) -> None:
    member = world["fr_member"]
    assert french.ask("DELETE", f"/{member.id}").status_code == 204
    said = {"schemas": [CORE], "userName": "back", "externalId": member.subject, "displayName": "Somebody Else"}
    assert french.ask("POST", "", said).status_code == 201
    back = now_of(member)
    assert (back.is_active, back.flagged, back.claimed_name) == (True, "name", "Somebody Else")


def test_what_a_directory_says_is_on_record(world: World, french: Directory) -> None:
    answer = french.ask("POST", body={"schemas": [CORE], "userName": "new", "externalId": "new-1"})
    new = uuid.UUID((answer.json or {})["id"])
    french.patch(new, {"op": "replace", "path": "displayName", "value": "New Name"})
    french.ask("DELETE", f"/{new}")
    entries = select(LedgerEntry.act, LedgerEntry.actor_name).where(LedgerEntry.object_id == new)
    said = session().execute(entries.order_by(LedgerEntry.number).execution_options(policy=True)).all()
    assert said == [(f"announced_person.{act}", "Login FR (SCIM)") for act in ("announced", "changed", "taken_back")]


def test_another_name_is_a_proposal(world: World, french: Directory) -> None:
    member = world["fr_member"]
    said = {"op": "replace", "value": {"displayName": "Fr Married", "userName": "fr.married"}}
    answer = french.patch(member.id, said)
    assert (answer.json or {})["displayName"] == "Fr Married"
    flagged = now_of(member)
    assert (flagged.name, flagged.flagged, flagged.claimed_name) == ("Fr_Member", "name", "Fr Married")
    assert ("user.flagged", "Login FR (SCIM)") in acts(member)
    assert [each["id"] for each in french.found(filter='userName eq "FR.Married"')] == [str(member.id)]
    accounts.accept_claims(world["fr_administrator"], now_of(member), "Fr Married", "")
    assert now_of(member).name == "Fr Married"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_nobody_becomes_somebody_else(world: World, french: Directory, method: str) -> None:
    member, subject = world["fr_member"], world["fr_member"].subject
    whole = {"schemas": [CORE], "userName": "x", "externalId": "other"}
    change = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "externalId", "value": "other"}]}
    answer = french.ask(method, f"/{member.id}", whole if method == "PUT" else change)
    assert (answer.status_code, (answer.json or {})["scimType"]) == (400, "mutability")
    assert now_of(member).subject == subject
    assert now_of(member).is_active


def test_a_name_or_a_subject_is_taken_once(world: World, french: Directory) -> None:
    member, leader = world["fr_member"], world["fr_leader"]
    french.patch(member.id, {"op": "replace", "path": "userName", "value": "Somebody"})
    for taken in ({"userName": "SOMEBODY"}, {"userName": "x", "externalId": leader.subject}):
        answer = french.ask("POST", "", {"schemas": [CORE], **taken})
        assert (answer.status_code, (answer.json or {})["scimType"]) == (409, "uniqueness")
    assert french.patch(leader.id, {"op": "replace", "path": "userName", "value": "somebody"}).status_code == 409


def test_what_is_said_of_one_country_says_nothing_to_another(world: World, directory: Any) -> None:
    said = {"schemas": [CORE], "userName": "same", "externalId": world["nl_member"].subject}
    assert directory("fr").ask("POST", "", said).status_code == 201
    assert now_of(world["nl_member"]).is_active
    assert [each["displayName"] for each in directory("nl").found(filter=f'externalId eq "{said["externalId"]}"')] == [
        world["nl_member"].name
    ]


# Announcing


def announced(french: Directory, *, active: bool = True) -> str:
    said = {"schemas": [CORE], "userName": "new@example.fr", "externalId": "fr-new", "active": active}
    answer = french.ask("POST", "", said | {"displayName": "New Person", "emails": [{"value": "n@x.fr"}], "unheard": 1})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"].endswith((answer.json or {})["id"])
    return str((answer.json or {})["id"])


def accept(world: World) -> User:
    france = now_row(world.providers["fr"])
    invitation, _ = invitations.invite(None, france.authorities[0], "Invited")
    vouched = Vouched(
        issuer=france.issuer,
        subject="fr-new",
        assurance=Assurance.HIGH,
        acr="high",
        authenticated_at=time.time(),
        provider_session=None,
        id_token="",
        name="New Person",
        email="",
        title="",
        authority=None,
        language="fr",
        time_zone="Europe/Paris",
    )
    with transaction():
        return invitations.accept(invitation, france, vouched, None)


def now_row(provider: IdentityProvider) -> IdentityProvider:
    return session().get_one(IdentityProvider, provider.id)


def test_announcing_makes_no_account(world: World, french: Directory) -> None:
    person_id = announced(french)
    assert session().scalar(select(User).where(User.subject == "fr-new")) is None
    person = accept(world)
    assert [each["id"] for each in french.found(filter='externalId eq "fr-new"')] == [person_id]
    french.patch(person_id, {"op": "replace", "path": "active", "value": False})
    assert not now_of(person).is_active


def test_a_directory_that_announces_whom_it_closes_and_waits_has_not_the_record(
    world: World, french: Directory, cluster: Postgres
) -> None:
    """One whom it had taken back, and whose account was opened again."""
    member = world["fr_member"]
    assert french.ask("DELETE", f"/{member.id}").status_code == 204
    accounts.reactivate(world["fr_administrator"], now_of(member))
    factories.login(member)
    id = session().scalars(factories.logins_of(member).with_only_columns(LoginSession.id)).one()
    said = {"schemas": [CORE], "userName": "again", "externalId": member.subject, "active": False}
    answers: list[TestResponse] = []

    def announce() -> None:
        answers.append(french.ask("POST", "", said))

    assert record_is_free_while_it_waits(cluster, announce, held_login(id), told=member.id)
    assert (answers[0].status_code, now_of(member).is_active) == (201, False), answers[0].text


def test_whom_the_directory_says_is_gone_accepts_no_invitation(world: World, french: Directory) -> None:
    person_id = announced(french, active=False)
    with pytest.raises(SignInRefused):
        accept(world)
    french.patch(person_id, {"op": "replace", "path": "active", "value": True})
    assert accept(world).is_active
