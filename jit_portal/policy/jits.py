"""Who sees a JIT and its agreement, drafts and signs it, and manages who is in its workspace."""

import uuid

from sqlalchemy import ColumnElement, Select, and_, exists, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, aliased

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.errors import NotAllowed
from jit_portal.identity.models import IdentityProvider, LoginSession, Passkey, User, WaitingAct
from jit_portal.jits.models import Agreement, AgreementParty, AgreementPerson, Jit, Party
from jit_portal.messages.models import Channel
from jit_portal.notices.models import Notice
from jit_portal.policy.asking import Ground, holds, joined, noun, protect, rule
from jit_portal.policy.exhibits import upload_conditions
from jit_portal.policy.person import (
    NOW,
    Conditions,
    account_active,
    agreement_in_force,
    breaks_glass,
    has_role,
    is_investigator,
    is_leader,
    is_participant_of_body,
    leads_party,
    live,
    me,
    my_party,
    party_live,
    person,
)
from jit_portal.tasks.models import Board
from jit_portal.vocabulary import BODIES, AgreementDuty, AgreementState, Audience, May, PartyKind, Role
from jit_portal.workspaces.models import Membership, Workspace


def _signed() -> ColumnElement[bool]:
    return (
        exists().where(Agreement.jit_id == Jit.id, Agreement.state == AgreementState.SIGNED).correlate_except(Agreement)
    )


def _named_in_draft(*duties: AgreementDuty, jit_id: InstrumentedAttribute[uuid.UUID] = Jit.id) -> ColumnElement[bool]:
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
_sees_jit = or_(_drafter, _named_in_draft(), _named_and_not_begun(), _live_member())
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
    return {"leads_or_drafts": or_(_drafter, _named_in_draft(AgreementDuty.LEADER), _live_member(Role.LEADER))}


protect(Agreement, Ground(path=((Jit, Jit.id == Agreement.jit_id),), gates=_PERSON))


@rule(Agreement, May.SEE)
def sees_agreement() -> Conditions:
    """A draft is seen by those who draft it or whom it names; a signed version by every live member too."""
    signed = Agreement.state == AgreementState.SIGNED
    members = and_(signed, or_(_live_member(), _named_and_not_begun()))
    return {"party_to_it": or_(_drafter, _named_in_draft(), _live_member(Role.LEADER), members)}


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


protect(Workspace, Ground(workspace=Workspace.id))


@rule(Workspace, May.SEE)
def sees_workspace() -> Conditions:
    return {}


@rule(Workspace, May.READ)
def enters_vault() -> Conditions:
    """The vault is open to the last leaders of a party that left too: they find there what is theirs."""
    return {"party_live": or_(party_live, me.keeps_own_exhibits)}


@rule(Workspace, May.UPLOAD)
def uploads() -> Conditions:
    return upload_conditions()


@rule(Workspace, May.OPEN_CHANNEL, May.OPEN_BOARD)
def opens_channel_or_board() -> Conditions:
    return {"investigator": is_investigator, "agreement_in_force": agreement_in_force}


@rule(Workspace, May.INVITE)
def invites() -> Conditions:
    """Whether she invites anybody at all; for which party, ``Party`` says."""
    return {"leader": or_(is_leader, me.is_space_administrator), "agreement_in_force": agreement_in_force}


@rule(Party, May.SEE)
def sees_party() -> Conditions:
    """Who is or was party, or will be by a version that is signed; whom a draft would add, those who see that draft."""
    sees_draft = or_(is_leader, _named_in_draft(jit_id=Party.jit_id))
    return {"named": or_(Party.live_from.is_not(None), sees_draft)}


@rule(Party, May.INVITE)
def invites_for_party() -> Conditions:
    """Leaders invite for their own party; for a body, which has none, space administrators do."""
    own = and_(is_leader, me.party_id == Party.id)
    for_body = and_(me.is_space_administrator, Party.kind.in_(BODIES))
    return {
        **sees_party(),
        "leader_or_administrator": or_(own, for_body),
        "agreement_in_force": agreement_in_force,
    }


