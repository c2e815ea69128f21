"""Invitations: the only way a person comes into being, and how one known already joins something more."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotAllowed, Refused
from jit_portal.identity import registry, tokens
from jit_portal.identity.models import GLASS, Authority, IdentityProvider, Invitation, User
from jit_portal.identity.refusals import SignInRefused, Why
from jit_portal.identity.scim import service as scim
from jit_portal.identity.vouching import Vouched
from jit_portal.policy import Work, portal_which
from jit_portal.policy.person import NOW
from jit_portal.vocabulary import Duty, May
from jit_portal.wording import gettext

VALID_FOR = dt.timedelta(days=7)
ON_ACCEPT: list[Callable[[User, Invitation], None]] = []
"""What other packages do, in the same transaction, when a person accepts an invitation: they read its offer."""
ON_HOLD: list[Callable[[Invitation], None]] = []
"""What they lock for that, before anything is put on record."""


def invite(
    actor: User | None,
    authority: Authority,
    name: str,
    *,
    subject: str | None = None,
    duty: Duty | None = None,
    membership_offer: dict[str, Any] | None = None,
) -> tuple[Invitation, str]:
    """Ask one person of ``authority`` in; the token goes into the address she is sent, and is stored as a hash.

    ``actor`` None is the portal. An offer is made through one's own national login only; whether the actor may offer
    that membership is the caller's to ask.
    """
    if membership_offer is None:
        _require(actor, authority, duty)
    elif actor is not None and (actor.provider_id != authority.provider_id or duty is not None):
        raise NotAllowed(noun="invitation")
    if authority.closed_at is not None:
        raise Refused(gettext("%(authority)s is on its national login's list no longer.", authority=authority.name))
    if not name.strip():
        raise Invalid(gettext("Say whom you invite."), field="name")
    token = tokens.make()
    with transaction():
        invitation = Invitation(
            token_hash=tokens.digest(token),
            provider_id=authority.provider_id,
            authority_id=authority.id,
            subject=subject,
            name=name.strip(),
            duty=duty,
            invited_by_id=actor.id if actor else None,
            membership_offer=membership_offer,
            expires_at=dt.datetime.now(dt.UTC) + VALID_FOR,
        )
        session().add(invitation)
        audit.record(actor, "invitation.sent", invitation, quietly=True, authority=authority.code, duty=duty)
    return invitation, token


def _asked_of(duty: Duty | None) -> May:
    return May.INVITE if duty is None else May.APPOINT


def _require(actor: User | None, authority: Authority, duty: Duty | None) -> None:
    if actor is not None:
        policy.require(actor, _asked_of(duty), authority)


def authorities(actor: User) -> Sequence[Authority]:
    """Those whose people she may ask in, by name."""
    hers = policy.which(actor, Authority, May.INVITE)
    return session().scalars(hers.order_by(Authority.name, Authority.code)).unique().all()


def ask_in(actor: User, authority: Authority, name: str, *, subject: str | None = None) -> tuple[Invitation, str]:
    """Ask somebody of the administrator's country in, to an account alone: leaders can then let her into a JIT.

    Refused while an invitation of that name and authority is open, as after a double click, and to whom has one.
    """
    _require(actor, authority, None)
    with transaction():
        # One after the other: of two clicks the second finds the first one's invitation.
        session().execute(select(User.id).where(User.id == actor.id).with_for_update(key_share=True))
        _refuse_known(authority, subject)
        _refuse_second(actor, authority, name)
        return invite(actor, authority, name, subject=subject)


def _refuse_known(authority: Authority, subject: str | None) -> None:
    hers = select(User).where(User.provider_id == authority.provider_id, User.subject == subject)
    known = session().scalar(hers) if subject else None
    if known is not None:
        raise Refused(gettext("%(person)s has an account already.", person=known.name))


def _refuse_second(actor: User, authority: Authority, name: str) -> None:
    for each in open_ones(actor):
        if (each.name.casefold(), each.authority_id) == (name.strip().casefold(), authority.id):
            said = gettext(
                "An invitation of %(name)s is open already. If its address is lost, take it back under People "
                "and make another.",
                name=each.name,
            )
            raise Refused(said)


def appoint(
    actor: User | None, authority: Authority, name: str, duty: Duty, *, subject: str | None = None
) -> tuple[Invitation, str]:
    """Ask in whoever is to have a duty for the portal. While it has no operator, the portal asks in its first ones."""
    if actor is None and (duty != Duty.OPERATOR or _has_operator()):
        raise Refused(gettext("Only an operator gives somebody a duty: say which one you are."))
    return invite(actor, authority, name, subject=subject, duty=duty)


def _has_operator() -> bool:
    """Whoever breaks the glass is none: a portal has such accounts before its first operator, or after its last."""
    active = exists().where(User.duty == Duty.OPERATOR, User.deactivated_at.is_(None))
    signs_in = active.where(IdentityProvider.id == User.provider_id, IdentityProvider.slug != GLASS)
    return bool(session().scalar(select(signs_in)))


def revoke(actor: User, invitation: Invitation) -> None:
    """Take back an invitation that nobody has used: one's own, or one that one looks after."""
    with transaction():
        held = policy.fetch(actor, Invitation, invitation.id, lock=True)
        if held.used_at is not None:
            raise Refused(gettext("The invitation of %(name)s is accepted already.", name=held.name))
        if held.revoked_at is None:
            held.revoked_at = dt.datetime.now(dt.UTC)
            audit.record(actor, "invitation.revoked", held, quietly=True)


