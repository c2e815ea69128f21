"""Uploading with a real browser: what a person sees, and what survives a reload, a kill, a lost sign-in."""

import hashlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

import av
from playwright.sync_api import BrowserContext, Page, Request, Route, expect
from sqlalchemy import select, update

from jit_portal.database import session, transaction
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.vocabulary import Integrity
from tests import factories
from tests.browser.conftest import Faults, OpenWindow, sign_in, until
from tests.browser.uploading import (
    FINISHED,
    choose,
    file_named,
    made,
    send,
    slow_down,
    upload_button,
    vault_of,
    wait_for,
)
from tests.factories import World
from tests.portal import Portal
from tests.vault import MIB, acts, bytes_in_store, do_the_work, put


def sign_in_again(context: BrowserContext, world: World, portal: Portal) -> None:
    token = factories.login(world["fr_member"])
    context.add_cookies([{"name": portal.cookie, "value": token, "url": "https://localhost", "secure": True}])


def test_files_are_sent_and_verified(page: Page, world: World, environ: dict[str, str], tmp_path: Path) -> None:
    files = [made(tmp_path, "one.dd", 3 * MIB + 1), made(tmp_path, "Протокол <b>.dd", 20 * MIB), made(tmp_path, "e", 0)]
    send(page, *(path for path, _ in files), title="Server")
    rows = page.locator("[data-upload]")
    for index in range(3):
        expect(rows.nth(index)).to_have_class("upload is-over is-finished", timeout=60_000)
    do_the_work(environ)
    for path, data in files:
        file = file_named(path.name)
        assert file is not None
        assert (file.integrity, file.sha256) == (Integrity.VERIFIED, hashlib.sha256(data).hexdigest())
        assert bytes_in_store(file) == data
    titles = set(session().scalars(select(Exhibit.title).execution_options(policy=True)))
    assert titles == {"Server · one.dd", "Server · Протокол <b>.dd", "Server · e"}


def test_a_reload_loses_nothing(window: OpenWindow, world: World, tmp_path: Path) -> None:
    path, data = made(tmp_path, "image.dd", 80 * MIB)
    page = window(world["fr_member"], vault_of(world))
    slow_down(page, 10 * MIB)
    send(page, path)
    wait_for(path.name, lambda file: file.received >= 16 * MIB)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    slow_down(page, -1)
    kept = wait_for(path.name, lambda file: file.received >= 16 * MIB).received
    upload_button(page).click()
    expect(page.locator("[data-unfinished]")).to_be_visible()
    choose(page, path)
    file = wait_for(path.name, lambda file: file.integrity == Integrity.CHECKING, 120)
    assert kept > 0
    assert hashlib.sha256(bytes_in_store(file)).digest() == hashlib.sha256(data).digest()
    expect(page.locator("[data-upload]")).to_have_class("upload is-over is-finished", timeout=60_000)
    expect(page.locator("[data-unfinished]")).to_be_hidden()


def test_a_vault_that_dies_is_waited_for(window: OpenWindow, world: World, process: Portal, tmp_path: Path) -> None:
    path, data = made(tmp_path, "phone.bin", 100 * MIB)
    page = window(world["fr_member"], vault_of(world), forgives=("status of 502", "status of 503"))
    slow_down(page, 15 * MIB)
    send(page, path)
    wait_for(path.name, lambda file: file.received >= 16 * MIB)
    process.kill_vault()
    kept = file_named(path.name)
    assert kept is not None
    assert 16 * MIB <= kept.received < len(data)
    try:
        expect(page.locator("[data-status]")).to_have_text("Waiting for the vault: it goes on by itself", timeout=5_000)
    finally:
        slow_down(page, -1)
        process.start_vault()
    expect(page.locator("[data-upload]")).to_have_class("upload is-over is-finished", timeout=90_000)
    file = wait_for(path.name, lambda file: file.integrity == Integrity.CHECKING)
    assert file.sha256_declared == hashlib.sha256(data).hexdigest()
    assert hashlib.sha256(bytes_in_store(file)).hexdigest() == file.sha256_declared


