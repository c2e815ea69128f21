"""Frozen settings, read once from the environment; the portal refuses to start when one is missing or senseless."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit


class MissingSetting(SystemExit):
    """A setting is absent or makes no sense; the message names it and never shows its value."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the portal stands and what it speaks to. Every field is ``JIT_<NAME>`` in the environment.

    ``break_glass`` lets accounts of two security keys open it to its operator without a national login.
    """

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
    proxy_health: str | None = None
    web_health: str | None = None
    vault_health: str | None = None
    providers_health: str | None = None
    provider_secrets: Path | None = None
    saml_key: Path | None = None
    break_glass: bool = False

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
                if field.default is not MISSING:
                    continue
                wrong.append(f"{name} is missing")
                continue
            try:
                values[field.name] = _SENSE.get(field.name, _any)(_convert(field.type, text))
            except ValueError as error:
                wrong.append(f"{name} {error}")
        if wrong:
            raise MissingSetting("The portal does not start: " + "; ".join(wrong) + ".")
        return cls(**values)  # type: ignore[arg-type]


def _convert(kind: object, text: str) -> object:
    if kind is bool:
        if text not in ("0", "1"):
            raise ValueError("must be 0 or 1")
        return text == "1"
    if kind is int:
        if not (text.isascii() and text.isdigit() and len(text) < 4):
            raise ValueError("must be a small whole number")
        return int(text)
    return Path(text) if kind in (Path, Path | None) else text


def _any(value: object) -> object:
    return value


def _origin(value: object) -> object:
    """The address of the portal as browsers write it: that is what they send, and what is compared."""
    text = str(value)
    parts = urlsplit(text.lower())
    port = _port(parts.netloc)
    if parts.scheme not in ("http", "https") or not re.fullmatch(_HOST, parts.hostname or ""):
        raise ValueError("must be a scheme, a host and a port, such as https://portal.example.org")
    if parts.path not in ("", "/") or any(each in text for each in "?#@"):
        raise ValueError("must be a scheme, a host and a port, with nothing after it and nobody's name before it")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1"):
        raise ValueError("must be https away from this machine")
    is_usual = port in (None, {"http": 80, "https": 443}[parts.scheme])
    return f"{parts.scheme}://{parts.hostname}{'' if is_usual else f':{port}'}"


def _port(netloc: str) -> int | None:
    """The port that is written, if one is."""
    _, colon, written = netloc.rpartition(":")
    if not colon:
        return None
    if not re.fullmatch("[0-9]{1,5}", written) or not 0 < int(written) < 65_536:
        raise ValueError("must have a port between 1 and 65535, or none")
    return int(written)


def _like(pattern: str, wanted: str) -> Callable[[object], object]:
    """Takes what has this form; ``wanted`` says which, for the message never shows a value."""

    def take(value: object) -> object:
        if not re.fullmatch(pattern, str(value)):
            raise ValueError(wanted)
        return value

    return take


_HOST = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
_HEALTH = _like(r"unix:/\S+|http://[A-Za-z0-9.-]+:[0-9]{1,5}", "must be unix:/PATH or http://HOST:PORT")
_SENSE: Mapping[str, Callable[[object], object]] = {
    "role": _like("web|vault|worker|command", "must be web, vault, worker or command"),
    "origin": _origin,
    "instance": _like("[A-Za-z0-9_-]{1,40}", "must be at most 40 letters, digits, - and _: it names the cookies"),
    "database_url": _like(r"postgresql://\S+", "must be postgresql://…"),
    "store_endpoint": _like(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?", "must be a host and a port, without a scheme"),
    "store_bucket": _like(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "must be the name of a bucket"),
    "secret_key": _like(r"(?s).{32,}", "is shorter than 32 characters"),
    "redis_url": _like(r"(redis|rediss|unix)://\S+", "must be redis://…, rediss://… or unix://…"),
    "proxy_health": _HEALTH,
    "web_health": _HEALTH,
    "vault_health": _HEALTH,
    "providers_health": _HEALTH,
}
