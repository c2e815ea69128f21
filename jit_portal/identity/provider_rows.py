"""The row of a national login, as an operator enters it and as the register holds it."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from jit_portal.identity.models import MOST_HOURS, MOST_IDLE_MINUTES, MOST_LOGINS, IdentityProvider
from jit_portal.vocabulary import (
    Assurance,
    AssuranceAsked,
    ClientAuthentication,
    PartyKind,
    Speaks,
    UserinfoForm,
)

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures by a key pair. Never ``none``, and never a secret that the portal would share."""


LIMITS = {
    "leeway": (0, 120),
    "keys_seconds": (60, 3600),
    "header_limit": (512, 65_536),
    "idle_minutes": (5, MOST_IDLE_MINUTES),
    "absolute_hours": (1, MOST_HOURS),
    "most_logins": (1, MOST_LOGINS),
}


@dataclass(frozen=True)
class ProviderRow:
    """One national login as the operator enters it; ``authorities`` is its allow-list, name by code.

    ``claim_map`` says by JSON pointers where the provider puts what; its "authority" is empty where the login never
    says which agency somebody is of: then her invitation alone does. ``hosts`` are origins beside the issuer's.
    Its people's sign-ins end after so many idle minutes, and hours in any case; each has so many at once.

    A login that speaks SAML says things by attributes, whose names stand in the place of pointers; "subject" names the
    one that is the person, where its name for her is not. Its issuer is its entityID, and ``client_id`` the portal's.
    """

    slug: str
    name: str
    kind: PartyKind
    country: str
    issuer: str
    client_id: str
    algorithms: tuple[str, ...]
    acr_levels: Mapping[str, Assurance]
    claim_map: Mapping[str, str]
    authorities: Mapping[str, str]
    protocol: Speaks = Speaks.OIDC
    saml_metadata: str = ""
    scope: str = "openid profile email"
    hosts: tuple[str, ...] = ()
    authenticates_by: ClientAuthentication = ClientAuthentication.PRIVATE_KEY_JWT
    uses_pkce: bool = True
    uses_par: bool = True
    asks_assurance: AssuranceAsked = AssuranceAsked.ACR_VALUES
    proves_anew: bool = True
    userinfo: UserinfoForm = UserinfoForm.JSON
    has_rp_logout: bool = True
    has_back_channel_logout: bool = True
    takes_untyped_logout: bool = False
    leeway: int = 60
    keys_seconds: int = 600
    header_limit: int = 512
    idle_minutes: int = MOST_IDLE_MINUTES
    absolute_hours: int = MOST_HOURS
    most_logins: int = MOST_LOGINS
    is_enabled: bool = True

    def stored(self) -> dict[str, Any]:
        """The columns of the row, by name: all but its slug and its allow-list."""
        names = (field.name for field in fields(self) if field.name not in ("slug", "authorities"))
        return {name: _plain(getattr(self, name)) for name in names}


DEFAULTS: Mapping[str, Any] = {each.name: each.default for each in fields(ProviderRow) if each.default is not MISSING}
"""What a row says where whoever enters it says nothing."""


def row_of(provider: IdentityProvider) -> ProviderRow:
    """The row that the register holds, as somebody would enter it."""
    kept = {field.name: getattr(provider, field.name) for field in fields(ProviderRow) if field.name != "authorities"}
    lists = {name: tuple(value) for name, value in kept.items() if isinstance(value, list)}
    levels = {word: Assurance(level) for word, level in provider.acr_levels.items()}
    listed = {authority.code: authority.name for authority in provider.open_authorities}
    return ProviderRow(**{**kept, **lists, "acr_levels": levels, "authorities": listed})


def _plain(value: Any) -> Any:
    """``value`` as the database keeps it."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return {word: int(each) if isinstance(each, Assurance) else each for word, each in value.items()}
    return value
