"""How many sign-ins at once and how long, by country, and why one is over, as its person is told."""

import datetime as dt
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from jit_portal.database import session, transaction
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.demo.providers.registration import rows
from jit_portal.errors import Invalid
from jit_portal.identity import devices, endings, registry
from jit_portal.identity.devices import Novelty
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.sign_in_models import LoginSession
from tests import factories
from tests.devices import HERE, WINDOWS, age, browser, move, someone
from tests.hostile import Hostile
from tests.signing_in import Browser, National, again, known, ledger, liar, logins, national, refused, registered, xenia
from tests.waiting import until_somebody_waits

FIXTURES = (liar, national, registered, someone)
"""They are asked for by name."""


def allow(slug: str = "fr", **limits: int) -> None:
    """What this country allows from now on."""
    with transaction():
        session().execute(update(IdentityProvider).where(IdentityProvider.slug == slug).values(**limits))


def test_each_country_has_its_own_limits(app: Flask, someone: User) -> None:
    dutch = known("nl-0001")
    allow(idle_minutes=10, absolute_hours=2)
    one, two = browser(app), browser(app)
    one.sign_in("fr-0001")
    two.sign_in("nl-0001")
    lasts = [login.ends_at - login.started_at for login in (*logins(someone), *logins(dutch))]
    assert [round(each / dt.timedelta(hours=1)) for each in lasts] == [2, 12]
    page = one.portal.get("/account").text
    assert "after 10 minutes without use, and after 2 hours in any case" in page
    age(last_seen_at=dt.timedelta(minutes=9))
    assert one.is_signed_in()
    age(last_seen_at=dt.timedelta(minutes=11))
    assert [one.is_signed_in(), two.is_signed_in()] == [False, True]
    assert endings.mine(again(someone)) == []


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("idle_minutes", 31),
        ("idle_minutes", 4),
        ("absolute_hours", 13),
        ("absolute_hours", 0),
        ("most_logins", 6),
        ("most_logins", 0),
    ],
)
def test_no_country_allows_more_than_the_portal(national: National, limit: str, value: int) -> None:
    wide: dict[str, Any] = {limit: value}
    with pytest.raises(Invalid):
        registry.ensure_providers([replace(rows(national.base)[0], **wide)])
    session().rollback()
    with pytest.raises(IntegrityError), transaction():
        session().execute(text(f"UPDATE identity_provider SET {limit} = {value}"))


def test_limits_are_entered_with_the_login(national: National) -> None:
    registry.ensure_providers([replace(rows(national.base)[0], idle_minutes=15, most_logins=2)])
    row = registry.provider("fr")
    assert (row.idle_minutes, row.absolute_hours, row.most_logins) == (15, 12, 2)
    assert ledger("provider.changed") == [{"changed": ["idle_minutes", "most_logins"]}]


def test_with_one_too_many_the_oldest_ends(app: Flask, someone: User) -> None:
    known("nl-0001")
    allow(most_logins=2)
    first, second, third, dutch = (browser(app) for _ in range(4))
    dutch.sign_in("nl-0001")
    for each in (first, second, third):
        each.sign_in("fr-0001")
    assert [each.is_signed_in() for each in (first, second, third, dutch)] == [False, True, True, True]
    assert [login.ended_because for login in logins(someone)] == ["one_too_many", None, None]
    assert ledger("login.ended") == [{"because": "one_too_many"}]
    third.sign_in("fr-0001")
    assert second.is_signed_in(), "a new sign-in in the same browser takes no other's place"
    page = Browser(app)
    move(page, HERE, WINDOWS)
    page.sign_in("fr-0001")
    assert "the oldest has ended: Firefox, Linux" in page.portal.get("/account").text
    assert "on 2 devices at once" in page.portal.get("/account").text


def test_an_older_login_that_is_over_takes_no_place(app: Flask, someone: User) -> None:
    allow(most_logins=1)
    one = browser(app)
    one.sign_in("fr-0001")
    age(last_seen_at=dt.timedelta(minutes=31))
    browser(app).sign_in("fr-0001")
    assert ledger("login.ended") == []


