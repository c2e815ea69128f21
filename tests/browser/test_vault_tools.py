"""What narrows the vault's list, on a phone: little of it at once, all of it by keyboard, and without JavaScript."""

from itertools import pairwise

import pytest
from playwright.sync_api import Locator, Page, expect

from jit_portal.vocabulary import ExhibitKind
from tests import factories
from tests.browser.conftest import DESKTOP, PHONE, Faults, OpenWindow
from tests.factories import World
from tests.web import Web


@pytest.fixture
def world(web: Web) -> World:
    return factories.world()


def tools(page: Page) -> list[Locator]:
    found = page.locator(".vault > .bar").locator("input, select, button, a")
    return [tool for tool in found.all() if tool.is_visible()]


def rows(page: Page) -> int:
    """On how many lines the tools stand."""
    boxes = [tool.bounding_box() for tool in tools(page)]
    middles = sorted(box["y"] + box["height"] / 2 for box in boxes if box)
    return 1 + sum(after - before > 12 for before, after in pairwise(middles))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_two_rows_on_a_phone(window: OpenWindow, world: World, language: str) -> None:
    page = window(world["fr_leader"], f"/workspaces/{world.workspace.id}/vault", PHONE, locale=language)
    assert rows(page) <= 2
    assert len(tools(page)) == 5


def test_the_rest_opens_by_keyboard_without_javascript(window: OpenWindow, world: World) -> None:
    factories.exhibit(world, title="Ledger of the harbour", kind=ExhibitKind.DOCUMENT)
    factories.exhibit(world, title="Gate camera", kind=ExhibitKind.VIDEO)
    address = f"/workspaces/{world.workspace.id}/vault"
    page = window(world["fr_leader"], address, PHONE, java_script_enabled=False)
    more = page.get_by_role("button", name="Party and kind")
    more.focus()
    page.keyboard.press("Enter")
    kind = page.get_by_label("Kind", exact=True)
    expect(kind).to_be_visible()
    page.keyboard.press("Escape")
    expect(kind).to_be_hidden()
    expect(more).to_be_focused()
    page.keyboard.press("Enter")
    kind.select_option("video")
    page.locator("#narrow").get_by_role("button", name="Filter").press("Enter")
    page.wait_for_url("**kind=video**")
    expect(page.get_by_role("link", name="Gate camera")).to_be_visible()
    expect(page.get_by_role("link", name="Ledger of the harbour")).to_have_count(0)
    expect(page.get_by_role("button", name="Party and kind: narrowed")).to_be_visible()


def test_all_of_it_stands_open_on_a_wide_screen(window: OpenWindow, world: World, faults: Faults) -> None:
    page = window(world["fr_leader"], f"/workspaces/{world.workspace.id}/vault", DESKTOP)
    assert rows(page) == 1
    expect(page.get_by_label("Kind", exact=True).first).to_be_visible()
    expect(page.get_by_role("button", name="Party and kind")).to_be_hidden()
    expect(page.get_by_role("button", name="Filter")).to_have_count(1)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.get_by_role("button", name="Party and kind").click()
    assert faults(page) == {}
