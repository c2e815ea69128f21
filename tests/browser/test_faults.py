"""What a form still lacks is said in the portal's words, beside the field, and goes once it is there."""

import pytest
from playwright.sync_api import expect

from jit_portal.vocabulary import Duty
from tests import factories
from tests.browser.conftest import DESKTOP, PHONE, Faults, OpenWindow

UNCLASSIFIED = "Classified information may not be stored here: confirm that this is none."


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_files_are_sent_only_once_they_are_said_to_be_unclassified(
    web: object, window: OpenWindow, faults: Faults, size: tuple[int, int]
) -> None:
    world = factories.world()
    page = window(world["fr_member"], f"/workspaces/{world.workspace.id}/vault", size)
    page.get_by_role("button", name="Upload").click()
    send, tick, when = (
        page.get_by_role("button", name="Send the files"),
        page.get_by_label("Nothing here is classified"),
        page.get_by_label("Date of seizure"),
    )
    said, undated = page.locator(".choice .error"), page.locator(".field .error", has_text="cannot be taken as it is")
    send.click()
    expect(said).to_have_text(f"Error: {UNCLASSIFIED}")
    expect(said).to_be_in_viewport(ratio=1)
    expect(tick).to_be_focused()
    expect(tick).to_have_accessible_description(f"Error: {UNCLASSIFIED}")
    expect(tick).to_have_attribute("aria-invalid", "true")
    assert faults(page) == {}
    when.press_sequentially("1")
    send.click()
    expect(said).to_have_count(1)
    expect(undated).to_be_in_viewport(ratio=1)
    expect(when).to_be_focused()
    when.fill("2026-10-01")
    tick.check()
    expect(page.locator("[data-about] .error:visible")).to_have_count(0)
    for field in (when, tick):
        expect(field).not_to_have_attribute("aria-invalid", "true")
    send.click()
    expect(page.get_by_text("Choose a file first.")).to_be_visible()


def test_a_field_without_words_of_its_own_is_needed(web: object, window: OpenWindow) -> None:
    world = factories.world()
    page = window(factories.administrator(world.providers["fr"], Duty.OPERATOR), "/people/end-logins")
    page.get_by_role("button", name="End them all now").click()
    expect(page.locator(".choice .error")).to_have_text("Error: This is needed.")
