"""Signing out: by the person, by her login, and when the login itself is withdrawn."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.serving import make_server

from jit_portal.database import session, transaction
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.identity import proposals, registry, sessions
from jit_portal.identity.models import User
from jit_portal.vocabulary import Duty
from tests import factories
from tests.hostile import BACK_CHANNEL, NO_TIMES, NOW, Hostile, by_another_key, unsigned, with_its_own_key_inside
from tests.signing_in import (
    Browser,
    National,
    away,
    known,
    ledger,
    liar,
    logins,
    national,
    open_browser,
    refused,
    registered,
    say_goodbye,
    xenia,
)
from tests.vault import token_in
from tests.waiting import status_after_the_wait, until_somebody_waits

FIXTURES = (away, liar, national, open_browser, registered)
"""They are asked for by name."""

# Signing out


def test_signing_out_ends_the_login_here_and_at_the_provider(
    open_browser: Callable[[], Browser], database: Postgres, app: Flask
) -> None:
    user, one = known("fr-0001"), open_browser()
    one.sign_in("fr-0001")
    token = one.cookie() or ""
    with psycopg.connect(app.config["SETTINGS"].database_url, autocommit=True) as listener:
        listener.execute("LISTEN jit_portal")
        answer = one.post("/sign-out")
        (told,) = [json.loads(notice.payload) for notice in listener.notifies(timeout=20, stop_after=1)]
    (login,) = logins(user)
    assert (told["noun"], told["id"], told["act"]) == ("login_session", str(login.id), "login.ended")
    assert (login.ended_because, login.id_token) == ("signed_out", None)
    assert ledger("login.ended") == [{"because": "signed_out"}]
    assert (one.cookie(), sessions.load(token)) == (None, None)

    onward = answer.headers["Refresh"].removeprefix("0; url=")
    left = one.providers.get(onward, timeout=20, allow_redirects=False)
    assert left.headers["Location"].endswith("/signed-out")
    page = one.providers.get(one.begin("fr"), timeout=20).text
    assert "Go on as" not in page
    assert one.portal.get("/signed-out").status_code == 200


def test_signing_out_needs_a_form_of_the_portal(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    one = open_browser()
    one.sign_in("fr-0001")
    assert one.portal.post("/sign-out").status_code == 400
    assert one.is_signed_in()


def test_forms_of_whoever_was_here_before_are_worth_nothing(
    open_browser: Callable[[], Browser], national: National
) -> None:
    """Of the person herself they are, as often as she signs in."""
    known("fr-0001")
    known("nl-0001")
    one = open_browser()
    one.sign_in("fr-0001")
    token = token_in(one.portal.get("/account").text)
    one.sign_in("fr-0001")
    wish = {"csrf_token": token, "language": "fr", "time_zone": "Europe/Paris"}
    assert one.portal.post("/account", data=wish).status_code == 303
    one.sign_in("nl-0001")
    assert one.portal.post("/account", data=wish).status_code == 400
    assert ledger("user.preferred") == [{"language": "fr", "time_zone": "Europe/Paris"}]


def test_signing_out_works_while_the_provider_is_away(open_browser: Callable[[], Browser], liar: Hostile) -> None:
    xenia()
    one = open_browser()
    one.come_back("xx", liar.callback(one.begin("xx")))
    liar.replies["/.well-known/openid-configuration"] = lambda: (500, "text/plain", b"")
    answer = one.post("/sign-out")
    assert "Refresh" not in answer.headers
    assert "may still know you" in answer.text
    assert not one.is_signed_in()


def test_signing_out_at_the_provider_closes_the_portal_at_once(
    open_browser: Callable[[], Browser], app: Flask, national: National
) -> None:
    known("fr-0001")
    one = open_browser()
    one.sign_in("fr-0001")
    server = make_server("127.0.0.1", national.port, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        one.providers.post(f"{national.base}/fr/sign-out", timeout=20)
        until = time.monotonic() + 5
        while one.is_signed_in() and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        server.shutdown()
        server.server_close()
    assert not one.is_signed_in()
    assert ledger("login.ended") == [{"because": "signed_out_at_provider"}]


# A login that is withdrawn


def withdraw() -> None:
    keeper = factories.administrator(registry.provider("fr"), Duty.OPERATOR)
    proposals.withdraw(keeper, "xx")


def test_whoever_is_on_the_way_when_a_login_is_withdrawn_does_not_arrive(
    open_browser: Callable[[], Browser], liar: Hostile
) -> None:
    hers, one = xenia(), open_browser()

    def meanwhile() -> tuple[int, str, bytes]:
        del liar.replies["/userinfo"]
        withdraw()
        session.remove()
        return liar.answer("/xx/userinfo", {})

    query = liar.callback(one.begin("xx"))
    liar.replies["/userinfo"] = meanwhile
    assert refused(one.come_back("xx", query), 403, "withdrawn")
    assert "/userinfo" not in liar.replies
    assert logins(hers) == []


def test_whoever_comes_by_a_withdrawn_login_is_told_so_and_it_is_on_record(
    open_browser: Callable[[], Browser], liar: Hostile
) -> None:
    xenia()
    one = open_browser()
    query = liar.callback(one.begin("xx"))
    withdraw()
    for answer in (one.come_back("xx", query), one.portal.get("/sign-in/xx")):
        assert refused(answer, 403, "withdrawn")
        assert "not open here" in answer.text
        assert "XX" in answer.text
    assert len(ledger("login.refused")) == 2
    assert liar.heard("/token") == []
    assert one.portal.get("/sign-in/nowhere").status_code == 404


def test_whoever_is_on_the_way_when_her_account_is_closed_does_not_arrive(
    open_browser: Callable[[], Browser], liar: Hostile, cluster: Postgres
) -> None:
    hers, one = xenia(), open_browser()
    query, answers = liar.callback(one.begin("xx")), []
    closing = 'UPDATE "user" SET deactivated_at = now() WHERE id = %s'
    status_after_the_wait(
        cluster,
        lambda: answers.append(one.come_back("xx", query)),
        held=(closing, [hers.id]),
        meanwhile=("SELECT 1", []),
    )
    assert refused(answers[0], 403, "deactivated")
    assert logins(hers) == []


def test_a_login_that_is_withdrawn_is_answered_as_ever_when_it_says_who_left(away: Browser, liar: Hostile) -> None:
    withdraw()
    assert not away.is_signed_in()
    told = away.portal.post("/sign-in/xx/logout", data={"logout_token": liar.logout_token()})
    assert told.status_code == 200
    assert away.portal.post("/sign-in/xx/logout", data={"logout_token": "x.y.z"}).status_code == 400
    assert ledger("login.ended") == [{"because": "login_withdrawn"}]


# Back-channel logout


@pytest.mark.parametrize("whose", [{}, {"sub": None}, {"sid": None}], ids=["both", "session", "person"])
def test_the_provider_ends_a_login(away: Browser, liar: Hostile, whose: dict[str, None]) -> None:
    token = liar.logout_token(**whose)
    assert say_goodbye(away, token) == 200
    assert not away.is_signed_in()
    assert logins()[0].ended_because == "signed_out_at_provider"
    assert say_goodbye(away, token) == 400


def test_word_of_a_sign_out_waits_for_the_first_that_it_ends_and_holds_no_other(
    open_browser: Callable[[], Browser], liar: Hostile, cluster: Postgres
) -> None:
    """Or two who end several would wait for each other; and what another has ended meanwhile stays as that says."""
    hers, browsers = xenia(), [open_browser() for _ in range(3)]
    for one in browsers:
        assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    first, *others = sorted(login.id for login in logins(hers))
    token = liar.logout_token(sid=None)

    def tell() -> int:
        try:
            return say_goodbye(browsers[0], token)
        finally:
            session.remove()

    ending = "UPDATE login_session SET ended_at = now(), ended_because = 'one_too_many', id_token = NULL WHERE id = %s"
    with (
        ThreadPoolExecutor(1) as apart,
        psycopg.connect(cluster.url(OWNER)) as held,
        psycopg.connect(cluster.url(OWNER)) as look,
    ):
        held.execute(ending, [first])
        telling = apart.submit(tell)
        until_somebody_waits(cluster)
        for other in others:
            look.execute("SELECT 1 FROM login_session WHERE id = %s FOR UPDATE NOWAIT", [other])
        look.rollback()
        held.commit()
        assert telling.result() == 200
    because = {login.id: login.ended_because for login in logins(hers)}
    assert because == {first: "one_too_many"} | dict.fromkeys(others, "signed_out_at_provider")
    assert len(ledger("login.ended")) == 2, "that of the first is not said twice"


def test_a_logout_token_that_is_just_over_works_once_too(away: Browser, liar: Hostile) -> None:
    """Its id is kept as long as the row's leeway lets it count."""
    token = liar.logout_token(exp=int(time.time()) - 20)
    assert say_goodbye(away, token) == 200
    assert say_goodbye(away, token) == 400


