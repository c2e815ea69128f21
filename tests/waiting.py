"""What becomes of an act that had to wait for somebody else's, when the world has changed meanwhile."""

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg

from jit_portal.audit.models import PORTAL_CHAIN
from jit_portal.database import session
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.errors import Refusal

Statement = tuple[str, list[object]]


def status_after_the_wait(
    cluster: Postgres, act: Callable[[], object], *, held: Statement, meanwhile: Statement
) -> int:
    """200, or the status of its refusal: ``held`` takes a lock that it wants, ``meanwhile`` happens as it waits."""

    def begin() -> int:
        try:
            act()
        except Refusal as refusal:
            return refusal.status
        finally:
            session.remove()
        return 200

    with ThreadPoolExecutor(1) as apart, psycopg.connect(cluster.url(OWNER)) as other:
        other.execute(*held)
        answer = apart.submit(begin)
        until_somebody_waits(cluster)
        with psycopg.connect(cluster.url(OWNER), autocommit=True) as connection:
            connection.execute(*meanwhile)
        other.commit()
        return answer.result(timeout=20)


def record_is_free_while_it_waits(
    cluster: Postgres,
    act: Callable[[], object],
    held: Statement,
    *,
    chain: uuid.UUID = PORTAL_CHAIN,
    told: uuid.UUID | None = None,
) -> bool:
    """Whether others can put something on this record while an act waits for what ``held`` locks; then it goes on.

    The other way round two would wait for each other: whoever holds that comes to the record next. Nor does whoever
    has the record, and tells this person of something, wait for the act.
    """

    def begin() -> None:
        try:
            act()
        finally:
            session.remove()

    with ThreadPoolExecutor(1) as apart, psycopg.connect(cluster.url(OWNER)) as other:
        assert other.execute(*held).rowcount == 1
        going = apart.submit(begin)
        until_somebody_waits(cluster)
        is_free = is_record_free(other, chain)
        if told is not None:
            other.execute('SELECT 1 FROM "user" WHERE id = %s FOR KEY SHARE NOWAIT', [told])
        other.rollback()
        going.result(timeout=20)
    return is_free


def is_record_free(connection: psycopg.Connection, chain: uuid.UUID) -> bool:
    """Whether something can be put on this record now; in the transaction that is open nobody else can then."""
    head = "SELECT pg_try_advisory_xact_lock(hashtextextended('ledger ' || %s, 0))"
    return connection.execute(head, [str(chain)]).fetchone() == (True,)


def held_login(login_id: uuid.UUID) -> Statement:
    """Somebody else ends this login."""
    return "SELECT 1 FROM login_session WHERE id = %s FOR UPDATE", [login_id]


def until_somebody_waits(cluster: Postgres) -> None:
    """Until a line to the database waits for what another holds."""
    until = time.monotonic() + 8
    while not _somebody_waits(cluster):
        assert time.monotonic() < until, "nobody waits"
        time.sleep(0.02)


def _somebody_waits(cluster: Postgres) -> bool:
    with psycopg.connect(cluster.url("postgres", "postgres")) as connection:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return connection.execute(waiting).fetchone() != (0,)
