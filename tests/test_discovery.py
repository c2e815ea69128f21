"""The metadata and keys that a national login publishes: what is believed of them, how long, never above its row."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey

from jit_portal.identity import discovery, oidc, registry
from tests.hostile import Hostile
from tests.signing_in import SLUGS, Browser, known, ledger, liar, national, open_browser, refused, registered, xenia

FIXTURES = (liar, national, open_browser, registered)
"""They are asked for by name."""


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://other.test"},
        {"issuer": None},
        {"jwks_uri": "http://127.0.0.1:1/jwks"},
        {"token_endpoint": "https://evil.test/token"},
        {"token_endpoint": None},
        {"userinfo_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "https://evil.test/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"pushed_authorization_request_endpoint": ["http://127.0.0.1"]},
        {"end_session_endpoint": "https://evil.test/"},
    ],
)
def test_metadata_that_names_another_issuer_or_host_is_not_used(
    open_browser: Callable[[], Browser], liar: Hostile, lie: dict[str, Any]
) -> None:
    liar.metadata = lie
    for _ in range(2):
        answer = open_browser().portal.get("/sign-in/xx")
        assert answer.status_code == 503
        assert "waiting does not help" in answer.text
        assert "does not answer" not in answer.text
        assert all(f'href="/sign-in/{slug}"' in answer.text for slug in SLUGS), "it hides no other"
    assert [each["why"] for each in ledger("login.refused")] == ["not_as_agreed"] * 2
    assert [path for path, _ in liar.requests] == ["/xx/.well-known/openid-configuration"]


def test_who_is_signed_in_hears_once_that_she_stays_so(open_browser: Callable[[], Browser], liar: Hostile) -> None:
    liar.metadata = {"issuer": "https://evil.test"}
    known("fr-0001")
    one = open_browser()
    one.sign_in("fr-0001")
    page = one.portal.get("/sign-in/xx").text
    assert "You stay signed in as you were" in page
    assert "In this browser you are signed in as you were before" not in page


def test_a_key_that_was_taken_back_is_trusted_no_longer_than_ten_minutes(
    open_browser: Callable[[], Browser], liar: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    xenia()
    one = open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    liar.published = [ECKey.generate_key("P-256", {"kid": "two"})]
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    clock = time.monotonic
    monkeypatch.setattr("jit_portal.identity.discovery.time.monotonic", lambda: clock() + 601)
    assert refused(one.come_back("xx", liar.callback(one.begin("xx"))), 400, "unsound")


def test_what_a_login_publishes_is_believed_for_ten_minutes(
    open_browser: Callable[[], Browser], liar: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, place = open_browser(), "/.well-known/openid-configuration"
    one.begin("xx"), one.begin("xx")
    assert len(liar.heard(place)) == 1
    clock = time.monotonic
    for later, asked in ((590, 1), (601, 2)):
        monkeypatch.setattr("jit_portal.identity.discovery.time.monotonic", lambda later=later: clock() + later)
        one.begin("xx")
        assert len(liar.heard(place)) == asked


def test_a_new_key_is_looked_up_at_once_but_not_for_everyone_who_asks(
    open_browser: Callable[[], Browser], liar: Hostile
) -> None:
    xenia()
    one = open_browser()
    one.come_back("xx", liar.callback(one.begin("xx")))
    liar.key = ECKey.generate_key("P-256", {"kid": "two"})
    liar.published = [liar.key]
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    assert len(liar.heard("/jwks")) == 2
    liar.header = {"kid": "three"}
    for _ in range(10):
        assert one.portal.post("/sign-in/xx/logout", data={"logout_token": liar.logout_token()}).status_code == 400
    assert len(liar.heard("/jwks")) == 2


def test_a_key_that_was_made_anew_under_its_old_name_is_looked_up(
    open_browser: Callable[[], Browser], liar: Hostile
) -> None:
    xenia()
    one = open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    liar.key = ECKey.generate_key("P-256", {"kid": "one"})
    liar.published = [liar.key]
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303


def test_what_a_provider_publishes_replaces_nothing_of_the_row(
    open_browser: Callable[[], Browser], liar: Hostile
) -> None:
    xenia()
    liar.metadata = {
        "client_id": "somebody-else", "client_secret": "s", "scope": "openid everything", "default_timeout": 999,
        "token_endpoint_auth_method": "none", "code_challenge_method": "plain", "home": "http://127.0.0.1:1",
        "redirect_uri": "https://evil.test/", "response_type": "token", "leeway": 9999, "verify": False,
    }  # fmt: skip
    one = open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    (asked,), (redeemed,) = liar.heard("/par"), liar.heard("/token")
    assert (asked["client_id"], asked["response_type"], asked["scope"]) == (
        "jit-portal",
        "code",
        "openid profile email",
    )
    assert (asked["code_challenge_method"], "evil" in asked["redirect_uri"]) == ("S256", False)
    assert "client_assertion" in redeemed
    assert "client_secret" not in redeemed
    assert set(oidc.client(registry.provider("xx")).published.metadata()) == {
        *discovery.NEEDED, *discovery.OFFERED, discovery.SIGNS_ANSWERS,
    }  # fmt: skip
