"""Opening a board: its columns, and who sees it."""

import uuid
from collections.abc import Collection, Iterable

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid
from jit_portal.identity.models import User
from jit_portal.policy.person import live
from jit_portal.tasks.models import Board, BoardParty, BoardPerson, Column
from jit_portal.tasks.reasons import require
from jit_portal.tasks.texts import line
from jit_portal.tasks.words import board_name
from jit_portal.vocabulary import Audience, ColumnKind, May, Role
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Membership, Workspace
from jit_portal.workspaces.own import own_membership

NAME_LENGTH = 60
PREFIX_LENGTH = 8


def open_board(
    actor: User,
    workspace_id: uuid.UUID,
    name: str,
    prefix: str,
    audience: Audience,
    *,
    party_ids: Collection[uuid.UUID] = (),
    person_ids: Collection[uuid.UUID] = (),
) -> Board:
    """Open a board for everyone, for parties or for named people; whoever opens it is always in its audience."""
    with transaction():
        workspace = policy.fetch(actor, Workspace, workspace_id, lock=True)
        require(actor, May.OPEN_BOARD, workspace)
        board = Board(
            workspace_id=workspace.id,
            workspace=workspace,
            own_name=line(name, "name", NAME_LENGTH),
            prefix=_prefix(prefix),
            audience=audience,
            created_by_id=actor.id,
        )
        _refuse_taken(actor, board)
        session().add(board)
        session().flush()
        session().add_all(columns_of(board))
        if audience == Audience.PARTIES:
            session().add_all(_parties(actor, board, {*party_ids}))
        if audience == Audience.PEOPLE:
            session().add_all(_people(actor, board, {*person_ids, actor.id}))
        audit.record(actor, "board.opened", board, audience=audience.value)
    return board


def invitable(actor: User, workspace_id: uuid.UUID) -> list[Membership]:
    """Who can be named for a board: the live members of the workspace who work on tasks, by name."""
    statement = policy.which(actor, Membership).where(
        Membership.workspace_id == workspace_id,
        Membership.role.not_in((Role.SECRETARIAT, Role.AUDITOR)),
        live(Membership.live_from, Membership.live_until),
    )
    return sorted(session().scalars(statement), key=lambda member: (member.user.name, member.id))


def _prefix(typed: str) -> str:
    prefix = line(typed, "prefix", PREFIX_LENGTH).upper()
    if not (prefix.isascii() and prefix.isalnum() and prefix[0].isalpha()):
        raise Invalid(gettext("Use letters A to Z and digits, beginning with a letter."), field="prefix")
    return prefix


def _refuse_taken(actor: User, board: Board) -> None:
    """Only boards that the actor sees count: refusing the name of another would tell that it exists."""
    seen = policy.which(actor, Board).where(Board.workspace_id == board.workspace_id)
    for other in session().scalars(seen):
        if board_name(other).casefold() == board_name(board).casefold():
            raise Invalid(gettext("Another board has this name."), field="name")
        if other.prefix == board.prefix:
            raise Invalid(gettext("Another board's tasks begin with this."), field="prefix")


def columns_of(board: Board) -> list[Column]:
    """The columns that every board begins with."""
    return [Column(board_id=board.id, kind=kind, position=position) for position, kind in enumerate(ColumnKind)]


def _parties(actor: User, board: Board, party_ids: set[uuid.UUID]) -> Iterable[BoardParty]:
    known = {party.id for party in policy.parties_of([board.workspace.jit_id])}
    if not party_ids or not party_ids <= known:
        raise Invalid(gettext("Choose parties of this JIT."), field="parties")
    named = {*party_ids, own_membership(actor, board.workspace_id).party_id}
    return [BoardParty(board_id=board.id, party_id=party_id) for party_id in sorted(named)]


def _people(actor: User, board: Board, person_ids: set[uuid.UUID]) -> Iterable[BoardPerson]:
    known = {member.user_id for member in invitable(actor, board.workspace_id)}
    if not person_ids <= known:
        raise Invalid(gettext("Choose people of this JIT."), field="people")
    return [BoardPerson(board_id=board.id, user_id=person_id) for person_id in sorted(person_ids)]
