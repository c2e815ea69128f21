"""Bytes that are under way while the portal's database goes and comes: sent, taken away, and read back."""

import hashlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event

import requests
from sqlalchemy import text
from urllib3 import PoolManager
from urllib3.exceptions import ProtocolError

from jit_portal.database import session
from jit_portal.exhibits.models import Exhibit
from tests.factories import World
from tests.load import LONGEST, Answer
from tests.portal import Gate, Hold
from tests.test_vault_process import begin, patch
from tests.test_worker import running_worker, wait_until
from tests.vault import MIB, Vault, acts, file_at, put
from tests.web import PATIENCE


class Parcel:
    """A file on its way to the vault, with whose sending somebody goes on until it is whole; and what she is told."""

    def __init__(self, vault: Vault, world: World, data: bytes) -> None:
        self.data = data
        self.address = begin(vault, world, len(data))
        self.answers: list[Answer] = []
        self.looks: list[int] = []
        self._vault = vault

    def send(self, pieces: Callable[[bytes], Iterator[bytes]]) -> None:
        """At first in these pieces, and at once what is left of it later."""
        self._send(0, pieces(self.data))
        while (at := self._stands()) < len(self.data):
            self._send(at, self.data[at:])

    def declare(self) -> requests.Response:
        said = {"sha256": hashlib.sha256(self.data).hexdigest()}
        return requests.post(f"{self.address}/hash", json=said, headers=self._vault.headers, timeout=PATIENCE)

    def _send(self, at: int, body: Iterator[bytes] | bytes) -> None:
        answer = patch(self._vault, self.address, at, body)
        self.answers.append((answer.status_code, answer.text))

    def _stands(self) -> int:
        def look() -> requests.Response:
            answer = requests.head(self.address, headers=self._vault.headers, timeout=PATIENCE)
            self.looks.append(answer.status_code)
            return answer

        return int(insist(look, 200).headers["Upload-Offset"])


class Taking:
    """A file that somebody takes away, going on from where it broke off; and what she is told."""

    def __init__(self, vault: Vault, exhibit: Exhibit) -> None:
        self.came = bytearray()
        self.answers: list[Answer] = []
        self.has_begun, self.has_broken = Event(), Event()
        self._length = exhibit.file.length if exhibit.file else 0
        self._address = f"{vault.address}/vault/exhibits/{exhibit.id}/content?as=download"
        self._headers = vault.headers

    def take(self, is_away: Event) -> None:
        """Take the beginning, and the rest once ``is_away``."""
        # An end that holds little: else a fast line has brought all of it before the database goes.
        pool = PoolManager(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)])
        first = pool.request("GET", self._address, headers=self._headers, preload_content=False, timeout=PATIENCE)
        assert first.status == 200
        self.came += first.read(MIB)
        self.has_begun.set()
        assert is_away.wait(LONGEST)
        with suppress(ProtocolError):
            while piece := first.read(64 << 10):
                self.came += piece
        assert len(self.came) < self._length, "it came whole, with the database away"
        self.has_broken.set()
        self.came += insist(partial(self._go_on, first.headers["ETag"]), 206).content

    def _go_on(self, etag: str) -> requests.Response:
        rest = {"Range": f"bytes={len(self.came)}-", "If-Range": etag}
        answer = requests.get(self._address, headers=self._headers | rest, timeout=PATIENCE)
        self.answers.append((answer.status_code, "" if answer.ok else answer.text))
        return answer


def insist(ask: Callable[[], requests.Response], status: int) -> requests.Response:
    """Ask again until it is answered so."""
    end = time.monotonic() + LONGEST
    while (answer := ask()).status_code != status:
        assert time.monotonic() < end, answer
        time.sleep(0.2)
    return answer


class Bytes:
    """What comes and goes at the vault while its database does: nothing of it ends before that."""

    def __init__(self, vault: Vault, world: World, threads: ThreadPoolExecutor) -> None:
        self.exhibit = put(world, os.urandom(12 * MIB))
        self.slow, self.held = (Parcel(vault, world, os.urandom(size)) for size in (24 * MIB, 3 * MIB))
        self.taking = Taking(vault, self.exhibit)
        self._is_away, self._is_held = Event(), Event()
        self._begun = [
            threads.submit(self.slow.send, self._slowly),
            threads.submit(self.held.send, self._all_but_the_end),
            threads.submit(self.taking.take, self._is_away),
        ]

    def _slowly(self, data: bytes) -> Iterator[bytes]:
        yield data[: 17 * MIB]
        for start in range(17 * MIB, len(data), 64 << 10):
            yield data[start : start + (64 << 10)]
            time.sleep(0.1)

    def _all_but_the_end(self, data: bytes) -> Iterator[bytes]:
        yield data[:-1000]
        self._is_held.set()
        assert self._is_away.wait(LONGEST)
        yield data[-1000:]

    def are_under_way(self) -> None:
        """Wait until they are."""
        assert self._is_held.wait(LONGEST)
        assert self.taking.has_begun.wait(LONGEST)
        wait_until(lambda: file_at(self.slow.address).received >= 16 * MIB, LONGEST)
        session.remove()

    def are_told(self) -> None:
        """The database is away: wait until everybody knows."""
        self._is_away.set()
        wait_until(lambda: bool(self.slow.answers and self.held.answers), LONGEST)
        assert self.taking.has_broken.wait(LONGEST)

    def end(self) -> None:
        self._is_away.set()
        for each in self._begun:
            each.result(2 * LONGEST)


class ReadBack:
    """Two files that a worker is reading back when the database goes: the bytes of one come while it is away, those of
    the other once it is there again.
    """

    def __init__(self, gate: Gate, world: World) -> None:
        self._exhibits = [put(world, name) for name in (b"while it is away", b"afterwards")]
        self._holds = [Hold(), Hold()]
        names = [str(each.file_id) for each in self._exhibits]
        gate.holds.update(zip(names, self._holds, strict=True))

    def is_under_way(self) -> None:
        """Wait until it is."""
        assert all(hold.came.wait(LONGEST) for hold in self._holds)

    def goes_on(self, *, is_away: bool) -> None:
        self._holds[not is_away].goes.set()

    def ends(self) -> None:
        """Wait until nothing of it is left to do: each is verified, once."""
        wait_until(lambda: not self._left(), 2 * LONGEST)
        for each in self._exhibits:
            assert acts(each.id) == ["exhibit.registered", "file.verified"]

    def _left(self) -> list[str]:
        session.remove()
        return list(session().scalars(text(_VERIFYING), {"ids": [str(each.file_id) for each in self._exhibits]}))


@contextmanager
def reading_back(gate: Gate, world: World, environ: dict[str, str], folder: Path) -> Iterator[ReadBack]:
    """While a worker runs that asks for its bytes at this gate."""
    read_back = ReadBack(gate, world)
    with running_worker(environ | {"JIT_STORE_ENDPOINT": gate.address}, folder):
        yield read_back


_VERIFYING = """
    SELECT status::text FROM procrastinate_jobs
    WHERE task_name = 'exhibits:verify' AND args ->> 'file_id' = ANY(:ids)
"""
