from dataclasses import dataclass
from datetime import date
from typing import Literal

PartyKind = Literal["member_state", "third_country", "eu_body"]
State = Literal["drafting", "in_force", "ended"]
Role = Literal[
    "leader", "member", "seconded_member", "participant", "expert", "secretariat", "auditor"
]
Audience = Literal["everyone", "parties", "people"]


@dataclass(frozen=True)
class Party:
    """A country or body in an agreement."""

    code: str
    kind: PartyKind


@dataclass(frozen=True)
class Member:
    """Who is in a JIT, as what; participants and experts say to what extent, some until a day."""

    subject: str
    role: Role
    purpose: str = ""
    until: date | None = None


@dataclass(frozen=True)
class Room:
    """A channel or a board and who it is for: everyone, the parties named, or the people named."""

    key: str
    title: str
    audience: Audience
    named: tuple[str, ...] = ()
    topic: str = ""


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


CONVENTION = "Convention of 29 May 2000 on mutual assistance in criminal matters, Article 13"
FRAMEWORK = "Council Framework Decision 2002/465/JHA on joint investigation teams"
SECOND_PROTOCOL = "Second Additional Protocol to the European Convention on MLA (ETS 182), Article 20"
PALERMO = "United Nations Convention against Transnational Organized Crime, Article 19"

FR = Party("FR", "member_state")
NL = Party("NL", "member_state")
RO = Party("RO", "member_state")
AL = Party("AL", "third_country")
EUROJUST = Party("EUROJUST", "eu_body")
EUROPOL = Party("EUROPOL", "eu_body")
