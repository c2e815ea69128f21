"""What the eye sees at once: everything in a row is level, nothing is cut off, and what can be ticked looks so."""

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from jit_portal.database import session, transaction
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import Authority
from tests import factories
from tests.browser.conftest import DESKTOP, PHONE, OpenWindow
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


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_what_sends_files_is_in_sight_however_much_is_to_be_filled_in(
    window: OpenWindow, evidence: World, size: tuple[int, int]
) -> None:
    page = window(evidence["fr_leader"], f"/workspaces/{evidence.workspace.id}/vault", size)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("button", name="Send the files")).to_be_in_viewport(ratio=1)
    expect(page.get_by_label("Nothing here is classified")).not_to_be_in_viewport()


def test_what_is_pressed_or_typed_is_set_like_the_text_around_it(window: OpenWindow, evidence: World) -> None:
    page = window(evidence["fr_leader"], f"/workspaces/{evidence.workspace.id}/board")
    set_otherwise = page.evaluate("""() => {
      const how = (element) => getComputedStyle(element).textRendering;
      const all = [...document.querySelectorAll("button, input, select, textarea")];
      return [all.length, all.filter((each) => how(each) !== how(document.documentElement)).length];
    }""")
    assert set_otherwise[0] > 10
    assert set_otherwise[1] == 0


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_a_tab_that_has_the_focus_is_wholly_in_sight(window: OpenWindow, evidence: World, direction: str) -> None:
    page = window(evidence["fr_leader"], f"/workspaces/{evidence.workspace.id}/chat", PHONE)
    page.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
    for name in ("Record", "Overview", "People"):
        tab = page.locator(".tabs").get_by_role("link", name=name)
        tab.focus()
        expect(tab).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_what_is_folded_points_to_its_text_and_what_is_open_points_down(
    window: OpenWindow, evidence: World, direction: str
) -> None:
    page = window(evidence["fr_leader"], f"/workspaces/{evidence.workspace.id}/record", reduced_motion="reduce")
    page.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
    summary = page.get_by_text("How a seal can be checked")
    mark = summary.locator("svg")
    points = """(mark) => {
      const { rotate, scale } = getComputedStyle(mark);
      const turned = new DOMMatrix().rotate(parseFloat(rotate) || 0);
      const { x, y } = turned.transformPoint({ x: parseFloat(scale) || 1, y: 0 });
      return [Math.round(x), Math.round(y)];
    }"""
    assert mark.evaluate(points) == [1 if direction == "ltr" else -1, 0]
    summary.click()
    assert mark.evaluate(points) == [0, 1]
