"""The ledger: one chain of sealed entries per JIT, and one for the portal itself."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from jit_portal.database import Thing, words
from jit_portal.vocabulary import Outcome


class LedgerEntry(Thing):
    """One act, as it was. The database numbers, times and seals it; nobody changes it.

    ``chain`` is the JIT's id, or the nil UUID for acts outside every JIT. ``details`` is canonical JSON text without
    content. ``seal`` is SHA-256 over the previous seal and every field, each prefixed by its length in bytes.
    """

    __tablename__ = "ledger_entry"
    __table_args__ = (
        sa.UniqueConstraint("chain", "number"),
        sa.Index("ix_ledger_entry_chain_at", "chain", sa.text("at DESC")),
        sa.Index("ix_ledger_entry_object_id", "object_id"),
    )
    chain: Mapped[uuid.UUID]
    number: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.clock_timestamp())
    zone: Mapped[str] = mapped_column(default="UTC")
    actor_id: Mapped[uuid.UUID | None]
    actor_name: Mapped[str]
    actor_country: Mapped[str]
    actor_authority: Mapped[str]
    actor_party_id: Mapped[uuid.UUID | None]
    login_session_id: Mapped[uuid.UUID | None]
    act: Mapped[str]
    outcome: Mapped[Outcome] = mapped_column(words(Outcome))
    noun: Mapped[str]
    object_id: Mapped[uuid.UUID | None]
    object_party_id: Mapped[uuid.UUID | None]
    reference: Mapped[str]
    details: Mapped[str]
    seal: Mapped[bytes] = mapped_column(server_default=sa.text("''::bytea"))


PORTAL_CHAIN = uuid.UUID(int=0)
