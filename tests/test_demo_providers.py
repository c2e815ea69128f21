"""The demo's national logins, driven over loopback by a client that shares no code with them."""

import base64
import hashlib
import json
import os
import secrets
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from jit_portal.demo.case.people import PEOPLE, PROVIDERS
from jit_portal.demo.providers.schemes import SCHEMES
from jit_portal.demo.secrets import make_signing_key

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SLUGS = [provider.slug for provider in PROVIDERS]


@dataclass
class Backdoor:
    """A listener that keeps what the providers post to the portal's back-channel address."""

    origin: str
    posted: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)

    def wait(self) -> tuple[str, dict[str, list[str]]]:
        until = time.monotonic() + 5
        while not self.posted and time.monotonic() < until:
            time.sleep(0.02)
        return self.posted.pop()


@pytest.fixture(scope="module")
def backdoor() -> Iterator[Backdoor]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            kept.posted.append((self.path, parse_qs(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    kept = Backdoor(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()


@dataclass(frozen=True)
class Running:
    base: str
    origin: str
    key: ECKey
    data: Path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, backdoor: Backdoor) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("providers")
    make_signing_key(folder / "portal.json")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {**os.environ, "JIT_ORIGIN": backdoor.origin, "JIT_SIGNING_KEY": str(folder / "portal.json")}
    command = [sys.executable, "-m", "jit_portal.demo.providers", "--port", str(port), "--data", str(folder / "keys")]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline().startswith("Demo providers")
    key = ECKey.import_key(json.loads((folder / "portal.json").read_text()))
    yield Running(f"http://127.0.0.1:{port}", backdoor.origin, key, folder / "keys")
    process.terminate()
    process.stdout.close()
    assert process.wait(5) == 0


@dataclass
class Client:
    """A portal and a browser in one, at one provider."""

    running: Running
    slug: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    browser: requests.Session = field(default_factory=requests.Session)

    @property
    def issuer(self) -> str:
        return f"{self.running.base}/{self.slug}"

    @property
    def callback(self) -> str:
        return f"{self.running.origin}/sign-in/{self.slug}/callback"

    def metadata(self) -> dict[str, Any]:
        document: dict[str, Any] = requests.get(f"{self.issuer}/.well-known/openid-configuration", timeout=20).json()
        return document

    def assertion(self, *, key: ECKey | None = None, jti: str | None = None) -> dict[str, str]:
        key, now = key or self.running.key, int(time.time())
        claims = {"iss": "jit-portal", "sub": "jit-portal", "aud": self.issuer, "iat": now, "exp": now + 60}
        signed = jwt.encode({"alg": "ES256", "kid": key.kid}, {**claims, "jti": jti or secrets.token_urlsafe(16)}, key)
        return {"client_assertion_type": ASSERTION, "client_assertion": signed}

    def asked(self, **changed: str | None) -> dict[str, str]:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        form: dict[str, str | None] = {
            "client_id": "jit-portal",
            "response_type": "code",
            "redirect_uri": self.callback,
            "scope": "openid profile email",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in {**form, **changed}.items() if value is not None}

    def push(self, form: dict[str, str] | None = None, **assertion: Any) -> requests.Response:
        body = {**(form or self.asked()), **self.assertion(**assertion)}
        return requests.post(self.metadata()["pushed_authorization_request_endpoint"], data=body, timeout=20)

    def begin(self, **changed: str | None) -> requests.Response:
        name = self.push(self.asked(**changed)).json()["request_uri"]
        query = {"client_id": "jit-portal", "request_uri": name}
        return self.browser.get(
            self.metadata()["authorization_endpoint"], params=query, timeout=20, allow_redirects=False
        )

    def choose(self, page: str, **form: str) -> dict[str, str]:
        answer = self.browser.post(page, data=form, timeout=20, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        assert answer.headers["Location"].startswith(self.callback + "?")
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}

    def sign_in(self, subject: str, **changed: str | None) -> dict[str, str]:
        page = self.begin(**changed).headers["Location"]
        return self.choose(f"{self.running.base}{page}", subject=subject)

    def redeem(self, code: str, **changed: str | None) -> requests.Response:
        form: dict[str, str | None] = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.callback}
        body = {**form, "code_verifier": self.verifier, **self.assertion(), **changed}
        return requests.post(self.metadata()["token_endpoint"], data=body, timeout=20)

    def decode(self, token: str) -> jwt.Token:
        keys = KeySet.import_key_set(requests.get(self.metadata()["jwks_uri"], timeout=20).json())
        return jwt.decode(token, keys, algorithms=self.metadata()["id_token_signing_alg_values_supported"])


@pytest.mark.parametrize("slug", SLUGS)
def test_a_person_signs_in_at_each_provider(running: Running, slug: str) -> None:
    client = Client(running, slug)
    person = next(person for person in PEOPLE if person.provider == slug)
    scheme = next(scheme for scheme in SCHEMES if scheme.slug == slug)

    answer = client.sign_in(person.subject)
    assert (answer["state"], answer["iss"]) == (client.state, client.issuer)
    token = client.redeem(answer["code"]).json()
    claims = client.decode(token["id_token"]).claims
    info = requests.get(
        client.metadata()["userinfo_endpoint"], headers={"Authorization": f"Bearer {token['access_token']}"}, timeout=20
    ).json()

    assert client.metadata()["issuer"] == claims["iss"] == client.issuer
    assert (claims["aud"], claims["sub"], claims["nonce"]) == ("jit-portal", person.subject, client.nonce)
    assert claims["acr"] == scheme.acr[person.assurance]
    assert "mfa" in claims["amr"]
    assert abs(claims["auth_time"] - time.time()) < 10
    assert claims["exp"] - claims["iat"] == 300
    assert "name" not in claims
    assert (info["sub"], info["name"]) == (person.subject, person.name)
    for step in scheme.authority_at.strip("/").split("/"):
        info = info[step]
    assert info == person.authority


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"nonce": None},
        {"redirect_uri": "http://127.0.0.1:1/elsewhere"},
        {"client_id": "somebody-else"},
        {"response_type": "token"},
        {"request_uri": "urn:ietf:params:oauth:request_uri:other"},
    ],
)
def test_a_request_that_says_less_than_it_must_is_refused(running: Running, changed: dict[str, str | None]) -> None:
    client = Client(running, "nl")
    assert client.push(client.asked(**changed)).status_code == 400


