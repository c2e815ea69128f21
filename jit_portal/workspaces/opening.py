"""When a version of the agreement is signed, its workspace opens or follows: who is party, leads, administers."""

import datetime as dt
import re
import uuid
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.identity.models import User
from jit_portal.jits.models import Agreement, AgreementPerson, Party
from jit_portal.messages.models import Channel
from jit_portal.policy import Work
from jit_portal.tasks.boards import columns_of
from jit_portal.tasks.models import Board
from jit_portal.vocabulary import BODIES, INVESTIGATORS, AgreementDuty, Audience, Role
from jit_portal.wording import gettext
from jit_portal.workspaces import seats
from jit_portal.workspaces.models import Membership, Principal, Workspace
from jit_portal.workspaces.principals import answer_to_own
from jit_portal.workspaces.seats import Seat

T = TypeVar("T", Exhibit, CountryRule)


def hold(agreement: Agreement) -> None:
    """Lock what ends with the parties that a version names no longer, before anything is put on record: whoever
    withdraws it in that moment comes to the record next.
    """
    named = {each.party_id for each in agreement.named_parties}
    its = policy.portal_which(Work.SEATING, Workspace).where(Workspace.jit_id == agreement.jit_id)
    workspace = session().scalar(its)
    for party in session().scalars(policy.parties_from(agreement.jit_id, seats.now())).all():
        if workspace is not None and party.id not in named:
            _hold_what_is_shown_to(workspace, party)


def _hold_what_is_shown_to(workspace: Workspace, party: Party) -> None:
    people = [member.user_id for member in _members(workspace) if member.party_id == party.id]
    means = _principals(workspace, party, people)
    shown: tuple[type[Release | CountryRule], ...] = (Release, CountryRule)
    for model in shown:
        open_ones = select(model.id).where(model.principal_id.in_(means), _open(model.live_until, seats.now()))
        session().execute(open_ones.order_by(model.id).with_for_update().execution_options(policy=True))


def follow(actor: User, agreement: Agreement, start: dt.datetime) -> Workspace:
    """Bring the workspace to what a version just signed says, from ``start`` on; open it when it is the first.

    Part of the verb that signs: the caller has asked the policy.
    """
    jit = agreement.jit
    workspace = session().scalar(policy.portal_which(Work.SEATING, Workspace).where(Workspace.jit_id == jit.id))
    is_first = workspace is None
    if workspace is None:
        workspace = Workspace(jit_id=jit.id)
        session().add(workspace)
        session().flush()
    named = {each.party_id: each.party for each in agreement.named_parties}
    for party in named.values():
        _arrive(workspace, party, start)
    for party in session().scalars(policy.parties_from(jit.id, start)).all():
        if party.id not in named:
            _depart(actor, workspace, party, start)
    _seat_the_named(actor, workspace, agreement, start)
    if is_first:
        _furnish(actor, workspace)
        audit.record(actor, "workspace.opened", workspace, version=agreement.version)
    else:
        audit.record(actor, "workspace.followed", workspace, version=agreement.version)
    return workspace


def _arrive(workspace: Workspace, party: Party, start: dt.datetime) -> None:
    if party.live_from is None or (party.live_until is not None and party.live_until <= start):
        party.live_from = start
    party.live_until = None
    for member in _members(workspace):
        if member.user.provider_id == party.provider_id and (member.live_until is None or member.live_until > start):
            answer_to_own(member, party)


def _members(workspace: Workspace) -> list[Membership]:
    found = policy.portal_which(Work.SEATING, Membership).where(Membership.workspace_id == workspace.id)
    return list(session().scalars(found.order_by(Membership.live_from)).unique())


def _is_live(member: Membership, at: dt.datetime) -> bool:
    return member.live_from <= at and (member.live_until is None or member.live_until > at)


def _depart(actor: User, workspace: Workspace, party: Party, start: dt.datetime) -> None:
    """A party that is named no longer: what was shown to it ends; its last leaders keep a view of what is theirs."""
    # One that was to begin later than it is now to end never begins.
    party.live_until = start = max(start, party.live_from or start)
    members = [member for member in _members(workspace) if member.party_id == party.id and _is_live(member, start)]
    leaders = [member for member in members if member.role == Role.LEADER]
    keepers = leaders or [member for member in members if _investigates(member)]
    for member in members:
        if member in keepers:
            member.keeps_own_exhibits = True
            audit.record(actor, "membership.keeps_own", member, also=[member.user_id], person=member.user_id)
        else:
            seats.leave(actor, member, start, gettext("The party left the JIT."))
    _end_what_is_shown_to(actor, workspace, party, [member.user_id for member in members], start)
    audit.record(actor, "party.left", party)


def _investigates(member: Membership) -> bool:
    return member.role in INVESTIGATORS or (member.role == Role.PARTICIPANT and member.party.kind in BODIES)


