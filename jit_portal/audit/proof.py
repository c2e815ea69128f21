"""Proving the ledger: each seal is computed again, outside the database, from what the entry says."""

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from jit_portal.audit.models import LedgerEntry

SEALED = (
    LedgerEntry.id,
    LedgerEntry.chain,
    LedgerEntry.number,
    LedgerEntry.zone,
    LedgerEntry.actor_id,
    LedgerEntry.actor_name,
    LedgerEntry.actor_country,
    LedgerEntry.actor_authority,
    LedgerEntry.actor_party_id,
    LedgerEntry.login_session_id,
    LedgerEntry.act,
    LedgerEntry.outcome,
    LedgerEntry.noun,
    LedgerEntry.object_id,
    LedgerEntry.object_party_id,
    LedgerEntry.reference,
    LedgerEntry.details,
)
"""The sealed columns, in the order of the seal; the time comes first, as microseconds since 1970."""


@dataclass(frozen=True)
class Verdict:
    """What checking one chain found. ``broken_at`` is the number of the first entry that is not as it was sealed."""

    chain: uuid.UUID
    entries: int
    head: str
    broken_at: int | None = None


def seal(previous: bytes, microseconds: int, fields: list[str | None]) -> bytes:
    """SHA-256 over the previous seal and every field, each prefixed by its length in bytes; ``-`` stands for none."""
    digest = hashlib.sha256(previous)
    for field in (str(microseconds), *fields):
        if field is None:
            digest.update(b"-")
        else:
            raw = field.encode()
            digest.update(b"%d:%s" % (len(raw), raw))
    return digest.digest()


def verify(connection: sa.Connection) -> Iterator[Verdict]:
    """Check every chain from its first entry, reading in a stream; yields one verdict per chain."""
    microseconds = sa.cast(sa.func.extract("epoch", LedgerEntry.at) * 1_000_000, sa.BigInteger)
    fields = [sa.cast(column, sa.Text) for column in SEALED]
    statement = select(microseconds, LedgerEntry.seal, *fields).order_by(LedgerEntry.chain, LedgerEntry.number)
    rows = connection.execution_options(stream_results=True, yield_per=5000).execute(statement)
    chain, entries, previous, broken_at = "", 0, b"", None
    for row in rows:
        if row[3] != chain:
            if chain:
                yield Verdict(uuid.UUID(chain), entries, previous.hex(), broken_at)
            chain, entries, previous, broken_at = row[3], 0, b"", None
        entries += 1
        if broken_at is None and not _holds(tuple(row), entries, previous):
            broken_at = entries
        previous = bytes(row[1])
    if chain:
        yield Verdict(uuid.UUID(chain), entries, previous.hex(), broken_at)


def _holds(row: tuple[Any, ...], number: int, previous: bytes) -> bool:
    return row[4] == str(number) and seal(previous, row[0], list(row[2:])) == bytes(row[1])
