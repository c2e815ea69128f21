"""The whole demo as people start it: every process under its supervisor, with the case loaded, on ports of its own."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
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
        self._ready.clear()
        self._process = self.begin()
        self._ears = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._ears.start()
        assert self._ready.wait(seconds), "".join(self.said[-60:])
        assert self._process.poll() is None, "".join(self.said[-60:])

    def begin(self) -> "subprocess.Popen[str]":
        """Its supervisor, at its very beginning."""
        argv = [sys.executable, "-m", "jit_portal.demo", f"--port={self.port}", f"--data={self.data}"]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

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

    def processes(self) -> set[tuple[int, str]]:
        """Everything that runs under the supervisor, and itself: number and begin of each process."""
        assert self._process is not None
        everything = dict(_everything())
        found, below = set[int](), {self._process.pid}
        while below:
            found |= below
            below = {pid for pid, (parent, _) in everything.items() if parent in below}
        return {(pid, everything[pid][1]) for pid in found}

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


def _everything() -> Iterator[tuple[int, tuple[int, str]]]:
    """Every process of this machine that has not ended: its number, its parent's, and when it began."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            said = (folder / "stat").read_text().rpartition(")")[2].split()
            if said[0] not in "ZX":
                yield int(folder.name), (int(said[1]), said[19])


def still_running(processes: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of them that have not ended."""
    return processes & {(pid, began) for pid, (_, began) in _everything()}


def listening(processes: set[tuple[int, str]]) -> set[tuple[IPv4Address | IPv6Address, int]]:
    """The addresses and ports at which these processes take connections or datagrams from anybody."""
    sockets = set()
    for pid, _ in processes:
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                sockets.add(str(file.readlink()))
    found = set()
    for table, is_open in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == is_open and f"socket:[{words[9]}]" in sockets:
                address, port = words[1].split(":")
                # Words of four bytes, each as this machine keeps them.
                swapped = [bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)]
                found.add((ip_address(b"".join(swapped)), int(port, 16)))
    return found


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.2)


@contextmanager
def running_demo(data: Path) -> Iterator[Demo]:
    demo = Demo(data)
    try:
        demo.start()
        yield demo
    finally:
        demo.stop()
