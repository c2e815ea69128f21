"""What a login that speaks OpenID Connect publishes, held against its row."""

from collections.abc import Iterator, Mapping
from typing import Any

from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from jit_portal.identity import oidc
from jit_portal.identity.checking.findings import (
    OF_A_SIGN_IN,
    Check,
    Finding,
    listed,
    passed,
    unreachable,
    untried,
    wrong,
)
from jit_portal.identity.claims import plain
from jit_portal.identity.discovery import SIGNS_ANSWERS, addresses
from jit_portal.identity.models import IdentityProvider
from jit_portal.identity.oidc import NationalLogin
from jit_portal.identity.provider_rows import ALGORITHMS
from jit_portal.identity.refusals import ProviderAway
from jit_portal.vocabulary import AssuranceAsked, ClientAuthentication, UserinfoForm


def walk(row: IdentityProvider) -> list[Finding]:
    """Everything that can be found out without anybody signing in, asked anew."""
    login = oidc.unbelieving(row)
    found = [passed(Check.HOSTS, hosts=listed((login.published.home, *login.published.hosts))), _material(login)]
    try:
        said = login.published.document()
    except ProviderAway as away:
        found.append(unreachable(Check.DISCOVERY, away))
    else:
        found += _published(row, login, said)
    tried = {each.check for each in found}
    rest = [check for check in Check if check not in tried and check not in (Check.PINNED, *OF_A_SIGN_IN)]
    return found + [untried(check, "before") for check in rest]


def _material(login: NationalLogin) -> Finding:
    try:
        login.proof()
    except ProviderAway as away:
        return wrong(Check.MATERIAL, "no_secret", name=login.slug, detail=away.detail)
    if login.authenticates_by == ClientAuthentication.PRIVATE_KEY_JWT:
        return passed(Check.MATERIAL, "own_key", kid=login.portal.key.kid)
    return passed(Check.MATERIAL, "secret", name=login.slug)


def _published(row: IdentityProvider, login: NationalLogin, said: dict[str, Any]) -> Iterator[Finding]:
    try:
        kept = addresses(said)
    except KeyError as missing:
        yield wrong(Check.DISCOVERY, "incomplete", name=missing.args[0])
        return
    yield passed(Check.DISCOVERY)
    is_itself = said.get("issuer") == row.issuer
    yield (
        passed(Check.ISSUER)
        if is_itself
        else wrong(Check.ISSUER, "other_issuer", said=said.get("issuer"), row=row.issuer)
    )
    elsewhere = login.published.elsewhere(kept)
    yield wrong(Check.ENDPOINTS, "elsewhere", hosts=_named(elsewhere)) if elsewhere else passed(Check.ENDPOINTS)
    yield _algorithms(row, said)
    yield _pkce(row, said)
    yield _par(row, said)
    is_signed = said.get(SIGNS_ANSWERS) is True
    yield passed(Check.ANSWERS) if is_signed else untried(Check.ANSWERS, "answers_unsigned")
    yield _method(row, said)
    yield _assurance(row, said)
    yield _sign_out(row, said)
    if is_itself and not elsewhere:
        yield _keys(row, login)


def _named(urls: Mapping[str, Any]) -> str:
    return listed(f"{name}: {plain(url, 80)}" for name, url in urls.items())


def _offered(said: Mapping[str, Any], name: str) -> set[str] | None:
    """The words of a list that a login publishes; None where it does not say."""
    value = said.get(name)
    return {each for each in value if isinstance(each, str)} if isinstance(value, list) else None


