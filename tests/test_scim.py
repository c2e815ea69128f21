"""The directory of a country (SCIM 2.0): whom it reaches, what it can do to them, and what it never can."""

import datetime as dt
import json
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from jit_portal import cli
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.errors import NotFound
from jit_portal.extensions import limiter
from jit_portal.identity import accounts, closings, invitations, tokens
from jit_portal.identity.claims import LONGEST_SUBJECT
from jit_portal.identity.closings import COUNTED
from jit_portal.identity.models import IdentityProvider, LoginSession, User
from jit_portal.identity.refusals import SignInRefused
from jit_portal.identity.scim import tokens as scim_tokens
from jit_portal.identity.scim.models import AnnouncedPerson, ProposedClosing, ScimToken
from jit_portal.identity.vouching import Vouched
from jit_portal.notices.models import Notice
from jit_portal.vocabulary import Assurance, Duty, NoticeKind, Outcome
from tests import factories
from tests.accounts import acts, is_live, now_of, post, put
from tests.conftest import ClientApart
from tests.factories import World, now
from tests.test_closing_accounts import Trickle
from tests.vault import MIB, Sender
from tests.waiting import held_login, record_is_free_while_it_waits
from tests.web import PATIENCE, Web

Browse = Callable[[User], FlaskClient]
DAY = dt.timedelta(days=1)
USERS = "/scim/v2/Users"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    made = factories.world("Lantern", ("fr", "nl"))
    made.people |= {
        "fr_administrator": factories.administrator(made.providers["fr"]),
        "nl_administrator": factories.administrator(made.providers["nl"]),
        "operator": factories.administrator(made.providers["nl"], Duty.OPERATOR),
    }
    factories.forget_logins_of_verbs()
    yield made
    session.remove()


class Directory:
    """What keeps a country's people, and speaks SCIM with one token."""

    def __init__(self, app: Flask, secret: str) -> None:
        self.client = ClientApart(app, app.response_class, use_cookies=True)
        self.client.environ_base["wsgi.url_scheme"] = "https"
        self.headers = {"Authorization": f"Bearer {secret}"}

    def ask(self, method: str, path: str = "", body: Any = None, **query: str) -> TestResponse:
        sent = body if isinstance(body, bytes) else json.dumps(body) if body is not None else None
        answer: TestResponse = self.client.open(
            f"{USERS}{path}",
            method=method,
            data=sent,
            query_string=query,
            headers=self.headers,
            content_type="application/scim+json",
        )
        return answer

    def patch(self, person_id: uuid.UUID | str, *operations: dict[str, Any]) -> TestResponse:
        return self.ask("PATCH", f"/{person_id}", {"schemas": [PATCH], "Operations": operations})

    def turn(self, person: User, active: Any) -> TestResponse:
        return self.patch(person.id, {"op": "replace", "path": "active", "value": active})

    def found(self, **query: str) -> list[dict[str, Any]]:
        answer = self.ask("GET", **query)
        assert answer.status_code == 200, answer.text
        people: list[dict[str, Any]] = (answer.json or {}).get("Resources", [])
        return people


@pytest.fixture
def directory(app: Flask, world: World) -> Callable[[str], Directory]:
    def of(slug: str) -> Directory:
        return Directory(app, scim_tokens.make(world["operator"], slug, DAY)[1])

    return of


@pytest.fixture
def french(directory: Callable[[str], Directory]) -> Directory:
    return directory("fr")


def refusals() -> list[tuple[str, str, str]]:
    """What is on record as refused: to whom, what and why."""
    entries = select(LedgerEntry).where(LedgerEntry.outcome == Outcome.REFUSED).order_by(LedgerEntry.at)
    found = session().scalars(entries.execution_options(policy=True))
    return [(entry.actor_name, entry.act, str(json.loads(entry.details)["status"])) for entry in found]


def more_people(world: World, number: int) -> list[User]:
    with transaction():
        return [factories.user(world.providers["fr"], f"More {each:02}") for each in range(number)]


# The public tester


