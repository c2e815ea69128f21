"""A passkey is enrolled: verified, used here, once, by whoever has just signed in, and worth no more than that."""

import datetime as dt
import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.errors import NotAllowed
from jit_portal.identity import answers, ourselves, passkeys, sessions
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession, PasskeyChallenge
from jit_portal.policy import stepup
from jit_portal.vocabulary import Assurance
from tests import factories
from tests.authenticator import SecurityKey
from tests.factories import now
from tests.passkeys import (
    HOST,
    ORIGIN,
    acts,
    age,
    ask,
    client,
    confirm,
    cookie,
    enrol,
    held,
    key,
    leader,
    login_of,
    refused,
    token,
)
from tests.waiting import status_after_the_wait

FIXTURES = (client, key, leader)
"""They are asked for by name."""


def test_a_passkey_is_enrolled_named_used_and_removed(
    app: Flask, client: FlaskClient, leader: User, key: SecurityKey
) -> None:
    options = ask(client, "new")
    assert (options["rp"]["id"], options["authenticatorSelection"]["userVerification"]) == (HOST, "required")
    answer = enrol(client, key.create(options), "Key\u202e on  the desk")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account#passkeys")
    (passkey,) = held(leader)
    assert (passkey.name, passkey.sign_count, passkey.last_used_at) == ("Key on the desk", 0, None)
    assert "Key on the desk" in client.get("/account").text
    assert acts("passkey.enrolled") == 1

    age(leader)
    before = client.get_cookie(cookie(app))
    answer = confirm(client, key.get(ask(client, "ask")), "/account")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    after = client.get_cookie(cookie(app))
    assert before is not None
    assert after is not None
    assert before.value != after.value, "a step-up gives another session"
    assert sessions.load(before.value) is None
    (passkey,) = held(leader)
    assert passkey.sign_count == 1
    assert passkey.last_used_at is not None
    leader.current_login = login_of(leader).id
    assert stepup.is_met(leader)
    assert acts("login.stepped_up") == 1

    answer = client.post(f"/account/passkeys/{passkey.id}/remove", data={"csrf_token": token(client)})
    assert answer.status_code == 303
    assert held(leader) == []
    assert acts("passkey.removed") == 1


def test_taking_a_passkey_away_asks_for_a_step_up(client: FlaskClient, leader: User, key: SecurityKey) -> None:
    enrol(client, key.create(ask(client, "new")))
    age(leader)
    (passkey,) = held(leader)
    answer = client.post(f"/account/passkeys/{passkey.id}/remove", data={"csrf_token": token(client)})
    assert answer.headers["Location"].startswith("/confirm/")
    assert held(leader) == [passkey]


@pytest.mark.parametrize(
    "fault", ["other origin", "other site", "not verified", "another challenge", "known", "nameless", "nonsense"]
)
def test_what_is_no_sound_passkey_is_not_enrolled(
    client: FlaskClient, leader: User, key: SecurityKey, fault: str
) -> None:
    options = ask(client, "new")
    if fault == "other origin":
        key.origin = "http://localhost.evil.test"
    elif fault == "other site":
        key.host = "evil.test"
    elif fault == "not verified":
        key.verifies = False
    elif fault == "another challenge":
        options["challenge"] = options["challenge"][::-1]
    elif fault == "known":
        assert enrol(client, key.create(options)).status_code == 303
        options = ask(client, "new")
        assert [each["id"] for each in options["excludeCredentials"]]
    before = len(held(leader))
    said = "[" * 9000 if fault == "nonsense" else key.create(options)
    answer = enrol(client, said, " " if fault == "nameless" else "Key")
    if fault == "nameless":
        assert answer.status_code == 422
    else:
        why = {"another challenge": "challenge", "known": "known"}.get(fault, "unsound")
        assert refused(answer, why)
    assert len(held(leader)) == before


def test_a_challenge_works_once_in_one_login_for_one_purpose_and_for_five_minutes(
    app: Flask, client: FlaskClient, leader: User, key: SecurityKey
) -> None:
    options = ask(client, "new")
    said = key.create(options)
    assert enrol(client, said).status_code == 303
    assert refused(enrol(client, said), "challenge"), "once"
    other = SecurityKey(ORIGIN, HOST)
    assert refused(enrol(client, other.create(ask(client, "ask"))), "challenge"), "for one purpose"
    late = other.create(ask(client, "new"))
    with transaction():
        session().execute(update(PasskeyChallenge).values(expires_at=now()))
    assert refused(enrol(client, late), "challenge"), "for five minutes"
    elsewhere = other.create(ask(client, "new"))
    client.set_cookie(cookie(app), factories.login(leader, Assurance.SUBSTANTIAL), secure=True)
    assert refused(enrol(client, elsewhere), "challenge"), "in one login"
    assert len(held(leader)) == 1


@pytest.mark.parametrize("how", ["six minutes ago", "too weak", "never said when"])
def test_a_passkey_is_worth_no_more_than_the_sign_in_before_it(
    client: FlaskClient, leader: User, key: SecurityKey, how: str
) -> None:
    said = key.create(ask(client, "new"))
    less: dict[str, dict[str, Any]] = {
        "six minutes ago": {"proved_at": now() - dt.timedelta(minutes=6)},
        "too weak": {"assurance": Assurance.LOW},
        "never said when": {"proved_at": None},
    }
    with transaction():
        session().execute(update(LoginSession).values(**less[how]))
    page = client.get("/account").text
    assert "Name of the new passkey" not in page
    assert "/sign-in/fr?confirm=1" in page
    answer = client.post("/account/passkeys/new", headers={"X-CSRFToken": token(client)})
    assert refused(answer, "enrol")
    assert refused(enrol(client, said), "enrol")
    assert held(leader) == []


