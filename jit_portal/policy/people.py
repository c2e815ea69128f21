"""Whom a country's administrator asks in, what she sees of its people and does to their accounts, and what an operator
does.

Neither sees content: of a person's teams the administrator learns a number, and an operator nothing at all.
"""

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from jit_portal.database import session
from jit_portal.identity.models import GLASS, Authority, IdentityProvider, Invitation, User
from jit_portal.identity.scim.models import ProposedClosing
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.policy.asking import Ground, protect, rule, which, who
from jit_portal.policy.person import Conditions, breaks_glass, leads_for, live, person
from jit_portal.vocabulary import BODIES, Duty, May
from jit_portal.workspaces.models import Membership

_is_operator = person.duty == Duty.OPERATOR
_is_administrator = person.duty == Duty.NATIONAL_ADMINISTRATOR


def of_one_country(one: Any, other: Any) -> ColumnElement[bool]:
    """Both sign in with logins of the same country; of the bodies, each is known by its own login alone."""
    ones, others = (aliased(IdentityProvider, name=name) for name in ("login_of_one", "login_of_other"))
    is_same = and_(ones.country == others.country, ones.kind == others.kind, ones.kind.not_in(BODIES))
    return (
        exists()
        .where(ones.id == one.provider_id, others.id == other.provider_id, or_(ones.id == others.id, is_same))
        .correlate_except(ones, others)
    )


_active = person.deactivated_at.is_(None)
_own_people = and_(_is_administrator, of_one_country(person, User))
without_duty = User.duty.is_(None)

# Names of people stand on many pages: guarded is what is done to their accounts, not that they are read.
protect(User, Ground(gates={"active": _active}), is_guarded=False)


@rule(User, May.SEE, May.END_LOGINS)
def sees_person() -> Conditions:
    return {"own_people_or_operator": or_(_own_people, _is_operator)}


@rule(User, May.READ)
def reads_account() -> Conditions:
    """What is asked of an account beyond that it is there: the flags on it, its teams in number, whether it is due."""
    return {"own_people": _own_people}


@rule(User, May.ACCEPT_CLAIMS)
def accepts_claims() -> Conditions:
    return {"own_people": _own_people, "flagged": User.flagged.is_not(None), "another": User.id != person.id}


def _at_login(of: Any) -> ColumnElement[bool]:
    """No account for when the national logins are down: those are made and closed on the server."""
    glass = aliased(IdentityProvider, name="glass")
    return ~exists().where(glass.id == of.provider_id, glass.slug == GLASS).correlate_except(glass)


def _login_open(of: Any) -> ColumnElement[bool]:
    """People may sign in by it; by the row of whoever breaks the glass nobody ever does."""
    opened = aliased(IdentityProvider, name="opened")
    return exists().where(opened.id == of.provider_id, opened.is_enabled).correlate_except(opened)


def authority_closed_at(of: Any) -> ColumnElement[Any]:
    """When the agency was closed that somebody's login last said she is of: by it nobody is let in any more."""
    hers = aliased(Authority, name="hers")
    closed = select(hers.closed_at).where(hers.id == func.coalesce(of.claimed_authority_id, of.authority_id))
    return closed.correlate_except(hers).scalar_subquery()


def let_in(of: Any) -> ColumnElement[bool]:
    """Her national login is open, and lets people of her authority in."""
    return and_(_login_open(of), authority_closed_at(of).is_(None))


def may_be_signed_in(of: Any) -> ColumnElement[bool]:
    """By a national login that was withdrawn, or for an authority that it lets in no more, nobody is signed in, even
    before each sign-in has ended on record.
    """
    return or_(let_in(of), ~_at_login(of))


def _another_operator() -> ColumnElement[bool]:
    """Beside the person in question an operator is there who signs in."""
    other = aliased(User, name="other_operator")
    left = exists().where(
        other.duty == Duty.OPERATOR, other.deactivated_at.is_(None), other.id != User.id, let_in(other)
    )
    return left.correlate_except(other)


def _is_administered(someone: Any) -> ColumnElement[bool]:
    other = aliased(User, name="administrator")
    administers = and_(other.duty == Duty.NATIONAL_ADMINISTRATOR, other.deactivated_at.is_(None))
    return exists().where(administers, of_one_country(other, someone), let_in(other)).correlate_except(other)


_minds = and_(without_duty, or_(_own_people, and_(_is_operator, ~_is_administered(User))))
_is_operator_left = or_(User.duty != Duty.OPERATOR, _another_operator())
_minds_duty = and_(_is_operator, User.duty.is_not(None), User.id != person.id, _at_login(User))


@rule(User, May.CONFIRM)
def confirms() -> Conditions:
    """The country's administrator; where there is none, an operator."""
    return {"minded": _minds, "open": User.deactivated_at.is_(None)}


@rule(User, May.DEACTIVATE)
def deactivates() -> Conditions:
    """Of whoever has a duty, an operator; never herself, and never the last operator."""
    return {
        "minded": or_(_minds, and_(_minds_duty, _is_operator_left)),
        "open": User.deactivated_at.is_(None),
    }


