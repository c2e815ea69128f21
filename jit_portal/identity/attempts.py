"""A sign-in under way: begun in one browser, which goes to the national login and comes back with its answer, once."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, update

from jit_portal.database import session, transaction
from jit_portal.identity import ourselves, protocols, spent, tokens
from jit_portal.identity.models import IdentityProvider
from jit_portal.identity.refusals import SignInRefused, Why
from jit_portal.identity.sign_in_models import LoginAttempt
from jit_portal.identity.vouching import Answer, Vouched
from jit_portal.policy.person import NOW

ATTEMPT = dt.timedelta(minutes=10)
_KEPT = dt.timedelta(hours=1)


def start(provider: IdentityProvider, browser: str, asked: Mapping[str, Any], **kept: Any) -> str:
    """Begin it, and give the address to send the browser to; ``kept`` is what the attempt is to remember."""
    state = tokens.make()
    login = protocols.client(provider)
    nonce, code_verifier = _secrets(browser, state)
    address = login.address(_callback(provider.slug), state=state, nonce=nonce, code_verifier=code_verifier, **asked)
    attempt = LoginAttempt(
        state_hash=tokens.digest(state),
        browser_hash=tokens.digest(browser),
        provider_id=provider.id,
        expires_at=dt.datetime.now(dt.UTC) + ATTEMPT,
        **kept,
    )
    with transaction():
        session().add(attempt)
        session().execute(delete(LoginAttempt).where(LoginAttempt.expires_at < NOW - _KEPT))
    return address


def take(provider: IdentityProvider, browser: str, state: str, *, is_test: bool = False) -> LoginAttempt:
    """The attempt that this browser began, taken out for good; a test is never taken for a sign-in, nor the reverse."""
    taking = (
        update(LoginAttempt)
        .where(
            LoginAttempt.state_hash == tokens.digest(state),
            LoginAttempt.browser_hash == tokens.digest(browser),
            LoginAttempt.used_at.is_(None),
            LoginAttempt.expires_at > NOW,
            LoginAttempt.test_id.is_not(None) if is_test else LoginAttempt.test_id.is_(None),
        )
        .values(used_at=NOW)
        .returning(LoginAttempt)
        .execution_options(synchronize_session=False)
    )
    with transaction():
        attempt = session().scalar(taking)
    if attempt is None:
        raise SignInRefused(Why.OVER, "no such attempt in this browser")
    if attempt.provider_id != provider.id:
        raise SignInRefused(Why.MIXED_UP, "begun at another login")
    return attempt


def redeem(provider: IdentityProvider, browser: str, answer: Answer) -> Vouched:
    """What the provider vouches for, in exchange for its answer to the attempt that was taken; else SignInRefused."""
    nonce, code_verifier = _secrets(browser, answer.state)
    login = protocols.client(provider)
    vouched = login.vouch(answer, _callback(provider.slug), nonce=nonce, code_verifier=code_verifier)
    if vouched.once is not None:
        with transaction():
            spent.spend(provider, vouched.once.id, vouched.once.until)
    return vouched


def _secrets(browser: str, state: str) -> tuple[str, str]:
    """Nonce and code verifier of an attempt: kept nowhere, and found again by what its browser alone brings back."""
    return tokens.derive(browser, f"nonce {state}"), tokens.derive(browser, f"code verifier {state}")


def _callback(slug: str) -> str:
    return f"{ourselves.origin()}/sign-in/{slug}/callback"
