"""Reading a JIT's agreement: its versions, what each changed, and how far the one being drafted has come."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, select
from sqlalchemy.orm import selectinload

from jit_portal import policy
from jit_portal.database import session
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.jits.models import Agreement, AgreementParty, Jit
from jit_portal.jits.signing import lacking, remarks
from jit_portal.jits.terms import Change, Section, changes, in_order, read_out, sections
from jit_portal.vocabulary import AgreementState, May, PartyKind


@dataclass(frozen=True)
class Version:
    """A version as it is read: part by part, and what it changed against the signed one before."""

    agreement: Agreement
    sections: list[Section]
    changes: list[Change]
    parties: list[AgreementParty]
    may: frozenset[May]


@dataclass(frozen=True)
class Progress:
    """How far a draft is from being signed; ``mine`` are the parties whose signature the reader may record."""

    lacking: list[str]
    remarks: list[str]
    signed: int
    mine: frozenset[uuid.UUID]

    @property
    def can_be_signed(self) -> bool:
        return not self.lacking


def versions_of(person: User, jit: Jit) -> list[Version]:
    """Every version she sees, the newest first; those given up are left out."""
    found = policy.which(person, Agreement).where(
        Agreement.jit_id == jit.id, Agreement.state != AgreementState.ABANDONED
    )
    loaded = found.options(
        selectinload(Agreement.named_parties), selectinload(Agreement.named_people), selectinload(Agreement.jit)
    )
    read: list[Version] = []
    for agreement in session().scalars(loaded.order_by(Agreement.version)):
        said = sections(agreement)
        earlier = changes(read_out(read[-1].sections), read_out(said)) if read else []
        may = policy.allowed(person, agreement) if agreement.state == AgreementState.DRAFT else frozenset({May.SEE})
        read.append(Version(agreement, said, earlier, in_order(agreement.named_parties), may))
    return read[::-1]


def progress_of(person: User, agreement: Agreement) -> Progress:
    """How far this draft has come."""
    signed = sum(named.recorded_at is not None for named in agreement.named_parties)
    return Progress(lacking(agreement), remarks(agreement), signed, policy.jits.signs_for(person, agreement))


def possible_parties() -> Sequence[IdentityProvider]:
    """The national logins whose people can be a party: Member States first."""
    states_first = case((IdentityProvider.kind == PartyKind.MEMBER_STATE, 0), else_=1)
    enabled = select(IdentityProvider).where(IdentityProvider.is_enabled)
    return session().scalars(enabled.order_by(states_first, IdentityProvider.kind, IdentityProvider.name)).all()


def possible_people() -> Sequence[User]:
    """Those whom an agreement can name: everybody active without a duty for the installation."""
    return (
        session()
        .scalars(select(User).where(User.deactivated_at.is_(None), User.duty.is_(None)).order_by(User.name))
        .all()
    )
