"""What the portal asks of a national login, and how it proves itself there, each time anew."""

import base64
import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from jit_portal.database import transaction
from jit_portal.identity import oidc, registry
from jit_portal.vocabulary import Assurance
from tests.hostile import Hostile
from tests.signing_in import Browser, liar, national, open_browser, registered, xenia

FIXTURES = (liar, national, open_browser, registered)
"""They are asked for by name."""


def test_the_portal_proves_itself_anew_each_time(open_browser: Callable[[], Browser], liar: Hostile) -> None:
    xenia()
    one = open_browser()
    for _ in range(2):
        one.come_back("xx", liar.callback(one.begin("xx")))
    forms = liar.heard("/par") + liar.heard("/token")
    said = [json.loads(base64.urlsafe_b64decode(form["client_assertion"].split(".")[1] + "==")) for form in forms]
    assert len({each["jti"] for each in said}) == 4
    assert {(each["iss"], each["sub"], each["aud"]) for each in said} == {("jit-portal", "jit-portal", liar.issuer)}
    assert {each["exp"] - each["iat"] for each in said} == {60}
    asked = liar.heard("/par")[0]
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")
    assert len(asked["nonce"]) == len(asked["state"]) == 43
    assert "code_verifier" not in asked


def test_a_row_without_pushed_requests_asks_in_the_address(open_browser: Callable[[], Browser], liar: Hostile) -> None:
    with transaction():
        registry.provider("xx").uses_par = False
    query = parse_qs(urlsplit(open_browser().begin("xx")).query)
    assert {"nonce", "state", "code_challenge", "redirect_uri"} <= set(query)
    assert liar.heard("/par") == []


def test_a_sign_in_can_be_asked_to_be_strong_and_recent(liar: Hostile) -> None:
    login = oidc.client(registry.provider("xx"))
    given = {"state": "s", "nonce": "n", "code_verifier": "v" * 43}
    for more in ({}, {"assurance": Assurance.HIGH, "max_age": 300}, {"assurance": Assurance.SUBSTANTIAL}):
        login.address("http://portal.test/callback", **given, **more)  # type: ignore[arg-type]
    asked = [(form["acr_values"], form.get("max_age")) for form in liar.heard("/par")]
    assert asked == [("low high", None), ("high", "300"), ("high", None)]


def test_a_login_that_cannot_be_so_strong_is_asked_for_its_best(liar: Hostile) -> None:
    with transaction():
        registry.provider("xx").acr_levels = {"low": 1, "medium": 2}
    login = oidc.client(registry.provider("xx"))
    login.address("http://portal.test/callback", state="s", nonce="n", code_verifier="v" * 43, assurance=Assurance.HIGH)
    assert (login.highest, liar.heard("/par")[0]["acr_values"]) == (Assurance.SUBSTANTIAL, "medium")


def test_a_changed_row_is_spoken_to_anew(liar: Hostile) -> None:
    row = registry.provider("xx")
    before, version = oidc.client(row), row.version
    assert oidc.client(row) is before
    with transaction():
        row.acr_levels = {"high": 2}
    assert row.version == version + 1
    assert oidc.client(row) is not before
