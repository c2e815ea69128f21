"""What came of a sign-in for a test, and of signing out there.

Nothing is verified here: what the client of sign-ins accepts or refuses is told apart and named.
"""

import time

from jit_portal.identity import ourselves
from jit_portal.identity.checking.findings import Check, Finding, listed, passed, unreachable, untried, wrong
from jit_portal.identity.models import IdentityProvider
from jit_portal.identity.refusals import ProviderAway, SignInRefused, Why
from jit_portal.identity.vouching import Vouched
from jit_portal.policy import stepup
from jit_portal.vocabulary import Speaks


def vouched_for(row: IdentityProvider, vouched: Vouched, *, is_listed: bool) -> list[Finding]:
    """What a sound answer says, and what it leaves out."""
    asked = [name for name in ("name", "email", "title") if row.claim_map.get(name)]
    missing = [name for name in asked if not getattr(vouched, name)]
    found = [
        passed(Check.SIGN_IN),
        wrong(Check.CLAIMS, "missing", names=listed(missing)) if missing else passed(Check.CLAIMS),
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