@rule(Workspace, May.READ_RECORD, May.EXPORT_RECORD)
def reads_record() -> Conditions:
    return {"leader_or_auditor": has_role(Role.LEADER, Role.AUDITOR)}


protect(Membership, Ground(workspace=Membership.workspace_id))


@rule(Membership, May.SEE)
def sees_membership() -> Conditions:
    """Members see each other; who only keeps a view of its own exhibits, herself."""
    return {"party_live": or_(party_live, and_(me.keeps_own_exhibits, Membership.id == me.id))}


@rule(Membership, May.READ)
def reads_why_it_ended() -> Conditions:
    return {"leader_or_yours": or_(leads_party, Membership.user_id == person.id)}


@rule(Membership, May.END_MEMBERSHIP)
def ends_membership() -> Conditions:
    return {
        "live": live(Membership.live_from, Membership.live_until),
        "leader_or_administrator": or_(and_(is_leader, me.party_id == Membership.party_id), me.is_space_administrator),
    }


def _restricted(place: type[Channel | Board]) -> ColumnElement[bool]:
    said = (LedgerEntry.noun == noun(place), place.id == LedgerEntry.object_id, place.audience != Audience.EVERYONE)
    return exists().where(*said).correlate_except(place)


# Whatever party an entry names: a channel or board that is restricted is nobody's but of whoever opened it.
_open_to_everyone = not_(or_(_restricted(Channel), _restricted(Board)))

protect(LedgerEntry, Ground(path=((Workspace, Workspace.jit_id == LedgerEntry.chain),), workspace=Workspace.id))


@rule(LedgerEntry, May.SEE)
def reads_ledger() -> Conditions:
    """An auditor: acts by its country's people and on its country's things. A leader: acts on their own party's
    things, and on what is every party's. A member of the seizing party: acts on its exhibits, for their history.
    """
    on_ours = LedgerEntry.object_party_id == me.party_id
    on_our_exhibits = and_(on_ours, LedgerEntry.noun == "exhibit")
    by_ours = or_(LedgerEntry.actor_party_id == me.party_id, LedgerEntry.actor_country == my_party.country)
    return {
        "in_reach": or_(
            and_(has_role(Role.AUDITOR), or_(on_ours, by_ours)),
            and_(is_leader, or_(on_ours, and_(LedgerEntry.object_party_id.is_(None), _open_to_everyone))),
            and_(or_(is_investigator, is_participant_of_body), on_our_exhibits),
        )
    }


protect(Notice, Ground(gates={}))


@rule(Notice, May.SEE)
def sees_own_notice() -> Conditions:
    """Whoever has a duty is told of people and sign-ins; what else a notice points at decides for itself."""
    return {"yours": Notice.user_id == person.id, "active": person.deactivated_at.is_(None)}


protect(LoginSession, Ground(gates={}))


@rule(LoginSession, May.SEE, May.END_OWN_LOGIN)
def sees_own_login() -> Conditions:
    return {"yours": LoginSession.user_id == person.id, "active": person.deactivated_at.is_(None)}


protect(WaitingAct, Ground(gates={}))


@rule(WaitingAct, May.SEE)
def sees_own_waiting_act() -> Conditions:
    return {"yours": WaitingAct.user_id == person.id, "active": person.deactivated_at.is_(None)}


protect(Passkey, Ground(gates={}))


@rule(Passkey, May.SEE)
def sees_own_passkey() -> Conditions:
    return {"yours": Passkey.user_id == person.id, "active": person.deactivated_at.is_(None)}


@rule(Passkey, May.DELETE)
def removes_own_passkey() -> Conditions:
    """The two keys of a break-glass account are what it is: neither is taken away."""
    return {**sees_own_passkey(), "of_a_national_login": ~breaks_glass}
