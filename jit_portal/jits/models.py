"""A joint investigation team on paper: the JIT, its parties and its agreement, version by version."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from jit_portal.database import Created, Thing, words
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.vocabulary import AgreementDuty, AgreementState, PartyKind, Role


class Jit(Thing):
    """One joint investigation team, under one reference, for ever."""

    __tablename__ = "jit"
    reference: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    created_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[Created]
    agreements: Mapped[list["Agreement"]] = relationship(back_populates="jit", order_by="Agreement.version")
    parties: Mapped[list["Party"]] = relationship(back_populates="jit", order_by="Party.name")

    @property
    def initial(self) -> str:
        return self.name[:1].upper()

    @property
    def tone(self) -> int:
        return self.id.int % 6 + 1


class Party(Thing):
    """A country or body in one JIT, from the agreement version that names it until the one that no longer does."""

    __tablename__ = "party"
    __table_args__ = (sa.UniqueConstraint("jit_id", "provider_id"),)
    jit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jit.id"), index=True)
    provider_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identity_provider.id"))
    kind: Mapped[PartyKind] = mapped_column(words(PartyKind))
    country: Mapped[str] = mapped_column(sa.String(12))
    name: Mapped[str]
    live_from: Mapped[dt.datetime | None]
    live_until: Mapped[dt.datetime | None]
    jit: Mapped[Jit] = relationship(back_populates="parties")
    provider: Mapped[IdentityProvider] = relationship()


class Agreement(Thing):
    """One version of the agreement: what the parties signed, and for how long.

    In force from ``in_force_from`` (the last signature or ``starts_on``, whichever is later) until ``in_force_until``
    (the end of ``ends_on`` in ``time_zone``, or the moment the next version takes over).
    """

    __tablename__ = "agreement"
    __table_args__ = (
        sa.UniqueConstraint("jit_id", "version"),
        sa.CheckConstraint("ends_on >= starts_on", name="period"),
        sa.CheckConstraint("(state = 'signed') = (in_force_from IS NOT NULL)", name="signed_has_force"),
    )
    jit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jit.id"))
    version: Mapped[int]
    state: Mapped[AgreementState] = mapped_column(words(AgreementState), default=AgreementState.DRAFT)
    purpose: Mapped[str]
    legal_bases: Mapped[list[str]]
    states_of_operation: Mapped[list[str]]
    starts_on: Mapped[dt.date]
    ends_on: Mapped[dt.date]
    time_zone: Mapped[str]
    edition: Mapped[int] = mapped_column(default=1)
    document_name: Mapped[str | None]
    document_sha256: Mapped[str | None]
    document_object: Mapped[str | None]
    created_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[Created]
    in_force_from: Mapped[dt.datetime | None]
    in_force_until: Mapped[dt.datetime | None]
    jit: Mapped[Jit] = relationship(back_populates="agreements")
    named_parties: Mapped[list["AgreementParty"]] = relationship(back_populates="agreement")
    named_people: Mapped[list["AgreementPerson"]] = relationship(back_populates="agreement")


class AgreementParty(Thing):
    """A party that one version names, what it lists for it, and its signature."""

    __tablename__ = "agreement_party"
    __table_args__ = (sa.UniqueConstraint("agreement_id", "party_id"),)
    agreement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agreement.id"))
    party_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("party.id"))
    roles: Mapped[list[str]]
    invites_until: Mapped[dt.date | None]
    signed_on: Mapped[dt.date | None]
    signed_by: Mapped[str | None]
    signed_at_place: Mapped[str | None]
    recorded_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    recorded_at: Mapped[dt.datetime | None]
    agreement: Mapped[Agreement] = relationship(back_populates="named_parties")
    party: Mapped[Party] = relationship(lazy="joined")

    def lists(self, role: Role) -> bool:
        return role.value in self.roles


class AgreementPerson(Thing):
    """A person whom one version names as leader, space administrator or controller."""

    __tablename__ = "agreement_person"
    __table_args__ = (sa.UniqueConstraint("agreement_id", "user_id", "duty"),)
    agreement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agreement.id"))
    party_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("party.id"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"), index=True)
    duty: Mapped[AgreementDuty] = mapped_column(words(AgreementDuty))
    agreement: Mapped[Agreement] = relationship(back_populates="named_people")
    user: Mapped[User] = relationship(lazy="joined")
    party: Mapped[Party] = relationship(lazy="joined")