def test_a_lost_sign_in_is_said_and_the_upload_goes_on(
    window: OpenWindow, world: World, process: Portal, tmp_path: Path
) -> None:
    path, data = made(tmp_path, "long.bin", 80 * MIB)
    page = window(world["fr_member"], vault_of(world), forgives=("status of 401", "status of 503", "ERR_"))
    slow_down(page, 10 * MIB)
    send(page, path)
    wait_for(path.name, lambda file: file.received > 0)
    with transaction():
        session().execute(update(LoginSession).values(ended_at=factories.now()))
    row = page.locator("[data-upload]")
    expect(row.locator("[data-status]")).to_contain_text("sign in again", timeout=60_000)
    slow_down(page, -1)
    sign_in_again(page.context, world, process)
    expect(row).to_have_class("upload is-over is-finished", timeout=90_000)
    file = wait_for(path.name, lambda file: file.integrity == Integrity.CHECKING)
    assert hashlib.sha256(bytes_in_store(file)).digest() == hashlib.sha256(data).digest()


def test_a_lost_sign_in_is_said_although_the_first_look_found_nothing_out(
    window: OpenWindow, world: World, tmp_path: Path
) -> None:
    path, _ = made(tmp_path, "long.bin", 80 * MIB)
    page = window(world["fr_member"], vault_of(world), forgives=("status of 401", "status of 429"))
    page.route("**/vault/uploads/token", lambda route: route.fulfill(status=429), times=1)
    slow_down(page, 10 * MIB)
    send(page, path)
    wait_for(path.name, lambda file: file.received > 0)
    with transaction():
        session().execute(update(LoginSession).values(ended_at=factories.now()))
    expect(page.locator("[data-upload] [data-status]")).to_contain_text("sign in again", timeout=60_000)
    expect(page.locator("dialog#signed-out")).to_be_visible()


def test_an_upload_goes_on_for_nobody_else(window: OpenWindow, world: World, process: Portal, tmp_path: Path) -> None:
    """Somebody else signs in meanwhile in the same browser: what was begun waits for whoever began it."""
    path, data = made(tmp_path, "hers.bin", 40 * MIB)
    page = window(world["fr_member"], vault_of(world), forgives=("status of 401", "status of 503", "ERR_"))
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "/vault/uploads" in request.url else None)
    slow_down(page, 10 * MIB)
    send(page, path)
    wait_for(path.name, lambda file: file.received > 0)
    sign_in(page.context, process, world["fr_leader"])
    with transaction():
        hers = update(LoginSession).where(LoginSession.user_id == world["fr_member"].id)
        session().execute(hers.values(ended_at=factories.now()))
    status = page.locator("[data-upload] [data-status]")
    expect(status).to_contain_text("sign in again", timeout=60_000)
    with page.expect_response(lambda answer: answer.url.endswith("/vault/uploads/token"), timeout=60_000) as answer:
        assert answer.value.status == 401
    expect(status).to_contain_text("sign in again")
    slow_down(page, -1)
    sign_in(page.context, process, world["fr_member"])
    expect(page.locator("[data-upload]")).to_have_class("upload is-over is-finished", timeout=90_000)
    file = wait_for(path.name, lambda file: file.integrity == Integrity.CHECKING)
    assert (file.uploaded_by_id, file.received) == (world["fr_member"].id, len(data))
    assert {request.method for request in asked} >= {"POST", "PATCH", "HEAD", "GET"}
    assert {request.headers.get("x-viewer") for request in asked} == {str(world["fr_member"].id)}


TUS = {"Tus-Resumable": "1.0.0"}
FIGURES = """() => {
  const row = document.querySelector("[data-upload]");
  const bar = row.querySelector("progress");
  const said = (name) => row.querySelector(`[data-${name}]`).textContent;
  return [bar.value, bar.max, said("percent"), said("speed"), said("left")];
}"""


