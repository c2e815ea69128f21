"""Seats: the windows in which a person is in a workspace for a party, in a role; a change closes one, opens another."""

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.notices import service as notices
from jit_portal.vocabulary import NoticeKind, Role
from jit_portal.workspaces.models import Membership, Workspace
from jit_portal.workspaces.principals import answer_to, is_outside_union


@dataclass(frozen=True)
class Seat:
    """What a membership is to be."""

    person: User
    party: Party
    role: Role
    is_space_administrator: bool = False
    purpose: str = ""


def now() -> dt.datetime:
    """The database's present moment."""
    moment: dt.datetime = session().scalars(select(func.clock_timestamp())).one()
    return moment


def one_at_a_time(jit_id: uuid.UUID) -> None:
    """Whoever seats or ends somebody in this JIT waits here until another who does has committed.

    It is taken before anything is put on record, which waits too: the other way round two could wait for each other.
    """
    _wait_for(Workspace.jit_id == jit_id)


def one_at_a_time_in(workspace_id: uuid.UUID) -> None:
    """``one_at_a_time`` where only the workspace is known."""
    _wait_for(Workspace.id == workspace_id)


def _wait_for(place: ColumnElement[bool]) -> None:
    seated = select(Workspace.id).where(place).with_for_update(key_share=True)
    session().execute(seated.execution_options(policy=True))


def take(
    actor: User,
    workspace: Workspace,
    seat: Seat,
    live_from: dt.datetime,
    live_until: dt.datetime | None = None,
    invited_by: uuid.UUID | None = None,
    *,
    leaves_notice: bool = False,
) -> Membership:
    """Open a membership and tie it to everything that means it; part of the verb that causes it.

    With ``leaves_notice`` the person finds it among what the portal tells her.
    """
    own_party = policy.jits.party_at(workspace.jit_id, seat.person.provider_id)
    # A party that is only drafted may yet be forgotten; it is tied to when it arrives.
    joined = own_party if own_party is not None and own_party.live_from is not None else None
    member = Membership(
        workspace_id=workspace.id,
        user_id=seat.person.id,
        party_id=seat.party.id,
        authority_id=seat.person.authority_id,
        role=seat.role,
        is_space_administrator=seat.is_space_administrator,
        is_outside_union=is_outside_union(seat.party, seat.person.provider.kind),
        purpose=seat.purpose,
        live_from=live_from,
        live_until=live_until,
        invited_by_id=invited_by,
    )
    session().add(member)
    session().flush()
    session().refresh(member)
    answer_to(member, seat.party, joined)
    if leaves_notice:
        notices.tell(NoticeKind.INVITED, member, [seat.person.id], actor)
    audit.record(
        actor,
        "membership.begun",
        member,
        also=[seat.person.id],
        person=seat.person.id,
        role=seat.role.value,
        administers=seat.is_space_administrator,
    )
    return member


def leave(actor: User, member: Membership, at: dt.datetime, because: str) -> None:
    """Close a membership at a moment; one that had not begun by then ends where it began."""
    member.live_until = max(at, member.live_from)
    member.ended_by_id, member.ended_because = actor.id, because
    audit.record(actor, "membership.ended", member, also=[member.user_id], person=member.user_id)
