"""A national login that lies, is slow, or publishes what it should not: what the portal takes of it."""

import base64
import hmac
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc.jwk import ECKey

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import transaction
from jit_portal.identity import discovery, oidc, registry, wire
from jit_portal.vocabulary import Assurance
from tests import hostile
from tests.hostile import NO_TIMES, NOW, Hostile, by_another_key, unsigned, with_its_own_key_inside, without_seal
from tests.signing_in import (
    SLUGS,
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
        said = without_seal({**header, "alg": "HS256"}, claims)
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
import gevent, json, requests, sys
from jit_portal.identity import wire
wire.TIMEOUT = 2.0
def ask(home):
    try:
        with wire.Wire(home=home) as line:
            said = line.request("GET", home, withhold_token=True).text
        gevent.sleep(wire.TIMEOUT)
        return said
    except requests.Timeout as error:
        return str(error)
asking = [gevent.spawn(ask, home) for home in sys.argv[1:]]
print(json.dumps([each.get() for each in asking]))
"""

PIECES = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
DROP_BY_DROP = {
    "status": b"",
    "header": b"HTTP/1.1 200 OK\r\nX-Long: ",
    "length of a piece": PIECES + b"1;",
    "trailer": PIECES + b"0\r\nX-Trailer: ",
}


def test_headers_that_come_drop_by_drop_are_not_waited_for() -> None:
    """In a web process whoever waits can be called off; who had her answer is called off no more."""
    with ExitStack() as answers:
        homes = [answers.enter_context(answering(begun, for_ever=b"x")) for begun in DROP_BY_DROP.values()]
        homes.append(answers.enter_context(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")))
        asked = subprocess.run([sys.executable, "-c", ASKING, *homes], capture_output=True, text=True, timeout=60)
    assert asked.stderr == ""
    said = dict(zip([*DROP_BY_DROP, "a whole answer"], json.loads(asked.stdout), strict=True))
    assert said == dict.fromkeys(DROP_BY_DROP, "too slow to come in whole") | {"a whole answer": "{}"}


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