def _algorithms(row: IdentityProvider, said: Mapping[str, Any]) -> Finding:
    offered = _offered(said, "id_token_signing_alg_values_supported")
    if offered is None:
        return untried(Check.ALGORITHMS, "unsaid")
    allowed = set(row.algorithms)
    if not offered & allowed:
        said_so = {"offered": listed(offered), "allowed": listed(allowed)}
        if fitting := offered & ALGORITHMS:
            return wrong(Check.ALGORITHMS, "algorithms_left_out", fitting=listed(fitting), **said_so)
        return wrong(Check.ALGORITHMS, "other_algorithms", **said_so)
    of_userinfo = _offered(said, "userinfo_signing_alg_values_supported")
    if row.userinfo == UserinfoForm.JWT and of_userinfo is not None and not of_userinfo & allowed:
        return wrong(Check.ALGORITHMS, "other_userinfo", offered=listed(of_userinfo), allowed=listed(allowed))
    return passed(Check.ALGORITHMS, common=listed(offered & allowed))


def _pkce(row: IdentityProvider, said: Mapping[str, Any]) -> Finding:
    methods = _offered(said, "code_challenge_methods_supported")
    if methods is None:
        return untried(Check.PKCE, "unsaid")
    return _switch(Check.PKCE, is_on=row.uses_pkce, is_offered="S256" in methods)


def _par(row: IdentityProvider, said: Mapping[str, Any]) -> Finding:
    if said.get("require_pushed_authorization_requests") is True and not row.uses_par:
        return wrong(Check.PAR, "par_required")
    return _switch(Check.PAR, is_on=row.uses_par, is_offered="pushed_authorization_request_endpoint" in said)


def _switch(check: Check, *, is_on: bool, is_offered: bool) -> Finding:
    if is_on == is_offered:
        return passed(check, check.value if is_on else f"no_{check.value}")
    return wrong(check, f"{check.value}_not_offered" if is_on else f"{check.value}_unused")


def _method(row: IdentityProvider, said: Mapping[str, Any]) -> Finding:
    methods = _offered(said, "token_endpoint_auth_methods_supported")
    if methods is None:
        return untried(Check.METHOD, "unsaid")
    if row.authenticates_by in methods:
        return passed(Check.METHOD, method=row.authenticates_by)
    return wrong(Check.METHOD, "other_method", method=row.authenticates_by, offered=listed(methods))


def _assurance(row: IdentityProvider, said: Mapping[str, Any]) -> Finding:
    if row.asks_assurance == AssuranceAsked.CLAIMS and said.get("claims_parameter_supported") is False:
        return wrong(Check.ASSURANCE, "claims_not_taken")
    words = _offered(said, "acr_values_supported")
    if words is None:
        return untried(Check.ASSURANCE, "unsaid")
    if not words & set(row.acr_levels):
        return wrong(Check.ASSURANCE, "other_words", offered=listed(words), row=listed(row.acr_levels))
    return passed(Check.ASSURANCE, common=listed(words & set(row.acr_levels)))


def _sign_out(row: IdentityProvider, said: Mapping[str, Any]) -> Finding:
    if row.has_rp_logout and "end_session_endpoint" not in said:
        return wrong(Check.SIGN_OUT, "no_rp_logout")
    if row.has_back_channel_logout and said.get("backchannel_logout_supported") is not True:
        return untried(Check.SIGN_OUT, "no_back_channel")
    return passed(Check.SIGN_OUT)


def _keys(row: IdentityProvider, login: NationalLogin) -> Finding:
    try:
        keys = login.published.keys()
    except ProviderAway as away:
        return unreachable(Check.KEYS, away)
    kinds = {JWSRegistry.algorithms[algorithm].key_type for algorithm in row.algorithms}
    if not any(key.key_type in kinds for key in keys.keys):
        return wrong(Check.KEYS, "no_fitting_key", keys=_kids(keys), allowed=listed(row.algorithms))
    age = oidc.client(row).published.keys_age
    if age is None:
        return passed(Check.KEYS, keys=_kids(keys), seconds=row.keys_seconds)
    return passed(Check.KEYS, "keys_of_age", keys=_kids(keys), seconds=row.keys_seconds, age=round(age))


def _kids(keys: KeySet) -> str:
    return listed(f"{key.kid or '–'} ({', '.join(filter(None, (key.key_type, key.alg)))})" for key in keys.keys)
