"""An operator tries a login out: checks, a sign-in that signs nobody in, and each way of signing out. All on record."""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, and_, delete, exists, or_, select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import NotFound, Refused
from jit_portal.identity import attempts, farewells, protocols, registry, tokens
from jit_portal.identity.checking import findings, pinned, published, sign_ins
from jit_portal.identity.checking.findings import Check, Finding, Result
from jit_portal.identity.models import IdentityProvider, ProviderTest, User
from jit_portal.identity.refusals import ProviderAway, SignInRefused, Why
from jit_portal.identity.sign_in_models import LoginAttempt
from jit_portal.identity.vouching import Answer, Farewell, Vouched
from jit_portal.policy import Work, portal_which, stepup
from jit_portal.policy.person import NOW
from jit_portal.vocabulary import Speaks
from jit_portal.wording import gettext

KEPT = dt.timedelta(hours=1)
"""So long what was found out can be looked at; that it was tried, and what was wrong, stays on record."""
_CAME = ("name", "email", "title", "authority", "language", "time_zone")


def run(actor: User, provider_id: uuid.UUID) -> ProviderTest:
    """Check everything that needs nobody to sign in; what an earlier test of hers has found is forgotten."""
    with transaction():
        provider = policy.fetch(actor, IdentityProvider, provider_id)
    walk = pinned.walk if provider.protocol == Speaks.SAML else published.walk
    found = walk(provider)
    test = ProviderTest(
        provider_id=provider.id,
        tested_by_id=actor.id,
        version=provider.version,
        findings=[each.stored() for each in found],
        expires_at=dt.datetime.now(dt.UTC) + KEPT,
    )
    with transaction():
        hers = (ProviderTest.provider_id == provider.id, ProviderTest.tested_by_id == actor.id)
        over = delete(ProviderTest).where(or_(ProviderTest.expires_at < NOW, and_(*hers)))
        session().execute(over.execution_options(synchronize_session=False))
        session().add(test)
        session().flush()
        audit.record(actor, "provider.tested", test, quietly=True, provider=provider.slug, **_results(found))
    return test


def latest(actor: User, provider: IdentityProvider) -> ProviderTest | None:
    """What she has found out about this login within the hour."""
    hers = policy.which(actor, ProviderTest).where(ProviderTest.provider_id == provider.id)
    return session().scalar(hers.where(ProviderTest.expires_at > NOW))


def begin_sign_in(actor: User, provider_id: uuid.UUID, browser: str) -> str | None:
    """Where to send the browser for a sign-in that signs nobody in; None where already that went wrong.

    It asks for what a step-up asks: as strong as there is, and proved anew.
    """
    with transaction():
        provider = policy.fetch(actor, IdentityProvider, provider_id)
        test = _begun(actor, provider)
    asked = {"assurance": stepup.highest(provider), "max_age": 0}
    try:
        return attempts.start(provider, browser, asked, test_id=test.id, return_to="/")
    except (SignInRefused, ProviderAway) as refusal:
        _keep_answer(actor, provider, test, sign_ins.refused(Check.SIGN_IN, refusal))
        return None


def is_test(state: str) -> bool:
    """Whether the answer that carries this state is to a test, and never to a sign-in."""
    of_test = select(LoginAttempt).where(
        LoginAttempt.state_hash == tokens.digest(state), LoginAttempt.test_id.is_not(None)
    )
    return bool(session().scalar(select(exists(of_test))))


def complete(actor: User | None, slug: str, browser: str, answer: Answer) -> ProviderTest:
    """Keep what the login said of whoever signed in for a test; no login begins, and nobody comes into being.

    Only the operator who began it, in the browser in which she did, is told.
    """
    with transaction():
        provider = registry.known(slug)
    if provider is None:
        raise NotFound(noun="identity_provider")
    try:
        attempt = attempts.take(provider, browser, answer.state, is_test=True)
        test = _hers(actor, attempt.test_id)
        if actor is None or test is None:
            raise SignInRefused(Why.OVER, "a test that somebody else began")
    except SignInRefused as refusal:
        with transaction():
            audit.record(None, "login.refused", provider, quietly=True, why=refusal.why, person=None)
        raise
    try:
        vouched = attempts.redeem(provider, browser, answer)
    except (SignInRefused, ProviderAway) as refusal:
        _keep_answer(actor, provider, test, sign_ins.refused(Check.SIGN_IN, refusal))
    else:
        is_listed = vouched.authority is not None and registry.listed(provider, vouched.authority) is not None
        found = sign_ins.vouched_for(provider, vouched, is_listed=is_listed)
        _keep_answer(actor, provider, test, found, vouched)
    return test


def leave(actor: User, provider_id: uuid.UUID, nonce: str) -> str | None:
    """Where the browser signs out of the login that a test signed in to; None where it has no such address.

    By ``nonce`` the browser knows the answer again that it brings back from there.
    """
    with transaction():
        provider = policy.fetch(actor, IdentityProvider, provider_id)
        test = _begun(actor, provider)
    if test.id_token is None:
        raise Refused(gettext("Sign in for the test first: there is nothing yet to sign out of."))
    address = protocols.client(provider).farewell_address(
        test.id_token, str(test.id), test.provider_session, nonce=nonce
    )
    with transaction():
        test = _held(actor, test)
        test.left_at = None if address is None else dt.datetime.now(dt.UTC)
        _put(test, [sign_ins.no_way_out() if address is None else sign_ins.gone(provider)])
        if address is None:
            _record_way_out(actor, provider, test, Result.WRONG)
    return address


