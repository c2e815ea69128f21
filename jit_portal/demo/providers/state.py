"""What a demo provider remembers while it runs, and the keys it keeps between runs."""

import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from authlib.oidc.core import AuthorizationCodeMixin
from joserfc.jwk import ECKey, RSAKey

from jit_portal.demo.case.people import Person
from jit_portal.demo.secrets import write_private

T = TypeVar("T")
SigningKey = ECKey | RSAKey


class Shelf(Generic[T]):
    """Things kept under a name until their time is over, safe between threads."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._things: dict[str, tuple[float, T]] = {}
        self._lock = threading.Lock()

    def put(self, name: str, thing: T) -> None:
        """Keep ``thing``, and let go of whatever is over."""
        now = time.monotonic()
        with self._lock:
            self._things = {key: kept for key, kept in self._things.items() if kept[0] > now}
            self._things[name] = (now + self._seconds, thing)

    def put_once(self, name: str, thing: T) -> bool:
        """Keep ``thing`` unless something live is there already; says whether it was kept."""
        with self._lock:
            kept = self._things.get(name)
            if kept and kept[0] > time.monotonic():
                return False
        self.put(name, thing)
        return True

    def get(self, name: str) -> T | None:
        with self._lock:
            until, thing = self._things.get(name, (0.0, None))
        return thing if until > time.monotonic() else None

    def take(self, name: str) -> T | None:
        """Give ``name`` out for the last time."""
        with self._lock:
            until, thing = self._things.pop(name, (0.0, None))
        return thing if until > time.monotonic() else None

    def values(self) -> list[T]:
        with self._lock:
            return [thing for until, thing in self._things.values() if until > time.monotonic()]


@dataclass
class Login:
    """A person signed in at a provider in one browser."""

    person: Person
    acr: str
    amr: list[str]
    auth_time: int = field(default_factory=lambda: int(time.time()))
    sid: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    is_known_to_portal: bool = False

    @property
    def age(self) -> float:
        """Seconds since the person proved herself."""
        return time.time() - self.auth_time


@dataclass(frozen=True)
class Pending:
    """A request to sign in that waits for the person, in the browser that brought it."""

    parameters: dict[str, str]
    browser: str


@dataclass(frozen=True)
class Code(AuthorizationCodeMixin):
    """An authorization code: one use within a minute."""

    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    login: Login

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.login.auth_time

    def get_acr(self) -> str:
        return self.login.acr

    def get_amr(self) -> list[str]:
        return self.login.amr


def signing_key(slug: str, algorithm: str, folder: Path | None) -> SigningKey:
    """The provider's own key: read from ``folder``, made there with mode 0600 at the first run, or kept in memory."""
    path = folder / f"{slug}.json" if folder else None
    if path and path.exists():
        document = json.loads(path.read_text())
        return ECKey.import_key(document) if document["kty"] == "EC" else RSAKey.import_key(document)
    parameters = {"use": "sig", "alg": algorithm, "kid": f"{slug}-{secrets.token_hex(4)}"}
    key: SigningKey
    if algorithm.startswith("ES"):
        key = ECKey.generate_key("P-256", parameters)  # type: ignore[arg-type]
    else:
        key = RSAKey.generate_key(2048, parameters)  # type: ignore[arg-type]
    if path:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, json.dumps(key.as_dict(private=True)))
    return key