def _end_what_is_shown_to(
    actor: User, workspace: Workspace, party: Party, people: list[uuid.UUID], at: dt.datetime
) -> None:
    """Close every release and standing release to a party, its authorities, its roles or its people; forbids stay.

    Each end is on record under the party whose thing it shows, as a withdrawal is.
    """
    means = _principals(workspace, party, people)
    releases = (
        session()
        .execute(
            update(Release)
            .where(Release.principal_id.in_(means), _open(Release.live_until, at))
            .values(live_until=at, withdrawn_by_id=actor.id, withdrawn_because=gettext("The party left the JIT."))
            .returning(Release.exhibit_id, Release.id, Release.principal_id)
            .execution_options(synchronize_session=False, policy=True)
        )
        .all()
    )
    rules = (
        session()
        .execute(
            update(CountryRule)
            .where(
                CountryRule.principal_id.in_(means), CountryRule.is_forbid.is_(False), _open(CountryRule.live_until, at)
            )
            .values(live_until=at, closed_by_id=actor.id)
            .returning(CountryRule.id, CountryRule.principal_id)
            .execution_options(synchronize_session=False, policy=True)
        )
        .all()
    )
    shown = _by_id(Exhibit, {exhibit_id for exhibit_id, _, _ in releases})
    for exhibit_id, release_id, principal_id in releases:
        audit.record(
            actor,
            "exhibit.withdrawn",
            shown[exhibit_id],
            also=people,
            release=release_id,
            principal=principal_id,
            until=at,
        )
    closed = _by_id(CountryRule, {rule_id for rule_id, _ in rules})
    for rule_id, principal_id in rules:
        audit.record(actor, "country_rule.closed", closed[rule_id], also=people, principal=principal_id, until=at)


def _by_id(model: type[T], ids: set[uuid.UUID]) -> dict[uuid.UUID, T]:
    found = select(model).where(model.id.in_(ids)).execution_options(policy=True)
    return {each.id: each for each in session().scalars(found).unique()} if ids else {}


def _principals(workspace: Workspace, party: Party, people: list[uuid.UUID]) -> Select[uuid.UUID]:
    """All that means a party, its authorities, its roles or these people of it."""
    authorities = [authority.id for authority in party.provider.authorities]
    return select(Principal.id).where(
        Principal.workspace_id == workspace.id,
        (Principal.party_id == party.id) | Principal.authority_id.in_(authorities) | Principal.user_id.in_(people),
    )


def _open(until: InstrumentedAttribute[dt.datetime | None], at: dt.datetime) -> ColumnElement[bool]:
    return or_(until.is_(None), until > at)


def _seat_the_named(actor: User, workspace: Workspace, agreement: Agreement, start: dt.datetime) -> None:
    wanted = _wanted(agreement)
    for member in _members(workspace):
        if not _is_live(member, start):
            continue
        want = wanted.pop(member.user_id, None)
        if want is None and not _holds_what_is_named(member, agreement):
            continue
        if want is None:
            want = _as_plain_member(member)
        if _is_seated(member, want):
            continue
        seats.leave(actor, member, start, gettext("The agreement names them otherwise."))
        seats.take(actor, workspace, want, start)
    for want in wanted.values():
        seats.take(actor, workspace, want, start)


def _wanted(agreement: Agreement) -> dict[uuid.UUID, Seat]:
    """The seat that a version gives each leader and space administrator it names."""
    duties: dict[uuid.UUID, tuple[AgreementPerson, set[AgreementDuty]]] = {}
    for named in agreement.named_people:
        duties.setdefault(named.user_id, (named, set()))[1].add(named.duty)
    return {
        user_id: Seat(
            person=named.user,
            party=named.party,
            role=_role(named.party, AgreementDuty.LEADER in held),
            is_space_administrator=AgreementDuty.SPACE_ADMINISTRATOR in held,
        )
        for user_id, (named, held) in duties.items()
    }


def _role(party: Party, leads: bool) -> Role:
    if party.kind in BODIES:
        return Role.PARTICIPANT
    return Role.LEADER if leads else Role.MEMBER


def _holds_what_is_named(member: Membership, agreement: Agreement) -> bool:
    """What only a version gives: leading, administering, and, where it names a party again, being of it once more."""
    if member.keeps_own_exhibits:
        return any(named.party_id == member.party_id for named in agreement.named_parties)
    return member.role == Role.LEADER or member.is_space_administrator


def _as_plain_member(member: Membership) -> Seat:
    role = Role.MEMBER if member.role == Role.LEADER else member.role
    return Seat(person=member.user, party=member.party, role=role, purpose=member.purpose)


def _is_seated(member: Membership, want: Seat) -> bool:
    same = (member.party_id, member.role, member.is_space_administrator)
    return same == (want.party.id, want.role, want.is_space_administrator) and not member.keeps_own_exhibits


def _furnish(actor: User, workspace: Workspace) -> None:
    """What everybody finds in a new workspace: a channel for everyone and a board."""
    everyone = Channel(workspace_id=workspace.id, audience=Audience.EVERYONE, created_by_id=actor.id, message_count=0)
    board = Board(
        workspace_id=workspace.id,
        prefix=prefix_of(workspace.jit.name),
        audience=Audience.EVERYONE,
        created_by_id=actor.id,
    )
    session().add_all([everyone, board])
    session().flush()
    session().add_all(columns_of(board))


def prefix_of(name: str) -> str:
    """How the keys of a board's tasks begin: three letters of the JIT's name, or JIT where it has none."""
    letters = re.sub(r"[^A-Z]", "", name.upper())
    return letters[:3] if len(letters) >= 2 else "JIT"
