"""The register of national logins: which there are, and what each is believed."""

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm.attributes import flag_modified

from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotFound, Refused
from jit_portal.identity import protocols
from jit_portal.identity.models import GLASS, Authority, IdentityProvider, User
from jit_portal.identity.provider_rows import ALGORITHMS, LIMITS, ProviderRow
from jit_portal.identity.refusals import SignInRefused, Why
from jit_portal.identity.wire import home_of
from jit_portal.vocabulary import Duty, Speaks
from jit_portal.wording import gettext

_SLUG = re.compile("[a-z][a-z0-9-]{0,39}")
_SPEAKS_FOR = {"kind", "country", "protocol"}
_is_national = IdentityProvider.slug != GLASS


def operators() -> list[uuid.UUID]:
    """Those who keep the register: their pages look again when it changes."""
    return list(session().scalars(select(User.id).where(User.duty == Duty.OPERATOR, User.deactivated_at.is_(None))))


def ensure_providers(rows: Iterable[ProviderRow]) -> list[IdentityProvider]:
    """Enter these logins, or bring those already there (by slug) to what the rows say."""
    with transaction():
        return [enter(row) for row in rows]


def enter(row: ProviderRow, actor: User | None = None, **more: Any) -> IdentityProvider:
    """Let this row be what the portal goes by, in the open transaction; ``more`` is said of it on record."""
    check(row)
    provider = known(row.slug)
    act = "provider.changed"
    if provider is None:
        provider, act = IdentityProvider(slug=row.slug), "provider.entered"
        session().add(provider)
    said = row.stored()
    changed = sorted(field for field, value in said.items() if getattr(provider, field) != value)
    if act == "provider.changed" and not _SPEAKS_FOR.isdisjoint(changed) and _has_people(provider):
        raise Refused(gettext("A login that people have used speaks for its country for ever: enter another one."))
    relisted = _list(provider, row.authorities)
    for field in changed:
        setattr(provider, field, said[field])
    if "is_enabled" in changed:
        provider.stands_since, provider.withdrawn_by = dt.datetime.now(dt.UTC), None
    if relisted:
        # The list is part of the row, whose version goes on with it: what was written over another one is refused.
        flag_modified(provider, "is_enabled")
        changed += relisted
    session().flush()
    if changed:
        audit.record(actor, act, provider, also=operators(), changed=changed, **more)
    return provider


def _list(provider: IdentityProvider, authorities: Mapping[str, str]) -> list[str]:
    """Let these be its open authorities; says what that changes. None is deleted: people and exhibits are of it."""
    known = {each.code: each for each in provider.authorities}
    changed = []
    for code, name in authorities.items():
        kept = known.get(code)
        if kept is None:
            provider.authorities.append(Authority(code=code, name=name))
            changed.append(f"authority {code}")
            continue
        if kept.closed_at is not None:
            kept.closed_at = None
            changed.append(f"authority {code} opened")
        if kept.name != name:
            kept.name = name
            changed.append(f"authority {code} renamed")
    for code in known.keys() - authorities.keys():
        if known[code].closed_at is None:
            known[code].closed_at = dt.datetime.now(dt.UTC)
            changed.append(f"authority {code} closed")
    return sorted(changed)


def _has_people(provider: IdentityProvider) -> bool:
    return bool(session().scalar(select(exists().where(User.provider_id == provider.id))))


def check(row: ProviderRow) -> None:
    """Invalid for a row that makes no sense, or that would believe more than the portal believes anybody."""
    if not _SLUG.fullmatch(row.slug):
        raise Invalid(
            gettext("A short name is small letters, digits and hyphens, and begins with a letter."), field="slug"
        )
    for field in ("name", "country", "client_id"):
        if not getattr(row, field).strip():
            raise Invalid(gettext("This is needed."), field=field)
    for field, (least, most) in LIMITS.items():
        if not least <= getattr(row, field) <= most:
            raise Invalid(gettext("This is a number from %(least)s to %(most)s.", least=least, most=most), field=field)
    if not row.acr_levels or any(not word or word.split() != [word] for word in row.acr_levels):
        raise Invalid(gettext("At least one word for assurance is needed, and none holds spaces."), field="acr_levels")
    if not row.algorithms or not ALGORITHMS.issuperset(row.algorithms):
        raise Invalid(gettext("Only signatures by a key pair are accepted, and at least one."), field="algorithms")
    if not row.authorities:
        raise Invalid(gettext("At least one authority is needed."), field="authorities")
    _CHECKS[row.protocol](row)


def _check_oidc(row: ProviderRow) -> None:
    _check_addresses(row)
    if "openid" not in row.scope.split():
        raise Invalid(gettext("The scope must hold openid."), field="scope")
    pointers = [each for said in row.claim_map.values() for each in said.split()]
    is_sound = "authority" in row.claim_map and "subject" not in row.claim_map
    if not is_sound or not all(each.startswith("/") for each in pointers):
        raise Invalid(gettext("Claims are found by JSON pointers, such as /office/code."), field="claim_map")
    if row.saml_metadata:
        raise Invalid(gettext("This login publishes what it is; nothing is pinned."), field="saml_metadata")


def _check_saml(row: ProviderRow) -> None:
    """What this server cannot speak is not entered, or opened; to withdraw it needs nothing."""
    if (lacks := protocols.lacking()) is not None:
        if row.is_enabled or known(row.slug) is None:
            raise Invalid(str(protocols.LACKS[lacks]), field="protocol")
        return
    import_module("jit_portal.identity.saml.rows").check(row)


_CHECKS = {Speaks.OIDC: _check_oidc, Speaks.SAML: _check_saml}


def _check_addresses(row: ProviderRow) -> None:
    try:
        home_of(row.issuer)
    except ValueError:
        wrong = gettext("An issuer is an address that begins with https, with a host and a path at most.")
        raise Invalid(wrong, field="issuer") from None
    try:
        is_sound = all(home_of(host) == host for host in row.hosts)
    except ValueError:
        is_sound = False
    if not is_sound:
        raise Invalid(gettext("A host is https and a name, such as https://login.example."), field="hosts")


def listed(provider: IdentityProvider, code: str) -> uuid.UUID | None:
    """The authority of this code on the login's allow-list, if it is there and open."""
    its = (Authority.provider_id == provider.id, Authority.code == code, Authority.closed_at.is_(None))
    return session().scalar(select(Authority.id).where(*its))


def known(slug: str, *, lock: bool = False) -> IdentityProvider | None:
    """The login with this address name, whether it may be used now or not."""
    its = select(IdentityProvider).where(IdentityProvider.slug == slug, _is_national)
    if lock:
        its = its.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session().scalar(its)


def hold(provider: IdentityProvider, *, alone: bool) -> None:
    """Go on only while people may sign in by it, in the transaction in which somebody does: withdrawing waits for it,
    and ends what it has begun.

    Whoever will want the row ``alone`` takes it so at once: two who share it would wait for each other.
    """
    its = select(IdentityProvider.is_enabled).where(IdentityProvider.id == provider.id)
    its = its.with_for_update(key_share=True) if alone else its.with_for_update(read=True)
    if not session().scalars(its).one():
        raise SignInRefused(Why.WITHDRAWN)


def every_one() -> list[IdentityProvider]:
    """Every login in the register, those that may not be used now too."""
    return list(session().scalars(select(IdentityProvider).where(_is_national).order_by(IdentityProvider.slug)))


def is_empty() -> bool:
    """Whether no login was ever entered."""
    return not session().scalar(select(exists().where(_is_national)))


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