def test_the_public_tester_finds_nothing_wrong(app: Flask, french: Directory) -> None:
    """It discovers what is offered, and tries all of it; on its way it makes and takes back its own people."""
    client = WSGISCIMClient(app, base_url="https://localhost/scim/v2", headers=french.headers)
    results = check_server(client)
    assert len(results) > 40
    wrong = [f"{each.status.name} {each.title}: {each.reason}" for each in results if each.status != Status.SUCCESS]
    assert not wrong, "\n".join(wrong)
    assert {each.title for each in results} >= {
        *("object_creation", "object_query", "object_query_without_id", "object_replacement", "object_deletion"),
        *("check_add_attribute", "check_remove_attribute", "check_replace_attribute", "search_with_attributes"),
        *("access_schema_by_id", "query_resource_type_by_id", "random_url"),
    }
    assert session().scalar(select(AnnouncedPerson.id)) is None


# Whom a token reaches


def test_a_directory_sees_its_own_people_and_nobody_else(world: World, french: Directory) -> None:
    at_fr = select(User).where(User.provider_id == world.providers["fr"].id)
    mine = {(person.subject, person.name) for person in session().scalars(at_fr).unique()}
    assert {(each["externalId"], each["displayName"]) for each in french.found()} == mine
    for person in (world["nl_leader"], world["nl_administrator"], world["operator"]):
        assert french.found(filter=f'externalId eq "{person.subject}"') == []
        assert french.found(filter=f'id eq "{person.id}"') == []


def test_another_countrys_person_is_missing_as_if_there_were_none(world: World, french: Directory) -> None:
    whole = {"schemas": [CORE], "userName": "x", "active": False}
    change = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    for method, body in (("GET", None), ("PUT", whole), ("PATCH", change), ("DELETE", None)):
        answers = [french.ask(method, f"/{id}", body) for id in (world["nl_member"].id, uuid.uuid4())]
        assert [each.status_code for each in answers] == [404, 404]
        assert answers[0].json == answers[1].json
        assert answers[0].json is not None
        assert answers[0].json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert now_of(world["nl_member"]).is_active
    assert acts(world["nl_member"]) == []
    tried = ("scim.show", "scim.replace", "scim.update", "scim.delete")
    assert refusals() == [("Login FR (SCIM)", act, "404") for act in tried for _ in range(2)]


def test_who_shows_no_good_token_sees_nothing(app: Flask, world: World) -> None:
    operator = world["operator"]
    made = {name: scim_tokens.make(operator, "fr", DAY) for name in ("revoked", "good")}
    made["expired"] = scim_tokens.make(operator, "fr", dt.timedelta(microseconds=1))
    scim_tokens.revoke(operator, made["revoked"][0].id)
    assert Directory(app, made["good"][1]).ask("GET").status_code == 200
    secrets = {name: secret for name, (_, secret) in made.items() if name != "good"}
    secrets |= {"none": "", "wrong": tokens.make(), "of a login": factories.login(world["fr_leader"])}
    for name, secret in secrets.items():
        limiter.reset()
        visitor = Directory(app, secret)
        for rule in (rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("scim.")):
            path = rule.rule.replace("<uuid:user_id>", str(world["fr_member"].id)).replace("<name>", "User")
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                answer = visitor.client.open(path, method=method, headers=visitor.headers)
                assert answer.status_code == 401, f"{name}: {method} {path}"
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                assert answer.json is not None
                assert answer.json["status"] == "401"
    assert now_of(world["fr_member"]).is_active
    said = set(refusals())
    assert said == {(who, "scim_token.shown", "401") for who in ("Login FR (SCIM)", "JIT Portal")}


def test_a_token_ends_with_its_login(world: World, french: Directory) -> None:
    with transaction():
        session().execute(update(IdentityProvider).where(IdentityProvider.slug == "fr").values(is_enabled=False))
    assert french.ask("GET").status_code == 401


def test_wrong_tokens_are_slowed_down(app: Flask, world: World, french: Directory) -> None:
    visitor = Directory(app, "wrong")
    said = [visitor.ask("GET").status_code for _ in range(25)]
    assert (said.count(401), said.count(429)) == (20, 5)
    assert len(refusals()) == 20
    assert visitor.ask("GET").json == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": "429",
        "detail": "Too many tries. Wait a minute and try again.",
    }


def test_no_cookie_stands_in_for_a_token(world: World, browse: Browse) -> None:
    assert browse(world["fr_administrator"]).get(USERS).status_code == 401


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