@dataclass
class Figures:
    """What is shown of an upload: bytes, millions of them a second, and seconds yet; of what is not shown, nothing."""

    done: int
    total: int
    percent: str
    speed: float
    left: float

    @classmethod
    def on(cls, page: Page) -> "Figures":
        done, total, percent, speed, left = page.evaluate(FIGURES)
        found = re.fullmatch(r"([\d.]+) MB/s", speed), re.fullmatch(r"(\d+) secs? left", left)
        return cls(done, total, percent, *(float(each[1]) if each else 0 for each in found))

    @property
    def yet(self) -> float:
        """Millions of bytes that are still to be sent."""
        return (self.total - self.done) / 1e6


def figures_at(page: Page, pace: int) -> Figures:
    """What is shown once its speed is about that of the line."""
    end = time.monotonic() + 20
    while not 0.75 < (shown := Figures.on(page)).speed * 1e6 / pace < 1.25:
        assert time.monotonic() < end, shown
        page.wait_for_timeout(50)
    return shown


def test_pause_go_on_and_cancel(page: Page, world: World, tmp_path: Path) -> None:
    """What is shown meanwhile is what the line does and, at a pause, what the vault holds."""
    path, data = made(tmp_path, "pause.bin", 60 * MIB)
    slow_down(page, 2 * MIB)
    send(page, path)
    row = page.locator("[data-upload]")
    shown = figures_at(page, 2 * MIB)
    rounded_off = 0.05 * shown.left + 0.5 * shown.speed
    assert abs(shown.left * shown.speed - shown.yet) <= rounded_off, shown
    row.locator(".is-pause").click()
    expect(row.locator("[data-status]")).to_have_text("Paused")
    said = page.request.head(f"/vault/uploads/{wait_for(path.name, lambda _: True).id}", headers=TUS)
    stored = int(said.headers["upload-offset"])
    assert 0 < shown.done <= stored + MIB, "no more is shown than the line was holding"
    until(page, f"document.querySelector('[data-upload] progress').value === {stored}")
    assert Figures.on(page) == Figures(stored, len(data), f"{100 * stored // len(data)}%", 0, 0)
    row.locator(".is-resume").click()
    expect(row.locator("[data-status]")).to_have_text("Sending")
    row.locator(".is-cancel").click()
    page.locator('#confirm button[value="yes"]').click()
    expect(row).to_have_count(0)
    assert wait_for(path.name, lambda file: file.integrity == Integrity.CANCELLED).received < len(data)


def test_a_second_press_of_resume_begins_nothing_beside_the_first(page: Page, tmp_path: Path) -> None:
    asked: list[str] = []
    slow_down(page, 2 * MIB)
    send(page, made(tmp_path, "twice.bin", 12 * MIB)[0])
    row = page.locator("[data-upload]")
    expect(row.locator("[data-speed]")).not_to_be_empty()
    with page.expect_response(lambda answer: answer.request.method == "HEAD"):
        row.locator(".is-pause").click()
    page.on("request", lambda request: asked.append(request.method))
    row.locator(".is-resume").evaluate("(button) => { button.click(); button.click(); }")
    expect(row.locator("[data-status]")).to_have_text("Sending")
    row.locator(".is-pause").click()
    expect(row.locator("[data-status]")).to_have_text("Paused")
    assert asked[:2] == ["HEAD", "PATCH"]
    slow_down(page, -1)
    row.locator(".is-resume").click()
    expect(row).to_have_class(FINISHED)


HOLDS_DIGESTS = """() => {
  const digest = crypto.subtle.digest.bind(crypto.subtle);
  const goes = new Promise((done) => { window.letThemGo = done; });
  crypto.subtle.digest = (...said) => goes.then(() => digest(...said));
}"""


