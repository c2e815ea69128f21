"""What one copy of the demo consists of, in the order in which it starts."""

import datetime as dt
import hashlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jit_portal
from jit_portal.demo import postgres, proxy, store
from jit_portal.demo.answering import answers
from jit_portal.demo.folders import make_private, runtime_folder
from jit_portal.demo.postgres import APP, OWNER, Postgres
from jit_portal.demo.process import BEHIND_PEOPLE, Component, base_environ
from jit_portal.demo.secrets import Secrets, make_signing_key, read_or_make, write_private
from jit_portal.demo.store import BUCKET, PORTAL, Store
from jit_portal.files.keys import FileKeyring
from jit_portal.resources import MIGRATIONS

VAULT_SERVED = ("--worker-class=gthread", "--workers=1", "--keep-alive=0")
"""How ``vault`` is served, one request on a line: a refusal may leave before its body is in, and what the proxy sent
behind that would be lost.
"""
HIGHEST_PORT = 55_500
"""The store listens 10,000 above its own ports, and ports end at 65,535."""


class CannotStart(Exception):
    """Something outside the demo is in its way; the message says what."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One copy: its folders, its secrets, and every port counted from the one that people use."""

    data: Path
    runtime: Path
    port: int
    secrets: Secrets
    database: Postgres
    store: Store

    @property
    def origin(self) -> str:
        """The address people use."""
        return f"http://localhost:{self.port}"

    @property
    def providers(self) -> str:
        """The address under which each national provider of the demo has its own path."""
        return f"http://127.0.0.1:{self.port + 2}"

    @property
    def vault_socket(self) -> Path:
        """Where ``vault`` listens."""
        return self.runtime / "vault.sock"

    def stages(self) -> list[list[Component]]:
        """The processes: those of one stage start together, once the stage before is ready."""
        return [
            [self.database.component(), self.store.component(), self._providers()],
            self._once("migrate", "jit_portal.migrate", _fingerprint(MIGRATIONS / "versions")),
            self._once("case", "jit_portal.demo.case", f"told at {self.providers}"),
            [self._web(), self._vault(), self._worker()],
            [proxy.component(self.data, self.port, self.port + 1, self.vault_socket)],
        ]

    def environ(self, role: str, *, owner: bool = False) -> dict[str, str]:
        """The settings of one process of the portal; only those who make tables know the owner's password."""
        settings = {
            "ROLE": role,
            "ORIGIN": self.origin,
            "INSTANCE": str(self.port),
            "DATABASE_URL": self.database.url(APP),
            "STORE_ENDPOINT": self.store.endpoint,
            "STORE_SECURE": "0",
            "STORE_ACCESS_KEY": PORTAL,
            "STORE_SECRET_KEY": self.secrets.store_portal,
            "STORE_BUCKET": BUCKET,
            "KEYRING": str(self.data / "keyring.json"),
            "SECRET_KEY": self.secrets.session,
            "SIGNING_KEY": str(self.data / "signing-key.json"),
            "PROXY_HOPS": "1",
            "PROXY_HEALTH": f"http://127.0.0.1:{self.port}",
            "WEB_HEALTH": f"http://127.0.0.1:{self.port + 1}",
            "VAULT_HEALTH": f"unix:{self.vault_socket}",
            "PROVIDERS_HEALTH": self.providers,
            "DEMO_PROVIDERS": self.providers,
            "DEMO_DATA": str(self.data),
            "BREAK_GLASS": os.environ.get("JIT_BREAK_GLASS", "0"),
        }
        if owner:
            settings["OWNER_DATABASE_URL"] = self.database.url(OWNER)
        return _python_environ() | {f"JIT_{name}": value for name, value in settings.items()}

    def _once(self, name: str, module: str, state: str) -> list[Component]:
        """Run ``module`` with the owner's rights, unless it has run here for the same ``state``."""
        mark = self.data / f"{name}.done"
        if mark.exists() and mark.read_text() == state:
            return []
        return [
            Component(
                name=name,
                argv=[sys.executable, "-m", module],
                environ=self.environ("command", owner=True),
                then=lambda: write_private(mark, state),
                start_seconds=600,
                cwd=self.data,
            )
        ]

    def _providers(self) -> Component:
        folder = make_private(self.data / "providers")
        settings = {"JIT_ORIGIN": self.origin, "JIT_SIGNING_KEY": str(self.data / "signing-key.json")}
        return Component(
            name="providers",
            argv=[sys.executable, "-m", "jit_portal.demo.providers", f"--port={self.port + 2}", f"--data={folder}"],
            environ=_python_environ() | settings,
            ready=lambda: answers(f"{self.providers}/healthz"),
            cwd=self.data,
        )

    def _web(self) -> Component:
        address = f"127.0.0.1:{self.port + 1}"
        return self._gunicorn(
            "web",
            ["--worker-class=gevent", "--workers=1", f"--bind={address}", "--graceful-timeout=5"],
            lambda: answers(f"http://{address}/healthz", host=f"localhost:{self.port}"),
        )

    def _vault(self) -> Component:
        patience = ["--graceful-timeout=10", "--timeout=120"]
        return self._gunicorn(
            "vault",
            [*VAULT_SERVED, "--threads=16", f"--bind=unix:{self.vault_socket}", *patience],
            lambda: answers(f"{self.origin}/healthz", over=self.vault_socket),
            niceness=BEHIND_PEOPLE,
        )

    def _gunicorn(self, role: str, options: list[str], ready: Callable[[], bool], *, niceness: int = 0) -> Component:
        quietly = ["--no-control-socket", "--log-level=warning"]
        return Component(
            name=role,
            argv=[sys.executable, "-m", "gunicorn", *quietly, *options, "jit_portal.wsgi:app"],
            environ=self.environ(role),
            ready=ready,
            start_seconds=60,
            niceness=niceness,
            cwd=self.data,
        )

    def _worker(self) -> Component:
        began = dt.datetime.now(dt.UTC)
        return Component(
            name="worker",
            argv=[sys.executable, "-m", "jit_portal.worker"],
            environ=self.environ("worker"),
            ready=lambda: self.database.has_worker_since(began),
            start_seconds=60,
            # Its jobs may be run again at any point; nothing is gained by letting them end without a parent.
            death_signal=signal.SIGKILL,
            niceness=BEHIND_PEOPLE,
            cwd=self.data,
        )


