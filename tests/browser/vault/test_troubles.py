"""What goes wrong while files are sent: every reason is said in words, and what can go on goes on."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import FilePayload, Page, Route, expect
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.demo.store import BUCKET, PORTAL, Store
from jit_portal.exhibits.models import Exhibit
from jit_portal.files import storage
from jit_portal.files.models import StoredFile
from jit_portal.jits.models import Agreement
from jit_portal.vocabulary import Integrity
from jit_portal.workspaces.models import Membership
from tests import factories, services
from tests.browser.conftest import OpenWindow, connected, until
from tests.browser.uploading import (
    FINISHED,
    choose,
    describe,
    made,
    send,
    slow_down,
    upload_button,
    vault_of,
    wait_for,
)
from tests.factories import World
from tests.portal import Portal
from tests.services import SmallStore
from tests.vault import MIB, acts, bytes_in_store, do_the_work, how_many


@pytest.fixture
def small(app: Flask, process: Portal, store: Store, folder: Path) -> Iterator[SmallStore]:
    """A store with little room, in the place of the other."""
    before = storage.store()
    with services.small_store(folder / "small", store.secrets) as made:
        keys = (PORTAL, store.secrets.store_portal)
        storage.use(storage.Store(made.server.endpoint, *keys, BUCKET, secure=False))
        process.gate.store = made.server.endpoint
        yield made
    process.gate.store = store.endpoint
    storage.use(before)


def test_a_full_store_is_said_and_the_upload_goes_on_by_itself(
    window: OpenWindow, world: World, small: SmallStore, tmp_path: Path
) -> None:
    """A real one: it begins a file, takes a part or two of it, and then nothing more until it is given room."""
    path, data = made(tmp_path, "full.bin", 60 * MIB)
    page = window(world["fr_member"], vault_of(world), forgives=("status of 503",))
    slow_down(page, 5 * MIB)
    send(page, path)
    wait_for(path.name, lambda file: file.received >= 16 * MIB)
    small.fill()
    status = page.locator("[data-status]")
    expect(status).to_contain_text(
        "The store takes nothing more just now: it may be full, and the operator has to look. It is tried again",
        timeout=30_000,
    )
    page.evaluate(KEEPS, "full")
    kept = wait_for(path.name, lambda file: True).received
    with page.expect_response(lambda answer: answer.status == 503):
        pass
    assert all("full" in said for said in page.evaluate("window.said"))
    half = wait_for(path.name, lambda file: True)
    assert (half.received, half.integrity) == (kept, Integrity.RECEIVING)
    assert (how_many(Exhibit), how_many(StoredFile)) == (1, 1)
    slow_down(page, -1)
    small.give_room()
    expect(page.locator("[data-upload]")).to_have_class(FINISHED, timeout=90_000)
    file = wait_for(path.name, lambda file: file.integrity == Integrity.CHECKING)
    assert hashlib.sha256(bytes_in_store(file)).digest() == hashlib.sha256(data).digest()


KEEPS = """() => {
  const place = document.querySelector("[data-status]");
  window.said = [place.textContent];
  const keep = () => said.push(place.textContent);
  new MutationObserver(keep).observe(place, { childList: true, characterData: true, subtree: true });
}"""


def test_a_store_that_is_away_is_said(window: OpenWindow, world: World, process: Portal, tmp_path: Path) -> None:
    path, _ = made(tmp_path, "away.bin", 24 * MIB)
    page = window(world["fr_member"], vault_of(world), forgives=("status of 503",))
    process.gate.refusal = 503, "text/plain", b"closed"
    send(page, path)
    expect(page.locator("[data-status]")).to_contain_text("The store does not answer. It is tried again")
    process.gate.opens()
    expect(page.locator("[data-upload]")).to_have_class(FINISHED, timeout=60_000)


def test_a_store_that_goes_away_is_said_in_seconds_on_a_slow_line(
    window: OpenWindow, world: World, process: Portal, tmp_path: Path
) -> None:
    """Not only when all that is under way has gone out; and nothing is said to be there that is not."""
    path, _ = made(tmp_path, "slow.bin", 60 * MIB)
    page = window(world["fr_member"], vault_of(world), forgives=("status of 503",))
    slow_down(page, 2 * MIB)
    send(page, path)
    expect(page.locator("[data-speed]")).not_to_be_empty()
    page.evaluate(PERCENTS)
    process.gate.refusal = 503, "text/plain", b"closed"
    expect(page.locator("[data-status]")).to_contain_text("The store does not answer. It is tried", timeout=8_000)
    expect(page.locator("[data-percent]")).to_have_text("0%")
    slow_down(page, -1)
    process.gate.opens()
    expect(page.locator("[data-upload]")).to_have_class(FINISHED, timeout=60_000)
    assert page.evaluate("window.wrongly") == []


PERCENTS = """() => {
  window.wrongly = [];
  const row = document.querySelector("[data-upload]");
  const look = () => {
    const said = row.querySelector("[data-percent]").textContent;
    const bar = row.querySelector("progress");
    const isWhole = said === "100%" || bar.value === bar.max;
    if (isWhole && !row.classList.contains("is-finished")) wrongly.push(said);
  };
  new MutationObserver(look).observe(row, { attributes: true, childList: true, characterData: true, subtree: true });
}"""


def test_a_piece_that_is_damaged_on_its_way_is_said_and_sent_anew(
    window: OpenWindow, world: World, environ: dict[str, str], tmp_path: Path
) -> None:
    path, data = made(tmp_path, "damaged.bin", 3 * MIB)
    page = window(world["fr_member"], vault_of(world), forgives=("status of 460",))
    taken: list[int] = []

    def damage(route: Route) -> None:
        if route.request.method == "PATCH" and not taken:
            route.continue_(post_data=bytes([data[0] ^ 1]) + data[1:])
        else:
            route.continue_()

    page.route("**/vault/uploads/*", damage)
    page.on("response", lambda answer: taken.append(answer.status) if answer.request.method == "PATCH" else None)
    choose(page, path)
    page.evaluate(KEEPS)
    describe(page)
    expect(page.locator("[data-upload]")).to_have_class(FINISHED)
    assert taken == [460, 204]
    assert any("The bytes were damaged on their way. It is tried again" in said for said in page.evaluate("said"))
    do_the_work(environ)
    file = wait_for(path.name, lambda file: file.integrity == Integrity.VERIFIED)
    assert bytes_in_store(file) == data
    assert acts(file.id) == ["file.begun", "file.received", "file.hash_declared"]


@pytest.fixture(autouse=True)
def open_again(process: Portal) -> None:
    """No test finds the store as another left it."""
    process.gate.opens()


@pytest.mark.parametrize("what", [Membership, Agreement])
def test_an_end_while_it_is_sent_is_said_as_what_it_is(
    window: OpenWindow, world: World, tmp_path: Path, what: type[Membership | Agreement]
) -> None:
    path, _ = made(tmp_path, "ended.bin", 200 * MIB)
    # Where the line is cut before the answer came through, the proxy answers.
    page = window(world["fr_member"], vault_of(world), forgives=("status of 404", "status of 503", "ERR_"))
    slow_down(page, 20 * MIB)
    send(page, path)
    wait_for(path.name, lambda file: file.received > 0)
    ended = {"live_until" if what is Membership else "in_force_until": factories.now()}
    with transaction():
        session().execute(update(what).values(ended))
    expect(page.locator("[data-status]")).to_contain_text(
        "Not possible any more: the agreement or your", timeout=60_000
    )
    expect(page.locator("[data-upload]")).to_have_class("upload is-over is-refused")


def test_what_waits_for_the_form_has_no_dead_button(page: Page, tmp_path: Path) -> None:
    choose(page, made(tmp_path, "a.bin", 10)[0])
    row = page.locator("[data-upload]")
    expect(row.locator("[data-status]")).to_have_text("Ready to be sent")
    expect(row.get_by_role("button")).to_have_count(1)
    row.get_by_role("button", name="Take off this list").click()
    expect(row).to_have_count(0)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, 5 * MIB)


def take_away(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("harm", [grow, shrink, take_away])
def test_a_file_that_changes_while_it_is_sent_is_said_and_never_verified(
    window: OpenWindow, world: World, environ: dict[str, str], tmp_path: Path, harm: object
) -> None:
    assert callable(harm)
    path, _ = made(tmp_path, "changes.bin", 160 * MIB)
    page = window(world["fr_member"], vault_of(world), forgives=("net::ERR_",))
    slow_down(page, 20 * MIB)
    send(page, path)
    wait_for(path.name, lambda file: file.received > 0)
    harm(path)
    status = page.locator("[data-status]")
    expect(status).to_contain_text("The file was changed, moved or taken away", timeout=30_000)
    do_the_work(environ)
    file = wait_for(path.name, lambda file: True)
    assert file.integrity == Integrity.RECEIVING
    assert file.sha256 is None
    assert acts(file.id) == ["file.begun"]


def test_two_browsers_resume_one_upload(window: OpenWindow, world: World, tmp_path: Path) -> None:
    path, data = made(tmp_path, "two.bin", 100 * MIB)
    busy = ("status of 423", "status of 409")
    first = window(world["fr_member"], vault_of(world), forgives=busy)
    slow_down(first, 12 * MIB)
    send(first, path)
    wait_for(path.name, lambda file: file.received > 0)
    other = window(world["fr_member"], vault_of(world), forgives=busy, storage_state=remembered(first))
    slow_down(other, 12 * MIB)
    choose(other, path)
    for page in (first, other):
        expect(page.locator("[data-upload]")).to_have_class(FINISHED, timeout=120_000)
    file = wait_for(path.name, lambda file: file.integrity == Integrity.CHECKING)
    assert hashlib.sha256(bytes_in_store(file)).digest() == hashlib.sha256(data).digest()
    assert acts(file.id) == ["file.begun", "file.received", "file.hash_declared"]
    assert how_many(StoredFile) == 1


def remembered(page: Page) -> dict[str, object]:
    """What this browser keeps, without its sign-in, once it keeps that it has begun an upload."""
    until(page, "Object.keys(localStorage).some((key) => key.startsWith('upload:'))")
    return {"cookies": [], "origins": page.context.storage_state()["origins"]}


def test_who_waits_for_another_window_is_told(window: OpenWindow, world: World, tmp_path: Path) -> None:
    path, _ = made(tmp_path, "two.bin", 60 * MIB)
    first = window(world["fr_member"], vault_of(world), forgives=("status of 423",))
    slow_down(first, 2 * MIB)
    send(first, path)
    wait_for(path.name, lambda file: file.id is not None)
    other = window(world["fr_member"], vault_of(world), forgives=("status of 423",), storage_state=remembered(first))
    choose(other, path)
    expect(other.locator("[data-status]")).to_contain_text("Another window or device is sending", timeout=30_000)


def test_an_empty_file_is_kept(page: Page, environ: dict[str, str], tmp_path: Path) -> None:
    path, _ = made(tmp_path, "empty.txt", 0)
    send(page, path)
    expect(page.locator("[data-upload]")).to_have_class(FINISHED, timeout=30_000)
    do_the_work(environ)
    assert wait_for(path.name, lambda file: True).integrity == Integrity.VERIFIED


def test_what_was_read_back_is_said(page: Page, environ: dict[str, str], tmp_path: Path) -> None:
    path, _ = made(tmp_path, "good.txt", 1000)
    send(page, path)
    expect(page.locator("[data-status]")).to_have_text("Received, being verified")
    connected(page)
    do_the_work(environ)
    expect(page.locator("[data-status]")).to_have_text("Verified: the vault holds what you sent")


def test_a_name_of_300_characters_is_refused_in_words(window: OpenWindow, world: World) -> None:
    page = window(world["fr_member"], vault_of(world), forgives=("status of 422",))
    upload_button(page).click()
    long = FilePayload(name="ü" * 296 + ".txt", mimeType="text/plain", buffer=b"some")
    page.set_input_files("#upload-files", [long])
    describe(page)
    row = page.locator("[data-upload]")
    expect(row.locator("[data-status]")).to_have_text("The file name is longer than 255 bytes.")
    expect(row).to_have_class("upload is-over is-refused")
    overflow = page.locator("#upload").evaluate("(dialog) => dialog.scrollWidth > dialog.clientWidth")
    assert not overflow