def test_of_two_sign_ins_at_once_one_stays(app: Flask, someone: User, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(most_logins=1)
    met = threading.Barrier(2)
    plain = devices.novelty

    def meet(*asked: object) -> Novelty:
        with suppress(threading.BrokenBarrierError):
            met.wait(1)
        return plain(*asked)  # type: ignore[arg-type]

    # Of somebody new the login says the name, which is written down: one would wait for the other whatever is locked.
    browser(app).sign_in("fr-0001")
    monkeypatch.setattr(devices, "novelty", meet)
    both = [browser(app), browser(app)]
    queries = [one.choose(one.begin("fr"), subject="fr-0001") for one in both]

    with ThreadPoolExecutor(2) as apart:
        assert list(apart.map(_come_back, both, queries)) == [303, 303]
    assert len(endings.mine(again(someone))) == 1


def test_a_sign_in_takes_that_of_somebody_else_in_its_browser_in_the_same_order(
    app: Flask, someone: User, cluster: Postgres
) -> None:
    other, one = known("fr-0002"), browser(app)
    browser(app).sign_in("fr-0001")
    one.sign_in("fr-0002")
    (hers,), (theirs,) = logins(someone), logins(other)
    first = uuid.UUID(int=1)
    with transaction():
        session().execute(update(LoginSession).where(LoginSession.id == theirs.id).values(id=first))
    allow(most_logins=1)
    query = one.choose(one.begin("fr"), subject="fr-0001")
    with psycopg.connect(cluster.url(OWNER)) as look:
        with ThreadPoolExecutor(1) as apart, psycopg.connect(cluster.url(OWNER)) as held:
            held.execute("SELECT 1 FROM login_session WHERE id = %s FOR UPDATE", [first])
            coming = apart.submit(_come_back, one, query)
            until_somebody_waits(cluster)
            look.execute("SELECT 1 FROM login_session WHERE id = %s FOR UPDATE NOWAIT", [hers.id])
            look.rollback()
            held.rollback()
            assert coming.result() == 303
    assert [login.ended_because for login in (*logins(other), again(hers))] == ["signed_in_again", "one_too_many"]


def _come_back(one: Browser, query: str) -> int:
    try:
        return one.come_back("fr", query).status_code
    finally:
        session.remove()


def test_a_sign_in_takes_what_it_ends_in_the_order_of_all_who_end(app: Flask, someone: User, cluster: Postgres) -> None:
    """Or two who end several would wait for each other: one that gives way comes before the one that it replaces."""
    both = [browser(app), browser(app)]
    for each in both:
        each.sign_in("fr-0001")
    first, second = sorted(logins(someone), key=lambda login: login.id)
    again_in = both[logins(someone).index(second)]
    allow(most_logins=1)
    query = again_in.choose(again_in.begin("fr"), subject="fr-0001")

    row = "SELECT 1 FROM login_session WHERE id = %s FOR UPDATE NOWAIT"
    with ThreadPoolExecutor(1) as apart, psycopg.connect(cluster.url(OWNER)) as held:
        held.execute(row, [first.id])
        coming = apart.submit(_come_back, again_in, query)
        until_somebody_waits(cluster)
        held.execute(row, [second.id])
        telling = 'SELECT 1 FROM "user" WHERE id = %s FOR KEY SHARE NOWAIT'
        held.execute(telling, [someone.id])  # a notice to her, by whoever has the record, waits for nothing
        held.rollback()
        assert coming.result() == 303
    assert sorted(login.ended_because or "" for login in logins(someone)) == ["", "one_too_many", "signed_in_again"]


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("one_too_many", "more devices than your country allows"),
        ("ended_elsewhere", "you ended it from another one"),
        ("ended_by_administrator", "by an administrator"),
        ("signed_out_at_provider", "you signed out at your national login"),
        ("closed", "your account was closed"),
        ("login_withdrawn", "your national login was withdrawn"),
        ("authority_closed", "your authority is on the list of your national login no longer"),
        (None, "not used for a while"),
    ],
)
def test_the_sign_in_page_says_why_a_sign_in_is_over(app: Flask, someone: User, end: str | None, says: str) -> None:
    one = browser(app)
    assert "Your sign-in in this browser" not in one.portal.get("/sign-in").text
    one.sign_in("fr-0001")
    with transaction():
        ended = {"ended_at": factories.now(), "ended_because": end} if end else {"ends_at": factories.now()}
        session().execute(update(LoginSession).values(**ended))
    page = one.portal.get("/sign-in").text
    assert says in page.replace("&#39;", "'")
    assert "Camille" not in page


def test_whoever_is_signed_in_is_not_told_that_it_is_over(app: Flask, liar: Hostile) -> None:
    xenia()
    one = browser(app)
    one.come_back("xx", liar.callback(one.begin("xx")))
    liar.replies["/par"] = lambda: (500, "text/plain", b"")
    answer = one.portal.get("/sign-in/xx")
    assert answer.status_code == 503
    assert "Your sign-in in this browser" not in answer.text
    assert one.is_signed_in()


@pytest.mark.parametrize("because", ["by_administrator", "unused", "unconfirmed", None])
def test_a_closed_account_is_told_why(app: Flask, someone: User, because: str | None) -> None:
    with transaction():
        closed = {"deactivated_at": factories.now(), "closed_because": because}
        session().execute(update(User).where(User.id == someone.id).values(**closed))
    answer = browser(app).sign_in("fr-0001")
    why = because if because in ("unused", "unconfirmed") else "deactivated"
    assert refused(answer, 403, why)
    assert "Ask your country" in answer.text
    assert ("90 days" in answer.text) == (why != "deactivated")
