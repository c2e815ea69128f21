"""The portal at one origin, as the demo runs it: a proxy before ``web`` and ``vault``; and a gate before the store."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

from jit_portal.demo import process, proxy
from jit_portal.demo.answering import answers
from jit_portal.demo.process import Component
from jit_portal.files import storage
from tests import services
from tests.web import Web


class Portal(Web):
    """``web`` behind the proxy, beside a ``vault`` that can be killed and started again."""

    def __init__(self, environ: dict[str, str], folder: Path, port: int, gate: "Gate") -> None:
        super().__init__(environ, folder, port + 1, origin=f"http://localhost:{port}")
        self.gate = gate
        self.socket = folder / f"vault-{port}.sock"
        options = ["--worker-class=gthread", "--threads=8", "--workers=1", f"--bind=unix:{self.socket}"]
        self._vault_component = Component(
            name="vault",
            argv=[sys.executable, "-m", "gunicorn", "--no-control-socket", *options, "jit_portal.wsgi:app"],
            environ=environ | {"JIT_ROLE": "vault", "JIT_ORIGIN": self.origin, "JIT_STORE_ENDPOINT": gate.address},
            ready=lambda: answers(f"{self.origin}/healthz", over=self.socket),
            start_seconds=60,
            cwd=Path(__file__).parent.parent,
        )
        self._vault_log = folder / f"vault-{port}.log"
        self._vault: subprocess.Popen[bytes] | None = None

    def start_vault(self) -> None:
        with self._vault_log.open("ab") as file:
            self._vault = process.start(self._vault_component, output=file.fileno())
        process.await_ready(self._vault_component, self._vault)

    def kill_vault(self) -> None:
        """End it and its workers without a word, as a crash does."""
        assert self._vault is not None
        os.killpg(self._vault.pid, signal.SIGKILL)
        process.see_it_stopped(self._vault_component, self._vault)


@contextmanager
def running_portal(environ: dict[str, str], folder: Path) -> Iterator[Portal]:
    port = services.free_ports(2)
    with before_the_store(environ["JIT_STORE_ENDPOINT"]) as gate:
        portal = Portal(environ, folder, port, gate)
        portal.start()
        portal.start_vault()
        try:
            with services.running(proxy.component(folder, port, port + 1, portal.socket), folder / "proxy.log"):
                yield portal
        finally:
            portal.kill_vault()
            portal.stop()


class Hold:
    """Where whoever asks for an object waits once she ``came``, until she ``goes`` on."""

    def __init__(self) -> None:
        self.came, self.goes = Event(), Event()


class Gate(ThreadingHTTPServer):
    """Passes on to the store what it is asked, or says ``refusal`` instead: a status, a content type and a body.

    So many of the next HEADs as ``slow_heads`` says come too late for whoever is in a hurry; what objects in ``holds``
    are asked for waits.
    """

    daemon_threads = True
    refusal: tuple[int, str, bytes] | None = None
    slow_heads = 0

    def __init__(self, store: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.store = store
        self.holds: dict[str, Hold] = {}
        self.address = f"127.0.0.1:{self.server_address[1]}"

    def opens(self) -> None:
        self.refusal = None


@contextmanager
def before_the_store(store: str) -> Iterator[Gate]:
    with Gate(store) as gate:
        Thread(target=gate.serve_forever, daemon=True).start()
        yield gate
        for hold in gate.holds.values():
            hold.goes.set()
        gate.shutdown()


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gate

    def handle_one_request(self) -> None:
        self.do_GET = self.do_HEAD = self.do_POST = self.do_PUT = self.do_DELETE = self._answer
        super().handle_one_request()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.command == "HEAD" and self.server.slow_heads:
            self.server.slow_heads -= 1
            time.sleep(storage.HURRY + 0.5)
            self.close_connection = True
            return
        for hold in (each for name, each in self.server.holds.items() if name in self.path):
            hold.came.set()
            hold.goes.wait()
        status, headers, data = self._refused() if self.server.refusal else self._asked(body)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _refused(self) -> tuple[int, dict[str, str], bytes]:
        status, kind, data = self.server.refusal or (0, "", b"")
        return status, {"Content-Type": kind, "Content-Length": str(len(data))}, data

    def _asked(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        with closing(http.client.HTTPConnection(self.server.store, timeout=30)) as store:
            store.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                store.putheader(name, value)
            store.endheaders(body)
            answer = store.getresponse()
            data = answer.read()
        kept = {
            name: value for name, value in answer.headers.items() if name not in ("Transfer-Encoding", "Connection")
        }
        if self.command != "HEAD":
            kept["Content-Length"] = str(len(data))
        return answer.status, kept, data

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nobody reads it."""
