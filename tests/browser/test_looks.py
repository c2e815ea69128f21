"""What the eye sees at once: everything in a row is level, nothing is cut off, and what can be ticked looks so."""

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from jit_portal.database import session, transaction
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import Authority
from tests import factories
from tests.browser.conftest import OpenWindow
from tests.factories import World

PLACED = """(row) => [...row.querySelectorAll("td")].filter((cell) => cell.innerText.trim()).map((cell) => {
  const words = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT, (text) => text.data.trim() ? 1 : 3).nextNode();
  const range = document.createRange();
  range.selectNodeContents(words);
  const { left, right, top, bottom } = range.getBoundingClientRect();
  return { left, right, middle: (top + bottom) / 2 };
})"""
COLOUR = "(element) => getComputedStyle(element).backgroundColor"


@pytest.fixture
def evidence(web: object) -> World:
    """Exhibits with long titles of an authority with a long name, a board to stand under and a chat to stand beside."""
    world = factories.world()
    factories.board(world)
    factories.channel(world)
    authority = world["fr_member"].authority_id
    made = [factories.exhibit(world, "fr", title, authority_id=authority) for title in ("Bread", "Letter " * 12)]
    with transaction():
        files = [each.file_id for each in made]
        session().execute(sa.update(Authority).values(name="Parquet interrégional"))
        session().execute(sa.update(StoredFile).where(StoredFile.id.in_(files)).values(length=274_300_000))
    return world


def placed(page: Page) -> list[list[dict[str, float]]]:
    """Where the first words of each filled cell are, by row."""
    rows = page.locator(".exhibits tbody tr")
    expect(rows).to_have_count(2)
    found: list[list[dict[str, float]]] = rows.evaluate_all(f"(rows) => rows.map({PLACED})")
    return found


def test_what_a_row_of_evidence_says_is_level(window: OpenWindow, evidence: World) -> None:
    page = window(evidence["fr_leader"], f"/workspaces/{evidence.workspace.id}/vault")
    for _, party, size, *_, added in placed(page):
        assert abs(party["middle"] - size["middle"]) <= 1
        assert abs(added["middle"] - size["middle"]) <= 1


@pytest.mark.parametrize("width", [1440, 1280, 1190])
def test_no_column_of_the_latest_evidence_is_cut_by_the_chat(window: OpenWindow, evidence: World, width: int) -> None:
    page = window(evidence["fr_leader"], f"/workspaces/{evidence.workspace.id}/board", size=(width, 900))
    expect(page.locator(".side-panel")).to_be_visible()
    edge = page.locator(".vault-area").evaluate("(area) => area.getBoundingClientRect().right")
    assert max(cell["right"] for row in placed(page) for cell in row) < edge


def test_what_is_not_ticked_looks_like_what_is_not_filled_in(window: OpenWindow, evidence: World) -> None:
    page = window(evidence["fr_leader"], "/jits/new", color_scheme="dark", reduced_motion="reduce")
    box, empty = page.get_by_label("UN Convention against corruption"), page.get_by_label("Reference")
    assert box.evaluate(COLOUR) == empty.evaluate(COLOUR)
    box.check()
    assert box.evaluate(COLOUR) != empty.evaluate(COLOUR)
