"""The keys of an account for breaking the glass: two hardware keys by one link, and no third."""

import uuid

import psycopg
import pytest
from flask import Flask
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.identity.answers import credential_id
from jit_portal.identity.glass import accounts, enrolling
from jit_portal.identity.glass.models import GlassAccount, GlassChallenge
from jit_portal.identity.sign_in_models import Passkey
from tests.factories import World, now
from tests.glass import Keys, Window, account, count, keys, link, made, why_refused, window, world
from tests.signing_in import again, ledger
from tests.waiting import Statement, status_after_the_wait

FIXTURES = (account, keys, link, made, window, world)
"""They are asked for by name."""


def test_two_keys_are_enrolled_by_one_link(window: Window, account: GlassAccount, link: str, keys: Keys) -> None:
    options = window.ask(f"{link}/ask")
    chosen = options["authenticatorSelection"]
    assert isinstance(chosen, dict)
    assert (chosen["authenticatorAttachment"], chosen["userVerification"]) == ("cross-platform", "required")
    assert window.enrol(link, keys[0]).headers["Location"] == link
    assert "1 of 2" in window.client.get(link).text
    assert again(account).enrolled_at is None
    assert window.enrol(link, keys[1]).headers["Location"] == "/break-glass"
    assert again(account).enrolled_at is not None
    assert window.client.get(link).status_code == 404, "spent"
    assert len(ledger("passkey.enrolled")) == 2
    assert len(ledger("break_glass.enrolled")) == 1


def test_one_key_is_not_enough(window: Window, account: GlassAccount, link: str, keys: Keys) -> None:
    window.enrol(link, keys[0])
    assert window.first(keys[0]).status_code == 403
    assert why_refused() == ("break_glass.open", "not_enrolled", str(account.user_id))


@pytest.mark.parametrize(
    "fault",
    ["same", "not verified", "synced", "other browser", "twice", "other origin", "text", "answers another account's"],
)
def test_what_is_no_second_hardware_key_is_not_enrolled(
    app: Flask, window: Window, link: str, keys: Keys, fault: str
) -> None:
    window.enrol(link, keys[0])
    key, sender, why, asked = keys[1], window, "unsound", link
    if fault == "same":
        key, why = keys[0], "known"
        excluded = window.ask(f"{link}/ask")["excludeCredentials"]
        assert isinstance(excluded, list)
        assert len(excluded) == 1
    elif fault == "not verified":
        key.verifies = False
    elif fault == "synced":
        key.can_be_copied, why = True, "synced"
    elif fault == "other origin":
        key.origin = "https://localhost"
    elif fault == "answers another account's":
        asked, why = f"/break-glass/keys/{accounts.make(None, 'Somebody else')[1]}", "challenge"
    said = "{}" if fault == "text" else key.create(window.ask(f"{asked}/ask"))
    if fault == "other browser":
        sender, why = Window(app), "challenge"
    if fault == "twice":
        with transaction():
            session().execute(update(GlassChallenge).values(expires_at=now()))
        why = "challenge"
    assert sender.send(link, credential=said).status_code == 403
    assert why_refused()[:2] == ("break_glass.enrol", why)
    assert count(Passkey) == 1


def while_it_waits(window: Window, link: str, said: str, cluster: Postgres, held: Statement) -> int:
    """What becomes of a key that is enrolled as somebody else does what is held."""
    cookie = window.client.get_cookie("__Host-jit-test-attempt")
    assert cookie is not None

    def enrol() -> None:
        with window.app.test_request_context():
            enrolling.enrol(link.rsplit("/", 1)[-1], cookie.value, said)

    return status_after_the_wait(cluster, enrol, held=held, meanwhile=("SELECT 1", []))


def test_a_key_that_two_enrol_at_once_is_that_of_one(
    world: World, window: Window, account: GlassAccount, link: str, keys: Keys, cluster: Postgres
) -> None:
    said = keys[0].create(window.ask(f"{link}/ask"))
    columns = "id, user_id, name, credential_id, public_key, sign_count"
    quicker = f"INSERT INTO passkey ({columns}) VALUES (%s, %s, 'x', %s, '', 0)"
    held: Statement = (quicker, [uuid.uuid4(), world["fr_leader"].id, credential_id(said)])
    assert while_it_waits(window, link, said, cluster, held) == 403
    assert why_refused() == ("break_glass.enrol", "known", str(account.user_id))


def test_no_third_key_is_enrolled_by_whoever_is_as_quick(
    window: Window, account: GlassAccount, link: str, keys: Keys, cluster: Postgres
) -> None:
    window.enrol(link, keys[0])
    said = keys[1].create(window.ask(f"{link}/ask"))
    held: Statement = ("UPDATE glass_account SET enrolled_at = now() WHERE id = %s", [account.id])
    assert while_it_waits(window, link, said, cluster, held) == 403
    assert why_refused() == ("break_glass.enrol", "spent", str(account.user_id))
    assert len(ledger("passkey.enrolled")) == 1


@pytest.mark.parametrize("how", ["over", "spent", "closed", "invented"])
def test_a_link_that_is_over_is_missing(
    app: Flask, window: Window, account: GlassAccount, link: str, cluster: Postgres, how: str
) -> None:
    if how == "over":
        with psycopg.connect(cluster.url(OWNER), autocommit=True) as connection:
            connection.execute("UPDATE glass_account SET link_expires_at = now()")
    elif how == "spent":
        with transaction():
            session().execute(update(GlassAccount).values(enrolled_at=now()))
    elif how == "closed":
        accounts.close(None, account.id)
    path = link if how != "invented" else f"/break-glass/keys/{'x' * 43}"
    for answer in (window.client.get(path), window.send(path, credential="{}"), window.send(f"{path}/ask")):
        assert answer.status_code == 404
        assert "There is nothing here" in answer.text
    if how != "invented":
        assert why_refused() == ("break_glass.enrol", how, str(account.user_id))
