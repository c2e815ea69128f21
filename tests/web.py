"""A real web process: gunicorn with gevent on a port of its own, and sockets of people signed in to it."""

import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import socketio

from jit_portal.demo import process
from jit_portal.demo.process import Component
from jit_portal.identity.models import User
from tests import factories, services
from tests.vault import token_in

PATIENCE = 15.0


class Web:
    """A web process that can be ended and started again on the same port."""

    def __init__(
        self,
        environ: Mapping[str, str],
        folder: Path,
        port: int,
        application: str = "jit_portal.wsgi:app",
        origin: str = "",
    ) -> None:
        self.port = port
        self.origin = origin or f"http://localhost:{port}"
        self.cookie = f"__Host-jit-{environ['JIT_INSTANCE']}"
        self.log = folder / f"web-{port}.log"
        self._child: subprocess.Popen[bytes] | None = None
        options = ["--worker-class=gevent", "--workers=1", f"--bind=127.0.0.1:{port}", "--graceful-timeout=1"]
        options += ["--log-level=warning"]
        self._component = Component(
            name="web",
            argv=[sys.executable, "-m", "gunicorn", "--no-control-socket", *options, application],
            environ={**environ, "JIT_ROLE": "web", "JIT_ORIGIN": self.origin},
            ready=self._serves,
            start_seconds=60,
            cwd=Path(__file__).parent.parent,
        )

    def _serves(self) -> bool:
        host = self.origin.removeprefix("http://")
        answer = requests.get(f"http://localhost:{self.port}/healthz", headers={"Host": host}, timeout=2)
        return answer.status_code == 200

    def start(self) -> None:
        with self.log.open("ab") as file:
            self._child = process.start(self._component, output=file.fileno())
        try:
            process.await_ready(self._component, self._child)
        except process.Failed as failed:
            failed.add_note(self.said())
            raise

    def stop(self) -> None:
        if self._child is not None:
            process.ask_to_stop(self._component, self._child)
            process.see_it_stopped(self._component, self._child)
        self._child = None

    def kill(self) -> None:
        """End it without a word, as a crash does."""
        assert self._child is not None
        self._child.send_signal(signal.SIGKILL)
        process.see_it_stopped(self._component, self._child)
        self._child = None

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-6000:]

    def sign_in(self, someone: User) -> "Signed":
        return Signed(self, someone, factories.login(someone))


@contextmanager
def running_web(environ: Mapping[str, str], folder: Path, application: str = "jit_portal.wsgi:app") -> Iterator[Web]:
    web = Web(environ, folder, services.free_ports(1), application)
    web.start()
    try:
        yield web
    finally:
        web.stop()


class Signed:
    """Somebody signed in: their sockets, and their requests."""

    def __init__(self, web: Web, person: User, token: str) -> None:
        self.web = web
        self.person = person
        self.token = token
        self.headers = {"Cookie": f"{web.cookie}={token}"}

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(self.web.origin + path, headers=self.headers, timeout=PATIENCE, **more)

    def open_form(self, path: str = "/") -> dict[str, str]:
        """Headers of somebody with a page open, whose forms are taken."""
        page = self.get(path)
        # Cookies marked Secure are not sent back over http by Python's clients, so they are carried by hand.
        form = "; ".join(f"{cookie.name}={cookie.value}" for cookie in page.cookies)
        return {"Cookie": f"{self.headers['Cookie']}; {form}", "X-CSRFToken": token_in(page.text)}

    def connect(self, origin: str | None = None, **says: Any) -> "Ear":
        """A new socket, which says this of itself; ConnectionError when it is refused."""
        ear = Ear(self, origin or self.web.origin)
        try:
            ear.client.connect(
                self.web.origin,
                headers=dict(self.headers),
                auth=says or None,
                transports=["websocket"],
                wait_timeout=PATIENCE,
            )
        finally:
            ear.wire = getattr(ear.client.eio.ws, "sock", None)
            if not ear.client.connected:
                ear.close()
        return ear


class Ear:
    """One socket, what it heard, and what it may say."""

    def __init__(self, signed: Signed, origin: str) -> None:
        self.signed = signed
        self.wire: Any = None
        self.heard: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.client = socketio.Client(reconnection=False, websocket_extra_options={"origin": origin})
        self.client.on("*", lambda event, *data: self.heard.put((event, data[0] if data else None)))
        self.client.on("disconnect", lambda *_: self._hang_up())
        self._newest: threading.Thread | None = None
        self._is_cut = False
        self.client.eio.start_background_task = self._in_turn

    def _in_turn(self, act: Callable[..., object], *said: object) -> threading.Thread:
        """The client begins a thread for each thing that comes, whichever is first; here each awaits the one before."""
        before = self._newest

        def go_on() -> None:
            if said and before is not None:
                before.join()
            act(*said)

        thread = threading.Thread(target=go_on, daemon=True)
        if said:
            self._newest = thread
        thread.start()
        return thread

    def _hang_up(self) -> None:
        if self._newest is not None and self._newest is not threading.current_thread():
            # For a moment only: it may be what ends the connection, and so wait for this.
            self._newest.join(1)
        self._is_cut = True
        self.heard.put(("disconnect", None))

    def ask(self, event: str, payload: Any) -> dict[str, Any]:
        """Say something and wait for the answer."""
        answer = self.client.call(event, payload, timeout=PATIENCE)
        assert isinstance(answer, dict)
        return answer

    def post(self, channel_id: uuid.UUID, text: str, token: uuid.UUID | None = None) -> dict[str, Any]:
        return self.ask("message:post", {"channel": str(channel_id), "text": text, "token": str(token or uuid.uuid4())})

    def hear(self, event: str, seconds: float = PATIENCE) -> Any:
        """The next such event, past all others; queue.Empty when none comes in time."""
        until = time.monotonic() + seconds
        while True:
            name, data = self.heard.get(timeout=max(0.001, until - time.monotonic()))
            if name == event:
                return data

    def hears_nothing_of(self, event: str, seconds: float = 0.7) -> bool:
        try:
            self.hear(event, seconds)
        except queue.Empty:
            return True
        return False

    def close(self) -> None:
        if not self._is_cut:
            # What the other end is cutting already, the client would wait half a minute to leave.
            self.client.disconnect()
        if self.wire is not None:
            # The client leaves its end open when the other end was cut.
            self.wire.close()
