"""What tests of the vault use: a tus client over the test browser, bytes put in by the verbs, a real vault process."""

import asyncio
import base64
import hashlib
import io
import json
import re
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import requests
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import undefer
from werkzeug.test import TestResponse

from jit_portal import jobs, policy, worker
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.demo.plan import VAULT_SERVED
from jit_portal.demo.process import Component
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits.models import Exhibit
from jit_portal.files import reading
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import User
from jit_portal.vocabulary import Outcome
from jit_portal.workspaces.models import Workspace
from tests import factories, services
from tests.factories import World

MIB = 1 << 20
BYTES = "application/offset+octet-stream"


def said(**values: str) -> str:
    """Upload-Metadata."""
    return ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in values.items())


def about(world: World, name: str = "report.txt", **more: str) -> str:
    """Upload-Metadata of a file that may be registered."""
    details = {"filename": name, "title": "Report", "kind": "document", "handling": "H0", "unclassified": "yes"}
    return said(workspace=str(world.workspace.id), **(details | more))


def error_in(answer: TestResponse) -> str:
    """What a refusal says."""
    said_back: Any = answer.json
    return str(said_back["error"])


class Trickle(io.BytesIO):
    """A body that comes a little at a time; after its first pieces something happens elsewhere."""

    PIECE = 65_536

    def __init__(self, length: int, happens: Callable[[], object]) -> None:
        super().__init__(bytes(length))
        self.happens = happens
        self.has_happened = False
        self.pieces = 0

    def readinto(self, buffer: Any, /) -> int:
        came = super().readinto(memoryview(buffer)[: self.PIECE])
        self.pieces += 1
        if not self.has_happened and self.tell() > 4 * self.PIECE:
            with ThreadPoolExecutor(1) as apart:
                apart.submit(self.happens).result()
            self.has_happened = True
        time.sleep(0.01)
        return came


