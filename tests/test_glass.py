"""Breaking the glass: two hardware keys open the portal, nothing less does, and every country hears of it."""

import datetime as dt
import re

import pytest
from flask import Flask
from sqlalchemy import select, update

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.identity.devices import Device
from jit_portal.identity.glass import accounts
from jit_portal.identity.glass import opening as breaking
from jit_portal.identity.glass.models import GlassAccount, GlassChallenge, GlassOpening
from jit_portal.identity.sign_in_models import LoginSession, Passkey
from jit_portal.notices.models import Notice
from jit_portal.vocabulary import NoticeKind
from tests import factories
from tests.authenticator import SecurityKey
from tests.factories import World, now
from tests.glass import (
    HOST,
    NAME,
    ORIGIN,
    REASON,
    Browse,
    Keys,
    Window,
    account,
    count,
    enrolled,
    keys,
    link,
    made,
    why_refused,
    window,
    world,
)
from tests.signing_in import UNCHECKED, ledger
from tests.vault import token_in
from tests.waiting import Statement, status_after_the_wait

FIXTURES = (account, enrolled, keys, link, made, window, world)
"""They are asked for by name."""


def test_two_keys_open_the_portal_for_an_hour_and_everybody_is_told(
    world: World, window: Window, account: GlassAccount, enrolled: Keys, browse: Browse
) -> None:
    ended = factories.world("Harbour", ("ro",))
    factories.end_agreement(ended)
    answer = window.open(enrolled)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    opening = session().scalars(select(GlassOpening).execution_options(**UNCHECKED)).one()
    assert opening.ends_at - opening.opened_at == dt.timedelta(minutes=60)
    login = session().get_one(LoginSession, opening.login_id, execution_options=UNCHECKED)
    assert (login.ends_at, login.idle_minutes) == (opening.ends_at, 15)

    notices = session().scalars(select(Notice).execution_options(**UNCHECKED)).all()
    told = {notice.user_id for notice in notices if notice.kind == NoticeKind.GLASS_BROKEN}
    wanted = {"fr_leader", "nl_leader", "operator", "nl_administrator"}
    assert told == {world[name].id for name in wanted}, "and nobody of a JIT that is over, nor who only is a member"
    for name in sorted(wanted):
        page = browse(world[name]).get("/notices").text
        assert f"{NAME} has broken the glass" in page, name
        assert REASON in page, name
    assert NAME not in browse(world["fr_member"]).get("/notices").text

    said = ledger("break_glass.opened")
    assert [each["reason"] for each in said] == [REASON]
    page = window.client.get("/providers").text
    assert "Break-glass: operator" in page
    assert 'jit-minutes-left data-until="' in page
    assert re.search('Over at <time[^>]*><bdi>[^<]+<span class="zone">', page), "as every time, with its zone"


def test_forms_of_whoever_was_here_before_are_worth_nothing(
    world: World, window: Window, account: GlassAccount, enrolled: Keys
) -> None:
    token = token_in(window.client.get("/break-glass").text)
    assert window.open(enrolled).status_code == 303
    wish = {"csrf_token": token, "language": "fr", "time_zone": "Europe/Paris"}
    assert window.client.post("/account", data=wish).status_code == 400


def test_acts_within_are_marked_on_record(world: World, window: Window, account: GlassAccount, enrolled: Keys) -> None:
    window.open(enrolled)
    someone = world["fr_leader"]
    factories.login(someone)
    page = window.client.get(f"/people/{someone.id}").text
    token = token_in(page)
    assert window.client.post(f"/people/{someone.id}/end-logins", data={"csrf_token": token}).status_code == 303
    ended = select(LedgerEntry).where(LedgerEntry.act == "login.ended", LedgerEntry.actor_id == account.user_id)
    entries = session().scalars(ended.execution_options(**UNCHECKED)).all()
    assert {entry.actor_authority for entry in entries} == {"Break-glass"}
    assert all(entry.login_session_id for entry in entries)


@pytest.mark.parametrize("fault", ["reason", "unknown", "not verified", "signature", "other origin", "late", "text"])
def test_a_first_key_that_is_not_sound_opens_nothing(
    window: Window, account: GlassAccount, enrolled: Keys, fault: str
) -> None:
    key, why, reason = enrolled[0], "unsound", REASON
    if fault == "unknown":
        key, why = SecurityKey(ORIGIN, HOST), "unknown"
    elif fault == "not verified":
        key.verifies = False
    elif fault == "signature":
        key.key = SecurityKey(ORIGIN, HOST).key
    elif fault == "other origin":
        key.origin = "https://localhost"
    elif fault == "reason":
        reason = " \n"
    options = window.ask("/break-glass/ask")
    assert options["userVerification"] == "required"
    assert not options["allowCredentials"], "nobody learns which keys there are"
    said = "{}" if fault == "text" else key.get(options)
    if fault == "late":
        with transaction():
            session().execute(update(GlassChallenge).values(expires_at=now()))
        why = "challenge"
    answer = window.send("/break-glass", reason=reason, credential=said)
    assert answer.status_code == (422 if fault == "reason" else 403)
    assert window.client.get("/break-glass/second").status_code == 302
    if fault != "reason":
        assert REASON in answer.text, "what was typed comes back"
        assert why_refused()[:2] == ("break_glass.open", why)


