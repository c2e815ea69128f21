"""How each country's demo login speaks: its words for assurance, where it puts claims, which key it signs with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jit_portal.demo.case.people import Assurance, Person

EIDAS: Mapping[Assurance, str] = {
    "low": "http://eidas.europa.eu/LoA/low",
    "substantial": "http://eidas.europa.eu/LoA/substantial",
    "high": "http://eidas.europa.eu/LoA/high",
}

METHODS: Mapping[Assurance, list[str]] = {
    "low": ["pwd"],
    "substantial": ["pwd", "otp", "mfa"],
    "high": ["hwk", "pin", "mfa"],
}


@dataclass(frozen=True)
class Scheme:
    """The dialect of one provider.

    ``acr`` gives its word for each assurance; ``authority_at`` is the JSON pointer of the claim that names the agency.
    """

    slug: str
    acr: Mapping[Assurance, str]
    authority_at: str
    algorithm: str
    stripes: tuple[str, ...]
    are_stripes_level: bool = False

    def claims(self, person: Person) -> dict[str, Any]:
        """What userinfo says of ``person``, in this provider's own arrangement."""
        claims: dict[str, Any] = {
            "sub": person.subject,
            "name": person.name,
            "email": person.email,
            "email_verified": True,
            "locale": person.language,
            "zoneinfo": person.time_zone,
            "title": person.title,
        }
        *folders, last = self.authority_at.strip("/").split("/")
        place = claims
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = person.authority
        return claims

    def claim_map(self) -> dict[str, str]:
        """Where a reader finds what it needs: its name for a claim → JSON pointer."""
        return {
            "name": "/name",
            "email": "/email",
            "authority": self.authority_at,
            "title": "/title",
            "language": "/locale",
            "time_zone": "/zoneinfo",
        }


SCHEMES = (
    Scheme(
        "fr",
        {"low": "eidas1", "substantial": "eidas2", "high": "eidas3"},
        "/service",
        "RS256",
        ("navy", "white", "red"),
    ),
    Scheme("nl", EIDAS, "/organisation/code", "ES256", ("red", "white", "blue"), are_stripes_level=True),
    Scheme("ro", EIDAS, "/organisation/code", "PS256", ("blue", "yellow", "red")),
    Scheme(
        "al",
        {"low": "siguria-1", "substantial": "siguria-2", "high": "siguria-3"},
        "/institution/id",
        "ES256",
        ("red", "black", "red"),
        are_stripes_level=True,
    ),
    Scheme(
        "eu",
        {"low": "basic", "substantial": "strong", "high": "strong_hardware"},
        "/body",
        "ES256",
        ("blue", "gold", "blue"),
    ),
)
