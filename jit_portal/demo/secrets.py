"""What only this copy of the demo knows: made at its first run, kept in its data folder, readable by nobody else."""

import json
import os
import secrets as random
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from joserfc.jwk import ECKey


def _secret() -> str:
    return random.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Passwords and keys of one data folder. They never change once the folder exists."""

    database_superuser: str = field(default_factory=_secret, repr=False)
    database_owner: str = field(default_factory=_secret, repr=False)
    database_app: str = field(default_factory=_secret, repr=False)
    store_admin: str = field(default_factory=_secret, repr=False)
    store_portal: str = field(default_factory=_secret, repr=False)
    store_write_jwt: str = field(default_factory=_secret, repr=False)
    store_read_jwt: str = field(default_factory=_secret, repr=False)
    store_filer_write_jwt: str = field(default_factory=_secret, repr=False)
    store_filer_read_jwt: str = field(default_factory=_secret, repr=False)
    session: str = field(default_factory=_secret, repr=False)


def read_or_make(path: Path) -> Secrets:
    """Read the secrets at ``path``; make there, with mode 0600, those that it does not hold yet."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    names = {secret.name for secret in fields(Secrets)}
    secrets = Secrets(**{name: value for name, value in kept.items() if name in names})
    if asdict(secrets) != kept:
        write_private(path, json.dumps(asdict(secrets), indent=1))
    return secrets


def make_signing_key(path: Path) -> None:
    """Make the portal's own ES256 key at ``path``, as a private JWK, unless it is there."""
    if path.exists():
        return
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256", "kid": random.token_hex(8)})
    write_private(path, json.dumps(key.as_dict(private=True)))


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` whole or not at all, with mode 0600."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
