"""Live sign-ins: how long they last, what is kept of them, and what the portal shows each of hers."""

import datetime as dt
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, update

from jit_portal.background import enqueue
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid
from jit_portal.identity import endings, registry, service, sessions
from jit_portal.identity.models import MOST_IDLE_MINUTES, User
from jit_portal.identity.sign_in_models import LoginSession
from tests import factories
from tests.signing_in import (
    Browser,
    again,
    away,
    known,
    ledger,
    liar,
    logins,
    national,
    open_browser,
    registered,
)
from tests.vault import do_the_work

FIXTURES = (away, liar, national, open_browser, registered)
"""They are asked for by name."""


# Live logins


def test_a_login_is_loaded_in_one_query_and_written_once_a_minute(app: Flask) -> None:
    token = factories.login(known("fr-0001"))
    session.remove()
    said: list[str] = []
    engine = app.extensions["database"]
    listen = ("before_cursor_execute", lambda c, cursor, text, *more: said.append(text))
    event.listen(engine, *listen)
    try:
        login = sessions.load(token)
        assert login
        assert (login.user.provider.slug, login.user.authority.name) == ("fr", "Parquet interrégional")
        assert login.user.current_login == login.id
        assert [text.split()[0] for text in said] == ["SELECT"]
        _age(last_seen_at=dt.timedelta(minutes=2))
        said.clear()
        for _ in range(3):
            sessions.load(token)
            session.remove()
        assert [text.split()[0] for text in said] == ["SELECT", "UPDATE", "SELECT", "SELECT"]
    finally:
        event.remove(engine, *listen)


def _age(**ages: dt.timedelta) -> None:
    with transaction():
        now = dt.datetime.now(dt.UTC)
        aged = update(LoginSession).values({name: now - age for name, age in ages.items()})
        session().execute(aged.execution_options(synchronize_session=False))


@pytest.mark.parametrize(
    "end",
    [
        lambda user: _age(last_seen_at=dt.timedelta(minutes=30)),
        lambda user: _age(ends_at=dt.timedelta(seconds=1)),
        lambda user: _age(ended_at=dt.timedelta()),
        lambda user: setattr(user, "deactivated_at", dt.datetime.now(dt.UTC)),
    ],
    ids=["idle", "twelve hours", "ended", "deactivated"],
)
def test_a_login_that_is_over_opens_nothing(open_browser: Callable[[], Browser], end: Callable[[User], None]) -> None:
    user, one = known("fr-0001"), open_browser()
    one.sign_in("fr-0001")
    assert one.is_signed_in()
    with transaction():
        end(session().get_one(User, user.id))
    answer = one.portal.get("/account?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?next=/account?x%3D1")
    assert sessions.load(one.cookie() or "") is None


@pytest.mark.parametrize("token", ["", "a", "A" * 43, "A" * 10_000, "\x00" * 43, "é" * 43])
def test_a_made_up_token_opens_nothing(token: str) -> None:
    factories.login(known("fr-0001"))
    assert sessions.load(token) is None


def test_a_login_lasts_twelve_hours_at_most(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    open_browser().sign_in("fr-0001")
    (login,) = logins()
    assert abs(login.ends_at - login.started_at - dt.timedelta(hours=12)) < dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    "over",
    [{"last_seen_at": func.now() - dt.timedelta(minutes=MOST_IDLE_MINUTES)}, {"ends_at": func.now()}],
    ids=["idle", "absolute"],
)
def test_of_a_sign_in_that_is_over_nothing_of_its_provider_stays(
    open_browser: Callable[[], Browser], environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, over: dict[str, Any]
) -> None:
    """Its ID token says who she is, at some logins by a national number; a few at a time means all of them."""
    monkeypatch.setattr(endings, "AT_A_TIME", 2)
    user = known("fr-0001")
    for _ in range(3):
        open_browser().sign_in("fr-0001")
    with transaction():
        session().execute(update(LoginSession).values(**over))
    still = open_browser()
    still.sign_in("fr-0001")
    assert all(login.id_token for login in logins(user))
    with transaction():
        enqueue("identity:forget", timestamp=0)
    do_the_work(environ)
    ended = [(login.ended_because, login.id_token, login.ended_at is not None) for login in logins(user)]
    assert sorted(ended[:3]) == [("over", None, True)] * 3
    assert ended[3][0] is None
    assert ended[3][1]
    assert still.is_signed_in()
    assert ledger("login.ended") == [{"because": "over"}] * 3
    assert endings.end_what_is_over() == 0


