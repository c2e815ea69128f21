"""Where on record a thing belongs: its JIT's chain, its party, and the reference it goes by."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from jit_portal.audit.models import PORTAL_CHAIN
from jit_portal.custody.models import CustodyEvent
from jit_portal.database import Thing, session
from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit, Release
from jit_portal.files.models import StoredFile
from jit_portal.jits.models import Agreement, Jit, Party
from jit_portal.messages.models import Channel, Message
from jit_portal.tasks.models import Board, Task
from jit_portal.vocabulary import Audience
from jit_portal.workspaces.models import Membership, Workspace


@dataclass(frozen=True)
class Place:
    """``chain`` is the JIT, ``party_id`` whose thing it is (None: every party's), ``reference`` carries no content."""

    chain: uuid.UUID
    party_id: uuid.UUID | None
    reference: str


def _jit_of(workspace_id: uuid.UUID) -> uuid.UUID:
    workspace = session().get(Workspace, workspace_id, execution_options={"policy": True})
    return workspace.jit_id if workspace else PORTAL_CHAIN


def _exhibit(exhibit: Exhibit) -> Place:
    return Place(_jit_of(exhibit.workspace_id), exhibit.party_id, exhibit.reference)


def _of_exhibit(thing: Release | CustodyEvent) -> Place:
    exhibit = session().get(Exhibit, thing.exhibit_id, execution_options={"policy": True})
    return _exhibit(exhibit) if exhibit else Place(PORTAL_CHAIN, None, "")


def _file(file: StoredFile) -> Place:
    """By the reference of the exhibit that it is the file of, once it has one."""
    carried = select(Exhibit.reference).where(Exhibit.file_id == file.id).execution_options(policy=True)
    return Place(_jit_of(file.workspace_id), file.party_id, session().scalar(carried) or "")


def _message(message: Message) -> Place:
    return Place(_jit_of(message.channel.workspace_id), message.party_id, f"#{message.number}")


def _opened(thing: Channel | Board) -> uuid.UUID | None:
    """What is open to everyone is every party's; what is restricted is that of whoever opened it, and exists for no
    other.
    """
    if thing.audience == Audience.EVERYONE:
        return None
    opener = select(Membership.party_id).where(
        Membership.workspace_id == thing.workspace_id,
        Membership.user_id == thing.created_by_id,
        Membership.live_from <= thing.created_at,
    )
    newest = opener.order_by(Membership.live_from.desc()).limit(1)
    return session().scalar(newest.execution_options(policy=True))


_PLACES: dict[type[Thing], Callable[[Any], Place]] = {
    Jit: lambda jit: Place(jit.id, None, jit.reference),
    Party: lambda party: Place(party.jit_id, party.id, party.country),
    Agreement: lambda agreement: Place(agreement.jit_id, None, f"v{agreement.version}"),
    Workspace: lambda workspace: Place(workspace.jit_id, None, ""),
    Membership: lambda member: Place(_jit_of(member.workspace_id), member.party_id, member.role.value),
    StoredFile: _file,
    Exhibit: _exhibit,
    Release: _of_exhibit,
    CustodyEvent: _of_exhibit,
    CountryRule: lambda rule: Place(_jit_of(rule.workspace_id), rule.party_id, ""),
    Entrustment: lambda entrustment: Place(_jit_of(entrustment.workspace_id), entrustment.party_id, ""),
    Channel: lambda channel: Place(_jit_of(channel.workspace_id), _opened(channel), ""),
    Message: _message,
    Board: lambda board: Place(_jit_of(board.workspace_id), _opened(board), board.prefix),
    Task: lambda task: Place(_jit_of(task.board.workspace_id), task.party_id, task.key),
}


def place_of(thing: Thing) -> Place:
    """Where an act on this thing is recorded; what belongs to no JIT goes on the portal's own chain."""
    describe = _PLACES.get(type(thing))
    return describe(thing) if describe else Place(PORTAL_CHAIN, None, "")