@rule(User, May.REACTIVATE)
def reactivates() -> Conditions:
    """Of whoever has a duty, an operator; by break-glass only where no operator is there who signs in."""
    is_hers = and_(_minds_duty, or_(~breaks_glass, ~_another_operator()))
    return {"minded": or_(_minds, is_hers), "closed": User.deactivated_at.is_not(None)}


@rule(User, May.DECIDE_CLOSING)
def decides_closing() -> Conditions:
    """Whether an account closes that its country's directory would close among too many others, or that has a duty.

    Never her own: who minds accounts without a duty has one, and accounts with one are minded by another.
    """
    waits = exists().where(ProposedClosing.user_id == User.id, ProposedClosing.decided_at.is_(None))
    return {
        "minded": or_(and_(without_duty, or_(_own_people, _is_operator)), and_(_minds_duty, _is_operator_left)),
        "waits": waits.correlate_except(ProposedClosing),
    }


@rule(LoginSession, May.END_LOGINS)
def ends_logins() -> Conditions:
    whose = aliased(User, name="whose")
    own = and_(_is_administrator, of_one_country(person, whose))
    theirs = exists().where(whose.id == LoginSession.user_id, or_(own, _is_operator)).correlate_except(whose)
    return {"active": _active, "own_people_or_operator": theirs}


# Authorities stand on many pages by name: a rule is only who asks people of theirs into the portal.
protect(Authority, Ground(gates={"active": _active}), is_guarded=False)


_is_listed = Authority.closed_at.is_(None)
_own_authority = and_(_is_administrator, of_one_country(person, Authority))


@rule(Authority, May.SEE)
def sees_authority() -> Conditions:
    return {"own_people_or_operator": or_(_own_authority, _is_operator)}


@rule(Authority, May.INVITE)
def invites_to_account() -> Conditions:
    """To an account and no further: into a JIT those invite whom its agreement lets."""
    return {"own_people": _own_authority, "login_open": _login_open(Authority), "listed": _is_listed}


@rule(Authority, May.APPOINT)
def appoints() -> Conditions:
    """Who is to have a duty for the portal, in whatever country, is asked in by whoever runs it."""
    return {"operator": _is_operator, "login_open": _login_open(Authority), "listed": _is_listed}


protect(Invitation, Ground(gates={"active": _active}))


@rule(Invitation, May.SEE)
def sees_invitation() -> Conditions:
    """Her own; an administrator's also every one that gives her country's people an account and nothing more, and an
    operator's every one that gives a duty.
    """
    account_alone = and_(Invitation.membership_offer["workspace"].astext.is_(None), Invitation.duty.is_(None))
    own_people = and_(_is_administrator, account_alone, of_one_country(person, Invitation))
    to_a_duty = and_(_is_operator, Invitation.duty.is_not(None))
    return {"yours_or_looked_after": or_(Invitation.invited_by_id == person.id, own_people, to_a_duty)}


def seats(user: User, people: Iterable[uuid.UUID]) -> Select[uuid.UUID, int]:
    """In how many teams each of these people is now, for whoever reads their accounts: never in which."""
    read = which(user, User, May.READ).where(User.id.in_(list(people))).with_only_columns(User.id)
    counted = select(Membership.user_id, func.count()).where(
        Membership.user_id.in_(read.execution_options(policy=True)), live(Membership.live_from, Membership.live_until)
    )
    return counted.group_by(Membership.user_id).execution_options(policy=True)


def on_former_authority(someone: User) -> Select[Membership]:
    """Her live memberships that began with another authority than hers is now; the portal asks, to tell leaders."""
    hers = (Membership.user_id == someone.id, Membership.authority_id != someone.authority_id)
    found = select(Membership).where(*hers, live(Membership.live_from, Membership.live_until))
    return found.execution_options(policy=True)


def answering_for(member: Membership) -> set[uuid.UUID]:
    """The others who lead its party there now; where nobody else does, those who may end it."""
    other = aliased(Membership)
    leading = select(other.user_id).join(User, User.id == other.user_id)
    leading = leading.where(
        other.workspace_id == member.workspace_id,
        other.party_id == member.party_id,
        leads_for(other),
        live(other.live_from, other.live_until),
        without_duty,
        User.deactivated_at.is_(None),
    )
    others = set(session().scalars(leading.execution_options(policy=True))) - {member.user_id}
    ending = who(member, May.END_MEMBERSHIP).with_only_columns(person.id)
    return others or set(session().scalars(ending)) - {member.user_id}


def administrators_of(someone: User) -> Select[uuid.UUID]:
    """The active administrators of a person's country, but herself."""
    other = aliased(User)
    found = select(other.id).join(User, User.id == someone.id)
    return found.where(
        other.duty == Duty.NATIONAL_ADMINISTRATOR,
        other.deactivated_at.is_(None),
        other.id != User.id,
        of_one_country(other, User),
    )