def test_who_is_not_the_portal_can_push_nothing(running: Running) -> None:
    client = Client(running, "nl")
    assert client.push(key=ECKey.generate_key("P-256", {"kid": str(running.key.kid)})).status_code == 400
    assert client.push(jti="once").status_code == 201
    assert client.push(jti="once").status_code == 400
    endpoint = client.metadata()["pushed_authorization_request_endpoint"]
    unsigned = requests.post(endpoint, data=client.asked(), timeout=20)
    assert unsigned.status_code == 400


def test_a_request_in_the_address_line_is_refused(running: Running) -> None:
    client = Client(running, "nl")
    answer = client.browser.get(client.metadata()["authorization_endpoint"], params=client.asked(), timeout=20)
    assert answer.status_code == 400
    assert "This sign-in is over" in answer.text


def test_a_code_works_once_with_its_own_verifier(running: Running) -> None:
    client = Client(running, "ro")
    code = client.sign_in("ro-0001")["code"]
    assert client.redeem(code).status_code == 200
    assert client.redeem(code).json()["error"] == "invalid_grant"
    other = Client(running, "ro").sign_in("ro-0001")["code"]
    assert Client(running, "ro").redeem(other).json()["error"] == "invalid_grant"
    third = Client(running, "ro")
    code = third.sign_in("ro-0001")["code"]
    assert Client(running, "al", verifier=third.verifier).redeem(code).json()["error"] == "invalid_grant"


def test_a_nonce_works_once(running: Running) -> None:
    client = Client(running, "fr")
    client.sign_in("fr-0001")
    assert client.push().status_code == 400


def test_a_sign_in_stays_in_the_browser_that_began_it(running: Running) -> None:
    client = Client(running, "fr")
    page = running.base + client.begin().headers["Location"]
    assert requests.get(page, timeout=20).status_code == 400
    assert requests.post(page, data={"subject": "fr-0001"}, timeout=20).status_code == 400
    assert "code" in client.choose(page, subject="fr-0001")
    assert client.browser.post(page, data={"subject": "fr-0001"}, timeout=20).status_code == 400


@pytest.mark.parametrize("form", [{"cancel": "1"}, {"subject": "nl-0001"}, {"go_on": "1"}, {}])
def test_without_a_person_of_this_login_access_is_denied(running: Running, form: dict[str, str]) -> None:
    client = Client(running, "fr")
    answer = client.choose(running.base + client.begin().headers["Location"], **form)
    assert (answer["error"], answer["iss"]) == ("access_denied", client.issuer)
    assert "code" not in answer


def test_people_are_found_by_typing_without_script(running: Running) -> None:
    client = Client(running, "fr")
    page = running.base + client.begin().headers["Location"]
    everybody = client.browser.get(page, timeout=20).text
    found = client.browser.get(page, params={"q": "aubertin"}, timeout=20).text
    assert everybody.count('name="subject"') == sum(person.provider == "fr" for person in PEOPLE)
    assert found.count('name="subject"') == 1
    assert "Camille Aubertin" in found
    assert "<script" not in everybody
    assert "style=" not in everybody
    nobody = client.browser.get(page, params={"q": "<b>x"}, timeout=20).text
    assert "<b>x" not in nobody
    assert "Show everybody" in nobody


