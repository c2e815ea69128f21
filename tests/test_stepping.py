"""Proving anew who one is at a national login that is really running, and at one that lies; what waits then goes on."""

import datetime as dt
import re
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.identity import sessions
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession, WaitingAct
from jit_portal.policy import stepup
from jit_portal.vocabulary import Assurance
from tests.hostile import Hostile
from tests.signing_in import (
    Browser,
    again,
    entries,
    known,
    ledger,
    liar,
    logins,
    national,
    open_browser,
    registered,
    xenia,
)
from tests.waiting import held_login, record_is_free_while_it_waits

FIXTURES = (liar, national, open_browser, registered)
"""They are asked for by name."""


def age(user: User, minutes: float = 6) -> LoginSession:
    """Her one login, in which she proved who she is so many minutes ago."""
    (login,) = (each for each in logins(user) if each.ended_at is None)
    with transaction():
        login.proved_at = login.authenticated_at = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes)
    return login


def let_wait(user: User, login: LoginSession) -> uuid.UUID:
    with transaction():
        act = WaitingAct(
            user_id=user.id, login_id=login.id, endpoint="exhibits.release_submit", address="/x", sent_from="/",
            form=[], noun="exhibit", object_id=uuid.uuid4(),
            expires_at=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10),
        )  # fmt: skip
        session().add(act)
    return act.id


def in_it(user: User, login: LoginSession) -> User:
    """The person as she acts in this login."""
    session().rollback()
    found = again(user)
    found.current_login = login.id
    return found


def is_met(user: User, login: LoginSession) -> bool:
    return stepup.is_met(in_it(user, login))


# --- a login that does as it is told


@pytest.mark.parametrize("subject", ["fr-0001", "nl-0001"])
def test_she_proves_it_anew_and_her_login_goes_on_under_another_token(
    open_browser: Callable[[], Browser], subject: str
) -> None:
    user, one = known(subject), open_browser()
    one.sign_in(subject)
    login, before = age(user), one.cookie()
    page = f"/confirm/{let_wait(user, login)}"
    assert not is_met(user, login)
    assert 'name="waiting-act"' not in one.portal.get(page).text

    answer = one.sign_in(subject, confirm="1", next=page)
    assert (answer.status_code, answer.headers["Location"]) == (303, page)
    assert one.cookie() not in (None, before)
    assert sessions.load(before or "") is None, "the session from before the step-up opens nothing"
    assert is_met(user, login)
    now = again(login)
    assert (now.ended_at, len(logins(user))) == (None, 1), "it is the same login"
    assert abs((now.proved_at or dt.datetime.min.replace(tzinfo=dt.UTC)) - dt.datetime.now(dt.UTC)) < dt.timedelta(
        seconds=10
    )
    assert ledger("login.stepped_up") == [{"assurance": 3, "by": "provider"}]
    assert 'name="waiting-act"' in one.portal.get(page).text


def test_a_cookie_from_before_a_step_up_is_said_to_open_nothing_and_is_on_record(
    open_browser: Callable[[], Browser],
) -> None:
    user, one, thief = known("fr-0001"), open_browser(), open_browser()
    one.sign_in("fr-0001")
    age(user)
    thief.portal.set_cookie(one.app.config["SETTINGS"].session_cookie, one.cookie() or "", secure=True)
    one.sign_in("fr-0001", confirm="1")
    answer = thief.portal.get("/account", follow_redirects=True)
    assert "opens nothing here" in answer.text
    assert [each["may"] for each in ledger("login.shown")] == ["renewed"]
    assert [entry.object_id for entry in entries("login.shown")] == [age(user).id]
    assert one.is_signed_in()


def test_a_provider_is_asked_for_its_strongest_and_newest(open_browser: Callable[[], Browser], liar: Hostile) -> None:
    user, one = xenia(), open_browser()
    one.come_back("xx", liar.callback(one.begin("xx")))
    assert "max_age" not in liar.heard("/par")[-1]
    age(user)
    one.begin("xx", confirm="1")
    asked = liar.heard("/par")[-1]
    assert (asked["acr_values"], asked["max_age"]) == ("high", "0")


