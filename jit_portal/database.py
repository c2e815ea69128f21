"""One session per request, job or socket event, and one place where anything is committed.

Nothing is put off until after the commit: what must happen exactly when an act is committed – telling open pages,
queueing work – is said to the database within the act's own transaction, and so can neither be lost nor come too early.
"""

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Annotated, Any

import sqlalchemy as sa
from gevent.monkey import get_original
from sqlalchemy import event, orm
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "Created",
    "Key",
    "Model",
    "Moment",
    "Thing",
    "bind",
    "leave",
    "line_apart",
    "may_be_done",
    "nothing_done_yet",
    "pause",
    "session",
    "transaction",
    "undo",
    "words",
]

Moment = Annotated[dt.datetime, mapped_column(sa.DateTime(timezone=True))]
Created = Annotated[dt.datetime, mapped_column(sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp())]
Key = Annotated[uuid.UUID, mapped_column(UUID(as_uuid=True), primary_key=True, default=uuid.uuid4)]


class Model(DeclarativeBase):
    """Base of every table; constraints are named alike everywhere."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        uuid.UUID: UUID(as_uuid=True),
        dt.datetime: sa.DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: sa.ARRAY(sa.Text),
        list[Any]: JSONB,
        str: sa.Text,
    }


class Thing(Model):
    """Base of every table whose rows are things with an id of their own."""

    __abstract__ = True
    id: Mapped[Key]


def words(enum: type[Any]) -> sa.Enum:
    """A column type that stores an enum's values as text under a CHECK constraint."""
    return sa.Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=40,
        name=enum.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


# As it was before gevent: to look, and not to wait, gives nobody else a turn.
_poll, _SOMETHING_CAME = get_original("select", ["poll", "POLLIN"])


class _Sessions(orm.scoped_session[orm.Session]):
    """The session of each request, job or socket event."""

    def remove(self) -> None:
        """End it; where its line to the database broke meanwhile, nothing is left to undo and nobody to tell."""
        try:
            super().remove()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            self.registry.clear()


_OPTIONS = "-c timezone=UTC -c lock_timeout=10s -c statement_timeout=60s"
_HEARTBEAT = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
"""Seconds, and milliseconds, after which this machine gives up a line whose other end fell silent without a word."""
_CONNECTING = {"connect_timeout": 5, "options": _OPTIONS, **_HEARTBEAT}

factory = orm.sessionmaker(expire_on_commit=False, autoflush=True)
session = _Sessions(factory)


def bind(url: str, *, pool_size: int = 20) -> sa.Engine:
    """Connect the sessions of this process to the database at ``url``."""
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=20,
        pool_pre_ping=True,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args=_CONNECTING,
    )
    event.listen(engine, "connect", _prepare_early)
    ask = engine.dialect.do_ping
    engine.dialect.do_ping = lambda dbapi_connection: (  # type: ignore[method-assign]
        _has_rested(dbapi_connection) or ask(dbapi_connection)
    )
    factory.configure(bind=engine)
    return engine


def line_apart() -> sa.Connection:
    """A new line to the database of this session, for itself alone: it ends when it is closed.

    One taken out of the pool for good would be the one that was used last, with all that the database has prepared on
    it.
    """
    return _engine_apart(session().get_bind().engine.url).connect()


@cache
def _engine_apart(url: sa.URL) -> sa.Engine:
    return sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True, connect_args=_CONNECTING)


def _prepare_early(connection: Any, _record: Any) -> None:
    """Let the database keep the plan of what is asked again: for the rules, planning takes longer than answering."""
    connection.prepare_threshold, connection.prepared_max = 1, 400


def _has_rested(line: Any) -> bool:
    """Nothing came on it while nobody used it, not its end either: as far as this machine was told, it stands, and the
    database need not be asked.

    To ask it for every request would be one more way there and back for each.
    """
    rested = _poll()
    rested.register(line.fileno(), _SOMETHING_CAME)
    return not rested.poll(0)


@event.listens_for(factory, "after_flush")
def _flushed(current: orm.Session, _context: Any) -> None:
    _note_write(current)


@event.listens_for(factory, "do_orm_execute")
def _executed(state: orm.ORMExecuteState) -> None:
    if not state.is_select or state.execution_options.get("writes"):
        _note_write(state.session)


def _note_write(current: orm.Session) -> None:
    if not current.info.get("is_in_transaction"):
        current.info["has_tried"] = True


def pause() -> None:
    """Hold no line to the database while something else is waited for, unless something was written; what was read
    stays, and the next question takes a line again.

    Where nothing was written, committing is no more than leaving, and the driver keeps what it had the database
    prepare: at a rollback it forgets all of it.
    """
    if session.registry.has():
        current = session()
        if not (current.info.get("has_tried") or current.new or current.dirty or current.deleted):
            with suppress(sa.exc.SQLAlchemyError):  # the database is away: there was nothing to keep
                current.commit()


def undo() -> None:
    """What was only tried is undone, without leaving; where nothing was, nothing that the database prepared is lost."""
    pause()
    session().rollback()


def leave() -> None:
    """Give back the session of a request, job or event; what was only tried is undone."""
    pause()
    session.remove()


def may_be_done() -> bool:
    """Whether something of what this request, job or event does may be committed by now."""
    return bool(session().info.get("may_have_committed"))


def nothing_done_yet() -> None:
    """What was committed so far was no part of what the person asks for."""
    session().info.pop("may_have_committed", None)


@contextmanager
def transaction() -> Iterator[None]:
    """Commit at the outermost exit; joined inside another."""
    current = session()
    if current.info.get("is_in_transaction"):
        yield
        return
    current.info["is_in_transaction"] = True
    try:
        yield
        # Before it: of a commit during which the line breaks, nobody here learns whether it came to pass.
        current.info["may_have_committed"] = True
        current.commit()
    except BaseException:
        current.rollback()
        raise
    finally:
        del current.info["is_in_transaction"]
