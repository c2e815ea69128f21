"""The vault as a process: other people's clients, a kill without a word, lines that break, refusals that arrive."""

import hashlib
import io
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from flask import Flask
from tusclient import client as tus
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

from jit_portal.database import session
from jit_portal.demo.postgres import Postgres
from jit_portal.identity import endings
from jit_portal.vocabulary import Integrity
from tests import factories, services
from tests.factories import World
from tests.portal import before_the_store
from tests.vault import BYTES, MIB, Vault, about, bytes_in_store, do_the_work, file_at, running_vault

PORT = services.free_ports(10) + 5


@pytest.fixture(scope="module")
def process(environ: dict[str, str], folder: Path) -> Iterator[Vault]:
    with running_vault(environ, folder, PORT) as vault:
        yield vault


@pytest.fixture
def world(app: Flask) -> World:
    return factories.world()


@pytest.fixture
def vault(process: Vault, world: World, environ: dict[str, str]) -> Vault:
    return process.sign_in(environ, world["fr_member"])


def begin(vault: Vault, world: World, length: int, name: str = "image.dd") -> str:
    said = {"Upload-Length": str(length), "Upload-Metadata": about(world, name)}
    answer = requests.post(f"{vault.address}/vault/uploads", headers=vault.headers | said, timeout=30)
    assert answer.status_code == 201, answer.text
    return vault.address + answer.headers["Location"]


def patch(vault: Vault, address: str, offset: int, data: object) -> requests.Response:
    headers = vault.headers | {"Upload-Offset": str(offset), "Content-Type": BYTES}
    return requests.patch(address, headers=headers, data=data, timeout=60)  # type: ignore[arg-type]


def offset(vault: Vault, address: str) -> int:
    return int(requests.head(address, headers=vault.headers, timeout=30).headers["Upload-Offset"])


def metadata(world: World) -> dict[str, str]:
    details = {"filename": "image.dd", "title": "Image", "kind": "disk_image", "handling": "H0", "unclassified": "yes"}
    return {"workspace": str(world.workspace.id), **details}


@pytest.mark.parametrize("length", [0, 1, MIB, MIB + 1, 33 * MIB + 7])
@pytest.mark.parametrize("is_checked", [False, True])
def test_tuspy_uploads(vault: Vault, world: World, environ: dict[str, str], length: int, is_checked: bool) -> None:
    data = os.urandom(length)
    about_it = metadata(world) | {"sha256": hashlib.sha256(data).hexdigest()}
    uploader = tus.TusClient(f"{vault.address}/vault/uploads", headers=vault.headers).uploader(
        file_stream=io.BytesIO(data), chunk_size=8 * MIB, metadata=about_it, upload_checksum=is_checked
    )
    uploader.upload()
    assert bytes_in_store(file_at(uploader.url)) == data
    do_the_work(environ)
    assert file_at(uploader.url).integrity == Integrity.VERIFIED


def test_killed_without_a_word_and_resumed(environ: dict[str, str], folder: Path, world: World) -> None:
    data = os.urandom(80 * MIB)
    with running_vault(environ, folder, PORT + 1) as vault:
        vault.sign_in(environ, world["fr_member"])
        uploader = tus.TusClient(f"{vault.address}/vault/uploads", headers=vault.headers).uploader(
            file_stream=io.BytesIO(data), chunk_size=64 * MIB, metadata=metadata(world)
        )
        uploader.set_url(uploader.create_url())
        uploader.offset = 0
        sending = threading.Thread(target=send_slowly, args=(vault, uploader.url, data))
        sending.start()
        wait_until(lambda: file_at(uploader.url).received >= 16 * MIB)
        for pid in vault.pids():
            os.kill(pid, signal.SIGKILL)
        sending.join(30)
    kept = file_at(uploader.url).received
    assert 16 * MIB <= kept < len(data)
    with running_vault(environ, folder, PORT + 1):
        uploader.offset = uploader.get_offset()
        assert uploader.offset == kept
        uploader.upload()
    file = file_at(uploader.url)
    assert file.integrity == Integrity.CHECKING
    assert hashlib.sha256(bytes_in_store(file)).digest() == hashlib.sha256(data).digest()


def send_slowly(vault: Vault, address: str, data: bytes) -> None:
    def pieces() -> Iterator[bytes]:
        for start in range(0, 64 * MIB, MIB):
            yield data[start : start + MIB]
            time.sleep(0.03)

    with pytest.raises(requests.RequestException):
        patch(vault, address, 0, pieces())


