"""Who is in a workspace: people join within what the agreement in force lists, and can be ended at once."""

import uuid
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotFound, Refused
from jit_portal.identity import invitations
from jit_portal.identity.models import Authority, Invitation, User
from jit_portal.jits.models import Agreement, AgreementParty, Party
from jit_portal.jits.words import PLURAL_ROLES
from jit_portal.policy import Work
from jit_portal.vocabulary import May, Role
from jit_portal.wording import country, day, gettext
from jit_portal.workspaces import seats
from jit_portal.workspaces.models import Membership, Workspace
from jit_portal.workspaces.seats import Seat


def enrol(
    actor: User, workspace: Workspace, person: User, party: Party, role: Role, *, purpose: str = ""
) -> Membership:
    """Let a person who signs in already join for a party, from now on; Refused beyond what the agreement lists."""
    policy.require(actor, May.INVITE, party)
    _check_belongs(workspace, party)
    _check_purpose(role, purpose)
    with transaction():
        _wait_to_invite(actor, workspace, party, role)
        return _seat(actor, workspace, person, party, role, purpose, leaves_notice=True)


def invite(
    actor: User,
    workspace: Workspace,
    authority: Authority,
    name: str,
    role: Role,
    *,
    purpose: str = "",
    subject: str | None = None,
) -> tuple[Invitation, str]:
    """Ask somebody of one's own country in who has never signed in; answers the invitation and its one-time token.

    With ``subject`` only whom the national login knows by that identifier can use it. Refused while one's own
    invitation of that name, authority and role is open, as after a double click.
    """
    party = policy.jits.party_at(workspace.jit_id, authority.provider_id)
    if party is None:
        raise NotFound(noun="party")
    policy.require(actor, May.INVITE, party)
    _check_purpose(role, purpose)
    offer = {"workspace": str(workspace.id), "party": str(party.id), "role": role.value, "purpose": purpose}
    with transaction():
        _wait_to_invite(actor, workspace, party, role)
        _refuse_second(actor, workspace, authority, name, role)
        invitation, token = invitations.invite(actor, authority, name, subject=subject, membership_offer=offer)
        audit.record(actor, "membership.offered", workspace, quietly=True, invitation=invitation.id, role=role.value)
    return invitation, token


def _wait_to_invite(actor: User, workspace: Workspace, party: Party, role: Role) -> None:
    """Have the JIT's seats to oneself, and go on only if she may still invite, and into this role."""
    seats.one_at_a_time(workspace.jit_id)
    policy.require(actor, May.INVITE, party)
    check_listed(workspace, party, role)


def open_invitations(actor: User, workspace: Workspace) -> Sequence[Invitation]:
    """Her own invitations into this workspace that can still be accepted, the newest first."""
    still = policy.which(actor, Invitation).where(
        Invitation.membership_offer["workspace"].astext == str(workspace.id),
        *invitations.is_open(),
    )
    return session().scalars(still.order_by(Invitation.created_at.desc())).unique().all()


def _refuse_second(actor: User, workspace: Workspace, authority: Authority, name: str, role: Role) -> None:
    wanted = (name.strip().casefold(), authority.id, role.value)
    for each in open_invitations(actor, workspace):
        offered = each.membership_offer or {}
        if (each.name.casefold(), each.authority_id, offered.get("role")) == wanted:
            said = gettext(
                "Your invitation of %(name)s is open already. If its address is lost, take it back under People "
                "and make another.",
                name=each.name,
            )
            raise Refused(said, thing=workspace)


def join_by_invitation(person: User, invitation: Invitation) -> None:
    """What accepting an invitation into a workspace does; the offer is held against the rules of that moment."""
    offer = invitation.membership_offer
    if offer is None:
        return
    inviter = session().get(User, invitation.invited_by_id) if invitation.invited_by_id else None
    try:
        if inviter is None:
            raise NotFound(noun="invitation", object_id=invitation.id)
        workspace = policy.fetch(inviter, Workspace, uuid.UUID(offer["workspace"]))
        seats.one_at_a_time(workspace.jit_id)
        party = policy.fetch(inviter, Party, uuid.UUID(offer["party"]), May.INVITE)
    except NotFound as error:
        raise Refused(gettext("This invitation no longer holds: who sent it may not invite any more.")) from error
    role = Role(offer["role"])
    check_listed(workspace, party, role)
    _seat(inviter, workspace, person, party, role, offer["purpose"])


def wait_to_join(invitation: Invitation) -> None:
    """Have the seats of the JIT into which an invitation leads to oneself."""
    offered = (invitation.membership_offer or {}).get("workspace")
    if offered is not None:
        seats.one_at_a_time_in(uuid.UUID(offered))