def test_to_confirm_without_a_login_is_to_sign_in(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    one = open_browser()
    assert one.sign_in("fr-0001", confirm="1", next="/account").status_code == 303
    assert len(ledger("login.started")) == 1


# --- and those that do not


@pytest.fixture
def signed(open_browser: Callable[[], Browser], liar: Hostile) -> tuple[User, Browser, LoginSession]:
    """Xenia, signed in six minutes ago."""
    user, one = xenia(), open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    return user, one, age(user)


def test_a_step_up_that_waits_has_not_the_record(
    signed: tuple[User, Browser, LoginSession], liar: Hostile, cluster: Postgres
) -> None:
    """Not even where her login says another name, which is put on record."""
    _user, one, login = signed
    liar.info = {"name": "Xenia Ypsilanti"}
    query = liar.callback(one.begin("xx", confirm="1"))
    assert record_is_free_while_it_waits(cluster, lambda: one.come_back("xx", query), held_login(login.id))
    assert ledger("user.flagged") == [{"claims": ["name"]}]
    assert len(ledger("login.stepped_up")) == 1


def refused(answer: TestResponse, status: int, why: str, act: str = "login.step_up_refused") -> bool:
    """Whether a page said no, no other session began, and the ledger knows why."""
    assert (answer.status_code, 'id="reason"' in answer.text) == (status, True), answer.text[-1500:]
    assert not any(value.startswith("__Host-jit-test=") for value in answer.headers.getlist("Set-Cookie"))
    return bool(ledger(act)[-1]["why"] == why)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"sub": "xx-2"}, "other_person"),
        ({"acr": "low"}, "too_weak"),
        ({"auth_time": -301}, "not_asked_again"),
        ({"auth_time": None}, "not_asked_again"),
    ],
    ids=["sub changed", "acr too low", "auth_time too old", "auth_time not said"],
)
def test_less_than_was_asked_is_refused_and_the_act_still_waits(
    signed: tuple[User, Browser, LoginSession], liar: Hostile, claims: dict[str, Any], why: str
) -> None:
    user, one, login = signed
    act_id, other_id = let_wait(user, login), let_wait(user, login)
    before = (login.assurance, login.proved_at, login.id_token)
    liar.claims = {**claims, "auth_time": int(time.time()) + claims["auth_time"]} if claims.get("auth_time") else claims
    if "sub" in claims:
        liar.info = {"sub": claims["sub"]}
    answer = one.come_back("xx", liar.callback(one.begin("xx", confirm="1", next=f"/confirm/{act_id}")))
    assert refused(answer, 403, why)
    assert "still waits" in answer.text
    assert f'href="/confirm/{act_id}"' in answer.text
    assert f'href="/confirm/{other_id}"' not in answer.text, "another that waits is not offered in its place"
    assert not is_met(user, login)
    assert one.portal.get(f"/confirm/{act_id}").status_code == 200, "she stays signed in"
    assert (again(login).assurance, again(login).proved_at, again(login).id_token) == before
    assert not stepup.stands_in(in_it(user, login)), "no answer of hers makes a passkey do"
    assert not stepup.may_enrol(in_it(user, login))
    assert ledger("login.step_up_refused")[-1]["person"] == str(user.id)

    liar.claims, liar.info = {}, {}
    assert one.come_back("xx", liar.callback(one.begin("xx", confirm="1"))).status_code == 303
    assert is_met(user, login)


def test_who_has_been_closed_out_or_is_of_no_listed_authority_confirms_nothing(
    signed: tuple[User, Browser, LoginSession], liar: Hostile
) -> None:
    user, one, login = signed
    liar.info = {"office": {"code": "XX-9"}}
    assert refused(one.come_back("xx", liar.callback(one.begin("xx", confirm="1"))), 403, "authority")
    assert not is_met(user, login)


def test_a_stopped_confirmation_leaves_the_act_waiting(
    signed: tuple[User, Browser, LoginSession], liar: Hostile
) -> None:
    user, one, login = signed
    act_id, other_id = let_wait(user, login), let_wait(user, login)
    begun = one.begin("xx", confirm="1", next=f"/confirm/{act_id}")
    answer = one.come_back("xx", liar.callback(begun, code=None, error="access_denied"))
    assert refused(answer, 400, "cancelled")
    assert "Nothing was confirmed" in answer.text
    assert "You did not sign in" not in answer.text
    assert "still waits" in answer.text
    assert f'href="/confirm/{act_id}"' in answer.text
    assert f'href="/confirm/{other_id}"' not in answer.text


@pytest.mark.parametrize("place", ["/account", "/confirm/", "/confirm/x", "/confirm/{gone}", "/x/{act}"])
def test_what_was_not_for_an_act_offers_none_but_the_page_it_began_on(
    signed: tuple[User, Browser, LoginSession], liar: Hostile, place: str
) -> None:
    user, one, login = signed
    began_on = place.format(gone=uuid.uuid4(), act=let_wait(user, login))
    begun = one.begin("xx", confirm="1", next=began_on)
    answer = one.come_back("xx", liar.callback(begun, code=None, error="access_denied"))
    assert refused(answer, 400, "cancelled")
    assert "still waits" not in answer.text
    leads_to = "/" if began_on.startswith("/confirm") else began_on
    assert re.findall('<a class="button is-primary" href="([^"]*)"', answer.text) == [leads_to]


