"""The whole work with keys alone: chat, board, upload, exhibit, release, withdrawal and record."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from jit_portal.tasks import service as tasks
from tests import factories
from tests.browser.conftest import OpenWindow, connected, settled
from tests.browser.keys import Keys
from tests.browser.uploading import FINISHED, upload_button, vault_of
from tests.factories import World


@pytest.fixture
def page(window: OpenWindow, world: World) -> Page:
    """The window of a leader in a JIT with a channel and a card."""
    factories.channel(world)
    board = factories.board(world)
    tasks.create_task(world["fr_leader"], board.id, board.columns[0].id, "Hear the driver")
    return window(world["fr_leader"], f"/workspaces/{world.workspace.id}/chat")


def test_what_is_said_and_done_is_done_with_keys(page: Page, world: World) -> None:
    keys = Keys(connected(page))
    keys.use(page.get_by_role("link", name="Skip to main content"))
    expect(page.locator("#main")).to_be_focused()
    box = page.locator("#compose-text")
    keys.write(box, "Nobody touched a mouse.")
    keys.press("Enter")
    said = page.locator(".message", has_text="Nobody touched a mouse.")
    expect(said).to_be_visible()
    keys.stays_at(box)
    keys.use(said.get_by_role("link", name="Edit"), back=True)
    expect(box).to_have_value("Nobody touched a mouse.")
    keys.stays_at(box)
    keys.press("Escape")
    expect(box).to_have_value("")
    withdraw = said.get_by_role("button", name="Withdraw")
    keys.use(withdraw, back=True)
    keys.stays_at(page.get_by_role("button", name="No, go back"))
    keys.press("Escape")
    keys.stays_at(withdraw)

    page.goto(f"/workspaces/{world.workspace.id}/board")
    connected(page)
    card = page.locator(".card", has_text="Hear the driver")
    keys.to(card.get_by_role("link", name="Hear the driver"))
    keys.press("Alt+ArrowRight")
    expect(page.locator(".column").nth(1).locator(".card")).to_have_count(1)
    keys.stays_at(card.get_by_role("link", name="Hear the driver"))
    menu = card.get_by_role("button", name="Move")
    keys.use(menu, back=True)
    keys.to(card.get_by_role("button", name="Done", exact=True))
    keys.press("Escape")
    keys.stays_at(menu)
    keys.press("Enter")
    keys.use(card.get_by_role("button", name="Done", exact=True))
    expect(page.locator(".column").nth(3).locator(".card")).to_have_count(1)
    keys.stays_at(card.get_by_role("link", name="Hear the driver"))


def test_evidence_is_shown_and_proved_with_keys(page: Page, world: World, tmp_path: Path) -> None:
    # The browser is told at once to hand over its choosers: told when the key is pressed, it may hear it too late.
    page.on("filechooser", lambda _: None)
    page.goto(vault_of(world))
    keys = Keys(settled(page))
    (tmp_path / "note.txt").write_text("Written without a mouse.\n")
    keys.use(upload_button(page))
    keys.press("Escape")
    keys.stays_at(upload_button(page))
    keys.press("Enter")
    keys.to(page.locator("#upload-files"))
    with page.expect_file_chooser() as chooser:
        keys.press("Space")
    chooser.value.set_files(tmp_path / "note.txt")
    form = page.locator("[data-about]")
    keys.write(form.locator('[name="title"]'), "A note")
    keys.use(form.locator('[name="unclassified"]'), "Space")
    keys.use(form.locator('button[type="submit"]'))
    expect(page.locator("[data-upload]")).to_have_class(FINISHED)
    keys.press("Escape")
    keys.stays_at(upload_button(page))
    keys.use(page.locator(".exhibits").get_by_role("link", name="A note"))
    keys.use(page.get_by_role("link", name="Open preview"))
    expect(page.locator("jit-text")).to_contain_text("Written without a mouse.")

    keys.use(page.get_by_role("link", name="Release", exact=True))
    settled(page)
    keys.write(page.get_by_label("To whom"), "Netherlands")
    keys.use(page.get_by_role("button", name="Release", exact=True))
    keys.use(page.get_by_role("link", name="Withdraw"))
    expect(page.get_by_role("heading", name="Withdraw")).to_be_visible()
    keys.write(page.get_by_label("Reason"), "Sent too early.")
    keys.use(page.locator("main").get_by_role("button", name="Withdraw"))
    expect(page.locator(".releases .is-ended")).to_contain_text("Sent too early.")

    keys.use(page.get_by_role("link", name="On the record"))
    entry = page.get_by_role("row").filter(has_text="Release withdrawn")
    keys.use(entry.locator("summary"))
    expect(entry.get_by_text("exhibit.withdrawn")).to_be_visible()
    with page.expect_download() as export:
        keys.use(page.get_by_role("button", name="CSV"), back=True)
    assert "exhibit.withdrawn" in export.value.path().read_text()
