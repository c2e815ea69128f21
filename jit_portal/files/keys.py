"""The countries' keys: who holds them, and the one that every object's key is wrapped in."""

import base64
import datetime as dt
import fcntl
import json
import os
import secrets
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, cast

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from jit_portal.errors import Refused, StoreUnavailable
from jit_portal.wording import gettext


class KeyState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DESTROYED = "destroyed"


class KeysUnavailable(StoreUnavailable):
    """The keys cannot be reached, or lie where others can read them."""


class KeyProvider(Protocol):
    """Holds one named, numbered key per party of a JIT; the keys themselves never leave it."""

    def make(self, party_id: uuid.UUID) -> str:
        """Make the next version of a party's key; answers its name."""

    def current(self, party_id: uuid.UUID) -> str | None:
        """Name of the newest key of a party, or ``None`` when it has none."""

    def state(self, name: str) -> KeyState:
        """Whether the key of that name may be used."""

    def wrap(self, name: str, key: bytes) -> bytes:
        """Wrap an object's key."""

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """Unwrap an object's key; ``Refused`` while the country's key is suspended, or once it is destroyed."""


class FileKeyring:
    """Keys in one JSON file of mode 0600, for a single machine. The file is read anew each time, so processes agree."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path) -> "FileKeyring":
        """Lay an empty keyring at ``path`` unless one is there; ``make`` never does, so a lost ring is noticed."""
        ring = cls(path)
        with ring._locked():
            if not path.exists():
                ring._write({"format": 1, "keys": {}})
        ring._read()
        return ring

    def make(self, party_id: uuid.UUID) -> str:
        with self._locked():
            ring = self._read()
            versions = ring["keys"].setdefault(str(party_id), [])
            versions.append(
                {
                    "version": len(versions) + 1,
                    "state": KeyState.ACTIVE.value,
                    "made_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                    "key": base64.b64encode(secrets.token_bytes(32)).decode(),
                }
            )
            self._write(ring)
        return f"{party_id}/{len(versions)}"

    def current(self, party_id: uuid.UUID) -> str | None:
        versions = self._read()["keys"].get(str(party_id), [])
        return f"{party_id}/{len(versions)}" if versions else None

    def state(self, name: str) -> KeyState:
        return KeyState(self._entry(name)["state"])

    def wrap(self, name: str, key: bytes) -> bytes:
        return aes_key_wrap(self._usable(name), key)

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._usable(name), wrapped)
        except InvalidUnwrap:
            raise Refused(gettext("The key of this file does not fit the country's key.")) from None

    def _usable(self, name: str) -> bytes:
        entry = self._entry(name)
        if entry["state"] == KeyState.SUSPENDED:
            raise Refused(gettext("The country's key is suspended: its content cannot be read until it is resumed."))
        if entry["state"] == KeyState.DESTROYED:
            raise Refused(gettext("The country's key was destroyed: its content can never be read again."))
        return base64.b64decode(entry["key"])

    def _entry(self, name: str) -> dict[str, Any]:
        party, _, version = name.partition("/")
        versions = self._read()["keys"].get(party, [])
        if not version.isdigit() or not 0 < int(version) <= len(versions):
            raise KeysUnavailable(gettext("The keyring does not hold the country's key."))
        entry: dict[str, Any] = versions[int(version) - 1]
        return entry

    def _read(self) -> dict[str, Any]:
        try:
            with os.fdopen(os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
                about = os.fstat(file.fileno())
                if stat.S_IMODE(about.st_mode) & 0o077 or about.st_uid != os.geteuid():
                    raise KeysUnavailable(
                        gettext("The keyring can be read by others; it is not used until that is mended.")
                    )
                ring: Any = json.load(file)
        except OSError as error:
            raise KeysUnavailable(gettext("The keyring cannot be read.")) from error
        except ValueError as error:
            raise KeysUnavailable(gettext("The keyring is damaged.")) from error
        if not isinstance(ring, dict) or ring.get("format") != 1:
            raise KeysUnavailable(gettext("The keyring has a format this portal does not know."))
        return cast(dict[str, Any], ring)

    def _write(self, ring: dict[str, Any]) -> None:
        draft = self.path.with_name(self.path.name + ".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
            json.dump(ring, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time changes the ring."""
        lock = os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


_provider: KeyProvider | None = None


def use(provider: KeyProvider) -> None:
    """Take the countries' keys from ``provider`` in this process."""
    global _provider
    _provider = provider


def provider() -> KeyProvider:
    """Where this process takes the countries' keys from."""
    if _provider is None:
        raise KeysUnavailable(gettext("No keys are set up."))
    return _provider
