"""One writer per file: a lock that ends with its database connection, on which each stored part is committed."""

import datetime as dt
import select
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import psycopg
import sqlalchemy as sa
from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from jit_portal import database
from jit_portal.errors import StoreUnavailable
from jit_portal.files import keys
from jit_portal.files.models import StoredFile
from jit_portal.files.refusals import BeingWritten
from jit_portal.files.sealing import Seal
from jit_portal.wording import gettext

_COLUMNS = StoredFile.__table__.c
LIVES = dt.timedelta(days=7)
"""So long an upload that nobody goes on with is kept."""


@dataclass(slots=True)
class Upload:
    """How far a file has come, read under its lock and kept in step with the database.

    ``parts`` are ``[etag, plain bytes]`` in order; ``tail`` holds sealed what came after them.
    """

    connection: sa.Connection
    line: psycopg.Connection
    id: uuid.UUID
    jit_id: uuid.UUID
    object_name: str
    length: int
    received: int
    store_upload: str | None
    parts: list[list[Any]]
    tail: bytes | None
    integrity: str
    key_name: str
    wrapped_key: bytes
    key: bytes = field(default=b"", repr=False)

    @property
    def stored(self) -> int:
        """Plain bytes in the parts that the store has."""
        return sum(size for _, size in self.parts)

    def seal(self) -> Seal:
        """The file's seal; its key is unwrapped by the country's key once."""
        self.key = self.key or keys.provider().unwrap(self.key_name, self.wrapped_key)
        return Seal(self.key, self.jit_id, self.id, self.length)

    def require_line(self) -> None:
        """Go on only while the line that holds the lock stands: what comes after it broke can never be committed."""
        try:
            looking = select.poll()
            # Only its end is looked for: the answer to a commit in another thread may be lying on it.
            looking.register(self.line.fileno(), select.POLLRDHUP)
            is_broken = bool(looking.poll(0))
        except psycopg.OperationalError:  # whoever committed on it has noticed, and closed it
            is_broken = True
        if is_broken:
            raise database_away()

    def commit(self, **columns: Any) -> None:
        """Write these columns at once.

        On the connection that holds the lock, so that whoever has lost the lock can no longer commit anything.
        """
        expires = sa.func.clock_timestamp() + LIVES
        statement = sa.update(StoredFile).where(_COLUMNS.id == self.id)
        self.connection.execute(statement.values(expires_at=expires, **columns))
        for name, value in columns.items():
            setattr(self, name, value)


def database_away() -> StoreUnavailable:
    """What the sender is told while nothing can be committed."""
    return StoreUnavailable(gettext("The database does not answer; the upload goes on in a moment."))


@contextmanager
def sole_writer(file_id: uuid.UUID, *, patience: int) -> Iterator[Upload]:
    """Hold the file's lock, waiting ``patience`` seconds for it at most; ``BeingWritten`` when another keeps it.

    The connection is the lock's own: when this process is killed, the database frees the lock at once.
    """
    with database.line_apart().execution_options(isolation_level="AUTOCOMMIT") as connection:
        line = cast(psycopg.Connection, connection.connection.driver_connection)
        connection.exec_driver_sql(f"SET lock_timeout = '{patience}s'")
        try:
            connection.execute(sa.select(sa.func.pg_advisory_lock(sa.func.hashtextextended(str(file_id), 7))))
        except OperationalError as error:
            if isinstance(error.orig, LockNotAvailable):
                raise BeingWritten(gettext("Another window or device is sending this file now.")) from error
            raise
        names = [name for name in Upload.__slots__ if name in _COLUMNS]
        row = connection.execute(sa.select(*(_COLUMNS[name] for name in names)).where(_COLUMNS.id == file_id)).one()
        yield Upload(connection=connection, line=line, **row._mapping)
