"""Whether this process is alive, and how each component it stands on is."""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from flask import Blueprint, current_app
from sqlalchemy import text

from jit_portal.background import WORKER
from jit_portal.config import Settings
from jit_portal.database import leave, session
from jit_portal.extensions import limiter
from jit_portal.files import storage
from jit_portal.web.requests import open_to_all

bp = Blueprint("health", __name__)
PATIENCE = 2.5
"""Seconds; those who watch the portal wait for little more."""


@bp.get("/healthz")
@limiter.exempt
@open_to_all
def alive() -> dict[str, str]:
    return {"state": "alive", "role": current_app.config["SETTINGS"].role}


@bp.get("/readyz")
@limiter.exempt
@open_to_all
def ready() -> tuple[dict[str, object], int]:
    """Each component with its state; 503 only when no page can be served: when the database or ``web`` is away.

    All are asked at the same time, and what has not answered when patience ends counts as away.
    """
    probes = _probes(current_app.config["SETTINGS"])
    states = dict.fromkeys(probes, "away")

    def ask(name: str) -> None:
        states[name] = _state(probes[name])

    until = time.monotonic() + PATIENCE
    asking = [threading.Thread(target=ask, args=(name,), daemon=True) for name in probes]
    for each in asking:
        each.start()
    for each in asking:
        each.join(max(0.0, until - time.monotonic()))
    can_serve = states["database"] == "ready" and states.get("web", "ready") == "ready"
    return {"components": dict(states)}, 200 if can_serve else 503


def _probes(settings: Settings) -> dict[str, Callable[[], bool]]:
    """Every component of the portal; this process is itself one of them."""
    probes: dict[str, Callable[[], bool]] = {settings.role: lambda: True}
    if settings.proxy_health is not None:
        probes["proxy"] = partial(_listens, settings.proxy_health)
    asked = (("web", settings.web_health), ("vault", settings.vault_health), ("providers", settings.providers_health))
    for name, address in asked:
        if address is not None:
            probes.setdefault(name, partial(_answers, address))
    return probes | {"worker": _worker_beats, "database": _database_answers, "store": lambda: storage.store().answers()}


def _state(probe: Callable[[], bool]) -> str:
    try:
        return "ready" if probe() else "away"
    except Exception:
        # Whatever a component fails with, its state is that it is away; the cause is in that component's own log.
        return "away"
    finally:
        leave()


def _database_answers() -> bool:
    return session().scalar(text("SELECT true")) is True


_WORKER_BEATS = text("""
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = :name AND datname = current_database())
   AND EXISTS (SELECT FROM procrastinate_workers WHERE last_heartbeat > now() - interval '18 seconds')
""")


def _worker_beats() -> bool:
    """A worker holds a line to the database, which ends at once with its process, and has given a sign of life lately:
    it does every ten seconds, unless it hangs.
    """
    return session().scalar(_WORKER_BEATS, {"name": WORKER}) is True


def _listens(address: str) -> bool:
    """Whether anybody is there: what a proxy answers is the word of whoever stands behind it."""
    connection = _connection(address)
    try:
        connection.connect()
    finally:
        connection.close()
    return True


class _UnixConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def _connection(address: str) -> http.client.HTTPConnection:
    if address.startswith("unix:"):
        connection = _UnixConnection("localhost", timeout=2)
        connection.host = address.removeprefix("unix:")
        return connection
    parts = urlsplit(address)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)


def _answers(address: str) -> bool:
    connection = _connection(address)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"} if address.startswith("unix:") else {})
        return connection.getresponse().status == 200
    finally:
        connection.close()
