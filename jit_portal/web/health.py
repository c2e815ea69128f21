"""Whether this process is alive, and how each component it stands on is."""

import http.client
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Blueprint, current_app
from sqlalchemy import text

from jit_portal.config import Settings
from jit_portal.database import session
from jit_portal.extensions import limiter
from jit_portal.files import storage
from jit_portal.web.requests import open_to_all

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@limiter.exempt
@open_to_all
def alive() -> dict[str, str]:
    return {"state": "alive", "role": current_app.config["SETTINGS"].role}


@bp.get("/readyz")
@limiter.exempt
@open_to_all
def ready() -> tuple[dict[str, object], int]:
    """Each component with its state; 503 only when no page can be served: when the database is away."""
    settings: Settings = current_app.config["SETTINGS"]
    states = {name: _state(probe) for name, probe in _probes(settings).items()}
    return {"components": states}, 200 if states["database"] == "ready" else 503


def _probes(settings: Settings) -> dict[str, Callable[[], bool]]:
    return {
        "database": lambda: session().scalar(text("SELECT true")) is True,
        "store": lambda: storage.store().answers(),
        "vault": lambda: settings.vault_health is None or _vault_answers(settings.vault_health),
        "worker": _worker_beats,
    }


def _state(probe: Callable[[], bool]) -> str:
    try:
        return "ready" if probe() else "away"
    except Exception:
        # Whatever a component fails with, its state is that it is away; the cause is in that component's own log.
        session().rollback()
        return "away"


def _worker_beats() -> bool:
    beat = text("SELECT max(last_heartbeat) > now() - interval '40 seconds' FROM procrastinate_workers")
    return session().scalar(beat) is True


class _UnixConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def _vault_answers(address: str) -> bool:
    if address.startswith("unix:"):
        connection: http.client.HTTPConnection = _UnixConnection("localhost", timeout=2)
        connection.host = address.removeprefix("unix:")
    else:
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    finally:
        connection.close()