def test_a_passkey_confirms_no_new_one(client: FlaskClient, leader: User, key: SecurityKey) -> None:
    """Otherwise one that was lent for a moment would stay for ever."""
    enrol(client, key.create(ask(client, "new")))
    age(leader)
    assert confirm(client, key.get(ask(client, "ask"))).status_code == 303
    assert refused(client.post("/account/passkeys/new", headers={"X-CSRFToken": token(client)}), "enrol")


def test_only_a_provider_whose_row_says_so_is_believed_without_a_time(client: FlaskClient, leader: User) -> None:
    with transaction():
        session().execute(update(LoginSession).values(proved_at=None))
    leader.current_login = login_of(leader).id
    assert not stepup.may_enrol(leader)
    with transaction():
        leader.provider.proves_anew = False
    assert (stepup.may_enrol(leader), stepup.stands_in(leader), stepup.is_met(leader)) == (True, True, False)
    with transaction():
        session().execute(update(LoginSession).values(started_at=factories.now() - dt.timedelta(minutes=6)))
    assert not stepup.may_enrol(leader)


def test_nobody_has_more_than_ten(client: FlaskClient, leader: User, key: SecurityKey) -> None:
    with transaction():
        for number in range(passkeys.MOST):
            factories.passkey(leader, str(number))
    assert enrol(client, key.create(ask(client, "new"))).status_code == 409
    assert len(held(leader)) == passkeys.MOST


def test_of_two_at_once_one_is_the_tenth(cluster: Postgres, leader: User, key: SecurityKey) -> None:
    with transaction():
        for number in range(passkeys.MOST - 1):
            factories.passkey(leader, str(number))
    said = key.create(json.loads(passkeys.offer_enrolment(leader)))
    columns = "id, user_id, name, credential_id, public_key, sign_count"
    tenth = f"INSERT INTO passkey ({columns}) VALUES (%s, %s, 'x', 'x', '', 0)"
    status = status_after_the_wait(
        cluster,
        lambda: passkeys.enrol(leader, "Eleventh", said),
        held=('SELECT FROM "user" WHERE id = %s FOR NO KEY UPDATE', [leader.id]),
        meanwhile=(tenth, [uuid.uuid4(), leader.id]),
    )
    assert (status, len(held(leader))) == (409, passkeys.MOST)


def test_a_passkey_that_two_enrol_at_once_is_that_of_one(cluster: Postgres, leader: User, key: SecurityKey) -> None:
    """Neither has it while both look."""
    said = key.create(json.loads(passkeys.offer_enrolment(leader)))
    columns = "id, user_id, name, credential_id, public_key, sign_count"
    quicker = f"INSERT INTO passkey ({columns}) VALUES (%s, %s, 'x', %s, '', 0)"
    other = factories.administrator(leader.provider)
    status = status_after_the_wait(
        cluster,
        lambda: passkeys.enrol(leader, "Key", said),
        held=(quicker, [uuid.uuid4(), other.id, answers.credential_id(said)]),
        meanwhile=("SELECT 1", []),
    )
    assert (status, held(leader)) == (403, [])


def test_she_is_told_that_a_passkey_was_added(client: FlaskClient, leader: User, key: SecurityKey) -> None:
    """Also once whoever added it has taken it away again."""
    enrol(client, key.create(ask(client, "new")))
    page = client.get("/notices").text
    assert "A passkey was added to your account on" in page
    assert 'href="/account#passkeys"' in page
    with transaction():
        session().delete(session().merge(held(leader)[0]))
    assert "A passkey was added to your account on" in client.get("/notices").text


def test_passkeys_are_not_tried_without_end(client: FlaskClient, leader: User) -> None:
    header = {"X-CSRFToken": token(client)}
    answers = [client.post("/account/passkeys/ask", headers=header).status_code for _ in range(20)]
    answers += [client.post("/account/passkeys/confirm", headers=header).status_code for _ in range(10)]
    assert 429 not in answers
    for path in ("new", "ask", "confirm"):
        assert client.post(f"/account/passkeys/{path}", headers=header).status_code == 429
    assert client.post("/account/passkeys", headers=header).status_code == 429
    assert client.get("/account").status_code == 200


def test_the_site_is_the_configured_one_whatever_a_request_says(app: Flask, leader: User, key: SecurityKey) -> None:
    settings = app.config["SETTINGS"]
    ourselves.use(replace(settings, origin="https://portal.example:8443"))
    try:
        options = json.loads(passkeys.offer_enrolment(leader))
        assert options["rp"]["id"] == "portal.example"
        with pytest.raises(NotAllowed):
            passkeys.enrol(leader, "Key", key.create(options))
        right = SecurityKey("https://portal.example:8443", "portal.example")
        assert passkeys.enrol(leader, "Key", right.create(json.loads(passkeys.offer_enrolment(leader)))).name == "Key"
    finally:
        ourselves.use(settings)


def test_who_is_nobody_offers_nothing(leader: User) -> None:
    leader.current_login = None
    for offer in (passkeys.offer_enrolment, passkeys.offer_confirmation):
        with pytest.raises(NotAllowed):
            offer(leader)
    with pytest.raises(NotAllowed):
        passkeys.confirm(leader, "{}")
    assert isinstance(leader.id, uuid.UUID)
