"""The register of national logins: which there are, and what each is believed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotFound
from jit_portal.identity.models import Authority, IdentityProvider
from jit_portal.identity.wire import home_of
from jit_portal.vocabulary import Assurance, PartyKind

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures by a key pair. Never ``none``, and never a secret that the portal would share."""


@dataclass(frozen=True)
class ProviderRow:
    """One national login as the operator enters it; ``authorities`` is its allow-list, name by code."""

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
    uses_par: bool = True


def ensure_providers(rows: Iterable[ProviderRow]) -> list[IdentityProvider]:
    """Enter these logins, or bring those already there (by slug) to what the rows say; authorities are only added."""
    with transaction():
        return [_ensure(row) for row in rows]


def _ensure(row: ProviderRow) -> IdentityProvider:
    _check(row)
    provider = session().scalar(select(IdentityProvider).where(IdentityProvider.slug == row.slug))
    act = "provider.changed"
    if provider is None:
        provider, act = IdentityProvider(slug=row.slug), "provider.entered"
        session().add(provider)
    said = {
        "name": row.name,
        "kind": row.kind,
        "country": row.country,
        "issuer": row.issuer,
        "client_id": row.client_id,
        "uses_par": row.uses_par,
        "algorithms": list(row.algorithms),
        "acr_levels": {word: int(level) for word, level in row.acr_levels.items()},
        "claim_map": dict(row.claim_map),
    }
    changed = sorted(field for field, value in said.items() if getattr(provider, field) != value)
    for field in changed:
        setattr(provider, field, said[field])
    session().flush()
    known = {authority.code: authority for authority in provider.authorities}
    for code, name in row.authorities.items():
        if code not in known:
            provider.authorities.append(Authority(code=code, name=name))
            changed.append(f"authority {code}")
    if changed:
        audit.record(None, act, provider, quietly=True, changed=changed)
    return provider


def _check(row: ProviderRow) -> None:
    try:
        home_of(row.issuer)
    except ValueError as error:
        raise Invalid(f"{row.slug}: {error}", field="issuer") from error
    if not row.algorithms or not ALGORITHMS.issuperset(row.algorithms):
        raise Invalid(f"{row.slug}: only signatures by a key pair are accepted", field="algorithms")
    if not row.authorities or not row.acr_levels or "authority" not in row.claim_map:
        raise Invalid(f"{row.slug}: authorities, levels and the authority's claim are needed")


def providers() -> list[IdentityProvider]:
    """The logins that may be used now, by country."""
    enabled = select(IdentityProvider).where(IdentityProvider.is_enabled).order_by(IdentityProvider.country)
    return list(session().scalars(enabled))


def provider(slug: str) -> IdentityProvider:
    """The login with this address name, if it may be used now; else NotFound."""
    found = session().scalar(select(IdentityProvider).where(IdentityProvider.slug == slug, IdentityProvider.is_enabled))
    if found is None:
        raise NotFound(noun="identity_provider")
    return found
