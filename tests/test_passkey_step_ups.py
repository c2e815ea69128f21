"""A passkey takes a provider's place at a step-up: hers, verified, used here, once, and never a copy."""

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.identity import stepping
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.sign_in_models import LoginSession, Passkey, WaitingAct
from jit_portal.policy import stepup
from tests import factories
from tests.authenticator import SecurityKey
from tests.factories import now
from tests.passkeys import (
    HOST,
    ORIGIN,
    UNCHECKED,
    acts,
    age,
    ask,
    client,
    confirm,
    enrol,
    held,
    key,
    leader,
    login_of,
    refused,
    token,
)

FIXTURES = (client, key, leader)
"""They are asked for by name."""


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


def test_after_confirming_nobody_is_led_out_of_the_portal(client: FlaskClient, enrolled: SecurityKey) -> None:
    answer = confirm(client, enrolled.get(ask(client, "ask")), "https://evil.test/")
    assert answer.headers["Location"] == "/"
