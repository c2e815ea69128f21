"""Real PostgreSQL and a real object store for the tests: the demo's own, started once a session, forgotten after."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from minio.error import S3Error

from jit_portal.demo import postgres, process, store
from jit_portal.demo.postgres import APP, Postgres
from jit_portal.demo.secrets import Secrets, write_private
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


class Running:
    """A component that runs; it can be ended and started again."""

    def __init__(self, component: process.Component, log: Path) -> None:
        self._component = component
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it serves; what it says goes to its log, and into the error if it does not start."""
        with self._log.open("ab") as file:
            self._child = process.start(self._component, output=file.fileno())
        try:
            process.await_ready(self._component, self._child)
        except process.Failed as failed:
            failed.add_note(self._log.read_text(errors="replace")[-4000:])
            raise

    def stop(self, by: signal.Signals | None = None) -> None:
        """Ask it to end, in its own way or by this signal, and see it ended."""
        if self._child is not None:
            process.ask_to_stop(replace(self._component, stop_signal=by or self._component.stop_signal), self._child)
            process.see_it_stopped(self._component, self._child)
        self._child = None


@contextmanager
def running(component: process.Component, log: Path, by: signal.Signals | None = None) -> Iterator[Running]:
    """Run ``component`` until the block ends; then it ends in its own way, or by this signal."""
    log.unlink(missing_ok=True)
    child = Running(component, log)
    try:
        child.start()
        yield child
    finally:
        child.stop(by)


def make_saml_key(path: Path) -> None:
    """Make the portal's own RSA key for logins that speak SAML."""
    key = rsa.generate_private_key(65537, 3072)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(path, key.private_bytes(*form).decode())


@contextmanager
def database_server(folder: Path) -> Iterator[tuple[Postgres, Running]]:
    """PostgreSQL with the portal's roles and an empty database, and its process."""
    cluster = postgres.prepare(folder, folder, Secrets(), settings=postgres.FAST_AND_FORGETFUL)
    with running(cluster.component(), folder / "postgres.log") as child:
        cluster.make_roles()
        yield cluster, child
        if cluster in _lines:
            _lines.pop(cluster).close()


@contextmanager
def object_store(folder: Path) -> Iterator[Store]:
    """The object store with the bucket of the evidence."""
    server = store.prepare(folder, folder, free_ports(store.PORTS), Secrets())
    # Asked to end, it waits long for whoever may still be connected; what it holds is thrown away.
    with running(server.component(), folder / "store.log", by=signal.SIGKILL):
        server.make_bucket()
        yield server


class SmallStore:
    """A store of its own with little room, under the keys of another: filled to the brim, until it is given more."""

    def __init__(self, folder: Path, secrets: Secrets) -> None:
        folder.mkdir()
        self.server = store.prepare(folder, folder, free_ports(store.PORTS), secrets)
        self._log = folder / "store.log"
        self._process = Running(self._of_volumes(2), self._log)

    def _of_volumes(self, most: int) -> process.Component:
        component = self.server.component()
        return replace(component, argv=[*component.argv, "-master.volumeSizeLimitMB=16", f"-volume.max={most}"])

    def start(self) -> None:
        self._process.start()
        self.server.make_bucket()

    def stop(self) -> None:
        # A full one takes long to end: what it would write down finds no room.
        self._process.stop(signal.SIGKILL)

    def fill(self) -> None:
        """Put in what it takes, until it takes nothing."""
        client = self.server.client(store.PORTAL)
        for number in range(100):
            try:
                client.put_object(store.BUCKET, f"filling-{number}", BytesIO(bytes(1 << 20)), 1 << 20)
            except S3Error:
                return
        raise AssertionError("it is not full after 100 MiB")

    def give_room(self) -> None:
        """As its operator does: more volumes."""
        self.stop()
        self._process = Running(self._of_volumes(40), self._log)
        self._process.start()


@contextmanager
def small_store(folder: Path, secrets: Secrets) -> Iterator[SmallStore]:
    """A store that is soon full."""
    small = SmallStore(folder, secrets)
    try:
        small.start()
        yield small
    finally:
        small.stop()


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
    try:
        _kept_line(cluster).execute(_forgetting(cluster))
    except psycopg.OperationalError:  # a test has restarted the server
        _lines.pop(cluster).close()
        _kept_line(cluster).execute(_forgetting(cluster))


_lines: dict[Postgres, psycopg.Connection] = {}


def _kept_line(cluster: Postgres) -> psycopg.Connection:
    """Kept from test to test: to open one takes several times as long as to forget."""
    if cluster not in _lines:
        _lines[cluster] = psycopg.connect(cluster.url("postgres"), autocommit=True)
    return _lines[cluster]


def break_lines(cluster: Postgres) -> None:
    """Break every line of the portal to its database; answers when both ends know."""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        theirs = "FROM pg_stat_activity WHERE usename = %s"
        broken = connection.execute(f"SELECT pid, pg_terminate_backend(pid, 5000) {theirs}", [APP]).fetchall()
        standing = connection.execute(f"SELECT pid {theirs}", [APP]).fetchall()
    assert broken
    assert not {pid for pid, _ in broken} & {pid for (pid,) in standing}


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