class Sender:
    """Speaks tus over a signed-in test browser."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.headers = {"Tus-Resumable": "1.0.0", "X-CSRFToken": token_in(client.get("/").text)}

    def create(self, world: World, length: int, name: str = "report.txt", **more: str) -> TestResponse:
        headers = {"Upload-Length": str(length), "Upload-Metadata": about(world, name, **more)}
        return self.client.post("/vault/uploads", headers=self.headers | headers)

    def begin(self, world: World, length: int, name: str = "report.txt", **more: str) -> str:
        """Begin an upload; answers its address."""
        answer = self.create(world, length, name, **more)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def patch(self, address: str, offset: int, data: bytes, **headers: str) -> TestResponse:
        sent = self.headers | {"Upload-Offset": str(offset)} | {key.replace("_", "-"): v for key, v in headers.items()}
        return self.client.patch(address, headers=sent, content_type=BYTES, data=data)

    def offset(self, address: str) -> int:
        answer = self.client.head(address, headers=self.headers)
        assert answer.status_code == 200, answer.status
        return int(answer.headers["Upload-Offset"])

    def declare(self, address: str, sha256: str, **more: bool) -> TestResponse:
        return self.client.post(f"{address}/hash", headers=self.headers, json={"sha256": sha256, **more})

    def trickle(self, world: World, length: int, happens: Callable[[], object]) -> tuple[TestResponse, Trickle]:
        """Send a file of ``length`` bytes slowly; soon after it began, this happens."""
        body = Trickle(length, happens)
        answer = self.client.patch(
            self.begin(world, length),
            headers=self.headers | {"Upload-Offset": "0"},
            content_type=BYTES,
            content_length=length,
            environ_overrides={"wsgi.input": body},
        )
        assert body.has_happened
        return answer, body

    def cut_short_by(self, world: World, happens: Callable[[], object]) -> int:
        """The status by which an upload under way is refused once this happens, before its bytes end."""
        answer, body = self.trickle(world, 80 * MIB, happens)
        assert body.pieces < 80 * MIB // Trickle.PIECE // 2
        return answer.status_code

    def send(self, world: World, data: bytes, step: int = 3 * MIB + 17, **more: str) -> str:
        """Send a whole file in pieces of ``step`` bytes; answers its address."""
        address = self.begin(world, len(data), **more)
        for start in range(0, len(data), step):
            answer = self.patch(address, start, data[start : start + step])
            assert answer.status_code == 204, answer.text
        return address


def token_in(page: str) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert found, page[:500]
    return found[1]


def file_at(address: str | None) -> StoredFile:
    """The row of an upload, as it is now and will stay here whatever becomes of it."""
    session.remove()
    statement = (
        select(StoredFile).options(undefer("*")).where(StoredFile.id == uuid.UUID(str(address).rsplit("/", 1)[-1]))
    )
    file = session().scalars(statement.execution_options(policy=True)).unique().one()
    session().expunge(file)
    return file


def bytes_in_store(file: StoredFile) -> bytes:
    """The plain text of a whole file, through its seal."""
    return b"".join(reading.Range(file, 0, file.length - 1)) if file.length else b""


@cache
def _work(database_url: str) -> Any:
    return jobs.make_app(database_url)


def do_the_work(environ: dict[str, str]) -> None:
    """Let a worker do everything that is queued."""
    session.remove()
    # In a thread of its own, for browser tests have an event loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, worker.work(_work(environ["JIT_DATABASE_URL"]), forever=False)).result()


def acts(thing_id: uuid.UUID) -> list[str]:
    """The acts done to one thing, in order; what was refused is not among them."""
    done = select(LedgerEntry.act).where(LedgerEntry.object_id == thing_id, LedgerEntry.outcome == Outcome.DONE)
    return list(session().scalars(done.order_by(LedgerEntry.number).execution_options(policy=True)))


def refusals(thing_id: uuid.UUID) -> list[int]:
    """The status of each refusal about one thing, in order."""
    refused = select(LedgerEntry.details).where(
        LedgerEntry.object_id == thing_id, LedgerEntry.outcome == Outcome.REFUSED
    )
    entries = session().scalars(refused.order_by(LedgerEntry.number).execution_options(policy=True))
    return [json.loads(details)["status"] for details in entries]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def together(clicks: list[Callable[[], None]]) -> None:
    """Do all of these at the same time."""
    threads = [threading.Thread(target=click) for click in clicks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def how_many(model: type[Any]) -> int:
    session.remove()
    counted = select(func.count()).select_from(model).execution_options(policy=True)
    return session().scalar(counted) or 0


def put(
    world: World, data: bytes, name: str = "report.txt", *, by: str = "fr_member", is_declared: bool = True
) -> Exhibit:
    """An exhibit with these bytes, through the verbs, not yet verified; its hash is declared unless it is not."""
    person = world[by]
    details = {"title": "Report", "kind": "document", "handling": "H0", "unclassified": "yes"}
    sent = exhibit_bytes.Sent(name, len(data))
    workspace = policy.fetch(person, Workspace, world.workspace.id)
    file = exhibit_bytes.receive(person, workspace, details, sent)
    if data:
        exhibit_bytes.append(person, file.id, 0, io.BytesIO(data), size=len(data))
    if is_declared:
        exhibit_bytes.declare_hash(person, file.id, hashlib.sha256(data).hexdigest())
    return exhibit_of(file)


def exhibit_of(file: StoredFile) -> Exhibit:
    session.remove()
    statement = select(Exhibit).where(Exhibit.file_id == file.id).execution_options(policy=True)
    return session().scalars(statement).unique().one()


class Vault:
    """A vault process under gunicorn with threads, and somebody signed in to it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self.headers: dict[str, str] = {}

    def pids(self) -> list[int]:
        """Every process that was started to serve this port."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if f"--bind=127.0.0.1:{self.port}" in (entry / "cmdline").read_text().split("\0"):
                    found.append(int(entry.name))
            except (OSError, ValueError):
                continue
        return found

    def peak_memory(self) -> int:
        """Most memory that one of them has had, in bytes."""
        states = [Path(f"/proc/{pid}/status").read_text() for pid in self.pids()]
        return max(int(state.split("VmHWM:")[1].split()[0]) * 1024 for state in states)

    def sign_in(self, environ: dict[str, str], someone: User) -> "Vault":
        login = f"__Host-jit-{environ['JIT_INSTANCE']}={factories.login(someone)}"
        page = requests.get(self.address, headers={"Cookie": login}, timeout=20)
        # Cookies marked Secure are not sent back over http by Python's clients, so they are carried by hand.
        form = "; ".join(f"{cookie.name}={cookie.value}" for cookie in page.cookies)
        self.headers = {"Cookie": f"{login}; {form}", "X-CSRFToken": token_in(page.text), "Tus-Resumable": "1.0.0"}
        return self


@contextmanager
def running_vault(environ: dict[str, str], folder: Path, port: int) -> Iterator[Vault]:
    """A vault process of its own, killed without a word at the end."""
    options = [*VAULT_SERVED, "--threads=8", f"--bind=127.0.0.1:{port}"]
    component = Component(
        name="vault",
        argv=[sys.executable, "-m", "gunicorn", "--no-control-socket", *options, "jit_portal.wsgi:app"],
        environ=environ | {"JIT_ROLE": "vault"},
        ready=lambda: requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == 200,
        start_seconds=60,
        cwd=Path(__file__).parent.parent,
    )
    with services.running(component, folder / f"vault-{port}.log"):
        yield Vault(port)
