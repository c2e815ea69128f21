"""A national login that is slow, down, breaks off or leads elsewhere: nobody waits long, and it hides no other."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
import requests

from jit_portal.database import transaction
from jit_portal.identity import oidc, registry, wire
from tests import hostile
from tests.hostile import Hostile
from tests.signing_in import (
    SLUGS,
    Browser,
    ledger,
    liar,
    logins,
    national,
    open_browser,
    registered,
    say_goodbye,
    xenia,
)

FIXTURES = (liar, national, open_browser, registered)
"""They are asked for by name."""


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
