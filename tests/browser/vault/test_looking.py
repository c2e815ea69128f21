"""Previews while the vault or its store is away: said as what it is, and shown once it is back."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Faults, OpenWindow
from tests.browser.test_previews import READ_BACK, film, pdf, png, sound
from tests.delivery import damage
from tests.factories import World
from tests.portal import Portal
from tests.vault import put

Away = Callable[[Portal], AbstractContextManager[None]]

AWAY = "The vault cannot be reached just now"
FORGIVEN = (*READ_BACK, "status of 503", "net::ERR_")
KINDS: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "text": (lambda _: b"Ledger of the carrier", "notes.txt"),
    "document": (lambda _: pdf(), "statement.pdf"),
    "picture": (lambda _: png(), "scene.png"),
    "sound": (lambda _: sound(), "call.wav"),
    "film": (film, "film.mp4"),
}
SHOWN = ".preview :is(pre, .pdf-pages, img, audio, video)"


@contextmanager
def without_vault(process: Portal) -> Iterator[None]:
    process.kill_vault()
    try:
        yield
    finally:
        process.start_vault()


@contextmanager
def without_store(process: Portal) -> Iterator[None]:
    process.gate.refusal = 503, "text/plain", b"closed"
    try:
        yield
    finally:
        process.gate.opens()


@pytest.mark.parametrize("away", [without_store, without_vault], ids=["store", "vault"])
def test_what_cannot_be_reached_is_said_and_shown_at_the_next_try(
    window: OpenWindow, world: World, process: Portal, tmp_path: Path, away: Away
) -> None:
    exhibits = [put(world, make(tmp_path), name) for make, name in KINDS.values()]
    tries: list[str] = []
    with away(process):
        pages = [window(world["fr_member"], f"/exhibits/{each.id}?preview=1", forgives=FORGIVEN) for each in exhibits]
        for page in pages:
            expect(page.get_by_role("heading", name=AWAY)).to_be_visible()
            button = page.get_by_role("button", name="Try again").element_handle()
            tries.clear()
            page.on("request", lambda asked: tries.append(asked.url))
            button.evaluate("(button) => { button.click(); button.click(); }")
            button.wait_for_element_state("hidden")
            expect(page.get_by_role("heading", name=AWAY)).to_be_visible()
            assert sum(address.endswith("/content") for address in tries) == 1, tries
    for page in pages:
        page.get_by_role("button", name="Try again").focus()
        page.keyboard.press("Enter")
        expect(page.locator(SHOWN)).to_be_visible()
        expect(page.locator(SHOWN)).to_be_focused()
        expect(page.get_by_role("heading", name=AWAY)).to_have_count(0)


@pytest.mark.parametrize("kind", ["text", "document", "picture"])
def test_what_the_store_lost_is_said_in_the_servers_words(
    window: OpenWindow, world: World, tmp_path: Path, kind: str
) -> None:
    make, name = KINDS[kind]
    exhibit = put(world, make(tmp_path), name)
    page = window(world["fr_member"], f"/exhibits/{exhibit.id}", forgives=(*READ_BACK, "status of 409"))
    damage(exhibit, "gone")
    page.get_by_role("link", name="Open preview").click()
    alert = page.get_by_role("alert").filter(has_text="This file cannot be shown")
    expect(alert).to_contain_text("What lies in the store does not open as this file. Tell the operator of the portal.")
    expect(page.get_by_role("heading", name=AWAY)).to_have_count(0)


@pytest.mark.parametrize(("status", "is_away"), [(401, False), (404, False), (429, False), (502, True), (504, True)])
def test_only_what_does_not_answer_is_called_away(window: OpenWindow, world: World, status: int, is_away: bool) -> None:
    exhibit = put(world, png(), "scene.png")
    page = window(world["fr_member"], f"/exhibits/{exhibit.id}", forgives=(f"status of {status}",))
    page.route("**/content*", lambda route: route.fulfill(status=status, json={"error": "In the server's words."}))
    page.get_by_role("link", name="Open preview").click()
    alert = page.locator(".preview").get_by_role("alert")
    expect(alert).to_contain_text(AWAY if is_away else "In the server's words.")


def test_words_that_take_the_place_of_a_button_take_the_focus(
    window: OpenWindow, world: World, process: Portal
) -> None:
    exhibit = put(world, png()[:40], "cut.png")
    with without_store(process):
        page = window(world["fr_member"], f"/exhibits/{exhibit.id}?preview=1", forgives=FORGIVEN)
        expect(page.get_by_role("heading", name=AWAY)).to_be_visible()
    page.get_by_role("button", name="Try again").press("Enter")
    expect(page.locator(".preview").get_by_role("alert")).to_contain_text("It is damaged")
    expect(page.locator(".preview").get_by_role("alert")).to_be_focused()


def test_the_words_for_it_stand_well(window: OpenWindow, world: World, process: Portal, faults: Faults) -> None:
    exhibit = put(world, pdf(), "statement.pdf")
    with without_store(process):
        page = window(world["fr_member"], f"/exhibits/{exhibit.id}?preview=1", PHONE, FORGIVEN)
        expect(page.get_by_role("alert").get_by_role("heading", name=AWAY)).to_be_visible()
        assert faults(page) == {}


@pytest.mark.parametrize("is_released", [True, False], ids=["not shown here", "not released"])
def test_an_address_of_bytes_that_is_refused_is_a_page_of_the_portal(
    window: OpenWindow, world: World, faults: Faults, is_released: bool
) -> None:
    exhibit = put(world, b"\x00\x01" * 40, "unknown.bin")
    someone, status = world["fr_member" if is_released else "nl_member"], 415 if is_released else 404
    page = window(someone, f"/vault/exhibits/{exhibit.id}/content", forgives=(f"status of {status}",))
    expect(page.locator(".wrong h1")).to_be_visible()
    expect(page.locator(".wrong .button.is-primary")).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")
    assert faults(page) == {}
    page.get_by_role("link", name="Home").last.click()
    page.wait_for_url("**/")
