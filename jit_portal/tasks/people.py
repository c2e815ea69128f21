"""Whose a task can be: the parties and people that a board can name."""

import uuid
from collections.abc import Sequence

from jit_portal import policy
from jit_portal.database import session
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.policy.person import is_leader, live, me, person
from jit_portal.tasks.models import Board, Task
from jit_portal.workspaces.models import Membership


def own_party(actor: User, workspace_id: uuid.UUID) -> Party:
    """The party for which a person is in a workspace; the caller has passed its gates."""
    now = live(Membership.live_from, Membership.live_until)
    mine = policy.which(actor, Membership).where(
        Membership.workspace_id == workspace_id, Membership.user_id == actor.id, now
    )
    return session().scalars(mine).one().party


def candidates(thing: Board | Task, party_id: uuid.UUID) -> Sequence[User]:
    """Who of a party can be given a task: its people in the board's audience, by name."""
    people = policy.who(thing).where(me.party_id == party_id)
    return sorted(session().scalars(people), key=lambda each: (each.name, each.id))


def leaders(thing: Board | Task, party_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """The party's leaders in the board's audience."""
    leading = policy.who(thing).where(me.party_id == party_id, is_leader)
    return session().scalars(leading.with_only_columns(person.id)).all()


def askable(board: Board, own_id: uuid.UUID) -> Sequence[Party]:
    """The other parties that somebody in the board's audience leads."""
    leading = policy.who(board).where(is_leader).with_only_columns(me.party_id)
    led = set(session().scalars(leading))
    parties = policy.parties_of([board.workspace.jit_id])
    return [party for party in parties if party.id in led and party.id != own_id]