def is_open() -> tuple[ColumnElement[bool], ...]:
    """What must hold of an invitation for it still to be accepted."""
    return (Invitation.used_at.is_(None), Invitation.revoked_at.is_(None), Invitation.expires_at > NOW)


def open_ones(actor: User) -> Sequence[Invitation]:
    """The open invitations that she looks after and that are into no JIT, the newest first."""
    alone = Invitation.membership_offer["workspace"].astext.is_(None)
    hers = policy.which(actor, Invitation).where(alone, *is_open())
    return session().scalars(hers.order_by(Invitation.created_at.desc())).unique().all()


def find(token: str) -> Invitation:
    """The invitation that ``token`` opens, if it can still be accepted; SignInRefused otherwise."""
    its = Invitation.token_hash == tokens.digest(token)
    invitation = session().scalar(portal_which(Work.SIGN_IN, Invitation).where(its, *is_open()))
    if invitation is None:
        raise SignInRefused(Why.INVITATION, "not live")
    return invitation


def opened(token: str) -> Invitation:
    """The invitation whose address somebody opens; that one was opened which is dead, or never was, is on record."""
    try:
        return find(token)
    except SignInRefused as refusal:
        its = portal_which(Work.SIGN_IN, Invitation).where(Invitation.token_hash == tokens.digest(token))
        dead = session().scalar(its)
        refusal.may = _why_dead(dead)
        audit.refused(None, "invitation.open", dead, refusal)
        raise


def _why_dead(invitation: Invitation | None) -> str:
    if invitation is None:
        return "unknown"
    return "used" if invitation.used_at else "taken_back" if invitation.revoked_at else "over"


def inviter(invitation: Invitation) -> User | None:
    """Who sent it; None for the portal itself."""
    return session().scalar(select(User).where(User.id == invitation.invited_by_id))


def hold(invitation: Invitation) -> None:
    """Lock what accepting a locked invitation changes, before anything is put on record."""
    for lock in ON_HOLD:
        lock(invitation)


def has_it(user: User | None, invitation: Invitation) -> bool:
    """Whether somebody has what it gives already: to an account alone it is then left for whom it is meant."""
    gives_more = invitation.membership_offer is not None or invitation.duty is not None
    return user is not None and (invitation.used_by_id == user.id or not gives_more)


def accept(invitation: Invitation, provider: IdentityProvider, vouched: Vouched, user: User | None) -> User:
    """Use up a locked invitation for whoever the provider vouches for; makes the person if she is not known yet."""
    _check(invitation, provider, vouched)
    if user is not None and user.authority_id != invitation.authority_id:
        raise SignInRefused(Why.INVITATION, "of another authority", person_id=user.id)
    if user is not None and invitation.duty is not None:
        raise SignInRefused(Why.INVITATION, "a duty comes with a new account only", person_id=user.id)
    if user is None and scim.refuses(provider, vouched.issuer, vouched.subject):
        raise SignInRefused(Why.DEACTIVATED, "not active in the directory")
    person = user or _new(invitation, vouched)
    invitation.used_at = dt.datetime.now(dt.UTC)
    invitation.used_by_id = person.id
    audit.record(person, "invitation.accepted", invitation, quietly=True)
    for join in ON_ACCEPT:
        join(person, invitation)
    return person


def _check(invitation: Invitation, provider: IdentityProvider, vouched: Vouched) -> None:
    is_live = (
        invitation.used_at is None and invitation.revoked_at is None and invitation.expires_at > dt.datetime.now(dt.UTC)
    )
    if not is_live:
        raise SignInRefused(Why.INVITATION, "not live")
    if invitation.provider_id != provider.id or vouched.authority not in (None, invitation.authority.code):
        raise SignInRefused(Why.INVITATION, "another login or authority")
    if registry.listed(provider, invitation.authority.code) is None:
        raise SignInRefused(Why.AUTHORITY, "not on the allow-list")
    if invitation.subject is not None and invitation.subject != vouched.subject:
        raise SignInRefused(Why.INVITATION, "another person")
    sender = inviter(invitation)
    is_alone = invitation.membership_offer is None
    if is_alone and sender is not None and not policy.may(sender, _asked_of(invitation.duty), invitation.authority):
        raise SignInRefused(Why.INVITATION, "who sent it may not invite any more")
    if sender is None and invitation.duty is not None:
        # Locked: of two that are accepted at once, the second finds the operator that the first has made.
        session().execute(select(func.pg_advisory_xact_lock(func.hashtextextended("first operator", 0))))
        if _has_operator():
            raise SignInRefused(Why.INVITATION, "there is an operator, who invites the others")


def _new(invitation: Invitation, vouched: Vouched) -> User:
    person = User(
        provider_id=invitation.provider_id,
        issuer=vouched.issuer,
        subject=vouched.subject,
        authority_id=invitation.authority_id,
        name=vouched.name or invitation.name,
        vouched_name=vouched.name or None,
        title=vouched.title,
        email=vouched.email,
        language=vouched.language,
        time_zone=vouched.time_zone,
        duty=invitation.duty,
    )
    session().add(person)
    session().flush()
    session().refresh(person)
    audit.record(person, "user.created", person, quietly=True, invitation=invitation.id)
    return person
