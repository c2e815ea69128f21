"""How a login ends: by the person, by her provider, because she signed in anew, or because its time is over.

Its sockets are cut at once, and what its provider said of the person (the ID token) is kept no longer.
"""

import datetime as dt
import logging
import uuid
from collections.abc import Iterable, Sequence
from enum import StrEnum

from sqlalchemy import Select, and_, func, not_, or_, select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import NotAllowed, NotFound
from jit_portal.identity import farewells, protocols, registry, spent, tokens, trying, waiting
from jit_portal.identity.models import GLASS, Authority, IdentityProvider, User
from jit_portal.identity.refusals import ProviderAway, SignInRefused
from jit_portal.identity.scim.models import Actor
from jit_portal.identity.sessions import is_live
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.identity.vouching import Farewell
from jit_portal.policy import Work, portal_which
from jit_portal.vocabulary import May, Speaks

AT_A_TIME = 500
"""Logins that end in one transaction where the portal ends them of its own accord."""

log = logging.getLogger(__name__)


class Because(StrEnum):
    """Why a login ended."""

    SIGNED_OUT = "signed_out"
    SIGNED_IN_AGAIN = "signed_in_again"
    ENDED_ELSEWHERE = "ended_elsewhere"
    SIGNED_OUT_AT_PROVIDER = "signed_out_at_provider"
    ONE_TOO_MANY = "one_too_many"
    ENDED_BY_ADMINISTRATOR = "ended_by_administrator"
    CLOSED = "closed"
    OVER = "over"
    LOGIN_WITHDRAWN = "login_withdrawn"
    AUTHORITY_CLOSED = "authority_closed"


def end(login: LoginSession, because: Because, actor: Actor | None) -> None:
    """End one login in the open transaction, if it has not ended yet; what was kept for it is forgotten."""
    if login.ended_at is not None:
        return
    login.ended_at = dt.datetime.now(dt.UTC)
    login.ended_because = because
    login.id_token = None
    waiting.forget(login)
    audit.record(actor, "login.ended", login, because=because)


def mine(user: User) -> list[LoginSession]:
    """Her logins that are live now, the one last used first."""
    live = policy.which(user, LoginSession).where(*is_live()).order_by(LoginSession.last_seen_at.desc())
    return list(session().scalars(live))


def why_ended(token: str) -> str | None:
    """Why the login that ``token`` once opened is over, to say so in its own browser; None where none is shown."""
    login = _shown(token)
    if login is None:
        return "unknown" if token else None
    return login.ended_because or Because.OVER


def refusal_of(token: str) -> NotAllowed | None:
    """Why ``token`` is none that its browser should have: it was made up, or is from before a login's last step-up.

    None for a token that opens a login, or did until that ended, and where there is none.
    """
    if not token or _shown(token) is not None:
        return None
    renewed = portal_which(Work.SIGN_IN, LoginSession).where(LoginSession.renewed_hash == tokens.digest(token))
    login = session().scalar(renewed)
    if login is None:
        return NotAllowed(may="unknown", noun="login_session")
    return NotAllowed(may="renewed", noun="login_session", object_id=login.id)


def _shown(token: str) -> LoginSession | None:
    known = portal_which(Work.SIGN_IN, LoginSession).where(LoginSession.token_hash == tokens.digest(token))
    return session().scalar(known)


def sign_out(login: LoginSession, nonce: str) -> str | None:
    """End this login; gives the address where the browser ends it at the provider too, where that can be.

    By ``nonce`` the browser knows the answer again that it brings back from there.
    """
    id_token, provider = login.id_token, login.user.provider
    with transaction():
        end(login, Because.SIGNED_OUT, login.user)
    try:
        return protocols.client(provider).farewell_address(
            id_token, provider_session=login.provider_session, nonce=nonce
        )
    except ProviderAway:
        return None