@pytest.mark.parametrize(
    ("lie", "detail"),
    [
        ({"nonce": "n"}, "logout token: nonce"),
        ({"events": None}, "Missing claim: 'events'"),
        ({"events": {}}, "Invalid claim: 'events'"),
        ({"events": {"https://other.test/event": {}}}, "logout token: events"),
        ({"events": {BACK_CHANNEL: "x"}}, "logout token: events"),
        ({"events": "x"}, "AttributeError"),
        ({"aud": "somebody-else"}, "Invalid claim: 'aud'"),
        ({"aud": ["somebody-else", "jit-portal"]}, "Invalid claim: 'aud'"),
        ({"iss": "https://other.test"}, "Invalid claim: 'iss'"),
        ({"exp": NOW - 100}, "The token is expired"),
        ({"exp": None}, "Missing claim: 'exp'"),
        ({"iat": None}, "Missing claim: 'iat'"),
        ({"iat": NOW + 3000, "exp": NOW + 4000}, "issued in the future"),
        ({"jti": None}, "Missing claim: 'jti'"),
        ({"jti": 7}, "Claim 'jti' must be a string"),
        *(({"exp": time}, "Invalid claim: 'exp'") for time in NO_TIMES),
        *(({"iat": time}, "Invalid claim: 'iat'") for time in NO_TIMES),
        ({"jti": "\x00"}, "Invalid claim: 'jti'"),
        ({"sub": "xx-1\x00"}, "Invalid claim: 'sub'"),
        ({"sid": "session-1\x00"}, "Invalid claim: 'sid'"),
        ({"sub": None, "sid": None}, "logout token: sub and sid"),
        ({"sub": 7}, "Claim 'sub' must be a StringOrURI"),
        ({"sid": ["session-1"]}, "logout token: sub and sid"),
    ],
)
def test_a_logout_token_that_lacks_anything_ends_nothing(
    away: Browser, liar: Hostile, told: Callable[[], str], lie: dict[str, Any], detail: str
) -> None:
    assert say_goodbye(away, liar.logout_token(**lie)) == 400
    assert away.is_signed_in()
    assert detail in told()


