"""Whom an exhibit can be shown to: everybody whom the agreement in force names, and nobody else (E7)."""

import uuid
from dataclasses import dataclass

from sqlalchemy import func, select

from jit_portal import policy
from jit_portal.database import session
from jit_portal.errors import Refused
from jit_portal.identity.models import Authority, User
from jit_portal.jits.models import Agreement, AgreementParty, Party
from jit_portal.vocabulary import BODIES, INVESTIGATORS, OUTSIDE_UNION, PrincipalKind, Role
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Membership, Principal, Workspace
from jit_portal.workspaces.principals import principal

_MEANT_ROLES = (*INVESTIGATORS, Role.PARTICIPANT)


@dataclass(frozen=True)
class Target:
    """One choice of the form: ``value`` is what it sends, ``party`` whose people it means."""

    value: str
    kind: PrincipalKind
    party: Party
    authority: Authority | None = None
    role: Role | None = None
    person: User | None = None


def targets(actor: User, workspace: Workspace, without: uuid.UUID) -> list[Target]:
    """Everyone the agreement in force names: parties, authorities, listed roles, people; of the party ``without``,
    whose exhibits these are, only whoever does not see them anyhow, such as its experts.
    """
    agreement = policy.agreement_of(workspace.jit_id)
    named = _named_parties(agreement, without)
    found: list[Target] = []
    for each in named:
        party = each.party
        found.append(Target(f"party:{party.id}", PrincipalKind.PARTY, party))
        found += [
            Target(f"authority:{authority.id}", PrincipalKind.AUTHORITY, party, authority=authority)
            for authority in party.provider.open_authorities
        ]
        found += [
            Target(f"role:{party.id}:{role}", PrincipalKind.ROLE, party, role=role)
            for role in _MEANT_ROLES
            if each.lists(role)
        ]
    others = {each.party_id for each in named}
    found += [
        Target(f"person:{member.user_id}", PrincipalKind.PERSON, member.party, person=member.user)
        for member in _members(actor, workspace)
        if (member.party_id in others and member.role not in (Role.SECRETARIAT, Role.AUDITOR))
        or (member.party_id == without and _sees_by_name_alone(member))
    ]
    return found


def offered(actor: User, workspace: Workspace, without: uuid.UUID) -> list[Target]:
    """Those of ``targets`` whom a form proposes: no authority whose people all have a duty for the portal, for they
    are in no JIT and nothing that is shown to it reaches anybody.
    """
    found = targets(actor, workspace, without)
    ids = [each.authority.id for each in found if each.authority is not None]
    people = select(User.authority_id).where(User.authority_id.in_(ids)).group_by(User.authority_id)
    administering = set(session().scalars(people.having(func.bool_and(User.duty.is_not(None)))))
    return [each for each in found if each.authority is None or each.authority.id not in administering]


def _sees_by_name_alone(member: Membership) -> bool:
    """Of the seizing party, but nothing of it is shown to her that is not released to her by name (E1, E2)."""
    guest = member.role == Role.PARTICIPANT and member.party.kind not in BODIES
    return member.role == Role.EXPERT or guest


def _named_parties(agreement: Agreement | None, without: uuid.UUID) -> list[AgreementParty]:
    if agreement is None:
        return []
    named = select(AgreementParty).where(
        AgreementParty.agreement_id == agreement.id, AgreementParty.party_id != without
    )
    return sorted(session().scalars(named), key=lambda each: (each.party.kind, each.party.name))


def _members(actor: User, workspace: Workspace) -> list[Membership]:
    live = policy.person.live(Membership.live_from, Membership.live_until)
    statement = policy.which(actor, Membership).where(Membership.workspace_id == workspace.id, live)
    return sorted(session().scalars(statement), key=lambda member: member.user.name)


def resolve(
    actor: User, workspace: Workspace, seizing_party: uuid.UUID, value: str, *, forbid: bool = False
) -> Principal:
    """The principal behind a choice; refuses whom the agreement does not name, and what is not built yet.

    A forbid may name third countries and international bodies; showing them something may not (E9).
    """
    chosen = next((target for target in targets(actor, workspace, seizing_party) if target.value == value), None)
    agreement = policy.agreement_of(workspace.jit_id)
    if chosen is None:
        version = agreement.version if agreement else 0
        raise Refused(
            gettext(
                "Version %(version)s of the agreement does not name them; nothing can be shown to them.",
                version=version,
            ),
            field="to",
        )
    outside = chosen.party.kind in OUTSIDE_UNION or (
        chosen.person is not None and chosen.person.provider.kind in OUTSIDE_UNION
    )
    if outside and not forbid:
        raise Refused(
            gettext(
                "Releases to third countries and international bodies need the attestations of Articles 17 and 18, "
                "which this portal does not offer yet. Nothing was released."
            )
        )
    if chosen.kind == PrincipalKind.PARTY:
        return principal(workspace.id, chosen.kind, party_id=chosen.party.id)
    if chosen.authority is not None:
        return principal(workspace.id, chosen.kind, authority_id=chosen.authority.id)
    if chosen.role is not None:
        return principal(workspace.id, chosen.kind, party_id=chosen.party.id, role=chosen.role)
    return principal(workspace.id, chosen.kind, user_id=chosen.person.id if chosen.person else None)
