"""Frozen settings, read once from the environment; the portal refuses to start when one is missing or senseless."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit


class MissingSetting(SystemExit):
    """A setting is absent or makes no sense; the message names it and never shows its value."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the portal stands and what it speaks to. Every field is ``JIT_<NAME>`` in the environment."""

    role: str
    origin: str
    instance: str
    database_url: str
    store_endpoint: str
    store_secure: bool
    store_access_key: str
    store_secret_key: str
    store_bucket: str
    keyring: Path
    secret_key: str
    signing_key: Path
    proxy_hops: int
    redis_url: str | None = None
    vault_health: str | None = None

    def __repr__(self) -> str:
        return f"Settings(role={self.role!r}, origin={self.origin!r}, instance={self.instance!r})"

    @property
    def session_cookie(self) -> str:
        """Name of the login cookie: bound to the host, told apart between copies on one host."""
        return f"__Host-jit-{self.instance}"

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read every setting, or refuse with the list of those that are wrong."""
        values: dict[str, object] = {}
        wrong: list[str] = []
        for field in fields(cls):
            name = f"JIT_{field.name.upper()}"
            text = environ.get(name, "").strip()
            if not text:
                if "None" in str(field.type):
                    continue
                wrong.append(f"{name} is missing")
                continue
            try:
                values[field.name] = _convert(field.type, text)
            except ValueError as error:
                wrong.append(f"{name} {error}")
        wrong += _senseless(values)
        if wrong:
            raise MissingSetting("The portal does not start: " + "; ".join(wrong) + ".")
        return cls(**values)  # type: ignore[arg-type]


def _convert(kind: object, text: str) -> object:
    if kind is bool:
        if text not in ("0", "1"):
            raise ValueError("must be 0 or 1")
        return text == "1"
    if kind is int:
        if not text.isdigit():
            raise ValueError("must be a whole number")
        return int(text)
    return Path(text) if kind is Path else text


def _senseless(values: Mapping[str, object]) -> list[str]:
    wrong = []
    origin = urlsplit(str(values.get("origin", "http://x")))
    if origin.scheme not in ("http", "https") or not origin.hostname or origin.path not in ("", "/"):
        wrong.append("JIT_ORIGIN must be a scheme, host and port")
    elif origin.scheme == "http" and origin.hostname not in ("localhost", "127.0.0.1", "x"):
        wrong.append("JIT_ORIGIN must be https away from this machine")
    if values.get("role", "web") not in ("web", "vault", "worker", "command"):
        wrong.append("JIT_ROLE must be web, vault, worker or command")
    if len(str(values.get("secret_key", "x" * 32))) < 32:
        wrong.append("JIT_SECRET_KEY is shorter than 32 characters")
    if not str(values.get("database_url", "postgresql")).startswith("postgresql"):
        wrong.append("JIT_DATABASE_URL must be postgresql://")
    return wrong
