"""Signing in: who begins, and whom a provider vouches for; and how somebody wants the portal shown to her."""

import datetime as dt
import logging
import re
from dataclasses import dataclass
from urllib.parse import quote

from sqlalchemy import select

from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotFound
from jit_portal.identity import accounts, attempts, claims, devices, endings, invitations, registry, stepping, tokens
from jit_portal.identity.devices import Device
from jit_portal.identity.endings import Because, end, end_oldest
from jit_portal.identity.models import IdentityProvider, Invitation, User
from jit_portal.identity.refusals import ProviderAway, SignInRefused, Why
from jit_portal.identity.sign_in_models import LoginAttempt, LoginSession
from jit_portal.identity.vouching import Answer, Vouched
from jit_portal.notices import service as notices
from jit_portal.policy import Work, portal_fetch, portal_which
from jit_portal.vocabulary import NoticeKind
from jit_portal.wording import gettext

log = logging.getLogger(__name__)

_PATH = re.compile(r"/(?!/)(?!(?:sign-in|sign-out|signed-out|invitations)\b)[\x21-\x7e]{0,1999}")


@dataclass(frozen=True)
class SignedIn:
    """A new login: the token for the browser's cookie, and where in the portal the person wanted to be.

    ``gave_way`` are those of her other logins that ended because she had one too many.
    """

    token: str
    login: LoginSession
    return_to: str
    gave_way: list[LoginSession]


def inside(address: str | None) -> str:
    """``address`` if it is a path inside the portal and no part of signing in, otherwise the portal's front door."""
    path = quote(address or "/", safe="!#$%&'()*+,/:;=?@[]~")
    return path if _PATH.fullmatch(path) else "/"


def leads_out(address: str | None) -> bool:
    """Whether ``address`` is no path at all inside the portal, as no page of its own says it."""
    return bool(address) and re.match(r"/(?!/)", quote(address or "", safe="/")) is None


def begin(
    slug: str,
    browser: str,
    *,
    return_to: str | None = None,
    invitation: str | None = None,
    stepping_up: LoginSession | None = None,
) -> str:
    """Start a sign-in at this login, and give the address to send the browser to.

    ``browser`` is the secret of the browser that alone can complete it; ``invitation`` the token of an invitation to
    accept on the way; ``stepping_up`` the login in which somebody is to prove anew who she is, and no other begins.
    """
    provider = _provider(slug)
    login_id = stepping_up.id if stepping_up is not None else None
    try:
        _refuse_withdrawn(provider)
        if leads_out(return_to):
            raise SignInRefused(Why.LED_ASTRAY)
        with transaction():
            invitation_id = invitations.find(invitation).id if invitation is not None else None
        asked = stepping.asked_of(provider, stepping_up)
        return attempts.start(
            provider, browser, asked, invitation_id=invitation_id, login_id=login_id, return_to=inside(return_to)
        )
    except (SignInRefused, ProviderAway) as refusal:
        refusal.return_to = inside(return_to)
        _put_on_record(provider, refusal, is_step_up=stepping_up is not None)
        raise


def complete(
    slug: str, browser: str, answer: Answer, device: Device, *, instead_of: LoginSession | None = None
) -> SignedIn:
    """Sign in whoever the provider vouches for, if the portal knows her or has invited her; otherwise SignInRefused.

    The login ``instead_of`` of the same browser ends, unless she was only to prove anew in it who she is: then it goes
    on with another token. Every refusal is on record, with the reason and nothing of the person.
    """
    attempt, provider = None, _provider(slug)
    try:
        _refuse_withdrawn(provider)
        attempt = attempts.take(provider, browser, answer.state)
        if attempt.login_id is not None:
            return _step_up(provider, attempt, browser, answer, instead_of)
        vouched = attempts.redeem(provider, browser, answer)
        return _sign_in(provider, attempt, vouched, device, instead_of)
    except (SignInRefused, ProviderAway) as refusal:
        refusal.return_to = attempt.return_to if attempt is not None else None
        _put_on_record(provider, refusal, is_step_up=attempt is not None and attempt.login_id is not None)
        raise


def _provider(slug: str) -> IdentityProvider:
    with transaction():
        provider = registry.known(slug)
    if provider is None:
        raise NotFound(noun="identity_provider")
    return provider


def _refuse_withdrawn(provider: IdentityProvider) -> None:
    if not provider.is_enabled:
        raise SignInRefused(Why.WITHDRAWN)


