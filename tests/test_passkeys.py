"""A passkey takes a provider's place at a step-up: hers, verified, used here, once, and never a copy."""

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.errors import NotAllowed
from jit_portal.identity import answers, oidc, passkeys, sessions, stepping
from jit_portal.identity.models import IdentityProvider, LoginSession, Passkey, PasskeyChallenge, User, WaitingAct
from jit_portal.policy import stepup
from jit_portal.vocabulary import Assurance, Outcome
from tests import factories
from tests.authenticator import SecurityKey
from tests.factories import now
from tests.vault import token_in
from tests.waiting import status_after_the_wait

UNCHECKED = {"policy": True}
ORIGIN, HOST = "http://localhost", "localhost"


@pytest.fixture
def leader(app: Flask) -> Iterator[User]:
    """Somebody whose provider knows no high assurance."""
    someone = factories.world()["fr_leader"]
    with transaction():
        session().execute(update(IdentityProvider).values(acr_levels={"substantial": 2}))
        session().refresh(someone.provider)
    yield factories.acts_in(someone, Assurance.SUBSTANTIAL)
    session.remove()


@pytest.fixture
def key() -> SecurityKey:
    return SecurityKey(ORIGIN, HOST)


@pytest.fixture
def client(app: Flask, leader: User, browse: Callable[[User], FlaskClient]) -> FlaskClient:
    """Her browser, in a login in which she has just signed in."""
    made = browse(leader)
    made.set_cookie(cookie(app), factories.login(leader, Assurance.SUBSTANTIAL), secure=True)
    return made


def cookie(app: Flask) -> str:
    return str(app.config["SETTINGS"].session_cookie)


def login_of(someone: User) -> LoginSession:
    newest = factories.logins_of(someone).order_by(LoginSession.started_at.desc()).limit(1)
    return session().scalars(newest.execution_options(populate_existing=True)).one()


def age(someone: User) -> None:
    """She signed in six minutes ago, and nothing has been confirmed since."""
    old = now() - dt.timedelta(minutes=6)
    with transaction():
        values = {"proved_at": old, "authenticated_at": old, "confirmed_at": None}
        session().execute(update(LoginSession).where(LoginSession.user_id == someone.id).values(**values))


def ask(client: FlaskClient, what: str) -> dict[str, Any]:
    answer = client.post(f"/account/passkeys/{what}", headers={"X-CSRFToken": token(client)})
    assert answer.status_code == 200, answer.text[-800:]
    options: dict[str, Any] = json.loads(answer.text)
    return options


def token(client: FlaskClient) -> str:
    return token_in(client.get("/account").text)


def enrol(client: FlaskClient, said: str, name: str = "Key on the desk") -> TestResponse:
    form = {"csrf_token": token(client), "name": name, "credential": said}
    return client.post("/account/passkeys", data=form)


def confirm(client: FlaskClient, said: str, next: str = "/confirm/x") -> TestResponse:
    form = {"csrf_token": token(client), "credential": said, "next": next}
    return client.post("/account/passkeys/confirm", data=form)


def held(someone: User) -> list[Passkey]:
    session().rollback()
    return list(session().scalars(policy.which(someone, Passkey).execution_options(populate_existing=True)))


def refused(answer: TestResponse, why: str) -> bool:
    """Whether a page said no, the browser keeps its session, and the record says why."""
    assert (answer.status_code, 'id="reason"' in answer.text) == (403, True), answer.text[-1500:]
    assert "Set-Cookie" not in answer.headers or "__Host-jit" not in answer.headers["Set-Cookie"]
    newest = select(LedgerEntry).where(LedgerEntry.outcome == Outcome.REFUSED).order_by(LedgerEntry.at.desc()).limit(1)
    entry = session().scalars(newest.execution_options(**UNCHECKED)).one()
    assert entry.act.startswith("passkeys.")
    return bool(json.loads(entry.details)["may"] == why)


def acts(act: str) -> int:
    counted = select(func.count()).select_from(LedgerEntry).where(LedgerEntry.act == act)
    return session().scalar(counted.execution_options(policy=True)) or 0