# What the portal knows about me


def test_my_sign_ins_are_mine_to_end(open_browser: Callable[[], Browser]) -> None:
    user, other = known("fr-0001"), known("nl-0001")
    one, two, three, dutch = open_browser(), open_browser(), open_browser(), open_browser()
    for each, system in ((one, "X11; Linux x86_64"), (two, "Windows NT 10.0"), (three, "Macintosh; Intel Mac OS X")):
        each.portal.environ_base["HTTP_USER_AGENT"] = f"Mozilla/5.0 ({system}) Gecko/1 Firefox/153.0"
        each.sign_in("fr-0001")
    dutch.sign_in("nl-0001")
    page = one.portal.get("/account").text
    assert page.count("Firefox, Linux") == 1
    (asked,) = re.findall('end-others" data-confirm="([^"]+)"', page)
    assert set(re.findall("Firefox, [a-zA-Z]+", asked)) == {"Firefox, Windows", "Firefox, macOS"}
    (theirs,) = logins(other)
    assert one.post(f"/account/sign-ins/{theirs.id}/end").status_code == 404
    assert one.post(f"/account/sign-ins/{uuid.uuid4()}/end").status_code == 404
    assert one.post(f"/account/sign-ins/{logins(user)[1].id}/end").headers["Location"] == "/account#sign-ins"
    assert [each.is_signed_in() for each in (one, two, three, dutch)] == [True, False, True, True]
    assert one.post("/account/sign-ins/end-others").headers["Location"] == "/account#sign-ins"
    assert [each.is_signed_in() for each in (one, two, three, dutch)] == [True, False, False, True]
    assert one.post(f"/account/sign-ins/{logins(user)[0].id}/end").headers["Location"] == "/signed-out"
    assert not one.is_signed_in()


def test_sign_ins_on_like_devices_are_counted_before_they_end(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    here = open_browser()
    for each, system in (
        (open_browser(), "X11"),
        (open_browser(), "Windows NT"),
        (open_browser(), "X11"),
        (here, "X11"),
    ):
        each.portal.environ_base["HTTP_USER_AGENT"] = f"Mozilla/5.0 ({system}; Linux) Firefox/153.0"
        each.sign_in("fr-0001")
    (asked,) = re.findall('end-others" data-confirm="([^"]+)"', here.portal.get("/account").text)
    assert "on Firefox, Linux (2); Firefox, Windows?" in asked


def test_all_logins_of_a_person_can_be_ended(open_browser: Callable[[], Browser]) -> None:
    user, one, two = known("fr-0001"), open_browser(), open_browser()
    one.sign_in("fr-0001")
    two.sign_in("fr-0001")
    assert endings.end_all(user) == 2
    assert endings.end_all(user) == 0
    assert not one.is_signed_in()


def test_language_and_zone_are_chosen_on_the_account_page(open_browser: Callable[[], Browser]) -> None:
    user, one = known("fr-0001"), open_browser()
    one.sign_in("fr-0001")
    assert one.post("/account", language="fr", time_zone="Europe/Tirane").status_code == 303
    user = again(user)
    assert (user.language, user.time_zone) == ("fr", "Europe/Tirane")
    for wrong in ({"language": "xx", "time_zone": "UTC"}, {"language": "en", "time_zone": "Mars/Olympus"}, {}):
        assert one.post("/account", **wrong).status_code == 422
    user = again(user)
    assert user.language == "fr"
    with pytest.raises(Invalid):
        service.prefer(user, "en", "Mars/Olympus")


def test_the_sign_in_page_names_every_country_in_the_readers_language(open_browser: Callable[[], Browser]) -> None:
    one = open_browser()
    page = one.portal.get("/sign-in?next=/account", headers={"Accept-Language": "fr"}).text
    assert all(name in page for name in ("Pays-Bas", "Roumanie", "Albanie", "France", "EU bodies"))
    assert 'href="/sign-in/nl?next=/account"' in page
    with transaction():
        registry.provider("nl").is_enabled = False
    assert "Pays-Bas" not in one.portal.get("/sign-in", headers={"Accept-Language": "fr"}).text
    assert one.portal.get("/sign-in/nl").status_code == 403
    assert one.portal.get("/sign-in/nowhere").status_code == 404
    known("fr-0001")
    one.sign_in("fr-0001")
    assert one.portal.get("/sign-in?next=/account").headers["Location"] == "/account"
