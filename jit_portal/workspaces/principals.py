"""Whom a membership answers to when a release, a country rule or a forbid names somebody."""

import uuid
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from jit_portal.database import session
from jit_portal.jits.models import Party
from jit_portal.vocabulary import INVESTIGATORS, OUTSIDE_UNION, PartyKind, PrincipalKind, Role
from jit_portal.workspaces.models import Membership, MembershipPrincipal, Principal


def principal(
    workspace_id: uuid.UUID,
    kind: PrincipalKind,
    *,
    party_id: uuid.UUID | None = None,
    authority_id: uuid.UUID | None = None,
    role: Role | None = None,
    user_id: uuid.UUID | None = None,
) -> Principal:
    """The one principal of this description in the workspace, made when first named."""
    described = {"party_id": party_id, "authority_id": authority_id, "role": role, "user_id": user_id}
    same = [getattr(Principal, name).is_not_distinct_from(value) for name, value in described.items()]
    wanted = select(Principal).where(Principal.workspace_id == workspace_id, Principal.kind == kind, *same)
    known = session().scalars(wanted).unique().one_or_none()
    if known is not None:
        return known
    new = insert(Principal).values(id=uuid.uuid4(), workspace_id=workspace_id, kind=kind, **described)
    session().execute(new.on_conflict_do_nothing())
    return session().scalars(wanted).unique().one()


class Named(NamedTuple):
    """What a principal is described by; what its kind does not speak of stays empty."""

    kind: PrincipalKind
    party_id: uuid.UUID | None = None
    authority_id: uuid.UUID | None = None
    role: Role | None = None
    user_id: uuid.UUID | None = None


Ties = dict[Named, bool]
"""Principals that mean a membership, and whether what is granted to them reaches it."""


def answer_to(membership: Membership, party: Party, provider_party: Party | None) -> None:
    """Tie a new membership to every principal that means it."""
    tie(membership.workspace_id, {membership.id: meant_by(membership, party, provider_party)})


def answer_to_own(membership: Membership, provider_party: Party) -> None:
    """Tie a membership to the party of the person's own login, where it is another's: for forbids only."""
    tie(membership.workspace_id, {membership.id: _of_own_login(membership, provider_party)})


def meant_by(membership: Membership, party: Party, provider_party: Party | None) -> Ties:
    """Whatever means this membership of a party, whose person's own login is of ``provider_party``.

    Releases and standing releases to a party, authority or role reach its leaders, members and seconded members, and
    the participants of that very body; a release to a person reaches any role but secretariat and auditor. Forbids
    reach whomever they name, also through the party of the person's own login.
    """
    groups = _in_groups(membership.role, party)
    named = membership.role not in (Role.SECRETARIAT, Role.AUDITOR)
    own = {} if provider_party is None else _of_own_login(membership, provider_party)
    return own | {
        Named(PrincipalKind.PARTY, party_id=party.id): groups,
        Named(PrincipalKind.AUTHORITY, authority_id=membership.authority_id): groups,
        Named(PrincipalKind.ROLE, party_id=party.id, role=membership.role): groups,
        Named(PrincipalKind.PERSON, user_id=membership.user_id): named,
    }


def _of_own_login(membership: Membership, provider_party: Party) -> Ties:
    return {
        Named(PrincipalKind.PARTY, party_id=provider_party.id): False,
        Named(PrincipalKind.ROLE, party_id=provider_party.id, role=membership.role): False,
    }


def tie(space: uuid.UUID, memberships: dict[uuid.UUID, Ties]) -> None:
    """Tie memberships of one workspace, however many, in three statements.

    Principals that nobody has named yet are made; what a membership answers to already stays as it is.
    """
    wanted = {named for ties in memberships.values() for named in ties}
    if not wanted:
        return
    made = [{"id": uuid.uuid4(), "workspace_id": space, **named._asdict()} for named in sorted(wanted, key=str)]
    session().execute(insert(Principal).on_conflict_do_nothing(), made)
    meant = [
        getattr(Principal, name).in_([id for named in wanted if (id := getattr(named, name)) is not None])
        for name in ("party_id", "authority_id", "user_id")
    ]
    columns = [getattr(Principal, name) for name in Named._fields]
    found = session().execute(select(Principal.id, *columns).where(Principal.workspace_id == space, sa.or_(*meant)))
    known = {Named(*described): id for id, *described in found}
    rows = [
        {"membership_id": id, "principal_id": known[named], "is_for_grants": is_for_grants}
        for id, ties in memberships.items()
        for named, is_for_grants in ties.items()
    ]
    session().execute(insert(MembershipPrincipal).on_conflict_do_nothing(), rows)


def _in_groups(role: Role, party: Party) -> bool:
    return role in INVESTIGATORS or (role == Role.PARTICIPANT and party.kind == PartyKind.EU_BODY)


def is_outside_union(party: Party, provider_kind: PartyKind) -> bool:
    """Whether what reaches this person reaches a third country or an international body."""
    return party.kind in OUTSIDE_UNION or provider_kind in OUTSIDE_UNION
