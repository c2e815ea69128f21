"""The whole demo as people start it: every process under its supervisor, with the case loaded, on ports of its own."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from jit_portal.demo import plan, store
from jit_portal.demo.plan import Plan
from tests import services

PORTS = 3 + store.PORTS


class Demo:
    """A running demo, what it has said, and what its copy consists of."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = services.free_ports(PORTS)
        self.said: list[str] = []
        self._ready = threading.Event()
        self._process: subprocess.Popen[str] | None = None

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def plan(self) -> Plan:
        return plan.of_folder(self.data, self.port)

    def start(self, seconds: float = 300) -> None:
        """Start everything, and wait until it says that it is ready."""
        argv = [sys.executable, "-m", "jit_portal.demo", f"--port={self.port}", f"--data={self.data}"]
        self._ready.clear()
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._ears = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._ears.start()
        assert self._ready.wait(seconds), "".join(self.said[-60:])
        assert self._process.poll() is None, "".join(self.said[-60:])

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.said.append(line)
                if "is ready:" in line:
                    self._ready.set()
        self._ready.set()

    def pid_of(self, component: str) -> int:
        """The process that the supervisor named last for a component."""
        words = f"{component} ready, process "
        return int(next(line.split(words)[1] for line in reversed(self.said) if words in line))

    def states(self) -> dict[str, str]:
        """What ``/readyz`` says of each component."""
        answer = requests.get(f"{self.origin}/readyz", timeout=20).json()
        states: dict[str, str] = answer["components"]
        return states

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """One of the portal's commands in this copy."""
        argv = [sys.executable, "-m", "jit_portal.demo", f"--port={self.port}", f"--data={self.data}", *words]
        return subprocess.run(argv, capture_output=True, text=True)

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(90)
        self._ears.join()
        self._process = None
        return code


@contextmanager
def running_demo(data: Path) -> Iterator[Demo]:
    demo = Demo(data)
    try:
        demo.start()
        yield demo
    finally:
        demo.stop()
