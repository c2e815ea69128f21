"""Who sees a JIT and its agreement, and who drafts and signs it."""

import uuid

from sqlalchemy import ColumnElement, Select, and_, exists, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, aliased

from jit_portal.database import session
from jit_portal.errors import NotAllowed
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.jits.models import Agreement, AgreementParty, AgreementPerson, Jit, Party
from jit_portal.policy.asking import Ground, holds, joined, protect, rule
from jit_portal.policy.person import NOW, Conditions, account_active, live, person
from jit_portal.vocabulary import AgreementDuty, AgreementState, May, PartyKind, Role
from jit_portal.workspaces.models import Membership


def _signed() -> ColumnElement[bool]:
    return (
        exists().where(Agreement.jit_id == Jit.id, Agreement.state == AgreementState.SIGNED).correlate_except(Agreement)
    )


def named_in_draft(*duties: AgreementDuty, jit_id: InstrumentedAttribute[uuid.UUID] = Jit.id) -> ColumnElement[bool]:
    """A draft of this JIT's agreement names the person."""
    return (
        exists()
        .where(
            Agreement.jit_id == jit_id,
            Agreement.state == AgreementState.DRAFT,
            AgreementPerson.agreement_id == Agreement.id,
            AgreementPerson.user_id == person.id,
            AgreementPerson.duty.in_(duties or tuple(AgreementDuty)),
        )
        .correlate_except(Agreement, AgreementPerson)
    )


def _named_and_not_begun() -> ColumnElement[bool]:
    """A signed version whose first day is still to come names the person: there is nothing yet to be a member of."""
    return (
        exists()
        .where(
            Agreement.jit_id == Jit.id,
            Agreement.state == AgreementState.SIGNED,
            Agreement.in_force_from > NOW,
            AgreementPerson.agreement_id == Agreement.id,
            AgreementPerson.user_id == person.id,
        )
        .correlate_except(Agreement, AgreementPerson)
    )


def _live_member(*roles: Role) -> ColumnElement[bool]:
    """A live membership for a party that has not left; who only keeps a view of its own exhibits is no member here."""
    its_party = aliased(Party, name="its_party")
    return (
        exists()
        .where(
            its_party.jit_id == Jit.id,
            live(its_party.live_from, its_party.live_until),
            Membership.party_id == its_party.id,
            Membership.user_id == person.id,
            Membership.role.in_(roles or tuple(Role)),
            live(Membership.live_from, Membership.live_until),
        )
        .correlate_except(its_party, Membership)
    )


_drafter = and_(Jit.created_by_id == person.id, not_(_signed()))
_sees_jit = or_(_drafter, named_in_draft(), _named_and_not_begun(), _live_member())
_PERSON: Conditions = {"account_active": account_active}

protect(Jit, Ground(gates=_PERSON))


@rule(Jit, May.SEE)
def sees_jit() -> Conditions:
    return {"party_to_it": _sees_jit}


_begins = and_(
    account_active,
    exists()
    .where(IdentityProvider.id == person.provider_id, IdentityProvider.kind == PartyKind.MEMBER_STATE)
    .correlate_except(IdentityProvider),
)


def may_begin(user: User) -> bool:
    """Whether she may draft a new JIT: a person of a member state without a duty for the installation."""
    return session().scalar(select(_begins).select_from(person).where(person.id == user.id)) is True


def require_begin(user: User) -> None:
    """Go on only if she may draft a new JIT."""
    if not may_begin(user):
        raise NotAllowed(may=May.AMEND, noun="jit")


@rule(Jit, May.AMEND)
def amends() -> Conditions:
    """Whoever drafts it before the first signature; leaders whom a draft names; live leaders."""
    return {"leads_or_drafts": or_(_drafter, named_in_draft(AgreementDuty.LEADER), _live_member(Role.LEADER))}


protect(Agreement, Ground(path=((Jit, Jit.id == Agreement.jit_id),), gates=_PERSON))


@rule(Agreement, May.SEE)
def sees_agreement() -> Conditions:
    """A draft is seen by those who draft it or whom it names; a signed version by every live member too."""
    signed = Agreement.state == AgreementState.SIGNED
    members = and_(signed, or_(_live_member(), _named_and_not_begun()))
    return {"party_to_it": or_(_drafter, named_in_draft(), _live_member(Role.LEADER), members)}


@rule(Agreement, May.AMEND)
def amends_agreement() -> Conditions:
    return {**amends(), "is_draft": Agreement.state == AgreementState.DRAFT}


@rule(Agreement, May.SIGN)
def records_signature() -> Conditions:
    """For which of the parties is a question of its own: ``signs_for``."""
    return {**amends(), "is_draft": Agreement.state == AgreementState.DRAFT}


def _leads_now(who: ColumnElement[bool]) -> ColumnElement[bool]:
    led = aliased(Party, name="led")
    return (
        exists()
        .where(
            led.id == AgreementParty.party_id,
            live(led.live_from, led.live_until),
            Membership.party_id == led.id,
            Membership.role == Role.LEADER,
            live(Membership.live_from, Membership.live_until),
            who,
        )
        .correlate_except(led, Membership)
    )


def _named_leader_of_it(who: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        exists()
        .where(
            AgreementPerson.agreement_id == Agreement.id,
            AgreementPerson.party_id == AgreementParty.party_id,
            AgreementPerson.duty == AgreementDuty.LEADER,
            who,
        )
        .correlate_except(AgreementPerson)
    )


# Of the first version, whoever drafts it records every signature of the document: nothing of anybody is in the JIT yet.
# Later a party's signature is recorded by who leads it now, a new one's by whom the draft names for it, and only a body
# without leaders leaves it to the others: nobody puts words into the mouth of a country by naming other leaders for it.
_leaderless = not_(_leads_now(true()))
_signs_for = or_(
    _drafter,
    _leads_now(Membership.user_id == person.id),
    and_(_leaderless, _named_leader_of_it(AgreementPerson.user_id == person.id)),
    and_(_leaderless, not_(_named_leader_of_it(true()))),
)


def party_at(jit_id: uuid.UUID, provider_id: uuid.UUID) -> Party | None:
    """The party of a JIT whose people sign in there; for those who may write its agreement."""
    found = select(Party).where(Party.jit_id == jit_id, Party.provider_id == provider_id)
    return session().scalar(found.execution_options(policy=True))


def awaited(user: User) -> Select[uuid.UUID, uuid.UUID]:
    """The drafts (id) and parties (id) whose signature, recorded or not, she may record."""
    named = joined(select(Agreement.id, AgreementParty.party_id), Agreement)
    named = named.join(AgreementParty, AgreementParty.agreement_id == Agreement.id)
    named = named.where(person.id == user.id, holds(Agreement, May.SIGN), _signs_for)
    return named.execution_options(policy=True)


def signs_for(user: User, agreement: Agreement) -> frozenset[uuid.UUID]:
    """The parties whose signature under this draft she may record."""
    return frozenset(party for _, party in session().execute(awaited(user).where(Agreement.id == agreement.id)))
