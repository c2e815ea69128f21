"""The answer of a national login: for the browser that asked, once, in time, and to nowhere else."""

import base64
import datetime as dt
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import text, update

from jit_portal.database import session, transaction
from jit_portal.identity import discovery, registry
from jit_portal.identity.sign_in_models import LoginAttempt
from tests.hostile import Hostile
from tests.signing_in import (
    Browser,
    away,
    count,
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

FIXTURES = (away, liar, national, open_browser, registered)
"""They are asked for by name."""


# The browser and the address


def test_a_callback_works_once(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    one = open_browser()
    query = one.choose(one.begin("fr"), subject="fr-0001")
    assert one.come_back("fr", query).status_code == 303
    assert refused(one.come_back("fr", query), 400, "over")
    assert len(logins()) == 1


def test_a_callback_works_in_the_browser_that_began_it_only(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    one, bare, other = open_browser(), open_browser(), open_browser()
    query = one.choose(one.begin("fr"), subject="fr-0001")
    other.begin("fr")
    assert refused(bare.come_back("fr", query), 400, "over")
    assert refused(other.come_back("fr", query), 400, "over")
    assert one.come_back("fr", query).status_code == 303


def test_ten_tabs_of_one_browser_can_sign_in_at_once(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    one = open_browser()
    addresses = [one.begin("fr") for _ in range(10)]
    answers = [one.come_back("fr", one.choose(address, subject="fr-0001")) for address in addresses]
    assert {answer.status_code for answer in answers} == {303}


def test_a_sign_in_is_over_after_ten_minutes(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    one = open_browser()
    query = one.choose(one.begin("fr"), subject="fr-0001")
    with transaction():
        session().execute(update(LoginAttempt).values(expires_at=LoginAttempt.expires_at - dt.timedelta(minutes=10)))
    assert refused(one.come_back("fr", query), 400, "over")


def test_what_a_browser_could_steal_is_not_stored_in_the_clear(
    open_browser: Callable[[], Browser], liar: Hostile
) -> None:
    one = open_browser()
    address = one.begin("xx")
    state = parse_qs(liar.callback(address))["state"][0]
    (asked,) = liar.heard("/par")
    kept = one.portal.get_cookie("__Host-jit-test-attempt")
    assert kept is not None
    assert (kept.secure, kept.http_only, kept.same_site, kept.path, kept.domain) == (
        True,
        True,
        "Lax",
        "/",
        "localhost",
    )
    xenia()
    assert one.come_back("xx", liar.callback(address)).status_code == 303
    (redeemed,) = liar.heard("/token")
    secrets = (state, kept.value, asked["nonce"], redeemed["code_verifier"])
    assert {len(each) for each in secrets} == {43}
    assert len(set(secrets)) == 4
    stored = session().execute(text("SELECT login_attempt::text FROM login_attempt")).scalars().all()
    assert len(stored) == 1
    forms = one.portal.get_cookie("__Host-form-test")
    readable = forms.value + base64.urlsafe_b64decode(forms.value.split(".")[0] + "==").decode() if forms else ""
    for secret in secrets:
        assert secret not in readable
        for row in stored:
            assert secret not in row
            assert secret.encode().hex() not in row
            assert base64.urlsafe_b64decode(secret + "=").hex() not in row


def test_a_code_of_one_country_is_worth_nothing_at_another(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    known("nl-0001")
    one = open_browser()
    query = one.choose(one.begin("fr"), subject="fr-0001")
    assert refused(one.come_back("nl", query), 400, "mixed_up")
    assert refused(one.come_back("fr", query), 400, "over")
    said = parse_qs(one.choose(one.begin("fr"), subject="fr-0001"))
    renamed = urlencode({"code": said["code"][0], "state": said["state"][0], "iss": registry.provider("nl").issuer})
    assert refused(one.come_back("nl", renamed), 400, "mixed_up")
    theirs = one.begin("nl")
    state = parse_qs(one.choose(theirs, subject="nl-0001"))["state"][0]
    code = parse_qs(one.choose(one.begin("fr"), subject="fr-0001"))["code"][0]
    swapped = urlencode({"code": code, "state": state, "iss": registry.provider("nl").issuer})
    assert refused(one.come_back("nl", swapped), 400, "unsound")
    assert logins() == []


@pytest.mark.parametrize("iss", ["http://127.0.0.1:1/fr", "", None])
def test_an_answer_must_say_from_whom_it_is(
    open_browser: Callable[[], Browser], liar: Hostile, iss: str | None
) -> None:
    xenia()
    one = open_browser()
    assert refused(one.come_back("xx", liar.callback(one.begin("xx"), iss=iss)), 400, "mixed_up")
    assert liar.heard("/token") == []


def test_an_issuer_that_never_signs_its_answers_may_leave_it_out(
    open_browser: Callable[[], Browser], liar: Hostile
) -> None:
    xenia()
    liar.metadata = {discovery.SIGNS_ANSWERS: None}
    one = open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"), iss=None)).status_code == 303
    assert refused(one.come_back("xx", liar.callback(one.begin("xx"), iss="http://other")), 400, "mixed_up")


OUTSIDE = (
    "https://evil.test/", "//evil.test", "\\\\evil.test", "///evil.test", "javascript:alert(1)", "http:evil.test",
    "evil",
)  # fmt: skip


@pytest.mark.parametrize("wanted", OUTSIDE)
def test_a_link_that_leads_out_of_the_portal_is_refused(open_browser: Callable[[], Browser], wanted: str) -> None:
    answer = open_browser().portal.get("/sign-in/fr", query_string={"next": wanted})
    assert refused(answer, 400, "led_astray")
    assert "leads out of the portal" in answer.text
    assert count(LoginAttempt) == 0
    answer = open_browser().portal.get("/sign-in", query_string={"next": wanted})
    assert (answer.status_code, "leads out of the portal" in answer.text) == (400, True)
    assert [each["status"] for each in ledger("login.led_astray")] == [400]


def test_strangers_make_the_record_no_longer_than_twenty_a_minute(open_browser: Callable[[], Browser]) -> None:
    one = open_browser()
    answers = [one.portal.get("/sign-in", query_string={"next": "//evil.test"}) for _ in range(25)]
    assert [each.status_code for each in answers] == [400] * 25
    assert len(ledger("login.led_astray")) == 20
    assert one.portal.get("/sign-in").status_code == 200, "nobody else of the same network is kept out"


@pytest.mark.parametrize("wanted", ["/\\evil.test", "/\t/evil.test", "", "/sign-out", "/sign-in/fr", "/" + "a" * 3000])
def test_nobody_is_led_out_of_the_portal(open_browser: Callable[[], Browser], wanted: str) -> None:
    known("fr-0001")
    answer = open_browser().sign_in("fr-0001", next=wanted)
    where = answer.headers["Location"]
    assert where == "/" or where.startswith(("/%5C", "/%09"))
    assert urlsplit(where).netloc == ""


def test_after_signing_in_one_is_where_one_wanted_to_be(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    answer = open_browser().sign_in("fr-0001", next="/jits/1?tab=chat&q=a%20b")
    assert answer.headers["Location"] == "/jits/1?tab=chat&q=a%20b"


# Tries without end


def test_whoever_keeps_failing_must_wait(open_browser: Callable[[], Browser]) -> None:
    one = open_browser()
    answers = [one.come_back("fr", "state=x&code=y").status_code for _ in range(21)]
    assert answers == [400] * 20 + [429]


def test_whoever_keeps_beginning_must_wait(open_browser: Callable[[], Browser]) -> None:
    one = open_browser()
    assert [one.portal.get("/sign-in/nowhere").status_code for _ in range(121)] == [404] * 120 + [429]


def test_whoever_keeps_ending_what_is_no_sign_in_must_wait(away: Browser, liar: Hostile) -> None:
    said = [say_goodbye(away, "no token") for _ in range(21)]
    assert said == [400] * 20 + [429]
    assert away.is_signed_in()
