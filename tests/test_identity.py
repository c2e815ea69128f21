"""Signing in with the demo's national logins, really running, and with one that lies."""

import base64
import datetime as dt
import hmac
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import psycopg
import pytest
import requests
from flask import Flask
from joserfc.jwk import ECKey
from sqlalchemy import event, func, select, text, update
from werkzeug.serving import make_server

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.background import enqueue
from jit_portal.database import session, transaction
from jit_portal.demo.case.people import PEOPLE
from jit_portal.demo.postgres import Postgres
from jit_portal.demo.providers.registration import rows
from jit_portal.errors import Invalid, NotAllowed
from jit_portal.extensions import limiter
from jit_portal.identity import discovery, endings, invitations, oidc, proposals, registry, service, sessions, wire
from jit_portal.identity.models import Authority, IdentityProvider, Invitation, LoginAttempt, LoginSession, User
from jit_portal.policy import Work
from jit_portal.vocabulary import Assurance, Duty
from tests import factories, hostile
from tests.hostile import BACK_CHANNEL, Hostile
from tests.signing_in import Browser, again, count, known, ledger, logins, of_xx, refused, xenia
from tests.vault import do_the_work, token_in
from tests.waiting import status_after_the_wait

SLUGS = ("fr", "nl", "ro", "al", "eu")


@dataclass(frozen=True)
class National:
    """The demo providers' process, and the address at which it knows the portal."""

    base: str
    origin: str
    port: int


@pytest.fixture(scope="module")
def national(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[National]:
    ports = []
    with socket.socket() as one, socket.socket() as two:
        for free in (one, two):
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    origin = f"http://127.0.0.1:{ports[1]}"
    settings = {**os.environ, "JIT_ORIGIN": origin, "JIT_SIGNING_KEY": environ["JIT_SIGNING_KEY"]}
    keys: Path = tmp_path_factory.mktemp("keys")
    command = [sys.executable, "-m", "jit_portal.demo.providers", "--port", str(ports[0]), "--data", str(keys)]
    process = subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline().startswith("Demo providers")
    yield National(f"http://127.0.0.1:{ports[0]}", origin, ports[1])
    process.terminate()
    process.stdout.close()
    process.wait(5)


@pytest.fixture(autouse=True)
def registered(app: Flask, national: National) -> Iterator[None]:
    """The five demo logins in the register, and the portal at the address they know."""
    settings = app.config["SETTINGS"]
    oidc.use(replace(settings, origin=national.origin))
    limiter.reset()
    registry.ensure_providers(rows(national.base))
    yield
    oidc.use(settings)


@pytest.fixture
def liar(registered: None) -> Iterator[Hostile]:
    """A sixth login, of country XX, that can be made to lie; its authority is XX-1."""
    with hostile.running() as issuer:
        registry.ensure_providers([of_xx(issuer)])
        yield issuer


@pytest.fixture
def open_browser(app: Flask) -> Callable[[], Browser]:
    return lambda: Browser(app)


# A person signs in


@pytest.mark.parametrize("slug", SLUGS)
def test_a_known_person_signs_in_with_each_national_login(open_browser: Callable[[], Browser], slug: str) -> None:
    person = next(each for each in PEOPLE if each.provider == slug)
    user, one = known(person.subject), open_browser()
    answer = one.sign_in(person.subject, next="/account")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    (set_cookie,) = (each for each in answer.headers.getlist("Set-Cookie") if "jit-test=" in each)
    for part in ("__Host-jit-test=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in set_cookie
    assert "Domain" not in set_cookie
    (login,) = logins(user)
    assert login.assurance == Assurance[person.assurance.upper()]
    assert (one.cookie() or "").encode() not in login.token_hash
    assert len(one.cookie() or "") == 43
    assert abs((login.authenticated_at - dt.datetime.now(dt.UTC)).total_seconds()) < 10
    page = one.portal.get("/account")
    assert person.name in page.text
    assert person.authority_name in page.text
    assert ledger("login.started") == [{"assurance": int(login.assurance), "provider": slug}]


def test_who_nobody_invited_is_refused_kindly_and_leaves_nothing(open_browser: Callable[[], Browser]) -> None:
    one = open_browser()
    assert refused(one.sign_in("ro-0009"), 403, "unknown")
    assert (count(User), logins(), one.cookie()) == (0, [], None)
    (details,) = ledger("login.refused")
    assert details == {"person": None, "why": "unknown"}
    assert "Nistor" not in json.dumps(details)


NOT_TO_BE_KEPT = "InvalidClaimError: invalid_claim: Invalid claim: 'sub'"
UNFIT = {
    "hidden": ("xx-1\u200b", NOT_TO_BE_KEPT),
    "line": ("xx-1\n", NOT_TO_BE_KEPT),
    "nothing": ("xx-1\x00", NOT_TO_BE_KEPT),
    "before": (" xx-1", "unfit subject"),
    "too long": ("x" * 257, "unfit subject"),
}


@pytest.mark.parametrize(("subject", "why"), UNFIT.values(), ids=UNFIT)
def test_who_could_be_mistaken_for_another_is_refused(
    open_browser: Callable[[], Browser], liar: Hostile, caplog: pytest.LogCaptureFixture, subject: str, why: str
) -> None:
    caplog.set_level("INFO", "jit_portal.identity.service")
    xenia()
    one, other = open_browser(), open_browser()
    liar.subject = subject
    assert refused(one.come_back("xx", liar.callback(one.begin("xx"))), 400, "unsound")
    assert [each.detail for each in caplog.records if hasattr(each, "detail")] == [why]
    liar.subject = "x" * 256
    assert refused(other.come_back("xx", liar.callback(other.begin("xx"))), 403, "unknown"), "so long it may be"


def test_the_same_subject_at_two_logins_is_two_people(open_browser: Callable[[], Browser], liar: Hostile) -> None:
    """And the same e-mail address; also where the issuer of the one was once the other's."""
    row, french = of_xx(liar), known("fr-0001")
    registry.ensure_providers([replace(row, claim_map={**row.claim_map, "email": "/email"})])
    with transaction():
        french.email, french.issuer = "camille@fr.test", liar.issuer
    liar.subject, liar.info = french.subject, {"email": french.email}
    one = open_browser()
    assert refused(one.come_back("xx", liar.callback(one.begin("xx"))), 403, "unknown")
    xenia()
    liar.subject = "xx-1"
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    with transaction():
        session().execute(update(User).where(User.subject == "xx-1").values(issuer="https://former.test"))
    other = open_browser()
    assert refused(other.come_back("xx", liar.callback(other.begin("xx"))), 403, "unknown")


def test_a_closed_account_stays_closed(open_browser: Callable[[], Browser]) -> None:
    user = known("fr-0001")
    with transaction():
        user.deactivated_at = dt.datetime.now(dt.UTC)
    assert refused(open_browser().sign_in("fr-0001"), 403, "deactivated")
    assert ledger("login.refused")[-1]["person"] == str(user.id)


def test_a_sign_in_that_was_stopped_at_the_provider_is_said_so(open_browser: Callable[[], Browser]) -> None:
    one = open_browser()
    query = one.choose(one.begin("fr"), cancel="1")
    assert refused(one.come_back("fr", query), 400, "cancelled")


def test_a_new_sign_in_takes_the_place_of_the_old_one_in_its_browser(open_browser: Callable[[], Browser]) -> None:
    user, one = known("fr-0001"), open_browser()
    one.sign_in("fr-0001")
    first = one.cookie()
    one.sign_in("fr-0001")
    assert first != one.cookie()
    assert [login.ended_because for login in logins(user)] == ["signed_in_again", None]
    assert sessions.load(first or "") is None


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


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.test/", "//evil.test", "/\\evil.test", "\\\\evil.test", "///evil.test", "javascript:alert(1)",
        "/\t/evil.test", "http:evil.test", "evil", "", "/sign-out", "/sign-in/fr", "/" + "a" * 3000,
    ],
)  # fmt: skip
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


