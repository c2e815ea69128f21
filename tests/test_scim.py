"""The directory of a country (SCIM 2.0): whom its token reaches, and what it is told where it makes no sense."""

import datetime as dt
import uuid
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server
from sqlalchemy import select, update

from jit_portal import cli
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.extensions import limiter
from jit_portal.identity import tokens
from jit_portal.identity.claims import LONGEST_SUBJECT
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.scim import tokens as scim_tokens
from jit_portal.identity.scim.models import AnnouncedPerson, ScimToken
from tests import factories
from tests.accounts import acts, now_of
from tests.factories import World
from tests.scim import CORE, DAY, PATCH, USERS, Browse, Directory, directory, french, refusals, world

FIXTURES = (directory, french, world)
"""They are asked for by name."""


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