def test_of_a_piece_whose_checksum_is_still_made_nothing_goes_out_after_a_pause(page: Page, tmp_path: Path) -> None:
    pieces: list[Request] = []
    page.on("request", lambda request: pieces.append(request) if request.method == "PATCH" else None)
    page.evaluate(HOLDS_DIGESTS)
    begun: list[Route] = []
    page.route("**/vault/uploads", lambda route: begun.append(route))
    send(page, made(tmp_path, "held.bin", MIB)[0])
    row = page.locator("[data-upload]")
    expect(row.locator("[data-status]")).to_have_text("Starting")
    begun[0].continue_()
    expect(row.locator("[data-status]")).to_have_text("Sending")
    row.locator(".is-pause").click()
    page.evaluate("window.letThemGo()")
    expect(row.locator("[data-status]")).to_have_text("Paused")
    row.locator(".is-resume").click()
    expect(row).to_have_class(FINISHED)
    assert len(pieces) == 1


def test_what_describes_files_is_folded_while_they_are_sent(page: Page, faults: Faults, tmp_path: Path) -> None:
    slow_down(page, 2 * MIB)
    fields, summary = page.locator("[data-fields]"), page.locator("[data-fields] > summary")
    send(page, made(tmp_path, "first.bin", 40 * MIB)[0])
    expect(fields).not_to_have_attribute("open", "")
    expect(summary).to_be_focused()
    assert faults(page) == {}
    page.keyboard.press("Enter")
    expect(page.get_by_label("Title (optional)")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Title (optional)")).to_be_hidden()
    choose(page, made(tmp_path, "second.bin", 10)[0])
    expect(page.get_by_label("Title (optional)")).to_be_visible()


def test_a_refusal_is_said_in_words(window: OpenWindow, world: World, tmp_path: Path) -> None:
    page = window(world["fr_member"], vault_of(world), forgives=("status of 422",))
    path, _ = made(tmp_path, "photo\u202egpj.exe", 10)
    send(page, path)
    row = page.locator("[data-upload]")
    expect(row).to_have_class("upload is-over is-refused")
    expect(row.locator("[data-status]")).to_contain_text("writing direction")
    row.locator(".is-leave").click()
    expect(row).to_have_count(0)


PLAYS_AND_SEEKS = """async (src) => {
  const film = document.createElement("video");
  film.muted = true;
  film.src = src;
  document.body.append(film);
  const next = (name) => new Promise((done, failed) => {
    film.addEventListener(name, done, { once: true });
    film.addEventListener("error", () => failed(film.error.message), { once: true });
  });
  await next("loadedmetadata");
  for (const moment of [film.duration - 1, film.duration / 2, 0]) {
    film.currentTime = moment;
    await next("seeked");
  }
  film.playbackRate = 4;
  film.play();
  await next("ended");
  return [film.videoWidth, Math.round(film.duration)];
}"""


def test_a_long_film_plays_and_seeks(page: Page, world: World, tmp_path: Path) -> None:
    exhibit = put(world, film(tmp_path / "film.mp4"), "film.mp4")
    asked: list[tuple[int, str | None]] = []
    page.on("response", lambda answer: asked.append((answer.status, answer.headers.get("content-range"))))
    address = f"/vault/exhibits/{exhibit.id}/content?as=preview"
    assert page.evaluate(PLAYS_AND_SEEKS, address) == [640, 15]
    assert {status for status, part in asked if part} == {206}
    assert acts(exhibit.id).count("exhibit.read") == 1


def film(path: Path) -> bytes:
    """A film of 15 seconds of noise, larger than one answer of the vault."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "23", "preset": "ultrafast", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for _ in range(150):
            frame = av.VideoFrame(640, 360, "yuv420p")
            for plane in frame.planes:
                plane.update(os.urandom(plane.buffer_size))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    data = path.read_bytes()
    assert len(data) > 20 * MIB
    return data
