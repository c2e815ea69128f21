"""What a login publishes and answers, held against its row: one finding for each thing that can be wrong.

Nothing is verified here: what the client of sign-ins accepts or refuses is told apart and named.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import requests
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from jit_portal.identity import oidc, ourselves
from jit_portal.identity.claims import plain
from jit_portal.identity.discovery import SIGNS_ANSWERS, addresses
from jit_portal.identity.models import IdentityProvider
from jit_portal.identity.oidc import NationalLogin
from jit_portal.identity.refusals import ProviderAway, SignInRefused, Why
from jit_portal.identity.registry import ALGORITHMS
from jit_portal.identity.vouching import Vouched
from jit_portal.identity.wire import Unreadable
from jit_portal.policy import stepup
from jit_portal.vocabulary import AssuranceAsked, ClientAuthentication, Speaks, UserinfoForm


class Check(StrEnum):
    """What is looked at, in order."""

    HOSTS = "hosts"
    MATERIAL = "material"
    PINNED = "pinned"
    DISCOVERY = "discovery"
    ISSUER = "issuer"
    ENDPOINTS = "endpoints"
    ALGORITHMS = "algorithms"
    PKCE = "pkce"
    PAR = "par"
    ANSWERS = "answers"
    METHOD = "method"
    ASSURANCE = "assurance"
    SIGN_OUT = "sign_out"
    KEYS = "keys"
    SIGN_IN = "sign_in"
    CLAIMS = "claims"
    LEVEL = "level"
    AUTHORITY = "authority"
    PROVED = "proved"
    LEFT = "left"
    TOLD = "told"


OF_A_SIGN_IN = (Check.SIGN_IN, Check.CLAIMS, Check.LEVEL, Check.AUTHORITY, Check.PROVED, Check.LEFT, Check.TOLD)
"""What only somebody who signs in and out there can find out."""


class Result(StrEnum):
    PASSED = "passed"
    WRONG = "wrong"
    NOT_TRIED = "not_tried"


@dataclass(frozen=True)
class Finding:
    """One check, what came of it, why, and the words of the protocol that the reason speaks of."""

    check: Check
    result: Result
    why: str
    said: Mapping[str, str] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        return asdict(self)


def passed(check: Check, why: str = "", **said: object) -> Finding:
    return Finding(check, Result.PASSED, why or check.value, _words(said))


def wrong(check: Check, why: str, **said: object) -> Finding:
    return Finding(check, Result.WRONG, why, _words(said))


def untried(check: Check, why: str, **said: object) -> Finding:
    return Finding(check, Result.NOT_TRIED, why, _words(said))


def _words(said: Mapping[str, object]) -> dict[str, str]:
    return {name: plain(str(value), 300) for name, value in said.items()}


def _list(words: Any) -> str:
    return ", ".join(sorted(map(str, words)))


def walk(row: IdentityProvider) -> list[Finding]:
    """Everything that can be found out without anybody signing in, asked anew."""
    login = oidc.unbelieving(row)
    found = [passed(Check.HOSTS, hosts=_list((login.published.home, *login.published.hosts))), _material(login)]
    try:
        said = login.published.document()
    except ProviderAway as away:
        found.append(unreachable(Check.DISCOVERY, away))
    else:
        found += _published(row, login, said)
    tried = {each.check for each in found}
    rest = [check for check in Check if check not in tried and check not in (Check.PINNED, *OF_A_SIGN_IN)]
    return found + [untried(check, "before") for check in rest]


def unreachable(check: Check, away: ProviderAway) -> Finding:
    """Why a login could not be read, told apart by what stood in the way."""
    cause = away.__cause__
    if isinstance(cause, requests.HTTPError) and cause.response is not None:
        if cause.response.is_redirect:
            return wrong(check, "redirects", to=cause.response.headers.get("Location", ""))
        return wrong(check, "status", status=cause.response.status_code)
    whys: tuple[tuple[type[Exception], str], ...] = (
        (requests.exceptions.SSLError, "certificate"),
        (requests.Timeout, "slow"),
        (requests.exceptions.InvalidURL, "unpinned"),
        (Unreadable, "unreadable"),
        (requests.ConnectionError, "down"),
        (JoseError, "no_keys"),
        (KeyError, "senseless"),
        (ValueError, "no_json"),
        (TypeError, "senseless"),
    )
    why = next((why for kind, why in whys if isinstance(cause, kind)), "away")
    return wrong(check, why, detail=away.detail)


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
    return _list(f"{name}: {plain(url, 80)}" for name, url in urls.items())


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
        said_so = {"offered": _list(offered), "allowed": _list(allowed)}
        if fitting := offered & ALGORITHMS:
            return wrong(Check.ALGORITHMS, "algorithms_left_out", fitting=_list(fitting), **said_so)
        return wrong(Check.ALGORITHMS, "other_algorithms", **said_so)
    of_userinfo = _offered(said, "userinfo_signing_alg_values_supported")
    if row.userinfo == UserinfoForm.JWT and of_userinfo is not None and not of_userinfo & allowed:
        return wrong(Check.ALGORITHMS, "other_userinfo", offered=_list(of_userinfo), allowed=_list(allowed))
    return passed(Check.ALGORITHMS, common=_list(offered & allowed))


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
    return wrong(Check.METHOD, "other_method", method=row.authenticates_by, offered=_list(methods))


def _assurance(row: IdentityProvider, said: Mapping[str, Any]) -> Finding:
    if row.asks_assurance == AssuranceAsked.CLAIMS and said.get("claims_parameter_supported") is False:
        return wrong(Check.ASSURANCE, "claims_not_taken")
    words = _offered(said, "acr_values_supported")
    if words is None:
        return untried(Check.ASSURANCE, "unsaid")
    if not words & set(row.acr_levels):
        return wrong(Check.ASSURANCE, "other_words", offered=_list(words), row=_list(row.acr_levels))
    return passed(Check.ASSURANCE, common=_list(words & set(row.acr_levels)))


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
        return wrong(Check.KEYS, "no_fitting_key", keys=_kids(keys), allowed=_list(row.algorithms))
    age = oidc.client(row).published.keys_age
    if age is None:
        return passed(Check.KEYS, keys=_kids(keys), seconds=row.keys_seconds)
    return passed(Check.KEYS, "keys_of_age", keys=_kids(keys), seconds=row.keys_seconds, age=round(age))


def _kids(keys: KeySet) -> str:
    return _list(f"{key.kid or '–'} ({', '.join(filter(None, (key.key_type, key.alg)))})" for key in keys.keys)


def vouched_for(row: IdentityProvider, vouched: Vouched, *, is_listed: bool) -> list[Finding]:
    """What a sound answer says, and what it leaves out."""
    asked = [name for name in ("name", "email", "title") if row.claim_map.get(name)]
    missing = [name for name in asked if not getattr(vouched, name)]
    found = [
        passed(Check.SIGN_IN),
        wrong(Check.CLAIMS, "missing", names=_list(missing)) if missing else passed(Check.CLAIMS),
    ]
    is_strong = vouched.assurance >= stepup.highest(row)
    level = {"acr": vouched.acr, "level": vouched.assurance.name.lower()}
    found.append(passed(Check.LEVEL, **level) if is_strong else wrong(Check.LEVEL, "weaker", **level))
    if vouched.authority is None:
        found.append(passed(Check.AUTHORITY, "by_invitation"))
    else:
        said = {"code": vouched.authority}
        found.append(passed(Check.AUTHORITY, **said) if is_listed else wrong(Check.AUTHORITY, "not_listed", **said))
    found.append(_proved(row, vouched))
    found.append(untried(Check.LEFT, "not_left") if row.has_rp_logout else untried(Check.LEFT, "switched_off"))
    found.append(
        untried(Check.TOLD, "not_told") if row.has_back_channel_logout else untried(Check.TOLD, "switched_off")
    )
    return found


def _proved(row: IdentityProvider, vouched: Vouched) -> Finding:
    if not row.proves_anew:
        return untried(Check.PROVED, "by_passkey")
    if vouched.proved_at is None:
        return wrong(Check.PROVED, "no_auth_time")
    if vouched.proved_at <= time.time() - stepup.FRESH.total_seconds():
        return wrong(Check.PROVED, "not_asked_again")
    return passed(Check.PROVED)


_UNSOUND = {
    "algorithm": "algorithm",
    "unsigned": "unsigned",
    "encrypted": "encrypted",
    "signature": "signature",
    "over": "expired",
    "lies ahead": "clock",
    "moment of proof lies ahead": "clock",
    **dict.fromkeys(("audience", "recipient", "destination", "issuer", "answer to another request"), "claim"),
    "a name that is not for good": "no_lasting_name",
    "subject": "no_lasting_name",
    "unfit subject": "unfit_subject",
    "OAuthError: invalid_client": "proof_refused",
    "OAuthError": "code_refused",
    "BadSignatureError": "signature",
    "InvalidKeyIdError": "signature",
    "UnsupportedAlgorithmError": "algorithm",
    "ExpiredTokenError": "expired",
    "ClaimError": "claim",
    "InvalidClaimError": "claim",
    "MissingClaimError": "claim",
    "auth_time lies ahead": "clock",
}


def refused(check: Check, refusal: SignInRefused | ProviderAway) -> list[Finding]:
    """Why there was no sound answer; what else would have been looked at is not tried."""
    if isinstance(refusal, ProviderAway):
        return [unreachable(check, refusal)]
    if refusal.why == Why.ASSURANCE:
        _, _, acr = refusal.detail.partition(": ")
        return [passed(check), wrong(Check.LEVEL, "unknown_word" if acr else "no_acr", acr=acr)]
    whys = {Why.CANCELLED: "cancelled", Why.MIXED_UP: "mixed_up", Why.OVER: "over"}
    why = whys.get(refusal.why) or next((w for d, w in _UNSOUND.items() if refusal.detail.startswith(d)), "unsound")
    return [wrong(check, why, detail=refusal.detail)]


def gone(row: IdentityProvider) -> Finding:
    """The browser is on its way to the login's own sign-out."""
    back = f"/sign-in/{row.slug}/logout" if row.protocol == Speaks.SAML else "/signed-out"
    return untried(Check.LEFT, "gone", back=f"{ourselves.origin()}{back}")


def back() -> Finding:
    """The browser went to the login's sign-out, and came back."""
    return passed(Check.LEFT)


def parted() -> Finding:
    """The browser brought the login's signed word that nobody is signed in there any more."""
    return passed(Check.LEFT, "left_confirmed")


def not_parted(refusal: SignInRefused | ProviderAway) -> Finding:
    """The browser came back, and what it brought confirms nothing."""
    if isinstance(refusal, ProviderAway):
        return unreachable(Check.LEFT, refusal)
    if refusal.why == Why.CANCELLED:
        return wrong(Check.LEFT, "left_failed", detail=refusal.detail)
    is_unsigned = refusal.detail == "unsigned"
    return wrong(Check.LEFT, "left_unsigned" if is_unsigned else "left_unsound", detail=refusal.detail)


def told() -> Finding:
    """A logout token came, and was sound."""
    return passed(Check.TOLD)


def no_way_out() -> Finding:
    """The login publishes no address for signing out, or does not answer."""
    return wrong(Check.LEFT, "no_rp_logout")
