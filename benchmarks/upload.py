"""A large file into the vault: by a command-line tus client and by a browser, beside the store's own client.

By hand: ``python -m benchmarks.upload``. Everything of the demo runs: the proxy, ``vault``, the worker, the store. The
file goes through the proxy, is sealed in ``vault`` and stored; the browser hashes it beside; the worker reads it back
and verifies it. The tus client sends the file in one request, as it does unless told otherwise, the browser in the
page's pieces; the store's client puts the same bytes, unsealed, in parts of 16 MiB, one at a time. Rounds take turns;
load generator and servers share this machine. In one more round others open pages and talk while a file is sent.
"""

import hashlib
import io
import os
import platform
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import cast

import requests
from playwright.sync_api import Browser, expect, sync_playwright
from sqlalchemy import select
from tusclient import client as tus

from jit_portal import database
from jit_portal.database import session
from jit_portal.demo.postgres import APP
from jit_portal.demo.store import BUCKET, PORTAL
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import User
from jit_portal.jits.models import Jit
from jit_portal.messages.models import Channel
from jit_portal.vocabulary import Audience, Integrity
from jit_portal.workspaces.models import Workspace
from tests import factories, services
from tests.browser.conftest import FLAGS
from tests.demo import Demo, running_demo
from tests.vault import MIB, Vault
from tests.web import Signed, Web

SIZE = 1 << 30
ROUNDS = 5
SENDER, READER = "Camille Aubertin", "Femke de Wit"
UNRULED = {"policy": True}


@dataclass
class Case:
    """The demo's first JIT as this benchmark meets it."""

    demo: Demo
    workspace: uuid.UUID
    channel: uuid.UUID
    people: dict[str, User]

    @property
    def cookie(self) -> str:
        return f"__Host-jit-{self.demo.port}"

    def signed_in(self, name: str) -> Signed:
        place = cast(Web, _Place(self.demo.origin, self.cookie))
        return Signed(place, self.people[name], factories.login(self.people[name]))


@dataclass
class _Place:
    origin: str
    cookie: str


@dataclass
class Waits:
    """Milliseconds that others waited for pages and for what somebody said."""

    pages: list[float] = field(default_factory=list)
    chat: list[float] = field(default_factory=list)


def case_of(demo: Demo) -> Case:
    database.bind(demo.plan.database.url(APP))
    ours = select(Workspace).join(Jit, Jit.id == Workspace.jit_id).where(Jit.name == "Lantern")
    workspace = session().scalars(ours.execution_options(**UNRULED)).unique().one()
    open_to_all = select(Channel.id).where(Channel.workspace_id == workspace.id, Channel.audience == Audience.EVERYONE)
    channel = session().scalars(open_to_all.execution_options(**UNRULED)).first()
    assert channel is not None
    people = session().scalars(select(User).where(User.name.in_((SENDER, READER)))).unique()
    return Case(demo, workspace.id, channel, {each.name: each for each in people})


def by_the_stores_client(demo: Demo, path: Path) -> float:
    """Seconds for the same bytes by the store's own client."""
    client = demo.plan.store.client(PORTAL)
    with path.open("rb") as file:
        began = time.perf_counter()
        client.put_object(BUCKET, "benchmark", file, SIZE, part_size=16 * MIB, num_parallel_uploads=1)
        took = time.perf_counter() - began
    client.remove_object(BUCKET, "benchmark")
    return took


def by_tus(case: Case, path: Path, sha256: str) -> tuple[float, float]:
    """Seconds until the file is sealed and stored, and until it is verified; sent by a process of its own."""
    vault = Vault(case.demo.port)
    vault.address = case.demo.origin
    vault.sign_in({"JIT_INSTANCE": str(case.demo.port)}, case.people[SENDER])
    about = {
        "filename": path.name,
        "title": "Disk image",
        "kind": "disk_image",
        "handling": "H0",
        "unclassified": "yes",
    }
    about |= {"workspace": str(case.workspace), "sha256": sha256}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as sender:
        sender.submit(os.getpid).result()
        began = time.perf_counter()
        stored = sender.submit(send, f"{case.demo.origin}/vault/uploads", dict(vault.headers), path, about).result()
    wait_until_verified(sha256, before=began)
    return stored, time.perf_counter() - began


def send(address: str, headers: dict[str, str], path: Path, about: dict[str, str]) -> float:
    """Seconds that the command-line client takes to send the file."""
    with path.open("rb") as file:
        client = tus.TusClient(address, headers=headers)
        uploader = client.uploader(file_stream=cast(io.BytesIO, file), metadata=about)
        began = time.perf_counter()
        uploader.upload()
        return time.perf_counter() - began