# Many at once


def test_beyond_a_fifth_a_second_person_is_asked(world: World, french: Directory, browse: Browse) -> None:
    crowd = more_people(world, 6)  # with the leader, the member, the drafter and the administrator: ten
    assert len(french.found()) == 10
    said = [french.turn(each, False).status_code for each in crowd[:5]]
    assert said == [200, 200, 403, 403, 403]
    assert [now_of(each).is_active for each in crowd] == [False, False, True, True, True, True]
    assert refusals() == [("Login FR (SCIM)", "scim.update", "403")] * 3
    french.turn(crowd[2], False)
    waits = session().scalars(select(ProposedClosing.user_id).where(ProposedClosing.decided_at.is_(None))).all()
    assert set(waits) == {each.id for each in crowd[2:5]}
    administrator = world["fr_administrator"]
    told = select(Notice).where(Notice.user_id == administrator.id, Notice.kind == NoticeKind.CLOSINGS_WAIT)
    assert len(session().scalars(told.execution_options(policy=True)).all()) == 1
    client = browse(administrator)
    assert "would close 3 accounts at once" in client.get("/people").text
    decide = ("fr_administrator", "operator", "nl_administrator")
    first_page = re.compile(r'href="/people/closings".*?Decide whether 3 accounts close', re.S)
    assert [bool(first_page.search(browse(world[name]).get("/").text)) for name in decide] == [True, True, False]
    hers = [client.get(f"/people/{each.id}").text for each in (crowd[2], crowd[5])]
    assert ["would close this account" in page for page in hers] == [True, False]
    page = client.get("/people/closings").text
    assert [each.name in page for each in crowd] == [False, False, True, True, True, False]
    assert post(client, "/people/closings/approve", person=str(crowd[2].id)).status_code == 303
    assert post(client, "/people/closings/refuse", person=str(crowd[3].id)).status_code == 303
    assert [now_of(each).is_active for each in crowd[2:5]] == [False, True, True]
    assert acts(crowd[2]) == [
        ("user.closing_proposed", "Login FR (SCIM)"),
        ("user.closing_approved", administrator.name),
        ("user.deactivated", administrator.name),
    ]
    assert acts(crowd[3])[1:] == [("user.closing_refused", administrator.name)]
    assert "Too many" in french.turn(crowd[4], False).text
    assert french.turn(crowd[2], False).status_code == 200


def test_whoever_approves_a_closing_and_waits_has_not_the_record(
    world: World, french: Directory, cluster: Postgres
) -> None:
    crowd = more_people(world, 2)
    assert [french.turn(each, False).status_code for each in crowd] == [200, 403]
    factories.login(crowd[1])
    id = session().scalars(factories.logins_of(crowd[1]).with_only_columns(LoginSession.id)).one()
    administrator = world["fr_administrator"].id

    def approve() -> None:
        closings.approve(session().get_one(User, administrator), [crowd[1].id])

    assert record_is_free_while_it_waits(cluster, approve, held_login(id), told=crowd[1].id)
    assert not now_of(crowd[1]).is_active


def test_many_at_the_very_same_time_are_counted_one_by_one(world: World, french: Directory) -> None:
    crowd = more_people(world, 6)
    with ThreadPoolExecutor(6) as beside:
        said = list(beside.map(lambda each: french.turn(each, False).status_code, crowd))
    assert sorted(said) == [200, 200, 403, 403, 403, 403]


def test_what_was_held_back_changes_nothing_else(world: World, french: Directory) -> None:
    first, second = more_people(world, 2)
    french.turn(first, False)
    both = {"op": "replace", "value": {"active": False, "displayName": "Other", "userName": "other"}}
    assert french.patch(second.id, both).status_code == 403
    assert french.ask("DELETE", f"/{second.id}").status_code == 403
    assert (now_of(second).is_active, now_of(second).flagged) == (True, None)
    assert [each["userName"] for each in french.found(filter=f'id eq "{second.id}"')] == [second.subject]


def test_one_account_is_no_mass(world: World, french: Directory) -> None:
    """A week later the next is the only one again."""
    assert french.turn(world["fr_member"], False).status_code == 200
    assert french.turn(world["fr_leader"], False).status_code == 403
    put(world["fr_member"], deactivated_at=now() - COUNTED)
    assert french.turn(world["fr_leader"], False).status_code == 200


