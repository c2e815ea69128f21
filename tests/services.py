"""Real PostgreSQL and a real object store for the tests: the demo's own, started once a session, forgotten after."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import cycle, islice
from pathlib import Path

import psycopg

from jit_portal.demo import postgres, process, store
from jit_portal.demo.postgres import Postgres
from jit_portal.demo.secrets import Secrets
from jit_portal.demo.store import Store


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder with a short name that another OS user may pass through; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="jit-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def running(component: process.Component, log: Path) -> Iterator[None]:
    """Run ``component`` until the block ends; what it says goes to ``log``, and into the error if it does not start."""
    with log.open("wb") as file:
        child = process.start(component, output=file.fileno())
    try:
        process.await_ready(component, child)
        yield
    except process.Failed as failed:
        failed.add_note(log.read_text(errors="replace")[-4000:])
        raise
    finally:
        process.ask_to_stop(component, child)
        process.see_it_stopped(component, child)


@contextmanager
def database_server(folder: Path) -> Iterator[Postgres]:
    """PostgreSQL with the portal's roles and an empty database."""
    cluster = postgres.prepare(folder, folder, Secrets(), settings=postgres.FAST_AND_FORGETFUL)
    with running(cluster.component(), folder / "postgres.log"):
        cluster.make_roles()
        yield cluster


@contextmanager
def object_store(folder: Path) -> Iterator[Store]:
    """The object store with the bucket of the evidence."""
    server = store.prepare(folder, folder, free_ports(store.PORTS), Secrets())
    with running(server.component(), folder / "store.log"):
        server.make_bucket()
        yield server


def free_ports(count: int) -> int:
    """The first of ``count`` ports in a row that nobody listens on, nor 10,000 above them.

    Test processes that run beside each other look in different places, and none gives a port twice in a row.
    """
    for first in islice(_places(), 2 * len(_OURS)):
        if all(_is_free(port + above) for port in range(first, first + count) for above in (0, 10_000)):
            return first
    raise RuntimeError("no free ports")


# Below the ports from which a system takes one for every connection it makes: 10,000 above them, too.
_BESIDE = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_OURS = range(11_000, 22_000, 10)[_NUMBER::_BESIDE]


@cache
def _places() -> Iterator[int]:
    """Where to look next, round and round, from a place of this process's own."""
    begin = os.getpid() % len(_OURS)
    return cycle([*_OURS[begin:], *_OURS[:begin]])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


_TABLES = """
SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""


def remember_seeds(cluster: Postgres) -> None:
    """Keep a copy of the rows that the migrations themselves put in."""
    with psycopg.connect(cluster.url("postgres")) as connection:
        connection.execute("CREATE SCHEMA seed")
        for (table,) in connection.execute(_TABLES).fetchall():
            if connection.execute(f"SELECT 1 FROM public.{table} LIMIT 1").fetchone():
                connection.execute(f"CREATE TABLE seed.{table} AS TABLE public.{table}")


def forget_everything(cluster: Postgres) -> None:
    """Empty every table, past every trigger that guards it, and put the migrations' own rows back."""
    with psycopg.connect(cluster.url("postgres")) as connection:
        connection.execute(_forgetting(cluster))


@cache
def _forgetting(cluster: Postgres) -> str:
    """One text of SQL for all tables: a test leaves few rows, and deleting those is much faster than truncating."""
    with psycopg.connect(cluster.url("postgres")) as connection:
        tables = [table for (table,) in connection.execute(_TABLES)]
        seeds = [table for (table,) in connection.execute(_TABLES.replace("public", "seed"))]
    lines = ["SET session_replication_role = replica", "SET lock_timeout = '10s'"]
    lines += [f"DELETE FROM public.{table}" for table in tables]
    lines += [f"INSERT INTO public.{table} OVERRIDING SYSTEM VALUE SELECT * FROM seed.{table}" for table in seeds]
    lines.append(
        """SELECT setval(sequencename::regclass, start_value, false) FROM pg_sequences
        WHERE schemaname = 'public' AND last_value IS NOT NULL"""
    )
    return "; ".join(lines)
