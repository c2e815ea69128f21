"""The test of a login: each thing that can be wrong has its plain words, and nobody is signed in by it."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey
from sqlalchemy import select, update

from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.demo.secrets import write_private
from jit_portal.identity import checking, checking_saml, checking_words, oidc, protocols, registry, trying
from jit_portal.identity.checking import Check, Result
from jit_portal.identity.models import IdentityProvider, LoginSession, ProviderTest, User
from jit_portal.identity.refusals import SignInRefused
from jit_portal.identity.vouching import Answer
from jit_portal.vocabulary import AssuranceAsked, ClientAuthentication, UserinfoForm
from tests import factories, hostile
from tests.hostile import Hostile, sign, sign_by_hand
from tests.signing_in import UNCHECKED, Browser, count, ledger, of_xx
from tests.test_providers import operator
from tests.waiting import Statement, record_is_free_while_it_waits

GOOD = {
    "id_token_signing_alg_values_supported": ["ES256"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    "acr_values_supported": ["high", "low"],
    "backchannel_logout_supported": True,
}


@pytest.fixture
def liar(app: Flask) -> Iterator[Hostile]:
    with hostile.running() as issuer:
        issuer.metadata |= GOOD
        yield issuer


@pytest.fixture
def home(app: Flask) -> IdentityProvider:
    with transaction():
        return factories.provider("fr")


@pytest.fixture
def row(liar: Hostile, home: IdentityProvider) -> Callable[..., IdentityProvider]:
    """Enter the login of country XX, with these fields changed."""

    def enter(**changes: Any) -> IdentityProvider:
        [made] = registry.ensure_providers([replace(of_xx(liar), **changes)])
        return made

    return enter


@dataclass
class Desk(Browser):
    """An operator at the page of the test."""

    person: User | None = None
    provider: IdentityProvider | None = None

    def press(self, what: str = "") -> Any:
        assert self.provider
        return self.post(f"/providers/{self.provider.id}/test{what}")

    def onward(self, what: str) -> str:
        answer = self.press(what)
        assert answer.status_code == 200, answer.text
        return str(answer.headers["Refresh"]).removeprefix("0; url=")

    def page(self) -> str:
        assert self.provider
        return self.portal.get(f"/providers/{self.provider.id}/test").text

    def findings(self) -> dict[str, tuple[str, str]]:
        session().expire_all()
        tests = select(ProviderTest).execution_options(**UNCHECKED)
        [test] = session().scalars(tests).all()
        return {each["check"]: (each["result"], each["why"]) for each in test.findings}

    def try_it(self, liar: Hostile, **changes: Any) -> Any:
        return self.come_back("xx", liar.callback(self.onward("/sign-in"), **changes))


@pytest.fixture
def desk(app: Flask, row: Callable[..., IdentityProvider], home: IdentityProvider) -> Callable[..., Desk]:
    def at_the_page(**changes: Any) -> Desk:
        person = operator(home, "Ada")
        one = Desk(app, person=person, provider=row(**changes))
        one.portal.set_cookie(app.config["SETTINGS"].session_cookie, factories.login(person), secure=True)
        return one

    return at_the_page


def plainly(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_sound_login_passes_every_check(desk: Callable[..., Desk]) -> None:
    one = desk()
    assert "Run the checks" in one.page()
    assert one.press().status_code == 303
    assert {result for result, _ in one.findings().values()} == {Result.PASSED}
    assert set(one.findings()) == set(Check) - {Check.PINNED, *checking.OF_A_SIGN_IN}
    page = plainly(one.page())
    assert "It signs with ES256, which the row allows." in page
    assert "one (EC, ES256)" in page
    [said] = ledger("provider.tested")
    assert (said["provider"], said["wrong"], said["not_tried"]) == ("xx", [], [])


def _html() -> hostile.Reply:
    return 200, "text/html", b"<!doctype html><title>Welcome</title>"


DISCOVERY = "/.well-known/openid-configuration"
REPLIES = [
    ("HTML", _html, "discovery", "no_json", "not JSON, such as a web page"),
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
    [(_html, "no_json"), (lambda: (200, "application/json", b'{"keys": [{"kty": "EC"}]}'), "no_keys")],
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
        oidc.use(replace(settings, provider_secrets=path))
        one = desk(authenticates_by=ClientAuthentication.CLIENT_SECRET_BASIC)
        one.press()
        assert one.findings()[Check.MATERIAL] == (Result.WRONG, "no_secret")
        write_private(path, '{"xx": "hush hush"}')
        one.press()
        assert one.findings()[Check.MATERIAL] == (Result.PASSED, "secret")
        assert "hush" not in one.page()
    finally:
        oidc.use(settings)


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
    assert str(checking_words.TITLES[check]) in plainly(one.page())
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
    liar.replies["/par"] = _html
    assert one.press("/sign-in").status_code == 303
    assert one.findings()[Check.SIGN_IN] == (Result.WRONG, "no_json")


def test_without_checks_there_is_no_sign_in(desk: Callable[..., Desk]) -> None:
    one = desk()
    assert one.press("/sign-in").status_code == 409
    one.press()
    assert one.press("/sign-out").status_code == 409


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


# --- what is kept


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
    source = "".join(Path(module.__file__ or "").read_text("utf-8") for module in (checking, checking_saml))
    written = set(re.findall(r'"([a-z_]+)"', source)) | {check.value for check in Check}
    assert set(checking_words.TITLES) == set(Check)
    made = {f"lacks_{word}" for word in protocols.LACKS}
    made |= {f"{check}_{end}" for check in ("pkce", "par") for end in ("not_offered", "unused")} | {"no_pkce", "no_par"}
    assert checking_words.WHYS.keys() <= written | made


def test_an_answer_that_nobody_waits_for_is_refused(app: Flask, home: IdentityProvider) -> None:
    with pytest.raises(SignInRefused):
        trying.complete(None, "fr", "browser", Answer("state", "code", None, None))