def test_a_login_goes_on_until_the_portal_asks_for_a_fresh_one(running: Running) -> None:
    client = Client(running, "nl")
    client.sign_in("nl-0001")
    again = Client(running, "nl", browser=client.browser)
    assert "code" in again.choose(running.base + again.begin().headers["Location"], go_on="1")
    silent = Client(running, "nl", browser=client.browser)
    assert "code=" in silent.begin(prompt="none").headers["Location"]
    for wish in ({"prompt": "login"}, {"max_age": "0"}):
        fresh = Client(running, "nl", browser=client.browser)
        page = running.base + fresh.begin(**wish).headers["Location"]
        assert "Go on as" not in fresh.browser.get(page, timeout=20).text
        assert fresh.choose(page, go_on="1")["error"] == "access_denied"
    stale = Client(running, "nl", browser=client.browser)
    assert "error=login_required" in stale.begin(prompt="none", max_age="0").headers["Location"]
    assert "error=login_required" in Client(running, "nl").begin(prompt="none").headers["Location"]


def test_sign_out_by_the_portal_ends_the_login_and_tells_the_portal(running: Running, backdoor: Backdoor) -> None:
    client = Client(running, "eu")
    backdoor.posted.clear()
    token = client.redeem(client.sign_in("eu-0001")["code"]).json()["id_token"]
    query = {"id_token_hint": token, "post_logout_redirect_uri": f"{running.origin}/signed-out", "state": "s1"}
    where = client.metadata()["end_session_endpoint"]
    answer = client.browser.get(where, params=query, timeout=20, allow_redirects=False)
    assert answer.headers["Location"] == f"{running.origin}/signed-out?state=s1"

    path, form = backdoor.wait()
    said = client.decode(form["logout_token"][0])
    mine = client.decode(token).claims
    assert path == "/sign-in/eu/logout"
    assert said.header["typ"] == "logout+jwt"
    assert (said.claims["sub"], said.claims["sid"], said.claims["aud"]) == ("eu-0001", mine["sid"], "jit-portal")
    assert said.claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in said.claims
    assert said.claims["jti"]
    assert (
        "error=login_required" in Client(running, "eu", browser=client.browser).begin(prompt="none").headers["Location"]
    )


def test_sign_out_leads_only_back_to_the_portal_and_only_with_its_own_token(running: Running) -> None:
    client = Client(running, "eu")
    token = client.redeem(client.sign_in("eu-0001")["code"]).json()["id_token"]
    where = client.metadata()["end_session_endpoint"]
    for query in (
        {"id_token_hint": token, "post_logout_redirect_uri": "http://127.0.0.1:1/elsewhere"},
        {"post_logout_redirect_uri": f"{running.origin}/signed-out"},
        {"id_token_hint": token[:-8] + "AAAAAAAA", "post_logout_redirect_uri": f"{running.origin}/signed-out"},
    ):
        answer = requests.get(where, params=query, timeout=20, allow_redirects=False)
        assert "Location" not in answer.headers


def test_sign_out_at_the_provider_tells_the_portal(running: Running, backdoor: Backdoor) -> None:
    client = Client(running, "al")
    client.redeem(client.sign_in("al-0001")["code"])
    backdoor.posted.clear()
    foreign = client.browser.post(f"{client.issuer}/sign-out", headers={"Sec-Fetch-Site": "cross-site"}, timeout=20)
    assert foreign.status_code == 403
    assert not backdoor.posted
    assert "Arben Dervishi" in client.browser.get(f"{client.issuer}/", timeout=20).text
    client.browser.post(f"{client.issuer}/sign-out", timeout=20)
    assert backdoor.wait()[0] == "/sign-in/al/logout"
    assert "Nobody is signed in" in client.browser.get(f"{client.issuer}/", timeout=20).text


def test_user_info_wants_a_live_token(running: Running) -> None:
    client = Client(running, "fr")
    where = client.metadata()["userinfo_endpoint"]
    assert requests.get(where, timeout=20).status_code == 401
    assert requests.get(where, headers={"Authorization": "Bearer made-up"}, timeout=20).status_code == 401


def test_keys_are_private_and_never_served(running: Running) -> None:
    for slug in SLUGS:
        assert stat.S_IMODE((running.data / f"{slug}.json").stat().st_mode) == 0o600
        (key,) = requests.get(f"{running.base}/{slug}/jwks", timeout=20).json()["keys"]
        assert "d" not in key
        assert key["kid"].startswith(slug)
    with pytest.raises(JoseError):
        Client(running, "fr").decode(Client(running, "nl").assertion()["client_assertion"])


def test_every_page_carries_strict_headers(running: Running) -> None:
    for path in ("/healthz", "/fr/", "/fr/authorize", "/xx/", "/static/providers.css"):
        headers = requests.get(running.base + path, timeout=20).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'; form-action 'self'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_without_its_settings_the_process_refuses_to_start() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("JIT_")}
    command = [sys.executable, "-m", "jit_portal.demo.providers", "--port", "1"]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert "JIT_ORIGIN, JIT_SIGNING_KEY missing" in ended.stderr
