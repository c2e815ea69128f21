"""The sign-in and the sign-out in a test of a login: what is wrong is named, and nobody is signed in by it."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey
from sqlalchemy import select

from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.identity import registry, trying
from jit_portal.identity.checking import words
from jit_portal.identity.checking.findings import Check, Result
from jit_portal.identity.models import IdentityProvider, ProviderTest, User
from jit_portal.identity.refusals import SignInRefused
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.identity.vouching import Answer
from tests import factories
from tests.hostile import Hostile, sign, sign_by_hand
from tests.register import operator
from tests.signing_in import UNCHECKED, Browser, count, ledger
from tests.trying import Desk, desk, home, liar, plainly, row, web_page
from tests.waiting import Statement, record_is_free_while_it_waits

FIXTURES = (desk, home, liar, row)
"""They are asked for by name."""


# --- the sign-in


def test_a_test_signs_nobody_in_and_makes_nobody(liar: Hostile, desk: Callable[..., Desk]) -> None:
    one = desk()
    one.press()
    logins, people, cookie = count(LoginSession), count(User), one.cookie()
    answer = one.try_it(liar)
    assert answer.headers["Location"].startswith(f"/providers/{one.provider.id}/test")  # type: ignore[union-attr]
    assert (count(LoginSession), count(User), one.cookie()) == (logins, people, cookie)
    assert ledger("login.started") == []
    page = plainly(one.page())
    for said in ("Xenia Xylander", "It says high: High.", "It says XX-1, which is allowed.", "prove anew"):
        assert said in page
    found = one.findings()
    assert {found[check] for check in (Check.LEFT, Check.TOLD)} == {
        (Result.NOT_TRIED, "not_left"), (Result.NOT_TRIED, "not_told"),
    }  # fmt: skip
    [entry] = ledger("provider.sign_in_tested")
    assert "Xenia" not in str(entry)
    assert entry["wrong"] == []


def test_even_somebody_known_is_not_signed_in_by_a_test(liar: Hostile, desk: Callable[..., Desk]) -> None:
    one = desk()
    with transaction():
        provider = registry.provider("xx")
        known = User(
            provider_id=provider.id, issuer=provider.issuer, subject="xx-1", name="Somebody Else",
            authority_id=provider.authorities[0].id,
        )  # fmt: skip
        session().add(known)
    one.press()
    before = count(LoginSession)
    one.try_it(liar)
    assert count(LoginSession) == before
    session().expire_all()
    assert session().get_one(User, known.id, execution_options=UNCHECKED).flagged is None


def test_the_answer_to_a_test_is_never_taken_for_a_sign_in(
    liar: Hostile, desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = desk()
    one.press()
    query = liar.callback(one.onward("/sign-in"))
    monkeypatch.setattr(trying, "is_test", lambda _: False)
    before = count(LoginSession)
    assert one.come_back("xx", query).status_code == 400
    assert count(LoginSession) == before


def test_a_login_that_is_closed_can_be_tested_and_not_used(liar: Hostile, desk: Callable[..., Desk]) -> None:
    one = desk(is_enabled=False)
    one.press()
    one.try_it(liar)
    assert one.findings()[Check.SIGN_IN] == (Result.PASSED, "sign_in")
    assert Browser(one.app).portal.get("/sign-in/xx").status_code == 403


def test_only_who_began_a_test_gets_its_answer(
    app: Flask, liar: Hostile, home: IdentityProvider, desk: Callable[..., Desk]
) -> None:
    one, bo = desk(), factories.login(operator(home, "Bo"))
    one.press()
    query = liar.callback(one.onward("/sign-in"))
    other = Browser(app)
    assert other.come_back("xx", query).status_code == 400
    one.portal.set_cookie(app.config["SETTINGS"].session_cookie, bo, secure=True)
    assert one.come_back("xx", query).status_code == 400
    assert [each["why"] for each in ledger("login.refused")] == ["over"] * 2
    assert Check.SIGN_IN not in one.findings()
    assert "Not tested lately" in one.page()


def test_a_test_is_answered_once(liar: Hostile, desk: Callable[..., Desk]) -> None:
    one = desk()
    one.press()
    query = liar.callback(one.onward("/sign-in"))
    assert [one.come_back("xx", query).status_code for _ in range(2)] == [303, 400]
    assert [each["why"] for each in ledger("login.refused")] == ["over"]


ANSWERS: list[tuple[str, dict[str, Any], Check, str]] = [
    ("another authority", {"info": {"office": {"code": "XX-9"}}}, Check.AUTHORITY, "not_listed"),
    ("no name", {"info": {"name": None}}, Check.CLAIMS, "missing"),
    ("an unknown word", {"claims": {"acr": "loa9"}}, Check.LEVEL, "unknown_word"),
    ("no word", {"claims": {"acr": None}}, Check.LEVEL, "no_acr"),
    ("a weak one", {"claims": {"acr": "low"}}, Check.LEVEL, "weaker"),
    ("an old one", {"claims": {"auth_time": 1_700_000_000}}, Check.PROVED, "not_asked_again"),
    ("for another portal", {"claims": {"aud": "somebody"}}, Check.SIGN_IN, "claim"),
    ("of long ago", {"claims": {"exp": 1_700_000_000}}, Check.SIGN_IN, "expired"),
    ("from the future", {"claims": {"auth_time": 9_700_000_000}}, Check.SIGN_IN, "clock"),
]


@pytest.mark.parametrize(("said", "check", "why"), [each[1:] for each in ANSWERS], ids=[each[0] for each in ANSWERS])
def test_what_is_wrong_with_an_answer_is_named(
    liar: Hostile, desk: Callable[..., Desk], said: dict[str, Any], check: Check, why: str
) -> None:
    one = desk()
    one.press()
    for name, changes in said.items():
        setattr(liar, name, changes)
    one.try_it(liar)
    assert one.findings()[check] == (Result.WRONG, why)
    assert str(words.TITLES[check]) in plainly(one.page())
    assert f"{check}: {why}" in ledger("provider.sign_in_tested")[0]["wrong"]


def test_a_provider_that_never_says_when_is_told_of(liar: Hostile, desk: Callable[..., Desk]) -> None:
    one = desk()
    one.press()
    liar.claims = {"auth_time": None}
    one.try_it(liar)
    assert one.findings()[Check.PROVED] == (Result.WRONG, "no_auth_time")


def test_weaker_signatures_and_foreign_keys_are_told_apart(liar: Hostile, desk: Callable[..., Desk]) -> None:
    one = desk()
    one.press()
    liar.sign = lambda header, claims: sign_by_hand({**header, "alg": "HS256"}, claims, liar.key)
    one.try_it(liar)
    assert one.findings()[Check.SIGN_IN] == (Result.WRONG, "algorithm")
    foreign = ECKey.generate_key("P-256", {"kid": "one"})
    liar.sign = lambda header, claims: sign(header, claims, foreign)
    one.try_it(liar)
    assert one.findings()[Check.SIGN_IN] == (Result.WRONG, "signature")
    assert "Xenia" not in one.page()


def test_what_went_wrong_there_is_told(liar: Hostile, desk: Callable[..., Desk]) -> None:
    one = desk()
    one.press()
    one.try_it(liar, code=None, error="access_denied")
    assert one.findings()[Check.SIGN_IN] == (Result.WRONG, "cancelled")
    assert "access_denied" in one.page()
    one.try_it(liar, iss="https://other.example")
    assert one.findings()[Check.SIGN_IN] == (Result.WRONG, "mixed_up")
    refused = b'{"error": "invalid_client"}'
    liar.replies["/token"] = lambda: (401, "application/json", refused)
    one.try_it(liar)
    assert one.findings()[Check.SIGN_IN] == (Result.WRONG, "proof_refused")
    liar.replies["/par"] = web_page
    assert one.press("/sign-in").status_code == 303
    assert one.findings()[Check.SIGN_IN] == (Result.WRONG, "no_json")


# --- signing out


def test_the_browser_goes_to_sign_out_and_comes_back(liar: Hostile, desk: Callable[..., Desk]) -> None:
    one = desk()
    one.press()
    one.try_it(liar)
    address = one.onward("/sign-out")
    assert address.startswith(f"{liar.issuer}/bye?")
    assert one.findings()[Check.LEFT] == (Result.NOT_TRIED, "gone")
    state = re.search("state=([^&]+)", address)
    assert state
    answer = one.portal.get(f"/signed-out?state={state[1]}")
    assert answer.status_code == 303
    assert one.findings()[Check.LEFT] == (Result.PASSED, "left")
    assert [each["result"] for each in ledger("provider.sign_out_tested")] == ["passed"]
    assert one.is_signed_in()
    assert one.portal.get(f"/signed-out?state={state[1]}").status_code == 200
    assert Browser(one.app).portal.get(f"/signed-out?state={state[1]}").status_code == 200
    assert one.portal.get("/signed-out?state=x").status_code == 200


def test_word_of_a_sign_out_is_told_to_whom_it_concerns(liar: Hostile, desk: Callable[..., Desk]) -> None:
    one = desk()
    one.press()
    one.try_it(liar)

    def tell(token: str) -> int:
        return one.portal.post("/sign-in/xx/logout", data={"logout_token": token}).status_code

    assert tell(liar.logout_token(aud="somebody")) == 400
    assert one.findings()[Check.TOLD] == (Result.WRONG, "unsound")
    assert tell(liar.logout_token(sid="another session")) == 200
    assert one.findings()[Check.TOLD] == (Result.WRONG, "unsound")
    assert tell(liar.logout_token()) == 200
    assert one.findings()[Check.TOLD] == (Result.PASSED, "told")
    assert tell(liar.logout_token(aud="somebody")) == 400
    assert one.findings()[Check.TOLD] == (Result.PASSED, "told")
    assert [len(each["wrong"]) for each in ledger("provider.farewell_tested")] == [1, 0]
    assert one.is_signed_in()


def test_word_that_comes_in_the_moment_in_which_the_browser_does_is_kept(
    liar: Hostile, desk: Callable[..., Desk]
) -> None:
    one = desk()
    one.press()
    one.try_it(liar)
    one.onward("/sign-out")
    assert one.provider
    assert one.person
    person, provider = session().merge(one.person), one.provider
    seen = trying.latest(person, provider)
    assert seen
    with ThreadPoolExecutor(1) as apart:
        word = {"logout_token": liar.logout_token()}
        answer = apart.submit(one.portal.post, "/sign-in/xx/logout", data=word).result()
    assert answer.status_code == 200
    assert trying.came_back(person, str(seen.id))
    assert one.findings()[Check.TOLD] == (Result.PASSED, "told")


@pytest.mark.parametrize(
    ("whose", "audience"), [("login_session", {}), ("provider_test", {"aud": "somebody"})], ids=["sound", "unsound"]
)
def test_word_of_a_sign_out_that_waits_has_not_the_record(
    liar: Hostile, desk: Callable[..., Desk], cluster: Postgres, whose: str, audience: dict[str, str]
) -> None:
    """Of a login that is both tested and signed in by."""
    one = desk()
    one.press()
    one.try_it(liar)
    provider = registry.provider("xx")
    with transaction():
        known = User(
            provider_id=provider.id, issuer=provider.issuer, subject="xx-1", name="Somebody Else",
            authority_id=provider.authorities[0].id,
        )  # fmt: skip
        session().add(known)
    factories.login(known, provider_session="session-1")
    by_it = {
        "login_session": factories.logins_of(known).with_only_columns(LoginSession.id),
        "provider_test": select(ProviderTest.id).execution_options(**UNCHECKED),
    }
    id = session().scalars(by_it[whose]).one()
    word = {"logout_token": liar.logout_token(**audience)}

    def tell() -> None:
        one.portal.post("/sign-in/xx/logout", data=word)

    held: Statement = (f"SELECT 1 FROM {whose} WHERE id = %s FOR UPDATE", [id])
    assert record_is_free_while_it_waits(cluster, tell, held)
    assert len(ledger("login.ended")) == (0 if audience else 1)
    assert len(ledger("provider.farewell_tested")) == 1


def test_where_the_row_has_no_sign_out_none_is_asked_for(liar: Hostile, desk: Callable[..., Desk]) -> None:
    one = desk(has_rp_logout=False, has_back_channel_logout=False)
    one.press()
    one.try_it(liar)
    found = one.findings()
    assert found[Check.LEFT] == found[Check.TOLD] == (Result.NOT_TRIED, "switched_off")
    assert "Sign out there" not in one.page()


def test_an_answer_that_nobody_waits_for_is_refused(app: Flask, home: IdentityProvider) -> None:
    with pytest.raises(SignInRefused):
        trying.complete(None, "fr", "browser", Answer("state", "code", None, None))
