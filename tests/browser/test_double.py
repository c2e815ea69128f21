"""A form whose button was pressed is sent once; whoever goes back finds the button usable."""

from playwright.sync_api import expect

from tests import factories
from tests.browser.conftest import OpenWindow
from tests.web import Web


def test_a_button_works_again_after_going_back(window: OpenWindow, web: Web) -> None:
    world = factories.world()
    path = f"/boards/{factories.board(world).id}/tasks/new"
    page = window(world["fr_leader"], path)
    for title in ("Trace the lorry", "Trace the trailer"):
        page.get_by_label("Title").fill(title)
        page.get_by_role("button", name="Create the task").click()
        expect(page.get_by_text(title)).to_be_visible()
        page.go_back()
        page.wait_for_url(f"**{path}")
        expect(page.locator("form[aria-busy], [aria-disabled]")).to_have_count(0)
