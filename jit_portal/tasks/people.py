"""Whose a task can be: the parties and people that a board can name."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jit_portal import policy
from jit_portal.database import session
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.policy.person import is_leader, me, person
from jit_portal.tasks.models import Board, Task


@dataclass(frozen=True)
class Seat:
    """Somebody in a board's audience, the party that she is there for, and whether she leads it."""

    person: User
    party_id: uuid.UUID
    leads: bool


def audience(board: Board) -> list[Seat]:
    """Who sees the board, by name; the caller has fetched the board."""
    seen = policy.who(board).add_columns(me.party_id, is_leader)
    seats = {row[0].id: Seat(*row) for row in session().execute(seen)}
    return sorted(seats.values(), key=lambda seat: (seat.person.name, seat.person.id))


def askable_among(seats: Iterable[Seat], parties: Iterable[Party], own_id: uuid.UUID) -> list[Party]:
    """The other parties that somebody in the board's audience leads."""
    led = {seat.party_id for seat in seats if seat.leads}
    return [party for party in parties if party.id in led and party.id != own_id]


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
    return askable_among(audience(board), policy.parties_of([board.workspace.jit_id]), own_id)