@pytest.mark.parametrize(("more", "allowed"), [(3, 1), (6, 2), (26, 6)])
def test_little_by_little_is_many_too(world: World, french: Directory, more: int, allowed: int) -> None:
    """Never more than a fifth of seven, ten or thirty people in a week, however it is spread over that week."""
    crowd, said = more_people(world, more), []
    for number, person in enumerate([*crowd, world["fr_member"], world["fr_leader"]]):
        said.append(french.turn(person, False).status_code)
        for each in crowd[: number + 1]:
            if not now_of(each).is_active:
                put(each, deactivated_at=now() - COUNTED + dt.timedelta(minutes=1))
    assert said == [200] * allowed + [403] * (more + 2 - allowed)
    for each in crowd[:allowed]:
        put(each, deactivated_at=now() - COUNTED)
    assert french.turn(world["fr_leader"], False).status_code == 200, "a week later it is forgotten"


def test_whoever_has_a_duty_is_closed_by_no_directory_alone(world: World, french: Directory) -> None:
    """An operator decides, as of every account with a duty, and never that none is left."""
    one, administrator = factories.administrator(world.providers["fr"], Duty.OPERATOR), world["fr_administrator"]
    answer = french.turn(one, False)
    assert (answer.status_code, "has a duty" in answer.text) == (403, True)
    assert now_of(one).is_active
    assert closings.waiting(administrator) == []
    with pytest.raises(NotFound):
        closings.approve(administrator, [one.id])
    for is_enabled, waiting in ((False, []), (True, [one.id])):
        with transaction():
            session().merge(world.providers["nl"]).is_enabled = is_enabled
        assert [each.id for each in closings.waiting(world["operator"])] == waiting
    assert closings.approve(world["operator"], [one.id]) == 1
    assert not now_of(one).is_active
    assert french.turn(one, True).status_code == 409, "nor does it open one"
    assert not now_of(one).is_active


def test_a_closing_that_waits_is_taken_back_by_saying_so(world: World, french: Directory) -> None:
    french.turn(world["fr_member"], False)
    leader = world["fr_leader"]
    assert french.turn(leader, False).status_code == 403
    french.patch(leader.id, {"op": "replace", "path": "displayName", "value": leader.name})
    assert [each.id for each in closings.waiting(world["fr_administrator"])] == [leader.id]
    assert french.turn(leader, True).status_code == 200
    assert acts(leader)[-1] == ("user.closing_taken_back", "Login FR (SCIM)")
    assert closings.waiting(world["fr_administrator"]) == []
    with pytest.raises(NotFound):
        closings.approve(world["fr_administrator"], [leader.id])


def test_who_decides_about_closings(world: World, french: Directory) -> None:
    administrator, leader = world["fr_administrator"], world["fr_leader"]
    french.turn(world["fr_member"], False)
    french.turn(leader, False)
    french.turn(administrator, False)
    for name in ("nl_administrator", "fr_leader", "nl_leader"):
        assert closings.waiting(world[name]) == []
        with pytest.raises(NotFound):
            closings.approve(world[name], [leader.id, administrator.id])
    assert [each.id for each in closings.waiting(administrator)] == [leader.id]
    with pytest.raises(NotFound):
        closings.approve(administrator, [administrator.id])
    assert closings.approve(world["operator"], [leader.id, administrator.id]) == 2
    assert not now_of(administrator).is_active