def wait_until(holds: object, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


@pytest.mark.parametrize("came", [1, 3 * MIB + 5, 7 * MIB + 1])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_line_that_breaks_loses_next_to_nothing(vault: Vault, world: World, came: int, is_chunked: bool) -> None:
    data = os.urandom(20 * MIB)
    address = begin(vault, world, len(data))
    raw(vault, address, data[:came], len(data), is_chunked)
    # What a chunked body had in the server's own buffer when the line broke is sent again.
    least = max(0, came - 128 * 1024) if is_chunked else came
    wait_until(lambda: least <= offset(vault, address) <= came)
    kept = offset(vault, address)
    assert patch(vault, address, kept, data[kept:]).status_code == 204
    assert bytes_in_store(file_at(address)) == data


def raw(vault: Vault, address: str, data: bytes, announced: int, is_chunked: bool) -> None:
    """Send a request by hand, and go away in the middle of its body."""
    host, port = vault.address.removeprefix("http://").split(":")
    length = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {announced}"
    with socket.create_connection((host, int(port))) as line:
        line.sendall(head_of(vault, address, length))
        if is_chunked:
            line.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        else:
            line.sendall(data)


def head_of(vault: Vault, address: str, length: str) -> bytes:
    host = vault.address.removeprefix("http://").split(":")[0]
    lines = [f"PATCH {address.removeprefix(vault.address)} HTTP/1.1", f"Host: {host}", f"Content-Type: {BYTES}", length]
    lines += [f"{name}: {value}" for name, value in (vault.headers | {"Upload-Offset": "0"}).items()]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_refusal_reaches_a_client_that_is_still_sending(vault: Vault, world: World) -> None:
    data = bytes(16 * MIB)
    address = begin(vault, world, len(data))
    assert patch(vault, address, 5, data).status_code == 409
    assert patch(vault, address, 0, data + b"x").status_code == 413
    token = vault.headers.pop("X-CSRFToken")
    assert patch(vault, address, 0, data).status_code == 400
    vault.headers["X-CSRFToken"] = token
    vault.headers["Cookie"] = vault.headers["Cookie"].split("; ", 1)[1]
    assert patch(vault, address, 0, data).status_code == 401
    assert file_at(address).received == 0


def test_what_follows_a_refusal_is_answered(vault: Vault, world: World) -> None:
    """A proxy keeps a line for whoever asks next, and what changes something it does not send again on another."""
    address = f"{begin(vault, world, MIB)}/hash"
    with requests.Session() as proxy:
        for _ in range(10):
            too_much = proxy.post(address, json={"sha256": "a" * 70_000}, headers=vault.headers, timeout=30)
            another = proxy.post(address, json={"sha256": "a"}, headers=vault.headers, timeout=30)
            assert (too_much.status_code, another.status_code) == (413, 422)


def test_who_sends_slowly_learns_at_once_that_the_store_is_away(
    environ: dict[str, str], folder: Path, world: World
) -> None:
    """Neither what fills no part of the store yet, nor what is left of the body, is waited for."""
    with (
        before_the_store(environ["JIT_STORE_ENDPOINT"]) as gate,
        running_vault(environ | {"JIT_STORE_ENDPOINT": gate.address}, folder, PORT + 3) as own,
    ):
        vault = own.sign_in(environ, world["fr_member"])
        address = begin(vault, world, 64 * MIB)
        gate.refusal = 503, "text/plain", b"closed"
        host, port = vault.address.removeprefix("http://").split(":")
        sent = 0
        with socket.create_connection((host, int(port))) as line:
            line.sendall(head_of(vault, address, f"Content-Length: {64 * MIB}"))
            while not select.select([line], [], [], 0.05)[0]:
                line.sendall(bytes(64 << 10))
                sent += 64 << 10
                assert sent < 8 * MIB, "nothing was said before a part was full"
            said = line.recv(4096)
        assert said.startswith(b"HTTP/1.1 503 ")


def test_who_sends_slowly_learns_at_once_that_the_database_was_restarted(
    vault: Vault, world: World, cluster: Postgres
) -> None:
    """The lock is gone, though everything else may be asked again at once: no later byte could be kept."""
    data = bytes(17 * MIB)
    address = begin(vault, world, len(data))
    sending = Sending(vault, address, len(data), 64 << 10, 0.05)
    wait_until(lambda: sending.sent >= 2 * MIB)
    session.remove()
    services.break_lines(cluster)
    wait_until(lambda: sending.answer)
    assert sending.answer.startswith(b"HTTP/1.1 503 ")
    assert b"The database does not answer; the upload goes on in a moment." in sending.answer
    assert (sending.sent_when_answered or 0) < 8 * MIB, "nothing was said before a part was full"
    sending.closes()
    assert offset(vault, address) == 0
    assert patch(vault, address, 0, data).status_code == 204
    assert bytes_in_store(file_at(address)) == data


def test_who_sends_slowly_loses_nothing_to_one_slow_answer(environ: dict[str, str], folder: Path, world: World) -> None:
    """Once the store takes longer to say that it is there than anybody waits for that."""
    whole = 8 * MIB
    with (
        before_the_store(environ["JIT_STORE_ENDPOINT"]) as gate,
        running_vault(environ | {"JIT_STORE_ENDPOINT": gate.address}, folder, PORT + 3) as own,
    ):
        vault = own.sign_in(environ, world["fr_member"])
        address = begin(vault, world, whole)
        gate.slow_heads = 1
        sending = Sending(vault, address, whole, 64 << 10, 0.08)
        wait_until(lambda: sending.answer)
        assert gate.slow_heads == 0
        assert sending.answer.startswith(b"HTTP/1.1 204 ")
        sending.closes()
    assert file_at(address).received == whole


class Sending:
    """A request whose body leaves piece by piece until the line is cut, while its answer is listened for."""

    def __init__(self, vault: Vault, address: str, announced: int, piece: int, every: float) -> None:
        host, port = vault.address.removeprefix("http://").split(":")
        self.sent = 0
        self.sent_when_answered: int | None = None
        self.answer = b""
        self._piece, self._every, self._announced = bytes(piece), every, announced
        self._line = socket.create_connection((host, int(port)))
        self._line.sendall(head_of(vault, address, f"Content-Length: {announced}"))
        self._threads = [threading.Thread(target=act, daemon=True) for act in (self._send, self._listen)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        with suppress(OSError):
            while self.sent < self._announced:
                self._line.sendall(self._piece)
                self.sent += len(self._piece)
                time.sleep(self._every)

    def _listen(self) -> None:
        with suppress(OSError):
            while came := self._line.recv(4096):
                self.answer += came
                if self.sent_when_answered is None:
                    self.sent_when_answered = self.sent

    def runs_out(self) -> None:
        """Wait until all is sent, or nothing more can be."""
        for thread in self._threads:
            thread.join(60)
        self._line.close()

    def closes(self) -> None:
        """Go away, whatever the other side does."""
        self._line.shutdown(socket.SHUT_RDWR)
        self.runs_out()


@pytest.mark.parametrize(
    ("piece", "every", "first"), [(64 << 10, 0.005, 16 * MIB), (1 << 10, 0.05, 0)], ids=["fast", "slow"]
)
def test_an_upload_whose_login_ends_is_answered_and_then_cut(
    vault: Vault, world: World, piece: int, every: float, first: int
) -> None:
    """However fast it comes; of what waits too long for an answer, the line is cut, and whoever looks again is told."""
    whole = 3000 * piece
    address = begin(vault, world, whole)
    sending = Sending(vault, address, whole, piece, every)
    wait_until(lambda: file_at(address).received >= first and sending.sent >= 20 * piece)
    before = sending.sent
    endings.end_all(world["fr_member"])
    sending.runs_out()
    if sending.sent_when_answered is not None:
        assert sending.answer.startswith(b"HTTP/1.1 401")
        assert sending.sent_when_answered - before < 400 * piece
    assert sending.sent - before < 600 * piece
    assert requests.head(address, headers=vault.headers, timeout=30).status_code == 401


def test_a_body_without_a_length_that_is_too_long(vault: Vault, world: World) -> None:
    address = begin(vault, world, 5)
    assert patch(vault, address, 0, iter([b"hel", b"lo!"])).status_code == 413
    assert offset(vault, address) == 0
    assert patch(vault, address, 0, iter([b"hel", b"lo"])).status_code == 204
    assert bytes_in_store(file_at(address)) == b"hello"


def test_tuspy_is_told_why(vault: Vault, world: World) -> None:
    client = tus.TusClient(f"{vault.address}/vault/uploads", headers=vault.headers)
    refused = client.uploader(file_stream=io.BytesIO(b"x"), metadata=metadata(world) | {"filename": "../x"})
    with pytest.raises(TusCommunicationError) as refusal:
        refused.upload()
    assert refusal.value.status_code == 422
    address = begin(vault, world, 5)
    with pytest.raises(TusUploadFailed):
        client.uploader(file_stream=io.BytesIO(b"hello!"), url=address).upload()


def test_four_at_once_stay_within_their_memory(vault: Vault, world: World) -> None:
    data = os.urandom(64 * MIB)
    addresses = [begin(vault, world, len(data), f"{number}.dd") for number in range(4)]
    senders = [threading.Thread(target=patch, args=(vault, address, 0, data)) for address in addresses]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(120)
    for address in addresses:
        assert file_at(address).integrity == Integrity.CHECKING
    assert vault.peak_memory() < 400 * MIB