# What a lying provider says


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return _without_seal({**header, "alg": "none"}, claims)


def _without_seal(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = [json.dumps(part).encode() for part in (header, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def by_another_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return hostile.sign(header, claims, ECKey.generate_key("P-256", {"kid": "one"}))


def with_its_own_key_inside(header: dict[str, Any], claims: dict[str, Any]) -> str:
    own = ECKey.generate_key("P-256", {"kid": "mine"})
    return hostile.sign({"alg": "ES256", "jwk": own.as_dict(private=False)}, claims, own)


NOW = int(time.time())
NO_TIMES: list[Any] = [[], "", {}, False, -1, -(10**20), -1e20, 10**18, 1e18, 10**400]
"""What a library that checks only for numbers, or only what is not empty, takes for a time."""


@pytest.mark.parametrize(
    ("name", "lie", "detail"),
    [
        ("sign", unsigned, "Algorithm of 'none' is not allowed"),
        ("sign", by_another_key, "BadSignatureError"),
        ("sign", with_its_own_key_inside, "BadSignatureError"),
        ("claims", {"iss": "https://other.test"}, "Invalid claim: 'iss'"),
        ("claims", {"iss": None}, "Missing claim: 'iss'"),
        ("claims", {"aud": "somebody-else"}, "Invalid claim: 'aud'"),
        ("claims", {"aud": "somebody-else", "azp": "jit-portal"}, "Invalid claim: 'aud'"),
        ("claims", {"aud": ["somebody-else", "jit-portal"], "azp": "jit-portal"}, "Invalid claim: 'aud'"),
        ("claims", {"aud": ["jit-portal", "somebody-else"]}, "Invalid claim: 'aud'"),
        ("claims", {"aud": None}, "Invalid claim: 'aud'"),
        ("claims", {"azp": "somebody-else"}, "Invalid claim: 'azp'"),
        ("claims", {"exp": NOW - 100}, "The token is expired"),
        ("claims", {"exp": None}, "Missing claim: 'exp'"),
        ("claims", {"iat": NOW + 3000, "exp": NOW + 4000}, "issued in the future"),
        ("claims", {"iat": None}, "Missing claim: 'iat'"),
        ("claims", {"nbf": NOW + 3000}, "not yet valid"),
        ("claims", {"auth_time": NOW + 3000}, "auth_time lies ahead"),
        ("claims", {"auth_time": "yesterday"}, "Invalid claim: 'auth_time'"),
        *(("claims", {"auth_time": time}, "Invalid claim: 'auth_time'") for time in NO_TIMES),
        *(("claims", {"auth_time": None, "iat": time}, "Invalid claim: 'iat'") for time in NO_TIMES),
        *(("claims", {"exp": time}, "Invalid claim: 'exp'") for time in NO_TIMES),
        ("claims", {"nbf": -1}, "Invalid claim: 'nbf'"),
        ("claims", {"nonce": None}, "Missing claim: 'nonce'"),
        ("claims", {"nonce": "of another sign-in"}, "Invalid claim: 'nonce'"),
        ("claims", {"sub": None}, "Missing claim: 'sub'"),
        ("claims", {"sub": ""}, "Invalid claim: 'sub'"),
        ("claims", {"sub": "xx-1\x00"}, "Invalid claim: 'sub'"),
        ("claims", {"sid": "session-1\x00"}, "Invalid claim: 'sid'"),
        ("claims", {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "Invalid claim: 'at_hash'"),
        ("claims", {"padding": "x" * 200_000}, "Value size exceeds"),
        ("header", {"typ": "logout+jwt"}, "typ"),
        ("header", {"typ": "at+jwt"}, "typ"),
        ("header", {"x5c": ["A" * 600]}, "Header size exceeds 512"),
        ("token", {"id_token": None}, "KeyError: 'id_token'"),
        ("token", {"id_token": "not.a.token"}, "DecodeError"),
        ("token", {"id_token": 7}, "DecodeError"),
        ("token", {"error": "invalid_grant"}, "OAuthError: invalid_grant"),
        ("info", {"sub": "somebody-else"}, "userinfo is of another sub"),
        ("info", {"sub": None}, "userinfo is of another sub"),
    ],
)
def test_what_is_not_sound_signs_nobody_in(
    open_browser: Callable[[], Browser], liar: Hostile, told: Callable[[], str], name: str, lie: Any, detail: str
) -> None:
    xenia()
    one = open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    before = count(LedgerEntry)
    setattr(liar, name, lie)
    other = open_browser()
    assert refused(other.come_back("xx", liar.callback(other.begin("xx"))), 400, "unsound")
    assert (len(logins()), count(LedgerEntry)) == (1, before + 1)
    assert detail in told()


def test_weaker_algorithms_are_not_taken_for_being_offered(
    open_browser: Callable[[], Browser], liar: Hostile, told: Callable[[], str]
) -> None:
    xenia()
    liar.metadata = {"id_token_signing_alg_values_supported": ["none", "HS256", "ES256"], "default_timeout": 999}
    public = liar.key.as_pem(private=False)

    def by_the_public_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
        said = _without_seal({**header, "alg": "HS256"}, claims)
        seal = hmac.digest(public, said.rstrip(".").encode(), "sha256")
        return said + base64.urlsafe_b64encode(seal).rstrip(b"=").decode()

    for sign, algorithm in ((unsigned, "none"), (by_the_public_key, "HS256")):
        liar.sign = sign
        one = open_browser()
        assert refused(one.come_back("xx", liar.callback(one.begin("xx"))), 400, "unsound")
        assert f"Algorithm of '{algorithm}' is not allowed" in told()


def test_a_token_that_demands_what_the_portal_does_not_know_is_none(
    open_browser: Callable[[], Browser], liar: Hostile, told: Callable[[], str]
) -> None:
    xenia()
    liar.sign = lambda header, claims: hostile.sign_by_hand(header, claims, liar.key)
    one, other = open_browser(), open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    liar.header = {"crit": ["whole"], "whole": True}
    assert refused(other.come_back("xx", liar.callback(other.begin("xx"))), 400, "unsound")
    assert "Unsupported ['whole'] in header" in told()


def test_an_algorithm_outside_the_row_is_refused_even_with_a_published_key(
    open_browser: Callable[[], Browser], liar: Hostile, told: Callable[[], str]
) -> None:
    xenia()
    stronger = ECKey.generate_key("P-384", {"kid": "two"})
    liar.published.append(stronger)
    liar.sign = lambda header, claims: hostile.sign({"alg": "ES384", "kid": "two"}, claims, stronger)
    one = open_browser()
    assert refused(one.come_back("xx", liar.callback(one.begin("xx"))), 400, "unsound")
    assert "Algorithm of 'ES384' is not allowed" in told()


@pytest.mark.parametrize("acr", [None, "medium", ["high"], "eidas3"])
def test_a_strength_that_the_row_does_not_name_is_none(
    open_browser: Callable[[], Browser], liar: Hostile, acr: Any
) -> None:
    xenia()
    liar.claims = {"acr": acr}
    one = open_browser()
    assert refused(one.come_back("xx", liar.callback(one.begin("xx"))), 403, "assurance")


def slow() -> tuple[int, str, bytes]:
    time.sleep(1.5)
    return 200, "application/json", b"{}"


@pytest.mark.parametrize("place", ["/.well-known/openid-configuration", "/par", "/jwks", "/token", "/userinfo"])
@pytest.mark.parametrize(
    "reply",
    [
        lambda: (500, "application/json", b"{}"),
        lambda: (400, "application/json", b'{"request_uri": "urn:x"}'),
        lambda: (200, "text/html", b"<h1>Maintenance</h1>"),
        lambda: (200, "application/json", b" " * 10_000_000 + b"{}"),
        lambda: (302, "http://127.0.0.1:1/", b""),
        lambda: (200, "application/json", b"[]"),
        lambda: (200, "application/json", b'{"a":' * 50_000 + b"7" + b"}" * 50_000),
        slow,
    ],
    ids=["500", "400", "html", "10MB", "redirect", "array", "nested", "slow"],
)
def test_a_provider_in_trouble_is_said_kindly_and_hides_no_other(
    open_browser: Callable[[], Browser], liar: Hostile, monkeypatch: pytest.MonkeyPatch, place: str, reply: Any
) -> None:
    xenia()
    monkeypatch.setattr(wire, "TIMEOUT", 0.5)
    liar.replies[place] = reply
    one = open_browser()
    answer = one.portal.get("/sign-in/xx")
    if answer.status_code == 302:
        answer = one.come_back("xx", liar.callback(answer.headers["Location"]))
    assert answer.status_code in (400, 503)
    assert logins() == []
    (on_record,) = ledger("login.refused")
    assert on_record["why"] == ("away" if answer.status_code == 503 else "unsound")
    if answer.status_code == 503:
        assert "does not answer just now" in answer.text
        assert all(f'href="/sign-in/{slug}"' in answer.text for slug in (*SLUGS, "xx"))
    assert place in ("/token", "/userinfo") or answer.status_code == 503
    assert reply is not slow or answer.status_code == 503


def test_nobody_waits_longer_for_a_provider_than_a_few_seconds(liar: Hostile) -> None:
    assert wire.TIMEOUT <= 5
    login = oidc.client(registry.provider("xx"))
    assert login.published.home == wire.home_of(liar.issuer)
    with login._get_session() as line:
        assert (type(line), line.default_timeout) == (wire.Wire, wire.TIMEOUT)


def test_nobody_waits_for_each_call_anew(
    open_browser: Callable[[], Browser], liar: Hostile, told: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer comes in time, and all of them together do not."""
    assert wire.PATIENCE <= 10
    xenia()
    monkeypatch.setattr(wire, "PATIENCE", 2.0)
    answer = liar.answer

    def late(path: str, form: dict[str, str], proof: str = "") -> hostile.Reply:
        time.sleep(0.8)
        return answer(path, form, proof)

    one = open_browser()
    query = liar.callback(one.begin("xx"))
    monkeypatch.setattr(liar, "answer", late)
    # Token, keys and userinfo.
    assert one.come_back("xx", query).status_code == 503
    assert told().endswith("Timeout")
    assert (ledger("login.refused")[-1]["why"], logins()) == ("away", [])
    monkeypatch.setattr(wire, "PATIENCE", 10.0)
    assert open_browser().portal.get("/sign-in/xx").status_code == 302


@pytest.mark.parametrize("what", ["a sign-in that begins", "word that one is over"])
def test_a_second_call_is_not_waited_for_anew(
    open_browser: Callable[[], Browser], liar: Hostile, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A pushed request or the keys, after the metadata: whoever had no time left says nothing of the login."""
    answer, one = liar.answer, open_browser()

    def late(path: str, form: dict[str, str], proof: str = "") -> hostile.Reply:
        time.sleep(0.8)
        return answer(path, form, proof)

    def ask() -> int:
        if what == "word that one is over":
            return say_goodbye(one, liar.logout_token(), why="away")
        return one.portal.get("/sign-in/xx").status_code

    with monkeypatch.context() as slow:
        slow.setattr(wire, "PATIENCE", 1.0)
        slow.setattr(liar, "answer", late)
        assert ask() in (400, 503)
    assert ask() in (200, 302)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


@contextmanager
def answering(*pieces: bytes, for_ever: bytes = b"") -> Iterator[str]:
    """A server that sends these pieces to the first who asks, and then one more now and then for ever, or hangs up."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def send() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(b"".join(pieces))
                connection.recv(4096)
                while for_ever:
                    connection.sendall(for_ever)
                    time.sleep(0.05)

        threading.Thread(target=send, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def ask(home: str, path: str = "/xx/jwks") -> requests.Response:
    with wire.Wire(home=home) as line:
        response: requests.Response = line.request("GET", path if "://" in path else home + path, withhold_token=True)
    return response


def test_the_portal_is_led_nowhere_and_waits_for_nobody(liar: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    home = wire.home_of(liar.issuer)
    assert ask(home).json()["keys"]
    for elsewhere in ("https://evil.test/", "http://127.0.0.1:1/", f"{home}@evil.test/", "file:///etc/passwd"):
        with pytest.raises(requests.exceptions.InvalidURL):
            ask(home, elsewhere)
    liar.replies["/jwks"] = lambda: (302, f"{liar.issuer}/userinfo", b"")
    with pytest.raises(requests.HTTPError):
        ask(home)
    assert liar.heard("/userinfo") == []
    liar.replies["/jwks"] = lambda: (500, "application/json", b"{}")
    with pytest.raises(requests.HTTPError):
        ask(home)
    liar.replies["/jwks"] = lambda: (200, "application/json", b" " * 1_000_000)
    with pytest.raises(wire.Unreadable):
        ask(home)
    monkeypatch.setattr(wire, "TIMEOUT", 0.3)
    liar.replies["/jwks"] = slow
    with pytest.raises(requests.Timeout):
        ask(home)
    with answering(HEAD, for_ever=b" " * 4000) as drops, pytest.raises(wire.Unreadable):
        ask(drops)


ASKING = """
from gevent import monkey; monkey.patch_all()
import gevent, requests, sys
from jit_portal.identity import wire
wire.TIMEOUT = 2.0
try:
    with wire.Wire(home=sys.argv[1]) as line:
        print(line.request("GET", sys.argv[1], withhold_token=True).text)
    gevent.sleep(wire.TIMEOUT)
except requests.Timeout as error:
    print(error)
"""


def asked_as_by_a_web_process(home: str) -> tuple[str, str]:
    """There, whoever waits can be called off."""
    asked = subprocess.run([sys.executable, "-c", ASKING, home], capture_output=True, text=True, timeout=60)
    return asked.stdout, asked.stderr


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nX-Long: "])
def test_headers_that_come_drop_by_drop_are_not_waited_for(begun: bytes) -> None:
    with answering(begun, for_ever=b"x") as home:
        assert asked_as_by_a_web_process(home) == ("too slow to begin\n", "")


def test_whoever_had_her_answer_is_called_off_no_more() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as home:
        assert asked_as_by_a_web_process(home) == ("{}\n", "")


def test_an_answer_that_breaks_off_is_none() -> None:
    with answering(HEAD, b"{}") as home, pytest.raises(wire.Unreadable):
        ask(home)


def test_a_provider_that_is_down_is_said_kindly(open_browser: Callable[[], Browser], liar: Hostile) -> None:
    with transaction():
        registry.provider("xx").issuer = "http://127.0.0.1:9/xx"
    answer = open_browser().portal.get("/sign-in/xx")
    assert answer.status_code == 503
    assert 'href="/sign-in/fr"' in answer.text


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
    assert open_browser().portal.get("/sign-in/xx").status_code == 503
    assert [path for path, _ in liar.requests] == ["/xx/.well-known/openid-configuration"]


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


@pytest.mark.parametrize("place", ["/.well-known/openid-configuration", "/jwks"])
def test_a_login_that_is_down_is_not_asked_again_for_everyone_who_asks(
    open_browser: Callable[[], Browser], liar: Hostile, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    one = open_browser()
    liar.replies[place] = lambda: (503, "text/plain", b"")
    for _ in range(5):
        assert say_goodbye(one, liar.logout_token(), why="away") == 400
    assert len(liar.heard(place)) == 1
    del liar.replies[place]
    assert say_goodbye(one, liar.logout_token(), why="away") == 400
    clock = time.monotonic
    monkeypatch.setattr("jit_portal.identity.discovery.time.monotonic", lambda: clock() + 61)
    assert [say_goodbye(one, liar.logout_token()) for _ in range(3)] == [200] * 3
    assert len(liar.heard(place)) == 2


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


def test_nobody_is_signed_in_as_somebody_else_by_a_link(open_browser: Callable[[], Browser]) -> None:
    """Login CSRF: the victim opens the callback of a sign-in that the attacker began and finished."""
    known("fr-0001")
    user = known("fr-0002")
    attacker, victim = open_browser(), open_browser()
    link = attacker.choose(attacker.begin("fr"), subject="fr-0001")
    victim.sign_in("fr-0002")
    before = victim.cookie()
    victim.begin("fr")
    assert refused(victim.come_back("fr", link), 400, "over")
    assert victim.cookie() == before
    assert [login.user_id for login in logins()] == [user.id]


def test_a_changed_row_is_spoken_to_anew(liar: Hostile) -> None:
    row = registry.provider("xx")
    before, version = oidc.client(row), row.version
    assert oidc.client(row) is before
    with transaction():
        row.acr_levels = {"high": 2}
    assert row.version == version + 1
    assert oidc.client(row) is not before


# What the provider says of the person


def test_a_changed_name_flags_the_account_and_changes_nothing(
    open_browser: Callable[[], Browser], liar: Hostile
) -> None:
    user = xenia()
    liar.info = {"name": "Xenia Married"}
    for _ in range(2):
        one = open_browser()
        assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    user = again(user)
    assert (user.name, user.flagged) == ("Xenia Xylander", "name")
    assert ledger("user.flagged") == [{"claims": ["name"]}]
    assert "another name or authority" in one.portal.get("/account").text


def test_another_listed_authority_flags_and_an_unlisted_one_is_refused(
    open_browser: Callable[[], Browser], liar: Hostile
) -> None:
    user = xenia()
    liar.info = {"office": {"code": "XX-2"}}
    one = open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    user = again(user)
    assert (user.authority.code, user.flagged) == ("XX-1", "authority")
    for office in ({"code": "XX-9"}, {}, "XX-1", None):
        liar.info = {"office": office}
        two = open_browser()
        assert refused(two.come_back("xx", liar.callback(two.begin("xx"))), 403, "authority")
    assert len(logins()) == 1


def test_names_are_taken_without_what_could_mislead(open_browser: Callable[[], Browser], liar: Hostile) -> None:
    row = of_xx(liar)
    registry.ensure_providers([replace(row, claim_map={**row.claim_map, "time_zone": "/zoneinfo"})])
    liar.info = {"name": "Xe\u202enia\n\x00 <b>X</b>" + "y" * 500, "zoneinfo": "Mars/Olympus"}
    _, token = invite("xx", "XX-1")
    one = open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx", invitation=token))).status_code == 303
    (user,) = session().scalars(select(User)).all()
    assert user.name.startswith("Xenia <b>X</b>yyy")
    assert len(user.name) == 200
    assert user.time_zone == "UTC"
    assert "<b>X</b>" not in one.portal.get("/account").text


# Invitations


def invite(slug: str, code: str, **more: Any) -> tuple[Invitation, str]:
    authority = next(each for each in registry.provider(slug).authorities if each.code == code)
    return invitations.invite(None, authority, "Vlad Nistor", **more)


def test_an_invitation_makes_a_person_once(
    open_browser: Callable[[], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, token = invite("ro", "RO-CRIM", membership_offer={"role": "member"})
    seen: list[tuple[str, Any]] = []

    def see(user: User, invitation: Invitation) -> None:
        seen.append((user.name, invitation.membership_offer))

    monkeypatch.setattr(invitations, "ON_ACCEPT", [see])
    one = open_browser()
    page = one.portal.get(f"/invitations/{token}").text
    assert f"/sign-in/ro?invitation={token}" in page
    answer = one.sign_in("ro-0009", invitation=token)
    assert answer.status_code == 303
    (user,) = session().scalars(select(User)).all()
    assert (user.subject, user.name, user.authority.code) == ("ro-0009", "Vlad Nistor", "RO-CRIM")
    assert (user.country, user.time_zone, user.duty) == ("RO", "Europe/Bucharest", None)
    assert seen == [("Vlad Nistor", {"role": "member"})]
    assert token.encode() not in sent.token_hash
    again = open_browser()
    assert again.portal.get(f"/invitations/{token}").status_code == 403
    assert again.portal.get("/sign-in/ro", query_string={"invitation": token}).status_code == 403
    assert one.sign_in("ro-0009").status_code == 303


def test_two_browsers_cannot_use_one_invitation(open_browser: Callable[[], Browser]) -> None:
    _, token = invite("ro", "RO-CRIM")
    one, two = open_browser(), open_browser()
    first, second = (each.begin("ro", invitation=token) for each in (one, two))
    assert one.come_back("ro", one.choose(first, subject="ro-0009")).status_code == 303
    assert refused(two.come_back("ro", two.choose(second, subject="ro-0003")), 403, "invitation")
    assert count(User) == 1


def test_newcomers_of_one_login_come_in_at_once(
    open_browser: Callable[[], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a team does with its links: none of them waits for one who waits for her."""
    comings = []
    for subject in ("ro-0009", "ro-0003"):
        _, token = invite("ro", "RO-CRIM")
        each = open_browser()
        comings.append((each, each.choose(each.begin("ro", invitation=token), subject=subject)))
    both, accept = threading.Barrier(2), invitations.accept

    def together(*said: Any) -> User:
        with suppress(threading.BrokenBarrierError):
            both.wait(1)
        return accept(*said)

    monkeypatch.setattr(invitations, "accept", together)
    with ThreadPoolExecutor(2) as beside:
        answers = list(beside.map(lambda coming: coming[0].come_back("ro", coming[1]).status_code, comings))
    assert answers == [303, 303]
    assert count(User) == 2


@pytest.mark.parametrize(
    ("slug", "code", "more", "subject"),
    [
        ("ro", "RO-PROS", {}, "ro-0009"),
        ("nl", "RO-CRIM", {}, "ro-0009"),
        ("ro", "RO-CRIM", {"subject": "ro-0003"}, "ro-0009"),
    ],
    ids=["authority", "login", "person"],
)
def test_an_invitation_is_for_its_own_login_authority_and_person(
    open_browser: Callable[[], Browser], slug: str, code: str, more: dict[str, Any], subject: str
) -> None:
    with transaction():
        registry.provider("nl").authorities.append(Authority(code="RO-CRIM", name="Of the same code"))
    _, token = invite(slug, code, **more)
    assert refused(open_browser().sign_in(subject, slug="ro", invitation=token), 403, "invitation")
    assert count(User) == 0


@pytest.mark.parametrize("change", [{"expires_at": func.now()}, {"revoked_at": func.now()}], ids=["over", "revoked"])
def test_an_invitation_that_is_over_or_taken_back_lets_nobody_in(
    open_browser: Callable[[], Browser], change: dict[str, Any]
) -> None:
    _, token = invite("ro", "RO-CRIM")
    one = open_browser()
    address = one.begin("ro", invitation=token)
    with transaction():
        session().execute(update(Invitation).values(**change))
    assert refused(one.come_back("ro", one.choose(address, subject="ro-0009")), 403, "invitation")
    answer = one.portal.get(f"/invitations/{token}")
    assert answer.status_code == 403
    assert "cannot be used" in answer.text


def test_a_known_person_accepts_an_invitation_to_something_more(open_browser: Callable[[], Browser]) -> None:
    user = known("ro-0003")
    sent, token = invite("ro", "RO-CRIM")
    assert open_browser().sign_in("ro-0003", invitation=token).status_code == 303
    sent = again(sent)
    assert (sent.used_by_id, count(User)) == (user.id, 1)


def test_what_fails_on_acceptance_undoes_the_acceptance(
    open_browser: Callable[[], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(user: User, invitation: Invitation) -> None:
        raise Invalid("no such role")

    sent, token = invite("ro", "RO-CRIM")
    monkeypatch.setattr(invitations, "ON_ACCEPT", [fail])
    answer = open_browser().sign_in("ro-0009", invitation=token)
    assert answer.status_code == 422
    sent = again(sent)
    assert (sent.used_at, count(User), logins()) == (None, 0, [])


def test_people_invite_through_their_own_login_only() -> None:
    actor = known("fr-0001")
    french, dutch = (registry.provider(slug).authorities[0] for slug in ("fr", "nl"))
    offer = {"role": "member"}
    sent, _ = invitations.invite(actor, french, "A colleague", membership_offer=offer)
    assert sent.invited_by_id == actor.id
    with pytest.raises(NotAllowed):
        invitations.invite(actor, dutch, "A stranger", membership_offer=offer)
    with pytest.raises(NotAllowed):
        invitations.invite(actor, french, "An operator", duty=Duty.OPERATOR, membership_offer=offer)
    with pytest.raises(Invalid):
        invitations.invite(actor, french, "  ", membership_offer=offer)
    invitations.revoke(actor, sent)
    assert [sent.revoked_at is not None, len(ledger("invitation.revoked"))] == [True, 1]


# Live logins


def test_a_login_is_loaded_in_one_query_and_written_once_a_minute(app: Flask) -> None:
    token = factories.login(known("fr-0001"))
    session.remove()
    said: list[str] = []
    engine = app.extensions["database"]
    listen = ("before_cursor_execute", lambda c, cursor, text, *more: said.append(text))
    event.listen(engine, *listen)
    try:
        login = sessions.load(token)
        assert login
        assert (login.user.provider.slug, login.user.authority.name) == ("fr", "Parquet interrégional")
        assert login.user.current_login == login.id
        assert [text.split()[0] for text in said] == ["SELECT"]
        _age(last_seen_at=dt.timedelta(minutes=2))
        said.clear()
        for _ in range(3):
            sessions.load(token)
            session.remove()
        assert [text.split()[0] for text in said] == ["SELECT", "UPDATE", "SELECT", "SELECT"]
    finally:
        event.remove(engine, *listen)


def _age(**ages: dt.timedelta) -> None:
    with transaction():
        now = dt.datetime.now(dt.UTC)
        aged = update(LoginSession).values({name: now - age for name, age in ages.items()})
        session().execute(aged.execution_options(synchronize_session=False))


@pytest.mark.parametrize(
    "end",
    [
        lambda user: _age(last_seen_at=dt.timedelta(minutes=30)),
        lambda user: _age(ends_at=dt.timedelta(seconds=1)),
        lambda user: _age(ended_at=dt.timedelta()),
        lambda user: setattr(user, "deactivated_at", dt.datetime.now(dt.UTC)),
    ],
    ids=["idle", "twelve hours", "ended", "deactivated"],
)
def test_a_login_that_is_over_opens_nothing(open_browser: Callable[[], Browser], end: Callable[[User], None]) -> None:
    user, one = known("fr-0001"), open_browser()
    one.sign_in("fr-0001")
    assert one.is_signed_in()
    with transaction():
        end(session().get_one(User, user.id))
    answer = one.portal.get("/account?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?next=/account?x%3D1")
    assert sessions.load(one.cookie() or "") is None


@pytest.mark.parametrize("token", ["", "a", "A" * 43, "A" * 10_000, "\x00" * 43, "é" * 43])
def test_a_made_up_token_opens_nothing(token: str) -> None:
    factories.login(known("fr-0001"))
    assert sessions.load(token) is None


def test_a_login_lasts_twelve_hours_at_most(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    open_browser().sign_in("fr-0001")
    (login,) = logins()
    assert abs(login.ends_at - login.started_at - dt.timedelta(hours=12)) < dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    "over",
    [{"last_seen_at": func.now() - sessions.IDLE}, {"ends_at": func.now()}],
    ids=["idle", "absolute"],
)
def test_of_a_sign_in_that_is_over_nothing_of_its_provider_stays(
    open_browser: Callable[[], Browser], environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, over: dict[str, Any]
) -> None:
    """Its ID token says who she is, at some logins by a national number; a few at a time means all of them."""
    monkeypatch.setattr(endings, "AT_A_TIME", 2)
    user = known("fr-0001")
    for _ in range(3):
        open_browser().sign_in("fr-0001")
    with transaction():
        session().execute(update(LoginSession).values(**over))
    still = open_browser()
    still.sign_in("fr-0001")
    assert all(login.id_token for login in logins(user))
    with transaction():
        enqueue("identity:forget", timestamp=0)
    do_the_work(environ)
    ended = [(login.ended_because, login.id_token, login.ended_at is not None) for login in logins(user)]
    assert sorted(ended[:3]) == [("over", None, True)] * 3
    assert ended[3][0] is None
    assert ended[3][1]
    assert still.is_signed_in()
    assert ledger("login.ended") == [{"because": "over"}] * 3
    assert endings.end_what_is_over() == 0


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
    assert refused(one.come_back("xx", query), 400, "over")
    assert "/userinfo" not in liar.replies
    assert logins(hers) == []


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


@pytest.fixture
def away(open_browser: Callable[[], Browser], liar: Hostile) -> Browser:
    """Xenia, signed in, whose provider is about to say that she has left."""
    xenia()
    one = open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    return one


def say_goodbye(one: Browser, token: str, slug: str = "xx", why: str = "unsound") -> int:
    answer = one.app.test_client().post(f"/sign-in/{slug}/logout", data={"logout_token": token})
    assert answer.headers["Cache-Control"] == "no-store"
    if answer.status_code == 400:
        assert ledger("login.end_refused")[-1] == {"why": why}
    return answer.status_code


@pytest.mark.parametrize("whose", [{}, {"sub": None}, {"sid": None}], ids=["both", "session", "person"])
def test_the_provider_ends_a_login(away: Browser, liar: Hostile, whose: dict[str, None]) -> None:
    token = liar.logout_token(**whose)
    assert say_goodbye(away, token) == 200
    assert not away.is_signed_in()
    assert logins()[0].ended_because == "signed_out_at_provider"
    assert say_goodbye(away, token) == 400


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


# What the portal knows about me


def test_my_sign_ins_are_mine_to_end(open_browser: Callable[[], Browser]) -> None:
    user, other = known("fr-0001"), known("nl-0001")
    one, two, three, dutch = open_browser(), open_browser(), open_browser(), open_browser()
    for each in (one, two, three):
        each.portal.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux x86_64) Gecko/1 Firefox/153.0"
        each.sign_in("fr-0001")
    dutch.sign_in("nl-0001")
    page = one.portal.get("/account").text
    assert page.count("Firefox, Linux") == 3
    (theirs,) = logins(other)
    assert one.post(f"/account/sign-ins/{theirs.id}/end").status_code == 404
    assert one.post(f"/account/sign-ins/{uuid.uuid4()}/end").status_code == 404
    assert one.post(f"/account/sign-ins/{logins(user)[1].id}/end").headers["Location"] == "/account"
    assert [each.is_signed_in() for each in (one, two, three, dutch)] == [True, False, True, True]
    one.post("/account/sign-ins/end-others")
    assert [each.is_signed_in() for each in (one, two, three, dutch)] == [True, False, False, True]
    assert one.post(f"/account/sign-ins/{logins(user)[0].id}/end").headers["Location"] == "/signed-out"
    assert not one.is_signed_in()


def test_all_logins_of_a_person_can_be_ended(open_browser: Callable[[], Browser]) -> None:
    user, one, two = known("fr-0001"), open_browser(), open_browser()
    one.sign_in("fr-0001")
    two.sign_in("fr-0001")
    assert endings.end_all(user) == 2
    assert endings.end_all(user) == 0
    assert not one.is_signed_in()


def test_language_and_zone_are_chosen_on_the_account_page(open_browser: Callable[[], Browser]) -> None:
    user, one = known("fr-0001"), open_browser()
    one.sign_in("fr-0001")
    assert one.post("/account", language="fr", time_zone="Europe/Tirane").status_code == 303
    user = again(user)
    assert (user.language, user.time_zone) == ("fr", "Europe/Tirane")
    for wrong in ({"language": "xx", "time_zone": "UTC"}, {"language": "en", "time_zone": "Mars/Olympus"}, {}):
        assert one.post("/account", **wrong).status_code == 422
    user = again(user)
    assert user.language == "fr"
    with pytest.raises(Invalid):
        service.prefer(user, "en", "Mars/Olympus")


def test_the_sign_in_page_names_every_country_in_the_readers_language(open_browser: Callable[[], Browser]) -> None:
    one = open_browser()
    page = one.portal.get("/sign-in?next=/account", headers={"Accept-Language": "fr"}).text
    assert all(name in page for name in ("Pays-Bas", "Roumanie", "Albanie", "France", "EU bodies"))
    assert 'href="/sign-in/nl?next=/account"' in page
    with transaction():
        registry.provider("nl").is_enabled = False
    assert "Pays-Bas" not in one.portal.get("/sign-in", headers={"Accept-Language": "fr"}).text
    assert one.portal.get("/sign-in/nl").status_code == 404
    assert one.portal.get("/sign-in/nowhere").status_code == 404
    known("fr-0001")
    one.sign_in("fr-0001")
    assert one.portal.get("/sign-in?next=/account").headers["Location"] == "/account"


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


# The register


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("algorithms", ("none",)),
        ("algorithms", ("ES256", "HS256")),
        ("algorithms", ()),
        ("issuer", "http://login.example"),
        ("issuer", "ftp://127.0.0.1/"),
        ("issuer", "https://user@login.example"),
        ("issuer", "https://login.example/?a=b"),
        ("authorities", {}),
        ("acr_levels", {}),
        ("claim_map", {"name": "/name"}),
    ],
)
def test_a_senseless_row_does_not_enter_the_register(national: National, name: str, value: Any) -> None:
    good = replace(rows(national.base)[0], slug="yy", issuer="https://login.example/yy")
    with pytest.raises(Invalid):
        registry.ensure_providers([replace(good, **{name: value})])
    assert session().scalar(select(IdentityProvider).where(IdentityProvider.slug == "yy")) is None


def test_entering_the_same_rows_again_changes_nothing(national: National) -> None:
    before = [(row.id, row.version) for row in registry.providers()]
    entered = len(ledger("provider.entered"))
    registry.ensure_providers(rows(national.base))
    assert [(row.id, row.version) for row in registry.providers()] == before
    assert (len(ledger("provider.entered")), ledger("provider.changed")) == (entered, [])
    assert count(Authority) == len({(each.provider, each.authority) for each in PEOPLE})
    registry.ensure_providers([replace(rows(national.base)[0], name="Renamed")])
    assert ledger("provider.changed") == [{"changed": ["name"]}]


def test_nothing_else_may_read_other_peoples_logins(open_browser: Callable[[], Browser]) -> None:
    user, other = known("fr-0001"), known("nl-0001")
    open_browser().sign_in("fr-0001")
    mine = session().scalars(policy.which(user, LoginSession)).all()
    assert [login.user_id for login in mine] == [user.id]
    assert session().scalars(policy.which(other, LoginSession)).all() == []
    assert len(session().scalars(policy.portal_which(Work.SIGN_IN, LoginSession)).all()) == 1