# Bad input


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "invalidSyntax"),
        (b"[]", "invalidSyntax"),
        (b'"x"', "invalidSyntax"),
        (b"", "invalidSyntax"),
        (b"\xff\xfe", "invalidSyntax"),
        ({"schemas": [CORE]}, "invalidValue"),
        ({"schemas": [CORE], "userName": ""}, "invalidValue"),
        ({"schemas": [CORE], "userName": "x" * 201}, "invalidValue"),
        ({"schemas": [CORE], "userName": "a\u202eb"}, "invalidValue"),
        ({"schemas": [CORE], "userName": "nul\0"}, "invalidValue"),
        ({"schemas": [CORE], "userName": "x", "displayName": "a\u202eb"}, "invalidValue"),
        ({"schemas": [CORE], "userName": "x", "externalId": "two\nlines"}, "invalidValue"),
        ({"schemas": [CORE], "userName": "x", "externalId": "x" * (LONGEST_SUBJECT + 1)}, "invalidValue"),
        ({"schemas": [CORE], "userName": "x", "active": "perhaps"}, "invalidValue"),
    ],
    ids=lambda value: None,
)
def test_what_makes_no_sense_is_refused(world: World, french: Directory, body: Any, kind: str) -> None:
    answer = french.ask("POST", "", body)
    assert (answer.status_code, (answer.json or {}).get("scimType")) == (400, kind), answer.text
    assert answer.content_type == "application/scim+json"
    assert session().scalar(select(AnnouncedPerson.id)) is None


@pytest.mark.parametrize("said", [{"displayName": "a\u202eb"}, {"userName": "nul\0"}])
def test_what_makes_no_sense_changes_nothing(world: World, french: Directory, said: dict[str, str]) -> None:
    member = world["fr_member"]
    answer = french.patch(member.id, {"op": "replace", "value": {"active": False, **said}})
    assert (answer.status_code, (answer.json or {}).get("scimType")) == (400, "invalidValue"), answer.text
    assert (now_of(member).flagged, now_of(member).is_active) == (None, True)


def test_whom_a_login_may_name_a_directory_may_announce(french: Directory) -> None:
    said = {"schemas": [CORE], "userName": "long", "externalId": "x" * LONGEST_SUBJECT}
    assert french.ask("POST", "", said).status_code == 201


@pytest.mark.parametrize("said", ["userName eq", "shoeSize gt 40", 'emails[type eq "work"]', "displayName gt 1", "((("])
def test_a_filter_that_makes_no_sense_is_refused(world: World, french: Directory, said: str) -> None:
    answer = french.ask("GET", filter=said)
    assert (answer.status_code, (answer.json or {}).get("scimType")) == (400, "invalidFilter"), answer.text


def test_people_are_found_by_what_directories_ask_for(world: World, french: Directory) -> None:
    member = world["fr_member"]
    french.turn(member, False)
    for said, found in (
        (f'userName eq "{member.subject.upper()}"', 1),
        (f'externalId eq "{member.subject}"', 1),
        (f'externalId eq "{member.subject.upper()}"', 0),
        (f'id eq "{member.id}"', 1),
        ("active eq false", 1),
        ("active eq true", 3),
        ('displayName co "r_m"', 1),
        ('displayName co "%"', 0),
        ('displayName sw "fr" and not (active eq true)', 1),
        ('displayName ew "leader" or displayName ew "member"', 2),
        ("displayName pr", 4),
        ('userName ne "x"', 4),
    ):
        assert len(french.found(filter=said)) == found, said


def test_pages_of_people(world: World, french: Directory) -> None:
    def page(**query: str) -> tuple[int, int, list[str]]:
        said = french.ask("GET", **query).json or {}
        return said["totalResults"], said["startIndex"], [each["id"] for each in said.get("Resources", [])]

    every_one = page()[2]
    assert len(every_one) == 4
    assert page(count="3") == (4, 1, every_one[:3])
    assert page(startIndex="4", count="3") == (4, 4, every_one[3:])
    assert page(count="0") == (4, 1, [])
    assert page(startIndex="-5", count="-1") == (4, 1, [])
    assert page(startIndex="9" * 18)[2] == []
    assert [set(each) for each in french.found(attributes="userName", count="1")] == [{"id", "schemas", "userName"}]


def test_more_than_the_portal_takes_is_refused(world: World, french: Directory) -> None:
    answer = french.ask("POST", "", b" " * (65 << 10))
    assert (answer.status_code, (answer.json or {})["status"]) == (413, "413")


def test_what_is_not_offered_is_said_so(world: World, french: Directory) -> None:
    for path in ("/scim/v2/Groups", "/scim/v2/Bulk", "/scim/v2/nothing", f"{USERS}/no-id", "/scim/v2/Schemas/x"):
        answer = french.client.get(path, headers=french.headers)
        assert (answer.status_code, (answer.json or {})["status"]) == (404, "404"), path
    answer = french.client.delete(USERS, headers=french.headers)
    assert (answer.status_code, (answer.json or {})["status"]) == (405, "405")