# --- enrolling


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


# --- confirming


@pytest.fixture
def enrolled(client: FlaskClient, leader: User, key: SecurityKey) -> SecurityKey:
    """Her key, enrolled; she signed in six minutes ago."""
    assert enrol(client, key.create(ask(client, "new"))).status_code == 303
    age(leader)
    return key


def is_met(someone: User) -> bool:
    session().rollback()
    someone.current_login = login_of(someone).id
    return stepup.is_met(someone)


@pytest.mark.parametrize(
    "fault",
    [
        "other origin",
        "other site",
        "not verified",
        "another challenge",
        "another's",
        "unknown",
        "signature",
        "text",
    ],
)
def test_what_is_not_soundly_hers_confirms_nothing(
    client: FlaskClient, leader: User, enrolled: SecurityKey, fault: str
) -> None:
    options, key, why = ask(client, "ask"), enrolled, "unsound"
    assert options["userVerification"] == "required"
    if fault == "other origin":
        key.origin = "https://localhost"
    elif fault == "other site":
        key.host = "evil.test"
    elif fault == "not verified":
        key.verifies = False
    elif fault == "another challenge":
        options["challenge"], why = options["challenge"][::-1], "challenge"
    elif fault == "another's":
        key, why, public = SecurityKey(ORIGIN, HOST), "unknown", held(leader)[0].public_key
        with transaction():
            other = factories.user(leader.provider, "Somebody else")
            theirs = Passkey(user_id=other.id, name="x", credential_id=key.id, public_key=public, sign_count=0)
            session().add(theirs)
    elif fault == "unknown":
        key, why = SecurityKey(ORIGIN, HOST), "unknown"
    elif fault == "signature":
        key.key = SecurityKey(ORIGIN, HOST).key
    said = '{"response": {"clientDataJSON": 5}}' if fault == "text" else key.get(options)
    assert refused(confirm(client, said), why)
    assert not is_met(leader)
    assert held(leader)[0].last_used_at is None


def test_a_refused_passkey_is_said_so_and_leads_back(client: FlaskClient, leader: User, enrolled: SecurityKey) -> None:
    login = login_of(leader)
    with transaction():
        act = WaitingAct(
            user_id=leader.id, login_id=login.id, endpoint="exhibits.release_submit", address="/x", sent_from="/",
            form=[], noun="exhibit", object_id=uuid.uuid4(), expires_at=now() + dt.timedelta(minutes=10),
        )  # fmt: skip
        session().add(act)
    enrolled.verifies = False
    answer = confirm(client, enrolled.get(ask(client, "ask")), f"/confirm/{act.id}")
    assert refused(answer, "unsound")
    assert "The passkey was not taken" in answer.text
    assert "still waits" in answer.text
    assert f'href="/confirm/{act.id}"' in answer.text
    answer = enrol(client, "{}")
    assert '<a class="button is-primary" href="/account">' in answer.text
    asked = client.post("/account/passkeys/new", headers={"X-CSRFToken": token(client), "Accept": "application/json"})
    assert asked.json is not None
    assert "within five minutes" in asked.json["error"], "the page's own script says it in place"


def test_a_confirmation_works_once(client: FlaskClient, leader: User, enrolled: SecurityKey) -> None:
    said = enrolled.get(ask(client, "ask"))
    assert confirm(client, said).status_code == 303
    age(leader)
    assert refused(confirm(client, said), "challenge")
    assert not is_met(leader)


@pytest.mark.parametrize("count", [1, 5], ids=["behind", "the same"])
def test_a_count_that_does_not_go_on_is_that_of_a_copy(
    client: FlaskClient, leader: User, enrolled: SecurityKey, count: int
) -> None:
    enrolled.count = 4
    assert confirm(client, enrolled.get(ask(client, "ask"))).status_code == 303
    age(leader)
    enrolled.count = count - 1
    assert refused(confirm(client, enrolled.get(ask(client, "ask"))), "copied")
    assert not is_met(leader)
    assert acts("passkey.flagged") == 1
    (passkey,) = held(leader)
    assert passkey.flagged_at is not None
    assert passkey.sign_count == 5
    assert "Used like a copy" in client.get("/account").text
    assert client.get("/notices").text.count("A copy of your passkey seems to have been used on") == 1

    enrolled.count = 90
    answer = client.post("/account/passkeys/ask", headers={"X-CSRFToken": token(client)})
    assert answer.status_code == 409, "it is not even asked for"


