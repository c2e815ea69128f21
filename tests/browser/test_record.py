"""The record in real windows: one line an entry, its details on demand, on a desk and on a phone."""

import re

import pytest
from playwright.sync_api import expect

from jit_portal.custody import service as custody
from jit_portal.database import session, transaction
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits import releasing
from jit_portal.vocabulary import Purpose, Sight
from tests import factories
from tests.browser.conftest import DESKTOP, PHONE, Faults, OpenWindow
from tests.factories import World


@pytest.fixture
def world(web: object) -> World:
    """A JIT in which France opened an exhibit, released it and handed it over."""
    made = factories.world()
    leader = made["fr_leader"]
    exhibit = factories.exhibit(made, by=leader)
    with transaction():
        custody.receive(leader, session().merge(exhibit))
    exhibit_bytes.open_for_reading(leader, exhibit)
    releasing.release(leader, exhibit, f"party:{made.parties['nl'].id}", Sight.READ, Purpose.JIT_PURPOSE)
    session().refresh(exhibit)
    custody.hand_over(leader, exhibit, made["nl_leader"].id, "For the laboratory.")
    return made


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_an_entry_opens_and_says_all(world: World, window: OpenWindow, faults: Faults, size: tuple[int, int]) -> None:
    page = window(world["fr_leader"], f"/workspaces/{world.workspace.id}/record", size)
    released = page.get_by_role("row").filter(has_text="Exhibit released")
    expect(released).to_contain_text("Netherlands · Read")
    expect(released.get_by_text("exhibit.released")).to_be_hidden()
    released.locator("summary").click()
    expect(released.get_by_text("exhibit.released")).to_be_visible()
    expect(released.get_by_text(re.compile("^[0-9a-f]{64}$"))).to_be_visible()
    assert faults(page) == {}
    assert page.locator(".scroller").evaluate("it => it.scrollWidth - it.clientWidth") == 0


def test_on_a_phone_the_filters_wait_until_they_are_asked_for(world: World, window: OpenWindow) -> None:
    page = window(world["fr_leader"], f"/workspaces/{world.workspace.id}/record", PHONE)
    outcome = page.get_by_label("Outcome")
    expect(outcome).to_be_hidden()
    page.get_by_role("button", name="More filters").click()
    outcome.select_option("Refused")
    page.locator("#narrow").get_by_role("button", name="Filter").click()
    expect(page.get_by_role("heading", name="Nothing on record fits")).to_be_visible()
    expect(page.get_by_role("button", name="More filters: in use")).to_be_visible()
