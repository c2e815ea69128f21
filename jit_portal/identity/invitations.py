"""Invitations: the only way a person comes into being, and how one known already joins something more."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotAllowed, NotFound
from jit_portal.identity import tokens
from jit_portal.identity.models import Authority, IdentityProvider, Invitation, User
from jit_portal.identity.oidc import Vouched
from jit_portal.identity.refusals import SignInRefused, Why
from jit_portal.policy import Work, portal_fetch, portal_which
from jit_portal.policy.person import NOW
from jit_portal.vocabulary import Duty
from jit_portal.wording import gettext

VALID_FOR = dt.timedelta(days=7)
ON_ACCEPT: list[Callable[[User, Invitation], None]] = []
"""What other packages do, in the same transaction, when a person accepts an invitation: they read its offer."""


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

    People invite through their own national login only, operators through every one; ``actor`` None is the portal.
    Whether the actor may offer that membership is the caller's to ask.
    """
    if actor is not None and actor.provider_id != authority.provider_id and actor.duty != Duty.OPERATOR:
        raise NotAllowed(noun="invitation")
    if actor is not None and duty is not None and actor.duty != Duty.OPERATOR:
        raise NotAllowed(noun="invitation")
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
        audit.record(actor, "invitation.sent", invitation, quietly=True, authority=authority.code)
    return invitation, token


def revoke(actor: User, invitation: Invitation) -> None:
    """Take back an invitation of one's own that nobody has used."""
    if invitation.invited_by_id != actor.id:
        raise NotFound(noun="invitation", object_id=invitation.id)
    with transaction():
        held = portal_fetch(Work.SIGN_IN, Invitation, invitation.id, lock=True)
        if held.used_at is None and held.revoked_at is None:
            held.revoked_at = dt.datetime.now(dt.UTC)
            audit.record(actor, "invitation.revoked", held, quietly=True)


def find(token: str) -> Invitation:
    """The invitation that ``token`` opens, if it can still be accepted; SignInRefused otherwise."""
    live = portal_which(Work.SIGN_IN, Invitation).where(
        Invitation.token_hash == tokens.digest(token),
        Invitation.used_at.is_(None),
        Invitation.revoked_at.is_(None),
        Invitation.expires_at > NOW,
    )
    invitation = session().scalar(live)
    if invitation is None:
        raise SignInRefused(Why.INVITATION, "not live")
    return invitation


def inviter(invitation: Invitation) -> User | None:
    """Who sent it; None for the portal itself."""
    return session().scalar(select(User).where(User.id == invitation.invited_by_id))


def accept(invitation: Invitation, provider: IdentityProvider, vouched: Vouched, user: User | None) -> User:
    """Use up a locked invitation for whoever the provider vouches for; makes the person if she is not known yet."""
    _check(invitation, provider, vouched)
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
    if invitation.subject is not None and invitation.subject != vouched.subject:
        raise SignInRefused(Why.INVITATION, "another person")


def _new(invitation: Invitation, vouched: Vouched) -> User:
    person = User(
        provider_id=invitation.provider_id,
        issuer=vouched.issuer,
        subject=vouched.subject,
        authority_id=invitation.authority_id,
        name=vouched.name or invitation.name,
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
