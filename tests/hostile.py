"""A national login that says whatever a test wants it to say; written apart from the demo's and from Authlib."""

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

CLIENT_ID = "jit-portal"
BACK_CHANNEL = "http://schemas.openid.net/event/backchannel-logout"
Reply = tuple[int, str, bytes]
Changes = dict[str, Any]
NOW = int(time.time())
NO_TIMES: list[Any] = [[], "", {}, False, -1, -(10**20), -1e20, 10**18, 1e18, 10**400]
"""What a library that checks only for numbers, or only what is not empty, takes for a time."""


def sign(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
    return jwt.encode(header, claims, key, algorithms=[header["alg"]])


def sign_by_hand(header: dict[str, Any], claims: dict[str, Any], key: ECKey) -> str:
    """Under ES256, whatever the header says: a library would refuse to."""
    parts = (base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (header, claims))
    said = b".".join(parts)
    seal = JWSRegistry.algorithms["ES256"].sign(said, key)
    return b".".join((said, base64.urlsafe_b64encode(seal).rstrip(b"="))).decode()


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Without a seal, and saying so."""
    return without_seal({**header, "alg": "none"}, claims)


def without_seal(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Header and claims, and nothing where the seal would be."""
    parts = [json.dumps(part).encode() for part in (header, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def by_another_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return sign(header, claims, ECKey.generate_key("P-256", {"kid": "one"}))


def with_its_own_key_inside(header: dict[str, Any], claims: dict[str, Any]) -> str:
    own = ECKey.generate_key("P-256", {"kid": "mine"})
    return sign({"alg": "ES256", "jwk": own.as_dict(private=False)}, claims, own)


def changed(said: dict[str, Any], changes: Changes) -> dict[str, Any]:
    """``said`` with ``changes`` laid over; None takes a name out."""
    return {name: value for name, value in {**said, **changes}.items() if value is not None}


class Hostile:
    """One issuer on loopback. Everything it says can be changed before it says it."""

    def __init__(self, base: str) -> None:
        self.issuer = f"{base}/xx"
        self.key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
        self.published = [self.key]
        self.subject = "xx-1"
        self.metadata: Changes = {}
        self.claims: Changes = {}
        self.info: Changes = {}
        self.token: Changes = {}
        self.header: Changes = {}
        self.sign: Callable[[dict[str, Any], dict[str, Any]], str] = lambda header, claims: sign(
            header, claims, self.key
        )
        self.replies: dict[str, Callable[[], Reply]] = {}
        self.asked: dict[str, dict[str, str]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.proofs: list[tuple[str, str]] = []
        self.info_token: Callable[[], str] | None = None
        self._codes: dict[str, str] = {}

    def heard(self, path: str) -> list[dict[str, str]]:
        """The forms that came to one of its addresses."""
        return [form for asked, form in self.requests if asked == f"/xx{path}"]

    def callback(self, address: str, **changes: Any) -> str:
        """The answer to the sign-in that ``address`` began, as a query of the portal's callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        asked = self.asked[asked["request_uri"]] if "request_uri" in asked else asked
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked["nonce"]
        said = {"code": code, "state": asked["state"], "iss": self.issuer}
        return urlencode(changed(said, changes))

    def id_token(self, nonce: str, **changes: Any) -> str:
        now = int(time.time())
        said = {
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce,
            "acr": "high", "auth_time": now, "sid": "session-1",
        }  # fmt: skip
        header = changed({"alg": "ES256", "kid": self.key.kid}, self.header)
        return self.sign(header, changed(changed(said, self.claims), changes))

    def logout_token(self, **changes: Any) -> str:
        now = int(time.time())
        said = {
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT_ID, "iat": now, "exp": now + 120,
            "jti": secrets.token_urlsafe(8), "sid": "session-1", "events": {BACK_CHANNEL: {}},
        }  # fmt: skip
        header = changed({"alg": "ES256", "kid": self.key.kid, "typ": "logout+jwt"}, self.header)
        return self.sign(header, changed(said, changes))

    def signed_info(self, **changes: Any) -> str:
        """Userinfo under its signature."""
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 60}
        header = changed({"alg": "ES256", "kid": self.key.kid}, self.header)
        return self.sign(header, changed({**said, **self._say("/userinfo", {})}, changes))

    def answer(self, path: str, form: dict[str, str], proof: str = "") -> Reply:
        self.requests.append((path, form))
        self.proofs.append((path.removeprefix("/xx"), proof))
        place = path.removeprefix("/xx")
        if place in self.replies:
            return self.replies[place]()
        if place == "/userinfo" and self.info_token is not None:
            return 200, "application/jwt", self.info_token().encode()
        return 201 if place == "/par" else 200, "application/json", json.dumps(self._say(place, form)).encode()

    def _say(self, place: str, form: dict[str, str]) -> Any:
        match place:
            case "/.well-known/openid-configuration":
                names = {"authorization": "authorize", "token": "token", "userinfo": "userinfo", "end_session": "bye"}
                said = {f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in names.items()}
                said |= {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"}
                said["pushed_authorization_request_endpoint"] = f"{self.issuer}/par"
                return changed({**said, "authorization_response_iss_parameter_supported": True}, self.metadata)
            case "/jwks":
                return {"keys": [key.as_dict(private=False) for key in self.published]}
            case "/par":
                name = f"urn:{secrets.token_urlsafe(8)}"
                self.asked[name] = form
                return {"request_uri": name, "expires_in": 60}
            case "/token":
                nonce = self._codes[form["code"]]
                said = {"access_token": "a", "token_type": "Bearer", "id_token": self.id_token(nonce)}
                return changed({**said, "expires_in": 60}, self.token)
            case "/userinfo":
                return changed({"sub": self.subject, "name": "Xenia Xylander", "office": {"code": "XX-1"}}, self.info)
        return {"error": "not_found"}


@contextmanager
def running() -> Iterator[Hostile]:
    """A hostile issuer, served until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._reply({name: values[0] for name, values in parse_qs(body).items()})

        def _reply(self, form: dict[str, str]) -> None:
            status, kind, body = issuer.answer(urlsplit(self.path).path, form, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Location" if status == 302 else "Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """The portal hangs up on what is too long; that is what is tested."""

    server = Server(("127.0.0.1", 0), Handler)
    issuer = Hostile(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