def test_a_confirmation_works_once_and_in_its_own_browser(
    signed: tuple[User, Browser, LoginSession], liar: Hostile, open_browser: Callable[[], Browser]
) -> None:
    user, one, login = signed
    query = liar.callback(one.begin("xx", confirm="1"))
    assert refused(open_browser().come_back("xx", query), 400, "over", "login.refused")
    assert not is_met(user, login)
    assert one.come_back("xx", query).status_code == 303
    age(user)
    assert refused(one.come_back("xx", query), 400, "over", "login.refused")
    assert not is_met(user, login)


@pytest.mark.parametrize("how", ["signed out", "signed in anew"])
def test_a_confirmation_is_for_the_login_in_which_it_began(
    signed: tuple[User, Browser, LoginSession], liar: Hostile, how: str
) -> None:
    user, one, login = signed
    query = liar.callback(one.begin("xx", confirm="1"))
    if how == "signed out":
        one.post("/sign-out")
    else:
        one.come_back("xx", liar.callback(one.begin("xx")))
    assert refused(one.come_back("xx", query), 403, "other_login")
    assert not is_met(user, login)


def test_nobody_confirms_at_another_countrys_login(signed: tuple[User, Browser, LoginSession]) -> None:
    _, one, _ = signed
    assert refused(one.portal.get("/sign-in/fr?confirm=1"), 403, "other_login")


def test_a_login_that_was_renewed_meanwhile_is_not_renewed_again(
    signed: tuple[User, Browser, LoginSession], liar: Hostile
) -> None:
    """Two tabs at once: the browser keeps the token of one of them."""
    _, one, login = signed
    query = liar.callback(one.begin("xx", confirm="1"))
    real = liar.answer

    def renewed_at_the_last_moment(path: str, form: dict[str, str], proof: str = "") -> tuple[int, str, bytes]:
        if path.endswith("/userinfo"):
            with transaction():
                changed = update(LoginSession).where(LoginSession.id == login.id).values(token_hash=b"other")
                session().execute(changed)
            session.remove()
        return real(path, form, proof)

    liar.answer = renewed_at_the_last_moment  # type: ignore[method-assign]
    assert refused(one.come_back("xx", query), 403, "other_login")


def test_a_provider_that_is_away_says_so_and_nobody_is_signed_out(
    signed: tuple[User, Browser, LoginSession], liar: Hostile
) -> None:
    user, one, login = signed
    page = f"/confirm/{let_wait(user, login)}"
    liar.replies["/par"] = lambda: (500, "text/html", b"no")
    answer = one.portal.get("/sign-in/xx", query_string={"confirm": "1", "next": page})
    assert (answer.status_code, "still waits" in answer.text) == (503, True)
    assert one.is_signed_in()


@pytest.mark.parametrize("said", [-301, None], ids=["proved before", "not said"])
def test_a_sign_in_is_no_proof_of_itself(open_browser: Callable[[], Browser], liar: Hostile, said: int | None) -> None:
    """Single sign-on brings people in without asking them anything."""
    user, one = xenia(), open_browser()
    liar.claims = {"auth_time": None if said is None else int(time.time()) + said}
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    (login,) = logins(user)
    assert login.assurance == Assurance.HIGH
    assert not is_met(user, login)
    assert not stepup.may_enrol(in_it(user, login))


def test_what_userinfo_says_of_the_time_is_not_believed(open_browser: Callable[[], Browser], liar: Hostile) -> None:
    user, one = xenia(), open_browser()
    liar.claims, liar.info = {"auth_time": None}, {"auth_time": int(time.time())}
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    (login,) = logins(user)
    assert login.proved_at is None


def test_a_clock_that_is_ahead_gives_no_longer_time(open_browser: Callable[[], Browser], liar: Hostile) -> None:
    user, one = xenia(), open_browser()
    liar.claims = {"auth_time": int(time.time()) + 50}
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    (login,) = logins(user)
    assert login.proved_at is not None
    assert login.proved_at <= dt.datetime.now(dt.UTC)


def test_the_demo_asks_again_though_it_knows_her(open_browser: Callable[[], Browser]) -> None:
    """Its single sign-on is passed over: what comes back is new."""
    user, one = known("fr-0001"), open_browser()
    one.sign_in("fr-0001")
    age(user)
    page = one.providers.get(one.begin("fr", confirm="1"), timeout=20)
    assert "Go on as" not in page.text
    assert "max_age" not in parse_qs(urlsplit(page.url).query), "what is asked goes ahead by the back door"