@pytest.mark.parametrize(
    "fault", ["same", "another's", "not verified", "other browser", "twice", "answers the first step"]
)
def test_a_second_key_that_is_not_sound_opens_nothing(
    app: Flask, window: Window, account: GlassAccount, enrolled: Keys, fault: str
) -> None:
    key, sender, why = enrolled[1], window, "unsound"
    if fault == "another's":
        _, token = accounts.make(None, "Somebody else")
        other = SecurityKey(ORIGIN, HOST), SecurityKey(ORIGIN, HOST)
        for each in other:
            assert Window(app).enrol(f"/break-glass/keys/{token}", each).status_code == 303
        key, why = other[0], "other_account"
    elif fault == "same":
        key, why = enrolled[0], "same_key"
    elif fault == "not verified":
        key.verifies = False
    assert window.first(enrolled[0]).status_code == 303
    options = window.ask("/break-glass/second/ask")
    assert isinstance(options["allowCredentials"], list)
    assert len(options["allowCredentials"]) == 1, "the other key, and it alone"
    if fault == "answers the first step":
        options, why = window.ask("/break-glass/ask"), "challenge"
    said = key.get(options)
    if fault == "other browser":
        sender, why = Window(app), "challenge"
    if fault == "twice":
        assert window.send("/break-glass/second", credential=said).status_code == 303
        window.client.delete_cookie("__Host-jit-test")
        why = "challenge"
    before = count(GlassOpening)
    answer = sender.send("/break-glass/second", credential=said)
    assert answer.status_code == 403
    assert why_refused()[:2] == ("break_glass.open", why)
    assert (count(GlassOpening), sender.is_in()) == (before, False)
    if fault != "other browser" and fault != "twice":
        assert REASON in answer.text, "what was typed comes back"


@pytest.mark.parametrize("place", ["first", "second"])
def test_a_count_that_goes_back_is_that_of_a_copy(
    window: Window, account: GlassAccount, enrolled: Keys, place: str
) -> None:
    number = ("first", "second").index(place)
    with transaction():
        named = update(Passkey).where(Passkey.credential_id == enrolled[number].id)
        session().execute(named.values(sign_count=7))
    if place == "second":
        window.first(enrolled[0])
        answer = window.second(enrolled[1])
    else:
        answer = window.first(enrolled[0])
    assert answer.status_code == 403
    assert why_refused() == ("break_glass.open", "copied", str(account.user_id))
    assert len(ledger("passkey.flagged")) == 1
    enrolled[number].count = 50
    if place == "first":
        assert window.first(enrolled[0]).status_code == 403
        assert why_refused()[1] == "flagged", "and it is of no use from then on"
    assert count(GlassOpening) == 0


def test_a_closed_account_opens_nothing_and_what_it_had_open_ends(
    app: Flask, window: Window, account: GlassAccount, enrolled: Keys, world: World
) -> None:
    window.open(enrolled)
    assert window.is_in()
    accounts.close(world["operator"], account.id)
    assert not window.is_in()
    assert Window(app).first(enrolled[0]).status_code == 403
    assert why_refused() == ("break_glass.open", "closed", str(account.user_id))


def test_an_account_that_is_closed_meanwhile_is_not_opened(
    app: Flask, window: Window, account: GlassAccount, enrolled: Keys, cluster: Postgres
) -> None:
    window.first(enrolled[0])
    said = enrolled[1].get(window.ask("/break-glass/second/ask"))
    cookie = window.client.get_cookie("__Host-jit-test-attempt")
    assert cookie is not None

    def open_it() -> None:
        with app.test_request_context():
            breaking.open_portal(cookie.value, said, Device("192.0.2.1", "x"))

    closing = 'UPDATE "user" SET deactivated_at = now() WHERE id = %s'
    held: Statement = (closing, [account.user_id])
    status = status_after_the_wait(cluster, open_it, held=held, meanwhile=("SELECT 1", []))
    assert (status, count(GlassOpening)) == (403, 0)
