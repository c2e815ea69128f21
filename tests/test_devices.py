"""From where people sign in: how many at once and how long, what is new, and a cookie that turns up elsewhere."""

import datetime as dt
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import IntegrityError

from jit_portal.database import session, transaction
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.demo.providers.registration import rows
from jit_portal.errors import Invalid
from jit_portal.identity import accounts, devices, endings, registry, sessions, tokens
from jit_portal.identity.devices import Device, Novelty, network_of
from jit_portal.identity.models import IdentityProvider, LoginSession, User
from jit_portal.identity.scim import tokens as scim_tokens
from jit_portal.notices.models import Notice
from jit_portal.vocabulary import Duty, NoticeKind
from tests import factories
from tests.hostile import Hostile
from tests.scim import Directory
from tests.signing_in import Browser, National, again, known, ledger, liar, logins, national, refused, registered, xenia
from tests.waiting import until_somebody_waits

__all__ = ["liar", "national", "registered"]

LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
NEWER = LINUX.replace("153.0", "154.0")
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0"
HERE, NEXT_DOOR, AWAY = "192.0.2.7", "192.0.2.99", "198.51.100.7"


@pytest.fixture
def someone(app: Flask) -> User:
    return known("fr-0001")


def browser(app: Flask, address: str = HERE, system: str = LINUX) -> Browser:
    made = Browser(app)
    move(made, address, system)
    return made


def move(one: Browser, address: str, system: str) -> None:
    one.portal.environ_base |= {"REMOTE_ADDR": address, "HTTP_USER_AGENT": system}


def told(person: User, kind: NoticeKind) -> int:
    found = select(Notice).where(Notice.user_id == person.id, Notice.kind == kind)
    return len(session().scalars(found.execution_options(policy=True)).unique().all())


def allow(slug: str = "fr", **limits: int) -> None:
    """What this country allows from now on."""
    with transaction():
        session().execute(update(IdentityProvider).where(IdentityProvider.slug == slug).values(**limits))


def age(**ages: dt.timedelta) -> None:
    with transaction():
        values = {name: factories.now() - before for name, before in ages.items()}
        session().execute(update(LoginSession).values(values).execution_options(synchronize_session=False))


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


# Limits by country


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


# What the login says of the person now


def test_administrators_are_told_of_changed_details_once(
    app: Flask, liar: Hostile, browse: Callable[[User], FlaskClient]
) -> None:
    person, stranger = xenia(), factories.administrator(registry.provider("fr"))
    administrator = factories.administrator(registry.provider("xx"))
    liar.info = {"name": "Xenia Married", "office": {"code": "XX-2"}}
    for _ in range(2):
        one = browser(app)
        assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    person = again(person)
    assert (person.name, person.claimed_name, person.flagged) == ("Xenia Xylander", "Xenia Married", "authority,name")
    assert person.claimed_authority is not None
    assert (person.authority.code, person.claimed_authority.code) == ("XX-1", "XX-2")
    assert [told(each, NoticeKind.FLAGGED) for each in (administrator, stranger, person)] == [1, 0, 0]
    notices = browse(administrator).get("/notices").text
    assert "login of Xenia Xylander gives another name or authority" in notices
    assert f'href="/people/{person.id}"' in notices
    liar.info = {"name": "Xenia Xylander"}
    one = browser(app)
    one.come_back("xx", liar.callback(one.begin("xx")))
    person = again(person)
    assert (person.claimed_name, person.claimed_authority_id, person.flagged) == (None, None, "authority,name")


def test_the_login_and_the_directory_each_propose_a_name_and_take_back_their_own(app: Flask, liar: Hostile) -> None:
    """What one has proposed stands until it is decided, however often the other says what it always has."""
    person, administrator = xenia(), factories.administrator(registry.provider("xx"))
    operator = factories.administrator(registry.provider("fr"), Duty.OPERATOR)
    directory = Directory(app, scim_tokens.make(operator, "xx", dt.timedelta(days=1))[1])

    def named() -> tuple[str, str | None, str | None]:
        session().rollback()
        held = again(person)
        return held.name.removeprefix("Xenia "), held.claimed_name, held.flagged

    def login_says(name: str) -> tuple[str, str | None, str | None]:
        liar.info = {"name": name}
        one = browser(app)
        assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
        return named()

    def directory_says(name: str) -> tuple[str, str | None, str | None]:
        said = {"op": "replace", "value": {"displayName": name}}
        assert directory.patch(person.id, said).status_code == 200
        return named()

    assert login_says("Xenia Xylander") == ("Xylander", None, None)
    assert directory_says("Xenia Married") == ("Xylander", "Xenia Married", "name")
    assert login_says("Xenia Xylander") == ("Xylander", "Xenia Married", "name"), "it says what it always has"
    accounts.accept_claims(again(administrator), again(person), "Xenia Married", "")
    assert login_says("Xenia Xylander") == ("Married", None, None), "that is decided"
    assert login_says("Xenia Widowed") == ("Married", "Xenia Widowed", "name"), "it gives another name"
    assert directory_says("Xenia Married") == ("Married", "Xenia Widowed", "name"), "it says what it always has"
    assert login_says("Xenia Married") == ("Married", None, "name"), "it takes back its own word"
    assert login_says("Xenia Divorced") == ("Married", "Xenia Divorced", "name")
    assert directory_says("Xenia Third") == ("Married", "Xenia Third", "name"), "the newest stands"
    assert login_says("Xenia Married") == ("Married", "Xenia Third", "name"), "that was not its own"
    assert directory_says("Xenia Married") == ("Married", None, "name"), "and so does the directory"


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