def wait_until_verified(sha256: str, before: float) -> None:
    newest = select(StoredFile.integrity).where(StoredFile.sha256_declared == sha256)
    newest = newest.order_by(StoredFile.created_at.desc()).limit(1).execution_options(**UNRULED)
    while True:
        session.remove()
        state = session().scalar(newest)
        assert state in (Integrity.RECEIVING, Integrity.CHECKING, Integrity.VERIFIED), state
        if state == Integrity.VERIFIED:
            return
        assert time.perf_counter() - before < 600, "never verified"
        time.sleep(0.05)


def by_browser(case: Case, browser: Browser, path: Path) -> float:
    """Seconds from the click until the page says that the file is there, hashed by the browser meanwhile."""
    context = browser.new_context(base_url=case.demo.origin)
    token = factories.login(case.people[SENDER])
    context.add_cookies([{"name": case.cookie, "value": token, "url": "https://localhost", "secure": True}])
    page = context.new_page()
    page.goto(f"/workspaces/{case.workspace}/vault")
    page.locator('.vault button[commandfor="upload"]').first.click()
    page.set_input_files("#upload-files", path)
    form = page.locator("[data-about]")
    form.locator('[name="unclassified"]').check()
    began = time.perf_counter()
    form.locator('button[type="submit"]').click()
    expect(page.locator("[data-upload].is-finished")).to_be_visible(timeout=600_000)
    took = time.perf_counter() - began
    context.close()
    return took


@contextmanager
def others(case: Case) -> Iterator[Waits]:
    """While the block runs, somebody opens pages and two people talk."""
    waits, over = Waits(), threading.Event()
    reader, writer = case.signed_in(READER), case.signed_in(SENDER)
    ear, mouth = reader.connect(), writer.connect()
    browser = requests.Session()
    browser.headers.update(reader.headers)
    paths = ("/", f"/workspaces/{case.workspace}/vault", f"/workspaces/{case.workspace}/board")

    def look() -> None:
        while not over.is_set():
            for path in paths:
                waits.pages.append(timed(lambda path=path: browser.get(case.demo.origin + path).raise_for_status()))  # type: ignore[misc]
                over.wait(0.2)

    def talk() -> None:
        while not over.is_set():
            began = time.perf_counter()
            assert mouth.post(case.channel, "Still here.")["ok"]
            ear.hear("message")
            waits.chat.append((time.perf_counter() - began) * 1000)
            over.wait(0.4)  # within the pace that the portal allows one person

    threads = [threading.Thread(target=each) for each in (look, talk)]
    for thread in threads:
        thread.start()
    try:
        yield waits
    finally:
        over.set()
        for thread in threads:
            thread.join()
        for each in (ear, mouth):
            each.close()


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def make_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(SIZE // (8 * MIB)):
            piece = os.urandom(8 * MIB)
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def peak_of_vault(demo: Demo) -> int:
    """Most memory that the vault's processes have had, in MiB: the largest of them."""
    parent = demo.pid_of("vault")
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    states = [Path(f"/proc/{pid}/status").read_text() for pid in (parent, *children)]
    return max(int(state.split("VmHWM:")[1].split()[0]) for state in states) // 1024


def measure(case: Case, folder: Path) -> None:
    path = folder / "image.dd"
    sha256 = make_file(path)
    times: dict[str, list[float]] = {"store": [], "tus": [], "tus, verified": [], "browser": []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium-headless-shell", args=FLAGS)
        for _ in range(ROUNDS):
            times["store"].append(by_the_stores_client(case.demo, path))
            stored, verified = by_tus(case, path, sha256)
            times["tus"].append(stored)
            times["tus, verified"].append(verified)
            times["browser"].append(by_browser(case, browser, path))
            wait_until_verified(sha256, time.perf_counter())
        browser.close()
    with others(case):
        time.sleep(5)  # what every connection learns at first is not measured
    with others(case) as at_rest:
        time.sleep(20)
    with others(case) as meanwhile:
        by_tus(case, path, sha256)
    print(f"{time.strftime('%Y-%m-%d')}, {platform.platform()}, {os.cpu_count()} cores for load and servers together")
    print("| 1 GiB by | MiB/s, median of", ROUNDS, "| of the store's client, median of pairs |")
    print("|---|---:|---:|")
    for name, taken in times.items():
        ratio = statistics.median(ours / theirs for ours, theirs in zip(times["store"], taken, strict=True))
        print(f"| {name} | {SIZE / MIB / statistics.median(taken):.0f} | {ratio:.2f} |")
    print(f"peak of `vault`: {peak_of_vault(case.demo)} MiB")
    for name, waits in (("at rest", at_rest), ("meanwhile", meanwhile)):
        print(f"others {name}, p95: pages {p95(waits.pages):.0f} ms of {len(waits.pages)}, ", end="")
        print(f"chat {p95(waits.chat):.0f} ms of {len(waits.chat)}")


def main() -> None:
    with services.scratch() as folder, running_demo(folder / "data") as demo:
        requests.get(f"{demo.origin}/healthz", timeout=10).raise_for_status()
        measure(case_of(demo), folder)


if __name__ == "__main__":
    main()