def draw_up(data: Path, port: int) -> Plan:
    """Make or read what the copy in ``data`` needs before anything of it runs. The caller holds its lock."""
    _insist_on_range(port)
    taken = list(_taken_ports(port))
    if taken:
        raise CannotStart(f"somebody listens on {', '.join(map(str, taken))} already; choose another: make run PORT=…")
    return of_folder(data, port)


def of_folder(data: Path, port: int) -> Plan:
    """The copy in ``data``, whether it runs or not; what it needs is made where it is missing."""
    _insist_on_range(port)
    runtime = runtime_folder(data)
    secrets = read_or_make(data / "secrets.json")
    make_signing_key(data / "signing-key.json")
    FileKeyring.create(data / "keyring.json")
    database = postgres.prepare(data, runtime, secrets)
    return Plan(data, runtime, port, secrets, database, store.prepare(data, runtime, _store_port(port), secrets))


def _insist_on_range(port: int) -> None:
    if not 1024 <= port <= HIGHEST_PORT:
        raise CannotStart(f"the port must lie between 1024 and {HIGHEST_PORT}")


def _store_port(port: int) -> int:
    return port + 3


def _taken_ports(port: int) -> Iterator[int]:
    """The ports of a copy at ``port`` that somebody listens on."""
    own, stores = range(port, _store_port(port)), range(_store_port(port), _store_port(port) + store.PORTS)
    for number in (*own, *stores, *(each + 10_000 for each in stores)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", number)) == 0:
                yield number


def _fingerprint(folder: Path) -> str:
    """Changes when a Python file in ``folder`` does."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(folder.glob("*.py")))).hexdigest()


def _python_environ() -> dict[str, str]:
    # The modules of this very copy, and never those of the folder a process happens to stand in.
    package = Path(jit_portal.__file__).parent
    return base_environ() | {"PYTHONPATH": str(package.parent), "PYTHONSAFEPATH": "1"}