def is_confirmed(provider: IdentityProvider, said: str, nonce: str | None) -> bool:
    """Whether a login that speaks SAML confirms that the sign-in which the browser left to end has ended there too.

    Here it ended before, whatever the login says. What nobody in this browser waits for is not put on record.
    """
    try:
        protocols.saml(provider).check_parting(said, nonce)
    except (SignInRefused, ProviderAway) as refusal:
        if nonce is not None:
            with transaction():
                audit.record(None, "login.end_unconfirmed", provider, quietly=True, why=refusal.why)
            log.warning("sign-out not confirmed", extra={"provider": provider.slug, "detail": refusal.detail})
        return False
    return True


def end_one(user: User, login_id: uuid.UUID) -> None:
    """End one of her own logins; another than the one she uses asks for a step-up itself.

    Else whoever has stolen a cookie could throw its owner out.
    """
    with transaction():
        login = policy.fetch(user, LoginSession, login_id, lock=True)
        if login.id != user.current_login:
            policy.require(user, May.END_OWN_LOGIN, login)
        end(login, Because.ENDED_ELSEWHERE, user)


def end_others(user: User) -> int:
    """End all her logins but the one she uses; says how many, and asks for a step-up itself where there are any."""
    with transaction():
        others = [login for login in mine(user) if login.id != user.current_login]
        for login in others[:1]:
            policy.require(user, May.END_OWN_LOGIN, login)
        return _end_all(_locked_again(others), Because.ENDED_ELSEWHERE, user)


def end_all(person: User, because: Because = Because.CLOSED, *, actor: Actor | None = None) -> int:
    """End every login of ``person``, for whoever closes her account or country."""
    live = portal_which(Work.SIGN_IN, LoginSession).where(LoginSession.user_id == person.id, *is_live())
    with transaction():
        return _end_all(locked(live), because, actor)


def end_in_turns(logins: Select[LoginSession], because: Because, actor: Actor | None) -> int:
    """End those of these logins that have begun by now, a few at a time, each few in a transaction of their own; says
    how many.

    However many they are, the first end at once, and nobody's acts wait for the record longer than a few take.
    """
    begun = LoginSession.started_at <= session().scalars(select(func.clock_timestamp())).one()
    few, ended = logins.where(begun).limit(AT_A_TIME), 0
    while True:
        with transaction():
            ending = _end_all(locked(few), because, actor)
        ended += ending
        if ending < AT_A_TIME:
            return ended


def end_all_of(provider: IdentityProvider, actor: User | None) -> int:
    """End every login of whoever signed in by ``provider``, once it is withdrawn; says how many.

    Hers who withdraws it too: at a login that is believed no longer, nobody knows who she is.
    """
    return end_in_turns(logins_of(provider), Because.LOGIN_WITHDRAWN, actor)


def end_shut_out(provider: IdentityProvider, actor: User | None) -> int:
    """End the logins of whomever ``provider`` lets in no longer, once its row is changed; says how many."""
    ended = 0 if provider.is_enabled else end_all_of(provider, actor)
    closed = select(Authority.id).where(Authority.provider_id == provider.id, Authority.closed_at.is_not(None))
    theirs = logins_of(provider).where(func.coalesce(User.claimed_authority_id, User.authority_id).in_(closed))
    return ended + end_in_turns(theirs, Because.AUTHORITY_CLOSED, actor)


def locked(logins: Select[LoginSession]) -> Sequence[LoginSession]:
    """These logins at once and in one order, before anything is put on record: so nobody who ends several waits for
    another who does.
    """
    locking = (
        logins.order_by(None)
        .order_by(LoginSession.id)
        .with_for_update(of=LoginSession)
        .execution_options(populate_existing=True)
    )
    return session().scalars(locking).unique().all()


def hold(user: User | None, before: LoginSession | None) -> None:
    """Lock what a sign-in may end, in the order of all ends: her live logins, and the one of this browser before."""
    known = portal_which(Work.SIGN_IN, LoginSession)
    hers = and_(LoginSession.user_id == (user.id if user else None), *is_live())
    locked(known.where(or_(hers, LoginSession.id == (before.id if before else None))))


def hold_of(people: Iterable[User]) -> None:
    """Lock the live logins of people whose rows are locked, before anything about the first of them is on record."""
    ids = [person.id for person in people]
    locked(portal_which(Work.SIGN_IN, LoginSession).where(LoginSession.user_id.in_(ids), *is_live()))


