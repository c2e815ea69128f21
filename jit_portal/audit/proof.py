"""Proving the ledger: each seal is computed again, outside the database, from what the entry says.

Seals alone cannot tell that the newest entries of a chain, or a whole chain, were deleted, nor that one was sealed anew
from some entry on. For that, the heads of the chains are kept elsewhere and compared.
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
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
class Head:
    """The number and the seal (hex) of the last entry that a chain had when it was looked at."""

    number: int
    seal: str


class Damage(StrEnum):
    """How a chain is not as it was: an entry differs, or is gone with all after it, or all up to it is sealed anew."""

    DIFFERS = "differs"
    GONE = "gone"
    SEALED_ANEW = "sealed_anew"


@dataclass(frozen=True)
class Verdict:
    """What checking one chain found. ``broken_at`` is the number of the first entry to blame, ``damage`` what for."""

    chain: uuid.UUID
    entries: int
    head: str
    broken_at: int | None = None
    damage: Damage | None = None


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


def verify(connection: sa.Connection, kept: Mapping[uuid.UUID, Head] | None = None) -> Iterator[Verdict]:
    """Check every chain from its first entry, and against the head that was ``kept`` of it; one verdict per chain.

    Entries are read in a stream.
    """
    microseconds = sa.cast(sa.func.extract("epoch", LedgerEntry.at) * 1_000_000, sa.BigInteger)
    fields = [sa.cast(column, sa.Text) for column in SEALED]
    statement = select(microseconds, LedgerEntry.seal, *fields).order_by(LedgerEntry.chain, LedgerEntry.number)
    rows = connection.execution_options(stream_results=True, yield_per=5000).execute(statement)
    missing = dict(kept or {})
    for chain, entries in groupby(rows, key=lambda row: row[3]):
        yield _verdict(uuid.UUID(chain), entries, missing.pop(uuid.UUID(chain), None))
    for chain in sorted(missing):
        yield Verdict(chain, 0, "", 1, Damage.GONE)


def _verdict(chain: uuid.UUID, rows: Iterable[Any], kept: Head | None) -> Verdict:
    count, previous, broken_at, is_as_kept = 0, b"", None, kept is None
    for count, row in enumerate(rows, 1):
        if broken_at is None and not _holds(row, count, previous):
            broken_at = count
        previous = bytes(row[1])
        if kept is not None and count == kept.number:
            is_as_kept = previous.hex() == kept.seal
    if broken_at is not None:
        return Verdict(chain, count, previous.hex(), broken_at, Damage.DIFFERS)
    if kept is not None and count < kept.number:
        return Verdict(chain, count, previous.hex(), count + 1, Damage.GONE)
    if kept is not None and not is_as_kept:
        return Verdict(chain, count, previous.hex(), kept.number, Damage.SEALED_ANEW)
    return Verdict(chain, count, previous.hex())


def _holds(row: Any, number: int, previous: bytes) -> bool:
    return row[4] == str(number) and seal(previous, row[0], list(row[2:])) == bytes(row[1])