# How fast


LOADS = """
import sys
from jit_portal.config import Settings
from jit_portal.identity.scim.early import load_for_those_who_may_ask
from jit_portal.portal import create_app
with create_app(Settings.read()).app_context():
    load_for_those_who_may_ask()
print("jit_portal.identity.scim.views" in sys.modules)
"""


def is_loaded_early(environ: dict[str, str]) -> bool:
    answer = subprocess.run([sys.executable, "-c", LOADS], env=environ, capture_output=True, text=True, check=True)
    return answer.stdout.strip() == "True"


def test_what_answers_is_there_before_a_directory_asks(world: World, environ: dict[str, str]) -> None:
    assert not is_loaded_early(environ)
    made, _ = scim_tokens.make(world["operator"], "fr", DAY)
    assert is_loaded_early(environ)
    scim_tokens.revoke(world["operator"], made.id)
    assert not is_loaded_early(environ)


def test_an_open_browser_and_its_socket_end_within_a_second(process: Web, world: World) -> None:
    """By the portal as it runs: a directory's request, and everything of that person is over."""
    _, secret = scim_tokens.make(world["operator"], "fr", DAY)
    visitor, staying = process.sign_in(world["fr_member"]), process.sign_in(world["fr_leader"]).connect()
    ear = visitor.connect()
    change = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    answer = requests.patch(
        f"http://localhost:{process.port}{USERS}/{world['fr_member'].id}",
        json=change,
        headers={"Authorization": f"Bearer {secret}"},
        timeout=PATIENCE,
    )
    ear.hear("signed_out")
    ear.hear("disconnect")
    assert answer.status_code == 200
    assert staying.client.connected
    ear.close()
    staying.close()


def test_a_running_upload_ends_before_its_bytes_do(world: World, browse: Browse, french: Directory) -> None:
    member = world["fr_member"]
    sender = Sender(browse(member))
    address = sender.begin(world, 80 * MIB)

    def leave() -> None:
        french.turn(member, False)

    body = Trickle(80 * MIB, leave)
    answer = sender.client.patch(
        address,
        headers=sender.headers | {"Upload-Offset": "0"},
        content_type="application/offset+octet-stream",
        content_length=80 * MIB,
        environ_overrides={"wsgi.input": body},
    )
    assert answer.status_code == 401
    assert body.is_closed
    assert body.pieces < 80 * MIB // 65_536 // 2


# The command


def test_an_operator_makes_and_revokes_tokens(
    app: Flask,
    world: World,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    # The command connects for itself; what comes after it goes on by the portal's own engine.
    monkeypatch.setattr(cli, "bind", lambda url: sa.create_engine(url))
    by = f"nl:{world['operator'].subject}"
    assert cli.main(["scim", "make", "fr", "--days", "30", "--by", by]) == 0
    said, secret = capsys.readouterr().out.splitlines()
    assert Directory(app, secret).ask("GET").status_code == 200
    kept = session().scalars(select(ScimToken)).one()
    assert secret.encode() not in (kept.token_hash, kept.token_hash.hex().encode())
    token_id = said.split(":")[0]
    assert cli.main(["scim", "revoke", token_id, "--by", by]) == 0
    assert cli.main(["scim", "list"]) == 0
    assert f"{token_id}: fr, until {kept.expires_at:%Y-%m-%d}, revoked" in capsys.readouterr().out
    entries = select(LedgerEntry.act, LedgerEntry.actor_id).where(LedgerEntry.object_id == kept.id)
    acted = session().execute(entries.order_by(LedgerEntry.number).execution_options(policy=True)).all()
    assert acted == [(f"scim_token.{act}", world["operator"].id) for act in ("made", "revoked")]
    assert Directory(app, secret).ask("GET").status_code == 401
    for wrong in (["make", "fr"], ["make", "fr", "--by", "fr:nobody"], ["make", "xx", "--by", by]):
        assert cli.main(["scim", *wrong]) == 1
    assert cli.main(["scim", "make", "fr", "--days", "367", "--by", by]) == 1
    assert "Not done" in capsys.readouterr().err