def _sign_in(
    provider: IdentityProvider, attempt: LoginAttempt, vouched: Vouched, device: Device, before: LoginSession | None
) -> SignedIn:
    token = tokens.make()
    now = dt.datetime.now(dt.UTC)
    with transaction():
        registry.hold(provider, alone=attempt.invitation_id is not None)
        user = _person(provider, vouched, attempt, before)
        seen = devices.novelty(device, _devices_of(user))
        login = LoginSession(
            token_hash=tokens.digest(token),
            user_id=user.id,
            **stepping.proof(vouched),
            ends_at=stepping.until(vouched, now + dt.timedelta(hours=provider.absolute_hours)),
            idle_minutes=provider.idle_minutes,
            address=device.address,
            browser=device.browser,
            is_new_device=seen.device,
            is_new_network=seen.network,
        )
        session().add(login)
        session().flush()
        if seen.device or seen.network:
            notices.tell(NoticeKind.SIGNED_IN_NEWLY, login, [user.id], None)
        if before is not None:
            end(before, Because.SIGNED_IN_AGAIN, before.user)
        user.current_login = login.id
        audit.record(user, "login.started", login, quietly=True, provider=provider.slug, assurance=int(login.assurance))
        gave_way = end_oldest(user, provider.most_logins)
    return SignedIn(token, login, attempt.return_to, gave_way)


def _devices_of(user: User) -> list[Device]:
    """From where she has signed in so far."""
    known = portal_which(Work.SIGN_IN, LoginSession).where(LoginSession.user_id == user.id)
    rows = session().execute(known.with_only_columns(LoginSession.address, LoginSession.browser).distinct())
    return [Device(address, browser) for address, browser in rows]


def _step_up(
    provider: IdentityProvider, attempt: LoginAttempt, browser: str, answer: Answer, login: LoginSession | None
) -> SignedIn:
    """Strengthen the login of this browser by what the provider vouches for now, and give it another token."""
    held = stepping.login_of(attempt, login)
    vouched = attempts.redeem(provider, browser, answer)
    stepping.refuse_less(held, vouched)
    with transaction():
        stepping.hold(held)
        _recognise(held.user, provider, vouched)
        token = stepping.strengthen(held, vouched)
    return SignedIn(token, held, attempt.return_to, [])


def _person(provider: IdentityProvider, vouched: Vouched, attempt: LoginAttempt, before: LoginSession | None) -> User:
    """The person at (provider, issuer, subject): known, or made by an invitation accepted in this very sign-in.

    Her row is locked, and her live logins, with the one that this browser had ``before``.
    """
    hers = (User.provider_id == provider.id, User.issuer == vouched.issuer, User.subject == vouched.subject)
    # Locked: an account that is being closed lets no login in beside that.
    user: User | None = session().scalar(select(User).where(*hers).with_for_update(of=User, key_share=True))
    endings.hold(user, before)
    invitation = None
    if attempt.invitation_id is not None:
        invitation = portal_fetch(Work.SIGN_IN, Invitation, attempt.invitation_id, lock=True)
        invitations.hold(invitation)
    if user is not None:
        _recognise(user, provider, vouched)
    if invitation is not None and not invitations.has_it(user, invitation):
        user = invitations.accept(invitation, provider, vouched, user)
    if user is None:
        raise SignInRefused(Why.UNKNOWN)
    return user


def _recognise(user: User, provider: IdentityProvider, vouched: Vouched) -> None:
    """Refuse whom the portal has closed out or whose authority is not listed; flag, never re-bind, what has changed."""
    if not user.is_active:
        raise SignInRefused(accounts.why_closed(user), person_id=user.id)
    authority_id = registry.listed(provider, user.authority.code if vouched.authority is None else vouched.authority)
    if authority_id is None:
        raise SignInRefused(Why.AUTHORITY, "not on the allow-list", person_id=user.id)
    if vouched.name:
        accounts.hear_name(user, vouched.name, user.vouched_name or user.name)
        user.vouched_name = vouched.name
    user.claimed_authority_id = authority_id if authority_id != user.authority_id else None
    changed = {
        *(["authority"] if user.claimed_authority_id else []),
        *(["name"] if user.claimed_name else []),
    }
    accounts.flag(user, changed)


def _put_on_record(provider: IdentityProvider, refusal: SignInRefused | ProviderAway, *, is_step_up: bool) -> None:
    log.info("sign-in refused", extra={"provider": provider.slug, "why": refusal.why, "detail": refusal.detail})
    with transaction():
        audit.record(
            None,
            "login.step_up_refused" if is_step_up else "login.refused",
            provider,
            quietly=True,
            why=refusal.why,
            person=refusal.person_id,
        )


def prefer(user: User, language: str, time_zone: str) -> None:
    """Show the portal to ``user`` in this language, and times in this zone."""
    if claims.time_zone(time_zone) != time_zone:
        raise Invalid(gettext("There is no such time zone."), field="time_zone")
    with transaction():
        user.language, user.time_zone = language, time_zone
        audit.record(user, "user.preferred", user, quietly=True, language=language, time_zone=time_zone)
