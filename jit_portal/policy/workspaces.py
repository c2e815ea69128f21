"""Who enters a workspace, what its members, and those of each party, may do there, and who is seen in it."""

from sqlalchemy import and_, or_

from jit_portal.jits.models import Party
from jit_portal.policy.asking import Ground, protect, rule
from jit_portal.policy.jits import named_in_draft
from jit_portal.policy.person import (
    Conditions,
    agreement_in_force,
    has_role,
    is_investigator,
    is_leader,
    leads_party,
    live,
    me,
    party_live,
    person,
)
from jit_portal.vocabulary import BODIES, INVESTIGATORS, May, Role
from jit_portal.workspaces.models import Membership, Workspace

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
    return {"investigator": me.role.in_(INVESTIGATORS), "agreement_in_force": agreement_in_force}


@rule(Workspace, May.OPEN_CHANNEL, May.OPEN_BOARD)
def opens_channel_or_board() -> Conditions:
    return {"investigator": is_investigator, "agreement_in_force": agreement_in_force}


@rule(Workspace, May.INVITE)
def invites() -> Conditions:
    """Whether she invites anybody at all; for which party, ``Party`` says."""
    return {"leader": or_(is_leader, me.is_space_administrator), "agreement_in_force": agreement_in_force}


@rule(Workspace, May.READ_RECORD, May.EXPORT_RECORD)
def reads_record() -> Conditions:
    return {"leader_or_auditor": has_role(Role.LEADER, Role.AUDITOR)}


protect(Party, Ground(path=((Workspace, Workspace.jit_id == Party.jit_id),), workspace=Workspace.id))


@rule(Party, May.SET_RULES, May.ENTRUST)
def sets_rules() -> Conditions:
    return {
        "own_party": me.party_id == Party.id,
        "leader": leads_party,
        "agreement_in_force": agreement_in_force,
    }


@rule(Party, May.SEE)
def sees_party() -> Conditions:
    """Who is or was party, or will be by a version that is signed; whom a draft would add, those who see that draft."""
    sees_draft = or_(is_leader, named_in_draft(jit_id=Party.jit_id))
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