def test_a_logout_token_must_be_one_and_be_signed(away: Browser, liar: Hostile, told: Callable[[], str]) -> None:
    for name, lie, detail in (
        ("sign", unsigned, "Algorithm of 'none' is not allowed"), ("sign", by_another_key, "BadSignatureError"),
        ("sign", with_its_own_key_inside, "BadSignatureError"),
        ("header", {"typ": "JWT"}, "logout token: typ"), ("header", {"typ": None}, "logout token: typ"),
    ):  # fmt: skip
        before = getattr(liar, name)
        setattr(liar, name, lie)
        assert say_goodbye(away, liar.logout_token()) == 400
        assert detail in told()
        setattr(liar, name, before)
    assert say_goodbye(away, liar.id_token("n")) == 400
    assert say_goodbye(away, "") == 400
    assert away.is_signed_in()


def test_a_logout_token_ends_nobody_elses_login(
    away: Browser, liar: Hostile, open_browser: Callable[[], Browser]
) -> None:
    french = known("fr-0001")
    one = open_browser()
    one.sign_in("fr-0001")
    assert say_goodbye(away, liar.logout_token(sid="session-2")) == 200
    assert say_goodbye(away, liar.logout_token(sub="xx-2")) == 200
    assert say_goodbye(away, liar.logout_token(sub=french.subject, sid=None)) == 200
    assert say_goodbye(away, liar.logout_token(sub=french.subject, sid=None), slug="fr") == 400
    for issuer in (liar.issuer, "https://former.test"):
        with transaction():
            session().execute(update(User).values(issuer=issuer))
        assert say_goodbye(away, liar.logout_token(sub=french.subject, sid=None)) == 200
    assert say_goodbye(away, liar.logout_token()) == 200, "her name at a former issuer of her login"
    assert away.is_signed_in()
    assert one.is_signed_in()
