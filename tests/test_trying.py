"""The test of a login: each thing that can be wrong with what it publishes has its plain words."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.demo.secrets import write_private
from jit_portal.identity import ourselves, protocols
from jit_portal.identity.checking import findings, pinned, published, sign_ins, words
from jit_portal.identity.checking.findings import Check, Result
from jit_portal.identity.models import ProviderTest
from jit_portal.vocabulary import AssuranceAsked, ClientAuthentication, UserinfoForm
from tests import factories, hostile
from tests.hostile import Hostile
from tests.signing_in import count, ledger
from tests.trying import Desk, desk, home, liar, plainly, row, web_page

FIXTURES = (desk, home, liar, row)
"""They are asked for by name."""


def test_a_sound_login_passes_every_check(desk: Callable[..., Desk]) -> None:
    one = desk()
    assert "Run the checks" in one.page()
    assert one.press().status_code == 303
    assert {result for result, _ in one.findings().values()} == {Result.PASSED}
    assert set(one.findings()) == set(Check) - {Check.PINNED, *findings.OF_A_SIGN_IN}
    page = plainly(one.page())
    assert "It signs with ES256, which the row allows." in page
    assert "one (EC, ES256)" in page
    [said] = ledger("provider.tested")
    assert (said["provider"], said["wrong"], said["not_tried"]) == ("xx", [], [])


DISCOVERY = "/.well-known/openid-configuration"
REPLIES = [
    ("HTML", web_page, "discovery", "no_json", "not JSON, such as a web page"),
    ("an error", lambda: (500, "text/plain", b""), "discovery", "status", "an error (status 500)"),
    ("nothing there", lambda: (404, "text/plain", b""), "discovery", "status", "an error (status 404)"),
    ("elsewhere", lambda: (302, "https://else.example/", b""), "discovery", "redirects", "https://else.example/"),
    ("a list", lambda: (200, "application/json", b"[]"), "discovery", "senseless", "makes no sense"),
    ("too much", lambda: (200, "application/json", b" " * 600_000), "discovery", "unreadable", "too long"),
]


@pytest.mark.parametrize(("reply", "check", "why", "said"), [each[1:] for each in REPLIES], ids=[e[0] for e in REPLIES])
def test_what_cannot_be_read_is_told_apart(
    liar: Hostile, desk: Callable[..., Desk], reply: Callable[[], hostile.Reply], check: str, why: str, said: str
) -> None:
    one = desk()
    liar.replies[DISCOVERY] = reply
    one.press()
    assert one.findings()[check] == (Result.WRONG, why)
    assert one.findings()[Check.KEYS] == (Result.NOT_TRIED, "before")
    assert said in plainly(one.page())


def test_a_login_that_is_down_is_said_to_be(app: Flask, desk: Callable[..., Desk]) -> None:
    one = desk(issuer="http://127.0.0.1:9/xx")
    one.press()
    assert one.findings()[Check.DISCOVERY] == (Result.WRONG, "down")
    assert "Nobody answers there." in plainly(one.page())


PUBLISHED: list[tuple[dict[str, Any], dict[str, Any], Check, str, str]] = [
    ({"issuer": "https://other.example"}, {}, Check.ISSUER, "other_issuer", "calls itself https://other.example"),
    ({"token_endpoint": None}, {}, Check.DISCOVERY, "incomplete", "lacks token_endpoint"),
    (
        {"jwks_uri": "https://keys.example/x", "token_endpoint": "http://[", "userinfo_endpoint": 5},
        {}, Check.ENDPOINTS, "elsewhere",
        "jwks_uri: https://keys.example",
    ),
    (
        {"id_token_signing_alg_values_supported": ["HS256", "none"]}, {}, Check.ALGORITHMS, "other_algorithms",
        "It signs with HS256, none, and the row allows ES256.",
    ),
    (
        {"id_token_signing_alg_values_supported": ["PS256", "HS256"]}, {}, Check.ALGORITHMS, "algorithms_left_out",
        "the row allows ES256: nobody would get in. Of what it signs with, allow PS256 in the row.",
    ),
    (
        {"userinfo_signing_alg_values_supported": ["HS256"]}, {"userinfo": UserinfoForm.JWT}, Check.ALGORITHMS,
        "other_userinfo", "It signs userinfo with HS256",
    ),
    ({"code_challenge_methods_supported": ["plain"]}, {}, Check.PKCE, "pkce_not_offered", "not take PKCE with S256"),
    ({}, {"uses_pkce": False}, Check.PKCE, "pkce_unused", "Switch it on."),
    ({"pushed_authorization_request_endpoint": None}, {}, Check.PAR, "par_not_offered", "Switch PAR off"),
    ({}, {"uses_par": False}, Check.PAR, "par_unused", "Switch PAR on."),
    (
        {"require_pushed_authorization_requests": True}, {"uses_par": False}, Check.PAR, "par_required",
        "takes only requests sent ahead",
    ),
    (
        {"token_endpoint_auth_methods_supported": ["client_secret_post"]}, {}, Check.METHOD, "other_method",
        "It takes client_secret_post",
    ),
    ({"acr_values_supported": ["loa3"]}, {}, Check.ASSURANCE, "other_words", "It knows loa3, and the row high, low"),
    (
        {"claims_parameter_supported": False}, {"asks_assurance": AssuranceAsked.CLAIMS}, Check.ASSURANCE,
        "claims_not_taken", "It takes no conditions",
    ),
    ({"end_session_endpoint": None}, {}, Check.SIGN_OUT, "no_rp_logout", "no address for signing out"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("metadata", "changes", "check", "why", "said"),
    PUBLISHED,
    ids=[f"{each[2].value} {each[3]}" for each in PUBLISHED],
)
def test_what_is_published_is_held_against_the_row(
    liar: Hostile,
    desk: Callable[..., Desk],
    metadata: dict[str, Any],
    changes: dict[str, Any],
    check: Check,
    why: str,
    said: str,
) -> None:
    liar.metadata |= metadata
    one = desk(**changes)
    one.press()
    assert one.findings()[check] == (Result.WRONG, why)
    assert said in plainly(one.page())
    assert f"{check}: {why}" in ledger("provider.tested")[0]["wrong"]


def test_what_it_does_not_say_is_not_called_wrong(liar: Hostile, desk: Callable[..., Desk]) -> None:
    liar.metadata = {"authorization_response_iss_parameter_supported": None}
    one = desk()
    one.press()
    untried = {check for check, (result, _) in one.findings().items() if result == Result.NOT_TRIED}
    assert untried == {
        Check.ALGORITHMS, Check.PKCE, Check.METHOD, Check.ASSURANCE, Check.ANSWERS, Check.SIGN_OUT,
    }  # fmt: skip


def test_a_host_that_is_not_pinned_is_never_asked(liar: Hostile, desk: Callable[..., Desk]) -> None:
    with hostile.running() as other:
        liar.metadata["jwks_uri"] = f"{other.issuer}/jwks"
        one = desk()
        one.press()
        assert one.findings()[Check.KEYS] == (Result.NOT_TRIED, "before")
        assert other.requests == []


@pytest.mark.parametrize(
    ("keys", "why"),
    [(web_page, "no_json"), (lambda: (200, "application/json", b'{"keys": [{"kty": "EC"}]}'), "no_keys")],
    ids=["HTML", "no keys"],
)
def test_keys_that_are_none_are_said_to_be(
    liar: Hostile, desk: Callable[..., Desk], keys: Callable[[], hostile.Reply], why: str
) -> None:
    liar.replies["/jwks"] = keys
    one = desk()
    one.press()
    assert one.findings()[Check.KEYS] == (Result.WRONG, why)


def test_keys_for_other_signatures_do_not_fit(desk: Callable[..., Desk]) -> None:
    one = desk(algorithms=("RS256",))
    one.press()
    assert one.findings()[Check.KEYS] == (Result.WRONG, "no_fitting_key")


def test_a_missing_secret_is_named_and_never_shown(app: Flask, desk: Callable[..., Desk], tmp_path: Any) -> None:
    settings = app.config["SETTINGS"]
    path = tmp_path / "secrets.json"
    try:
        ourselves.use(replace(settings, provider_secrets=path))
        one = desk(authenticates_by=ClientAuthentication.CLIENT_SECRET_BASIC)
        one.press()
        assert one.findings()[Check.MATERIAL] == (Result.WRONG, "no_secret")
        write_private(path, '{"xx": "hush hush"}')
        one.press()
        assert one.findings()[Check.MATERIAL] == (Result.PASSED, "secret")
        assert "hush" not in one.page()
    finally:
        ourselves.use(settings)


def test_without_checks_there_is_no_sign_in(desk: Callable[..., Desk]) -> None:
    one = desk()
    assert one.press("/sign-in").status_code == 409
    one.press()
    assert one.press("/sign-out").status_code == 409


def test_what_was_found_is_forgotten_after_an_hour(liar: Hostile, desk: Callable[..., Desk]) -> None:
    one = desk()
    one.press()
    one.try_it(liar)
    with transaction():
        over = update(ProviderTest).values(expires_at=factories.now())
        session().execute(over.execution_options(synchronize_session=False))
    assert "Not tested lately" in one.page()
    one.press()
    assert "Xenia" not in one.page()
    assert count(ProviderTest) == 1


def test_every_reason_has_words_and_no_word_is_left_over() -> None:
    source = "".join(
        Path(module.__file__ or "").read_text("utf-8") for module in (findings, pinned, published, sign_ins)
    )
    written = set(re.findall(r'"([a-z_]+)"', source)) | {check.value for check in Check}
    assert set(words.TITLES) == set(Check)
    made = {f"lacks_{word}" for word in protocols.LACKS}
    made |= {f"{check}_{end}" for check in ("pkce", "par") for end in ("not_offered", "unused")} | {"no_pkce", "no_par"}
    assert words.WHYS.keys() <= written | made
