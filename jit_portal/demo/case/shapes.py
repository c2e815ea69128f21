"""What a JIT of the demo case is made of, in the words of its agreement."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from jit_portal.vocabulary import Audience, PartyKind, Role

State = Literal["drafting", "in_force", "ended"]


@dataclass(frozen=True)
class Party:
    """A country or body in an agreement."""

    code: str
    kind: PartyKind


@dataclass(frozen=True)
class Member:
    """Who is in a JIT, as what; participants and experts say to what extent; `until` past means already ended."""

    subject: str
    role: Role
    purpose: str = ""
    until: date | None = None


@dataclass(frozen=True)
class Room:
    """A channel or a board and who it is for: everyone, the parties named, or the people named.

    A channel has a topic; a board a prefix that starts its tasks' references.
    """

    key: str
    title: str
    audience: Audience
    named: tuple[str, ...] = ()
    topic: str = ""
    prefix: str = ""


@dataclass(frozen=True)
class DemoJit:
    """One JIT as its agreement words it; dates are inclusive in `time_zone`."""

    key: str
    reference: str
    name: str
    state: State
    crime: str
    purpose: str
    legal_basis: tuple[str, ...]
    parties: tuple[Party, ...]
    states_of_operation: tuple[str, ...]
    starts_on: date
    ends_on: date
    time_zone: str
    administrators: tuple[str, ...]
    controller: str | None
    members: tuple[Member, ...]
    channels: tuple[Room, ...]
    boards: tuple[Room, ...]
    signed_on: tuple[tuple[str, date], ...] = ()
    clauses: tuple[str, ...] = ()

    @property
    def leaders(self) -> tuple[str, ...]:
        """The subjects of those who lead for a party."""
        return tuple(member.subject for member in self.members if member.role == "leader")

    @property
    def party_codes(self) -> tuple[str, ...]:
        """The codes of the parties, in the agreement's order."""
        return tuple(party.code for party in self.parties)
