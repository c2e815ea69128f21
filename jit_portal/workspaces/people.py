"""The people of a workspace as its page lists them: by party, with what may be done to each."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from jit_portal import policy
from jit_portal.database import session
from jit_portal.identity.models import Invitation, User
from jit_portal.jits.models import AgreementParty, Party
from jit_portal.jits.words import KINDS
from jit_portal.policy.person import NOW
from jit_portal.vocabulary import May, Role
from jit_portal.workspaces.models import Membership, Workspace
from jit_portal.workspaces.overview import live_members
from jit_portal.workspaces.service import open_invitations

FEW = 20


@dataclass(frozen=True)
class Group:
    """A party with its people; ``roles`` and ``invites_until`` are what the version in force lists for it."""

    party: Party
    members: list[Membership]
    roles: list[Role]
    invites_until: dt.date | None
    may_invite: bool


@dataclass(frozen=True)
class People:
    """Everybody in the workspace now, who left it lately, whose membership she may end, of whose end she reads the
    reason, and whom she has invited."""

    groups: list[Group]
    left: Sequence[Membership]
    endable: frozenset[uuid.UUID]
    explained: frozenset[uuid.UUID]
    invited: Sequence[Invitation]

    @property
    def number(self) -> int:
        return sum(len(group.members) for group in self.groups)


def people(person: User, workspace: Workspace) -> People:
    """Everything for the page, in a constant number of queries."""
    members = live_members(person, workspace)
    parties = session().scalars(policy.which(person, Party).where(Party.jit_id == workspace.jit_id)).unique()
    inviting = set(
        session().scalars(
            policy.which(person, Party, May.INVITE).where(Party.jit_id == workspace.jit_id).with_only_columns(Party.id)
        )
    )
    listed = _listed(workspace)
    groups = [
        Group(
            party=party,
            members=[member for member in members if member.party_id == party.id],
            roles=[role for role in Role if party.id in listed and listed[party.id].lists(role)],
            invites_until=listed[party.id].invites_until if party.id in listed else None,
            may_invite=party.id in inviting and party.id in listed,
        )
        for party in sorted(parties, key=lambda party: (KINDS.index(party.kind), party.name))
    ]
    shown = [group for group in groups if group.members or group.party.id in listed]
    return People(
        groups=shown,
        left=_left(person, workspace),
        endable=_who_may(person, workspace, May.END_MEMBERSHIP),
        explained=_who_may(person, workspace, May.READ),
        invited=open_invitations(person, workspace),
    )


def _listed(workspace: Workspace) -> dict[uuid.UUID, AgreementParty]:
    agreement = policy.agreement_of(workspace.jit_id)
    if agreement is None:
        return {}
    named = select(AgreementParty).where(AgreementParty.agreement_id == agreement.id)
    return {each.party_id: each for each in session().scalars(named).unique()}


def _left(person: User, workspace: Workspace) -> Sequence[Membership]:
    ended = policy.which(person, Membership).where(
        Membership.workspace_id == workspace.id, Membership.live_until <= NOW
    )
    return session().scalars(ended.order_by(Membership.live_until.desc()).limit(FEW)).unique().all()


def _who_may(person: User, workspace: Workspace, may: May) -> frozenset[uuid.UUID]:
    found = policy.which(person, Membership, may).where(Membership.workspace_id == workspace.id)
    return frozenset(session().scalars(found.with_only_columns(Membership.id)))