def came_back(actor: User | None, state: str) -> ProviderTest | None:
    """The test whose browser has come back from signing out; None for everybody else who has signed out.

    That it came is all that OpenID Connect says. A login that speaks SAML has to answer, see ``parted``.
    """
    test = _hers(actor, state)
    if actor is None or test is None or test.provider.protocol == Speaks.SAML:
        return None
    return _close(actor, test, sign_ins.back())


def parted(
    actor: User | None, provider: IdentityProvider, state: str, said: str, nonce: str | None
) -> ProviderTest | None:
    """The test whose browser has brought this login's answer to its request for logout; None for everybody else."""
    test = _hers(actor, state)
    if actor is None or test is None or test.provider_id != provider.id:
        return None
    try:
        protocols.saml(provider).check_parting(said, nonce)
    except (SignInRefused, ProviderAway) as refusal:
        return _close(actor, test, sign_ins.not_parted(refusal))
    return _close(actor, test, sign_ins.parted())


def _close(actor: User, test: ProviderTest, found: Finding) -> ProviderTest | None:
    """Keep what came of the way out, if the browser was on it."""
    with transaction():
        test = _held(actor, test)
        if test.left_at is None:
            return None
        test.left_at = None
        if found.result == Result.PASSED:
            test.id_token = None
        _put(test, [found])
        _record_way_out(actor, test.provider, test, found.result)
    return test


def concerned(provider: IdentityProvider, farewell: Farewell) -> list[ProviderTest]:
    """The tests with the very sign-in that is over, locked, before anything is put on record."""
    signed_in = _signed_in(provider)
    if farewell.subject is not None:
        signed_in = signed_in.where(ProviderTest.subject == farewell.subject)
    return farewells.meant(signed_in, ProviderTest, farewell)


def heard(provider: IdentityProvider, tests: Iterable[ProviderTest]) -> None:
    """A sound logout token came: whoever makes these tests is told, in the open transaction."""
    _hear(provider, tests, [sign_ins.told()])


def misheard(provider: IdentityProvider, refusal: SignInRefused | ProviderAway) -> None:
    """A logout token came that was not sound: nobody can tell whose, so all who wait for one are told, as above."""
    waiting = [each for each in session().scalars(_signed_in(provider)) if _result(each, Check.TOLD) != Result.PASSED]
    _hear(provider, waiting, sign_ins.refused(Check.TOLD, refusal))


def _signed_in(provider: IdentityProvider) -> Select[ProviderTest]:
    tests = portal_which(Work.SIGN_IN, ProviderTest).where(ProviderTest.provider_id == provider.id)
    waiting = tests.where(ProviderTest.subject.is_not(None), ProviderTest.expires_at > NOW)
    return waiting.with_for_update(of=ProviderTest)


def _hear(provider: IdentityProvider, tests: Iterable[ProviderTest], found: list[Finding]) -> None:
    for test in tests:
        _put(test, found)
        audit.record(
            None, "provider.farewell_tested", test, also=[test.tested_by_id], provider=provider.slug, **_results(found)
        )


def _hers(actor: User | None, test_id: object) -> ProviderTest | None:
    try:
        return policy.fetch(actor, ProviderTest, uuid.UUID(str(test_id))) if actor is not None else None
    except (ValueError, NotFound):
        return None


def _held(actor: User, test: ProviderTest) -> ProviderTest:
    """Hers as it is now, its row locked: the login's own word may come in the same moment as her browser."""
    return policy.fetch(actor, ProviderTest, test.id, lock=True)


def _begun(actor: User, provider: IdentityProvider) -> ProviderTest:
    test = latest(actor, provider)
    if test is None:
        raise Refused(gettext("Run the checks first."))
    return test


def _keep_answer(
    actor: User, provider: IdentityProvider, test: ProviderTest, found: list[Finding], vouched: Vouched | None = None
) -> None:
    with transaction():
        test = _held(actor, test)
        test.findings = [each for each in test.findings if each["check"] not in findings.OF_A_SIGN_IN]
        _put(test, found)
        test.came = {name: getattr(vouched, name) for name in _CAME} if vouched else None
        test.id_token, test.subject = (vouched.id_token, vouched.subject) if vouched else (None, None)
        test.provider_session = vouched.provider_session if vouched else None
        test.left_at = None
        audit.record(actor, "provider.sign_in_tested", test, quietly=True, provider=provider.slug, **_results(found))


def _record_way_out(actor: User, provider: IdentityProvider, test: ProviderTest, result: Result) -> None:
    audit.record(actor, "provider.sign_out_tested", test, quietly=True, provider=provider.slug, result=result)


def _put(test: ProviderTest, found: Iterable[Finding]) -> None:
    """Lay these findings over the earlier ones of the same checks."""
    kept = {each["check"]: each for each in test.findings} | {each.check: each.stored() for each in found}
    test.findings = [kept[check] for check in Check if check in kept]


def _result(test: ProviderTest, check: Check) -> str | None:
    return next((each["result"] for each in test.findings if each["check"] == check), None)


def _results(found: Iterable[Finding]) -> dict[str, Any]:
    """What goes on record: which checks ended how, and why; nothing of what anybody said."""
    results: dict[str, Any] = {result.value: [] for result in Result}
    for each in found:
        results[each.result].append(f"{each.check}: {each.why}" if each.result == Result.WRONG else each.check)
    return results
