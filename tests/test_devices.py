"""From where people sign in: what is new, a cookie that turns up elsewhere, and one that nobody was given."""

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import event

from jit_portal.database import session, transaction
from jit_portal.identity import devices, sessions, tokens
from jit_portal.identity.devices import Device, Novelty, network_of
from jit_portal.identity.models import User
from jit_portal.vocabulary import Duty, NoticeKind
from tests import factories
from tests.devices import AWAY, HERE, LINUX, NEWER, NEXT_DOOR, WINDOWS, age, browser, someone, told
from tests.signing_in import Browser, again, known, ledger, logins, national, registered

FIXTURES = (national, registered, someone)
"""They are asked for by name."""


# New devices


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("", ""),
        ("unix:", ""),
        ("192.0.2", ""),
        ("192.0.2.7/8", ""),
        ("fe80::1%eth0", "fe80::/48"),
    ],
)
def test_what_a_network_is(address: str, network: str) -> None:
    assert network_of(address) == network


def test_nothing_is_new_where_nothing_was_before() -> None:
    here = Device(HERE, LINUX)
    assert devices.novelty(here, []) == Novelty(False, False)
    assert devices.novelty(here, [Device(NEXT_DOOR, NEWER)]) == Novelty(False, False)
    assert devices.novelty(here, [Device(AWAY, LINUX), Device(HERE, WINDOWS)]) == Novelty(False, False)
    assert devices.novelty(Device(AWAY, WINDOWS), [here]) == Novelty(True, True)


@pytest.mark.parametrize(
    ("address", "system", "device", "network"),
    [
        (HERE, NEWER, False, False),
        (NEXT_DOOR, LINUX, False, False),
        (HERE, WINDOWS, True, False),
        (AWAY, LINUX, False, True),
        (AWAY, WINDOWS, True, True),
    ],
    ids=["newer browser", "next door", "other system", "other network", "both"],
)
def test_a_sign_in_from_something_new_tells_the_person(
    app: Flask, someone: User, address: str, system: str, device: bool, network: bool
) -> None:
    browser(app).sign_in("fr-0001")
    (first,) = logins(someone)
    assert (first.is_new_device, first.is_new_network, told(someone, NoticeKind.SIGNED_IN_NEWLY)) == (False, False, 0)
    other = browser(app, address, system)
    other.sign_in("fr-0001")
    second = logins(someone)[1]
    assert (second.is_new_device, second.is_new_network) == (device, network)
    assert told(someone, NoticeKind.SIGNED_IN_NEWLY) == (device or network)
    page, notices = other.portal.get("/account").text, other.portal.get("/notices").text
    assert ("New device" in page, "New network" in page) == (device, network and not device)
    assert ("that you never used before" in notices) == (device or network)
    assert 'href="/account#sign-ins"' in notices or not (device or network)


def test_whoever_has_a_duty_is_told_too(app: Flask, someone: User) -> None:
    with transaction():
        again(someone).duty = Duty.NATIONAL_ADMINISTRATOR
    browser(app).sign_in("fr-0001")
    other = browser(app, AWAY, WINDOWS)
    other.sign_in("fr-0001")
    assert "Edge, Windows" in other.portal.get("/notices").text


# A cookie that turns up elsewhere


def steal(app: Flask, one: Browser, address: str, system: str) -> Browser:
    """A browser elsewhere with the cookie of this one."""
    thief = browser(app, address, system)
    thief.portal.set_cookie(app.config["SETTINGS"].session_cookie, one.cookie() or "", secure=True)
    return thief


@pytest.mark.parametrize(
    ("address", "system"),
    [(HERE, WINDOWS), (NEXT_DOOR, WINDOWS), (AWAY, LINUX), (AWAY, NEWER), ("", WINDOWS)],
    ids=["other device", "other device next door", "other network", "updated on the way", "nothing known of where"],
)
def test_one_thing_that_changes_is_no_theft(app: Flask, someone: User, address: str, system: str) -> None:
    one = browser(app)
    one.sign_in("fr-0001")
    assert steal(app, one, address, system).is_signed_in()
    assert ledger("login.strayed") == []
    assert logins(someone)[0].strayed_at is None


