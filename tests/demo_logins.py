"""The demo's national logins as a process, the portal's back door, and a client that shares no code with them."""

import base64
import hashlib
import json
import os
import secrets
import socket
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
from joserfc.jwk import ECKey, KeySet

from jit_portal.demo.secrets import make_signing_key

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


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
