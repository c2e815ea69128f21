"""The portal as the national logins know it: its origin, its own keys, and the secrets that they gave it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey

from jit_portal.config import Settings


@dataclass(frozen=True)
class Portal:
    """The portal as its providers know it: its origin, its own keys, and where the secrets lie that they gave it."""

    origin: str
    key: ECKey
    secrets: Path | None = None
    saml_key: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Portal":
        key = ECKey.import_key(json.loads(Path(settings.signing_key).read_text()))
        return cls(settings.origin.rstrip("/"), key, settings.provider_secrets, settings.saml_key)

    def jwks(self) -> dict[str, Any]:
        """The public half of its own key, as logins take it that are to know it."""
        return {"keys": [self.key.as_dict(private=False)]}


_portal: list[Portal] = []


def use(settings: Settings) -> None:
    """Let this process speak to the national logins as the portal of these settings."""
    _portal[:] = [Portal.of(settings)]


def portal() -> Portal:
    """The portal as this process speaks for it."""
    return _portal[0]


def origin() -> str:
    """The portal's own origin, as the providers know it."""
    return _portal[0].origin