invitations.ON_HOLD.append(wait_to_join)
invitations.ON_ACCEPT.append(join_by_invitation)


def end(actor: User, member: Membership, because: str) -> None:
    """End a membership at once: every page and push ends with it. The reason stays on the membership."""
    policy.require(actor, May.END_MEMBERSHIP, member)
    if not because.strip():
        raise Invalid(gettext("Say why the membership ends."), field="because")
    with transaction():
        seats.one_at_a_time(member.workspace.jit_id)
        held = policy.fetch(actor, Membership, member.id, May.END_MEMBERSHIP, lock=True)
        seats.leave(actor, held, seats.now(), because.strip())


def check_listed(workspace: Workspace, party: Party, role: Role) -> None:
    """Refused, citing the version in force, unless it lets this party invite people of this role today."""
    agreement, named = clause_for(workspace, party)
    if agreement is None or named is None:
        raise Refused(gettext("No agreement version in force names %(party)s.", party=country(party)), thing=party)
    if not named.lists(role):
        raise Refused(
            gettext(
                "Agreement version %(version)s does not list %(roles)s for %(party)s.",
                version=agreement.version,
                roles=PLURAL_ROLES[role],
                party=country(party),
            ),
            thing=party,
        )
    until = named.invites_until
    if until is not None and seats.now().astimezone(ZoneInfo(agreement.time_zone)).date() > until:
        raise Refused(
            gettext(
                "Agreement version %(version)s let %(party)s invite until %(day)s.",
                version=agreement.version,
                party=country(party),
                day=day(until),
            ),
            thing=party,
        )


def clause_for(workspace: Workspace, party: Party) -> tuple[Agreement | None, AgreementParty | None]:
    """The version in force, or the last one, and what it says of a party."""
    agreement = policy.agreement_of(workspace.jit_id)
    if agreement is None:
        return None, None
    named = select(AgreementParty).where(
        AgreementParty.agreement_id == agreement.id, AgreementParty.party_id == party.id
    )
    return agreement, session().scalar(named)


def known_people(actor: User, workspace: Workspace, party: Party) -> Sequence[User]:
    """Those who sign in for a party's country, are active, have no duty, and are not in the workspace now."""
    policy.require(actor, May.INVITE, party)
    seated = select(Membership.user_id).where(
        Membership.workspace_id == workspace.id, policy.person.live(Membership.live_from, Membership.live_until)
    )
    found = select(User).where(
        User.provider_id == party.provider_id,
        User.deactivated_at.is_(None),
        User.duty.is_(None),
        User.id.not_in(seated.execution_options(policy=True)),
    )
    return session().scalars(found.order_by(User.name, User.id)).all()


def seated_people(actor: User, workspace: Workspace, party: Party) -> Sequence[uuid.UUID]:
    """Who is in the workspace for a party now, as the actor sees them."""
    seated = policy.which(actor, Membership).where(
        Membership.workspace_id == workspace.id,
        Membership.party_id == party.id,
        policy.person.live(Membership.live_from, Membership.live_until),
    )
    return session().scalars(seated.with_only_columns(Membership.user_id)).all()


def _check_belongs(workspace: Workspace, party: Party) -> None:
    if party.jit_id != workspace.jit_id:
        raise NotFound(noun="party", object_id=party.id)


def _check_purpose(role: Role, purpose: str) -> None:
    if role in (Role.PARTICIPANT, Role.EXPERT) and not purpose.strip():
        raise Invalid(gettext("Say for what, and how far, this person takes part (Article 16)."), field="purpose")


def _seat(
    actor: User,
    workspace: Workspace,
    person: User,
    party: Party,
    role: Role,
    purpose: str,
    *,
    leaves_notice: bool = False,
) -> Membership:
    """Let her in; the caller has the JIT's seats to itself."""
    if not person.is_active or person.duty is not None:
        said = gettext("This person cannot be a member: the account is inactive or has a duty for the portal.")
        raise Refused(said, thing=party)
    if person.provider_id != party.provider_id and role != Role.EXPERT:
        raise Refused(gettext("%(party)s can only be joined by its own people.", party=country(party)), thing=party)
    now = seats.now()
    seated = policy.portal_which(Work.SEATING, Membership).where(
        Membership.workspace_id == workspace.id,
        Membership.user_id == person.id,
        (Membership.live_until.is_(None)) | (Membership.live_until > now),
    )
    if session().scalar(seated.limit(1)) is not None:
        raise Refused(gettext("%(person)s is in this JIT already.", person=person.name), thing=party)
    seat = Seat(person, party, role, purpose=purpose.strip())
    return seats.take(actor, workspace, seat, now, invited_by=actor.id, leaves_notice=leaves_notice)
