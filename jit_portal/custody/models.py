"""The chain of custody: who held an exhibit, step by lawful step."""

import uuid

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from jit_portal.database import Created, Thing, words
from jit_portal.identity.models import User
from jit_portal.vocabulary import CustodyStep

LAWFUL_NEXT: dict[CustodyStep | None, frozenset[CustodyStep]] = {
    None: frozenset({CustodyStep.RECEIVED}),
    CustodyStep.RECEIVED: frozenset({CustodyStep.HANDED_OVER}),
    CustodyStep.HANDED_OVER: frozenset({CustodyStep.ACCEPTED, CustodyStep.DECLINED, CustodyStep.TAKEN_BACK}),
    CustodyStep.ACCEPTED: frozenset({CustodyStep.HANDED_OVER}),
    CustodyStep.DECLINED: frozenset({CustodyStep.HANDED_OVER}),
    CustodyStep.TAKEN_BACK: frozenset({CustodyStep.HANDED_OVER}),
}


class CustodyEvent(Thing):
    """One link of an exhibit's chain; links are added, never changed."""

    __tablename__ = "custody_event"
    __table_args__ = (sa.UniqueConstraint("exhibit_id", "number"),)
    exhibit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("exhibit.id"))
    number: Mapped[int]
    step: Mapped[CustodyStep] = mapped_column(words(CustodyStep))
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    to_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    reason: Mapped[str] = mapped_column(default="")
    at: Mapped[Created]
    by: Mapped[User] = relationship(lazy="joined", foreign_keys=[by_id])
    to: Mapped[User | None] = relationship(lazy="joined", foreign_keys=[to_id])