def test_a_flagged_passkey_is_of_no_use_whatever_it_counts(
    client: FlaskClient, leader: User, enrolled: SecurityKey
) -> None:
    said = enrolled.get(ask(client, "ask"))
    with transaction():
        session().execute(update(Passkey).values(flagged_at=now()))
    assert refused(confirm(client, said), "flagged")
    assert not is_met(leader)


def test_a_key_that_does_not_count_is_taken_as_it_is(client: FlaskClient, leader: User, enrolled: SecurityKey) -> None:
    """Passkeys that are kept in step between devices always say nought."""
    for _ in range(2):
        enrolled.count = -1
        assert confirm(client, enrolled.get(ask(client, "ask"))).status_code == 303
    assert is_met(leader)


def test_where_the_provider_can_no_passkey_takes_its_place(
    client: FlaskClient, leader: User, enrolled: SecurityKey
) -> None:
    said = enrolled.get(ask(client, "ask"))
    with transaction():
        session().execute(update(IdentityProvider).values(acr_levels={"substantial": 2, "high": 3}))
    answer = client.post("/account/passkeys/ask", headers={"X-CSRFToken": token(client)})
    assert refused(answer, "confirm")
    assert refused(confirm(client, said), "confirm")
    with transaction():
        session().execute(update(IdentityProvider).values(proves_anew=False))
    assert confirm(client, said).status_code == 303


def test_a_confirmation_in_a_login_that_was_renewed_meanwhile_is_on_record(
    client: FlaskClient, leader: User, enrolled: SecurityKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, real = enrolled.get(ask(client, "ask")), stepping.renew

    def renewed_at_the_last_moment(login: LoginSession, **values: Any) -> str:
        changed = update(LoginSession).where(LoginSession.id == login.id).values(token_hash=b"other")
        session().execute(changed.execution_options(synchronize_session=False))
        return real(login, **values)

    monkeypatch.setattr(stepping, "renew", renewed_at_the_last_moment)
    answer = confirm(client, said)
    assert (answer.status_code, "belongs to another sign-in" in answer.text) == (403, True)
    refusal = select(LedgerEntry).where(LedgerEntry.act == "login.step_up_refused").execution_options(**UNCHECKED)
    entry = session().scalars(refusal).one()
    assert (entry.actor_id, json.loads(entry.details)["why"]) == (leader.id, "other_login")
    assert not is_met(leader)


def test_the_site_is_the_configured_one_whatever_a_request_says(app: Flask, leader: User, key: SecurityKey) -> None:
    settings = app.config["SETTINGS"]
    oidc.use(replace(settings, origin="https://portal.example:8443"))
    try:
        options = json.loads(passkeys.offer_enrolment(leader))
        assert options["rp"]["id"] == "portal.example"
        with pytest.raises(NotAllowed):
            passkeys.enrol(leader, "Key", key.create(options))
        right = SecurityKey("https://portal.example:8443", "portal.example")
        assert passkeys.enrol(leader, "Key", right.create(json.loads(passkeys.offer_enrolment(leader)))).name == "Key"
    finally:
        oidc.use(settings)


def test_after_confirming_nobody_is_led_out_of_the_portal(client: FlaskClient, enrolled: SecurityKey) -> None:
    answer = confirm(client, enrolled.get(ask(client, "ask")), "https://evil.test/")
    assert answer.headers["Location"] == "/"


def test_who_is_nobody_offers_nothing(leader: User) -> None:
    leader.current_login = None
    for offer in (passkeys.offer_enrolment, passkeys.offer_confirmation):
        with pytest.raises(NotAllowed):
            offer(leader)
    with pytest.raises(NotAllowed):
        passkeys.confirm(leader, "{}")
    assert isinstance(leader.id, uuid.UUID)