def _locked_again(logins: Iterable[LoginSession]) -> Sequence[LoginSession]:
    ids = [login.id for login in logins]
    return locked(portal_which(Work.SIGN_IN, LoginSession).where(LoginSession.id.in_(ids)))


def live_logins(provider: IdentityProvider) -> int:
    """How many ``end_all_of`` would end now."""
    return session().scalar(logins_of(provider).with_only_columns(func.count())) or 0


def logins_of(provider: IdentityProvider) -> Select[LoginSession]:
    """The logins of this provider's people that are live now, for whoever closes it."""
    theirs = portal_which(Work.SIGN_IN, LoginSession).join(LoginSession.user)
    return theirs.where(User.provider_id == provider.id, *is_live())


def end_oldest(user: User, most: int) -> list[LoginSession]:
    """End her oldest logins until no more than ``most`` are live, in the open transaction; gives those that ended."""
    live = portal_which(Work.SIGN_IN, LoginSession).where(LoginSession.user_id == user.id, *is_live())
    newest_first = live.order_by(LoginSession.started_at.desc(), LoginSession.id)
    too_many = list(session().scalars(newest_first.offset(most)))
    _end_all(_locked_again(too_many), Because.ONE_TOO_MANY, user)
    return too_many


def end_what_is_over() -> int:
    """End the logins that were idle or lasted as long as they may, a few at a time; says how many.

    Of those whose national login or authority is closed, too, should whoever closed it not have come to all of them.
    """
    is_over = (LoginSession.ended_at.is_(None), not_(and_(*is_live())))
    over = portal_which(Work.SIGN_IN, LoginSession).where(*is_over).limit(AT_A_TIME)
    ended = 0
    while True:
        with transaction():
            ending = session().scalars(over.with_for_update(of=LoginSession, skip_locked=True)).unique().all()
            ended += _end_all(ending, Because.OVER, None)
        if len(ending) < AT_A_TIME:
            break
    providers = session().scalars(select(IdentityProvider).where(IdentityProvider.slug != GLASS)).unique().all()
    return ended + sum(end_shut_out(provider, None) for provider in providers)


def _end_all(logins: Iterable[LoginSession], because: Because, actor: Actor | None) -> int:
    ended = 0
    for login in logins:
        end(login, because, actor)
        ended += 1
    return ended


def hear(slug: str, said: str, speaks: Speaks) -> tuple[IdentityProvider, Farewell, bool]:
    """End what the provider says is over, by its logout token or its request for logout, which works once.

    Says, too, whether anybody was known by it. A provider that was withdrawn is answered as ever, though nobody is
    signed in by it any more. One that ``speaks`` otherwise is not.
    """
    with transaction():
        provider = registry.known(slug)
    if provider is None or provider.protocol != speaks:
        raise NotFound(noun="identity_provider")
    try:
        farewell = protocols.client(provider).farewell(said)
        is_known = _part(provider, farewell)
    except (SignInRefused, ProviderAway) as refusal:
        with transaction():
            trying.misheard(provider, refusal)
            audit.record(None, "login.end_refused", provider, quietly=True, why=refusal.why)
        raise
    return provider, farewell, is_known


def _part(provider: IdentityProvider, farewell: Farewell) -> bool:
    with transaction():
        spent.spend(provider, farewell.token_id, farewell.expires_at + provider.leeway)
        tests = trying.concerned(provider, farewell)
        theirs = portal_which(Work.SIGN_IN, LoginSession).join(LoginSession.user)
        theirs = theirs.where(User.provider_id == provider.id, User.issuer == provider.issuer)
        if farewell.subject is not None:
            theirs = theirs.where(User.subject == farewell.subject)
        live = _locked_again(farewells.meant(theirs.where(*is_live()), LoginSession, farewell))
        trying.heard(provider, tests)
        _end_all(live, Because.SIGNED_OUT_AT_PROVIDER, None)
        # Whoever is known, but idled out before, is signed out as was asked.
        return bool(tests or live or farewells.meant(theirs, LoginSession, farewell))