@pytest.mark.parametrize("system", [WINDOWS, "curl/8.14", ""], ids=["browser", "command", "nothing said"])
def test_a_stolen_cookie_is_flagged_once_and_not_ended(app: Flask, someone: User, system: str) -> None:
    one = browser(app)
    one.sign_in("fr-0001")
    thief = steal(app, one, AWAY, system)
    for _ in range(3):
        assert thief.is_signed_in()
    assert one.is_signed_in()
    (login,) = logins(someone)
    assert (login.strayed_address, login.ended_at) == (AWAY, None)
    assert len(ledger("login.strayed")) == 1
    assert told(someone, NoticeKind.STRAYED) == 1
    page = one.portal.get("/account").text
    assert "another device and another network" in page
    assert AWAY in page
    assert "is used elsewhere" in one.portal.get("/notices").text
    one.post(f"/account/sign-ins/{login.id}/end")
    assert not thief.is_signed_in()


def test_where_a_sign_in_began_stays(app: Flask, someone: User) -> None:
    one = browser(app)
    one.sign_in("fr-0001")
    steal(app, one, AWAY, WINDOWS).is_signed_in()
    (login,) = logins(someone)
    assert (login.address, login.device) == (HERE, "Firefox, Linux")


def test_a_login_is_still_loaded_in_one_query(app: Flask, someone: User) -> None:
    token = factories.login(someone, address=HERE, browser=LINUX)
    session.remove()
    said: list[str] = []
    engine = app.extensions["database"]
    listen = ("before_cursor_execute", lambda c, cursor, statement, *more: said.append(statement.split()[0]))
    event.listen(engine, *listen)
    try:
        assert sessions.load(token, device=Device(NEXT_DOOR, WINDOWS))
        assert said == ["SELECT"]
        assert sessions.load(token, device=Device(AWAY, WINDOWS))
        said.clear()
        assert sessions.load(token, device=Device(AWAY, WINDOWS))
        assert said == ["SELECT"], "what is flagged is not flagged again"
    finally:
        event.remove(engine, *listen)


# Cookies that nobody was given


def test_a_cookie_that_was_planted_is_worth_nothing_after_the_sign_in(app: Flask, someone: User) -> None:
    name = app.config["SETTINGS"].session_cookie
    made_up = tokens.make()
    one = browser(app)
    one.portal.set_cookie(name, made_up, secure=True)
    one.sign_in("fr-0001")
    assert one.cookie() != made_up
    assert sessions.load(made_up) is None
    assert len(logins()) == 1


def test_a_cookie_that_was_made_up_is_said_to_open_nothing_and_is_on_record(app: Flask, someone: User) -> None:
    one = browser(app)
    for _ in range(25):
        one.portal.set_cookie(app.config["SETTINGS"].session_cookie, tokens.make(), secure=True)
        answer = one.portal.get("/account")
        assert answer.status_code == 302
    assert "opens nothing here" in one.portal.get(answer.headers["Location"]).text
    assert ledger("login.shown") == [{"status": 403, "may": "unknown", "noun": "login_session"}] * 20


def test_who_shows_no_cookie_or_one_that_is_over_has_made_up_nothing(app: Flask, someone: User) -> None:
    one = browser(app)
    assert one.portal.get("/account").status_code == 302
    assert "opens nothing here" not in one.portal.get("/sign-in").text
    one.sign_in("fr-0001")
    age(ends_at=dt.timedelta())
    assert one.portal.get("/account").status_code == 302
    assert ledger("login.shown") == []


def test_a_live_login_that_was_planted_ends_with_the_sign_in(app: Flask, someone: User) -> None:
    """Whoever plants her own cookie neither stays in that browser nor becomes whoever signs in there."""
    attacker = browser(app)
    known("nl-0001")
    attacker.sign_in("nl-0001")
    victim = steal(app, attacker, HERE, LINUX)
    victim.sign_in("fr-0001")
    assert victim.cookie() != attacker.cookie()
    assert not attacker.is_signed_in()
    assert "Camille Aubertin" in victim.portal.get("/account").text


def test_a_cookie_from_before_a_new_sign_in_opens_nothing(app: Flask, someone: User) -> None:
    one = browser(app)
    one.sign_in("fr-0001")
    thief = steal(app, one, HERE, LINUX)
    one.sign_in("fr-0001")
    assert not thief.is_signed_in()
