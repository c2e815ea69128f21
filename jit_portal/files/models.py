"""Bytes in the vault: how far they have come in, under which key they lie, and what they hash to."""

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from jit_portal.database import Created, Thing, words
from jit_portal.vocabulary import Integrity


class StoredFile(Thing):
    """One sealed object of the store, from its first byte on.

    ``length`` and ``received`` are bytes of plain text; ``parts`` is the list of ``[etag, length]`` already stored, in
    order; ``tail`` holds sealed bytes too short for a part; both are empty again once it is complete. ``client_key``
    is the sender's own name for this upload, so that a repeated beginning finds it. ``sha256_declared`` is the sender's
    own hash, ``sha256`` what was read back from the store, both in hex.
    """

    __tablename__ = "stored_file"
    __table_args__ = (
        sa.CheckConstraint("length >= 0 AND received >= 0 AND received <= length", name="received"),
        sa.CheckConstraint(
            "integrity <> 'verified' OR (sha256 = sha256_declared) IS TRUE",
            name="verified_means_equal",
        ),
        sa.UniqueConstraint("uploaded_by_id", "client_key"),
        sa.Index(
            "ix_stored_file_uploads",
            "uploaded_by_id",
            postgresql_where=sa.text("integrity = 'receiving' OR (integrity = 'checking' AND sha256_declared IS NULL)"),
        ),
    )
    jit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jit.id"))
    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspace.id"))
    party_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("party.id"))
    uploaded_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    name: Mapped[str]
    media_type: Mapped[str] = mapped_column(default="application/octet-stream")
    length: Mapped[int] = mapped_column(sa.BigInteger)
    received: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    object_name: Mapped[str] = mapped_column(unique=True)
    store_upload: Mapped[str | None]
    parts: Mapped[list[Any]] = mapped_column(default=list, deferred=True)
    tail: Mapped[bytes | None] = mapped_column(deferred=True)
    key_name: Mapped[str]
    wrapped_key: Mapped[bytes]
    integrity: Mapped[Integrity] = mapped_column(words(Integrity), default=Integrity.RECEIVING)
    client_key: Mapped[uuid.UUID | None]
    sha256_declared: Mapped[str | None] = mapped_column(sa.String(64))
    sha256: Mapped[str | None] = mapped_column(sa.String(64))
    created_at: Mapped[Created]
    expires_at: Mapped[dt.datetime]
    completed_at: Mapped[dt.datetime | None]
    checked_at: Mapped[dt.datetime | None]

    @property
    def is_empty(self) -> bool:
        """A file of no bytes: kept as it was found, and shown with a warning."""
        return self.length == 0

    @property
    def lacks_hash(self) -> bool:
        """Whole and read back, and undecided until its sender says what it hashes to."""
        return self.integrity == Integrity.CHECKING and self.sha256 is not None
