"""Two countries at one board, each in a window of its own."""

import datetime as dt
import re
import uuid
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.tasks import assigning, service
from jit_portal.tasks.models import Board, Task
from tests import factories
from tests.browser.conftest import PHONE, Faults, OpenWindow, connected, sign_in
from tests.factories import World, now
from tests.web import Web


@dataclass
class Wall:
    """A board with three cards of France to do, from the top: Apples, Bread, Cheese."""

    world: World
    board: Board
    columns: dict[str, uuid.UUID]
    tasks: dict[str, Task]

    @property
    def path(self) -> str:
        return f"/workspaces/{self.world.workspace.id}/board"

    def end_logins_of(self, name: str) -> None:
        with transaction():
            hers = update(LoginSession).where(LoginSession.user_id == self.world[name].id)
            session().execute(hers.values(ended_at=now()))

    def card(self, page: Page, title: str) -> Locator:
        return page.locator(f"#task-{self.tasks[title].id}")

    def column(self, page: Page, kind: str) -> Locator:
        return page.locator(f'.column[data-column="{self.columns[kind]}"]')

    def titles(self, page: Page, kind: str) -> Locator:
        return self.column(page, kind).locator(".card-title")


@pytest.fixture
def wall(web: Web) -> Wall:
    world = factories.world()
    board = factories.board(world, "Work plan", "LAN")
    columns = {column.kind.value: column.id for column in session().merge(board).columns}
    tasks = {
        title: service.create_task(world["fr_leader"], board.id, columns["todo"], title)
        for title in ("Cheese", "Bread", "Apples")
    }
    return Wall(world, board, columns, tasks)


MOVE = """async ([address, edition, column]) => {
  const csrf = document.querySelector('meta[name="csrf-token"]').content;
  const headers = { "X-CSRFToken": csrf, "X-Requested-With": "fetch", Accept: "application/json" };
  const said = new URLSearchParams({ column, edition });
  return (await fetch(address, { method: "POST", headers, body: said })).status;
}"""


def test_an_open_page_does_nothing_in_the_name_of_who_signs_in_after_her(
    wall: Wall, window: OpenWindow, web: Web
) -> None:
    page = connected(window(wall.world["fr_member"], wall.path, forgives=("WebSocket", "401")))
    bread = wall.card(page, "Bread")
    move = [bread.get_attribute(name) for name in ("data-move-url", "data-edition")] + [str(wall.columns["doing"])]
    sign_in(page.context, web, wall.world["fr_leader"])
    assert page.evaluate(MOVE, move) == 401
    wall.end_logins_of("fr_member")
    expect(page.get_by_role("heading", name="You have been signed out")).to_be_visible()
    page.goto(wall.path)
    expect(wall.titles(connected(page), "todo")).to_have_text(["Apples", "Bread", "Cheese"])
    assert page.evaluate(MOVE, move) == 200, "by a page of her own she does"


def test_a_card_dragged_here_moves_there(wall: Wall, window: OpenWindow) -> None:
    french = connected(window(wall.world["fr_member"], wall.path))
    dutch = connected(window(wall.world["nl_member"], wall.path))
    wall.card(french, "Bread").drag_to(wall.column(french, "doing").locator(".cards"))
    expect(wall.titles(french, "doing")).to_have_text(["Bread"])
    expect(wall.titles(dutch, "doing")).to_have_text(["Bread"])
    expect(wall.titles(dutch, "todo")).to_have_text(["Apples", "Cheese"])
    expect(wall.column(dutch, "todo").locator("header .count")).to_have_text(re.compile(r"^2\b"))


def test_a_card_dragged_between_two_others(wall: Wall, window: OpenWindow) -> None:
    french = connected(window(wall.world["fr_member"], wall.path))
    dutch = connected(window(wall.world["nl_member"], wall.path))
    wall.card(french, "Cheese").drag_to(wall.card(french, "Bread"), target_position={"x": 60, "y": 5})
    expect(wall.titles(french, "todo")).to_have_text(["Apples", "Cheese", "Bread"])
    expect(wall.titles(dutch, "todo")).to_have_text(["Apples", "Cheese", "Bread"])
    expect(french.locator(".drop-line")).to_have_count(0)


def test_a_card_moved_by_keys_keeps_the_focus_and_is_said(wall: Wall, window: OpenWindow) -> None:
    french = connected(window(wall.world["fr_member"], wall.path))
    dutch = connected(window(wall.world["nl_member"], wall.path))
    link = wall.card(french, "Apples").locator(".card-title")
    link.focus()
    french.keyboard.press("Alt+ArrowDown")
    expect(french.locator("#announcer")).to_have_text("LAN-3 is now 2 of 3 in To do")
    french.keyboard.press("Alt+ArrowRight")
    french.keyboard.press("Alt+ArrowRight")
    french.keyboard.press("Alt+ArrowRight")
    expect(french.locator("#announcer")).to_have_text("LAN-3 is now 1 of 1 in Done")
    expect(link).to_be_focused()
    expect(wall.titles(dutch, "done")).to_have_text(["Apples"])
    expect(wall.card(dutch, "Apples")).to_have_class(re.compile("is-done"))
    french.keyboard.press("Alt+ArrowRight")
    expect(french.locator("#announcer")).to_have_text("There is no column further on")
    expect(wall.card(french, "Apples")).to_have_class(re.compile("is-done"))
    expect(link).to_be_focused()


def test_keys_follow_the_direction_of_writing(wall: Wall, window: OpenWindow) -> None:
    french = connected(window(wall.world["fr_member"], wall.path))
    french.evaluate("document.documentElement.dir = 'rtl'")
    wall.card(french, "Apples").locator(".card-title").focus()
    french.keyboard.press("Alt+ArrowLeft")
    expect(wall.titles(french, "doing")).to_have_text(["Apples"])


def test_a_card_moved_by_its_menu(wall: Wall, window: OpenWindow) -> None:
    french = connected(window(wall.world["fr_member"], wall.path))
    dutch = connected(window(wall.world["nl_member"], wall.path))
    wall.card(french, "Cheese").get_by_role("button", name="Move LAN-1").click()
    french.get_by_role("button", name="With partner").click()
    expect(wall.titles(french, "partner")).to_have_text(["Cheese"])
    expect(wall.titles(dutch, "partner")).to_have_text(["Cheese"])
    expect(wall.card(french, "Cheese").locator(".card-title")).to_be_focused()
    wall.card(french, "Bread").get_by_role("button", name="Move LAN-2").click()
    french.get_by_role("button", name="Up").click()
    for page in (french, dutch):
        expect(wall.titles(page, "todo")).to_have_text(["Bread", "Apples"])


def deaf(page: Page) -> None:
    """From its next load on, the page does not hear that cards moved: it is as far behind as a slow line makes it."""

    def route(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(server.send)
        server.on_message(lambda said: socket.send(said) if "task_moved" not in str(said) else None)

    page.route_web_socket(re.compile(r".*/socket\.io/.*"), route)
    page.reload()


def test_two_who_move_one_card_lose_nothing_and_see_why(wall: Wall, window: OpenWindow) -> None:
    french = connected(window(wall.world["fr_member"], wall.path))
    dutch = window(wall.world["nl_member"], wall.path)
    deaf(dutch)
    connected(dutch)
    wall.card(french, "Bread").drag_to(wall.column(french, "doing").locator(".cards"))
    expect(wall.titles(french, "doing")).to_have_text(["Bread"])
    expect(wall.titles(dutch, "todo")).to_have_text(["Apples", "Bread", "Cheese"])
    wall.card(dutch, "Bread").drag_to(wall.column(dutch, "done").locator(".cards"))
    toast = dutch.locator(".toast.is-bad")
    expect(toast).to_contain_text(wall.world["fr_member"].name)
    expect(toast).to_contain_text("In progress")
    expect(wall.titles(dutch, "doing")).to_have_text(["Bread"])
    expect(wall.titles(dutch, "done")).to_have_count(0)
    expect(wall.titles(french, "doing")).to_have_text(["Bread"])
    toast.get_by_role("button").click()
    wall.card(dutch, "Bread").drag_to(wall.column(dutch, "done").locator(".cards"))
    expect(wall.titles(french, "done")).to_have_text(["Bread"])


def test_a_new_card_appears_in_the_other_country(wall: Wall, window: OpenWindow) -> None:
    french = connected(window(wall.world["fr_member"], wall.path))
    dutch = connected(window(wall.world["nl_member"], wall.path))
    french.get_by_role("link", name="New task in In progress").click()
    dialog = french.get_by_role("dialog", name="New task")
    expect(dialog.get_by_label("Title")).to_be_focused()
    dialog.get_by_label("Title").fill("<b>Dates</b> & קוד")
    dialog.get_by_role("button", name="Create the task").dblclick()
    for page in (french, dutch):
        expect(wall.titles(page, "doing")).to_have_text(["<b>Dates</b> & קוד"])
    expect(wall.titles(dutch, "doing").locator("b")).to_have_count(0)


def test_edits_and_deletions_arrive(wall: Wall, window: OpenWindow) -> None:
    dutch = connected(window(wall.world["nl_member"], wall.path))
    service.edit_task(wall.world["fr_leader"], wall.tasks["Bread"].id, 1, "Butter", "", None)
    expect(wall.titles(dutch, "todo")).to_have_text(["Apples", "Butter", "Cheese"])
    assigning.assign(wall.world["fr_leader"], wall.tasks["Bread"].id, 2, wall.world["fr_member"].id)
    expect(wall.card(dutch, "Bread").locator(".avatar")).to_have_attribute("title", wall.world["fr_member"].name)
    wall.card(dutch, "Bread").locator(".card-title").focus()
    service.delete(wall.world["fr_leader"], wall.tasks["Bread"].id)
    expect(wall.titles(dutch, "todo")).to_have_text(["Apples", "Cheese"])
    expect(wall.card(dutch, "Cheese").locator(".card-title")).to_be_focused()


def test_a_filtered_board_stays_filtered(wall: Wall, window: OpenWindow) -> None:
    french = connected(window(wall.world["fr_member"], wall.path + "?whose=mine"))
    expect(french.locator(".card")).to_have_count(0)
    assigning.take(wall.world["fr_member"], wall.tasks["Bread"].id)
    expect(wall.titles(french, "todo")).to_have_text(["Bread"])
    service.edit_task(wall.world["fr_leader"], wall.tasks["Apples"].id, 1, "Apricots", "", None)
    assigning.give_back(wall.world["fr_member"], wall.tasks["Bread"].id, 2)
    expect(french.locator(".card")).to_have_count(0)


def test_what_happened_while_away_is_there_on_coming_back(wall: Wall, window: OpenWindow, web: Web) -> None:
    dutch = connected(window(wall.world["nl_member"], wall.path, forgives=("ERR_CONNECTION_REFUSED", "WebSocket")))
    web.stop()
    expect(dutch.locator("html[data-connected]")).to_have_count(0)
    service.move_task(wall.world["fr_member"], wall.tasks["Apples"].id, 1, wall.columns["done"])
    service.delete(wall.world["fr_leader"], wall.tasks["Cheese"].id)
    web.start()
    expect(dutch.locator("html[data-connected]")).to_be_attached(timeout=60_000)
    expect(wall.titles(dutch, "done")).to_have_text(["Apples"])
    expect(wall.titles(dutch, "todo")).to_have_text(["Bread"])
    wall.card(dutch, "Bread").drag_to(wall.column(dutch, "doing").locator(".cards"))
    expect(wall.titles(dutch, "doing")).to_have_text(["Bread"])


def test_the_page_of_a_task_is_live(wall: Wall, window: OpenWindow) -> None:
    task = wall.tasks["Bread"]
    dutch = connected(window(wall.world["nl_member"], f"/tasks/{task.id}", forgives=("404",)))
    service.move_task(wall.world["fr_member"], task.id, 1, wall.columns["doing"])
    expect(dutch.locator(".task-column")).to_have_text("In progress")
    expect(dutch.locator(".timeline > li").first).to_contain_text(wall.world["fr_member"].name)
    service.delete(wall.world["fr_leader"], task.id)
    expect(dutch.get_by_role("heading", name="This task is no longer shown to you")).to_be_visible()


def test_a_board_on_a_phone(wall: Wall, window: OpenWindow) -> None:
    page = connected(window(wall.world["fr_member"], wall.path, PHONE, has_touch=True))
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    wall.card(page, "Apples").get_by_role("button", name="Move LAN-3").tap()
    page.get_by_role("button", name="In progress").tap()
    expect(wall.titles(page, "doing")).to_have_text(["Apples"])
    expect(wall.card(page, "Apples")).to_be_in_viewport()


def test_without_javascript(wall: Wall, window: OpenWindow) -> None:
    page = window(wall.world["fr_leader"], wall.path, java_script_enabled=False)
    page.get_by_role("link", name="New task in Done").click()
    page.get_by_label("Title").fill("Dates")
    page.get_by_role("button", name="Create the task").click()
    expect(wall.titles(page, "done")).to_have_text(["Dates"])
    page.get_by_role("link", name="Dates").click()
    page.get_by_role("button", name="To do").click()
    expect(wall.titles(page, "todo")).to_have_text(["Dates", "Apples", "Bread", "Cheese"])
    page.get_by_role("link", name="Bread").click()
    page.get_by_label("Give it to").select_option(wall.world["fr_member"].name)
    page.get_by_role("button", name="Assign").click()
    expect(page.locator(".definitions")).to_contain_text(wall.world["fr_member"].name)


def test_nothing_stands_in_anybodys_way(wall: Wall, window: OpenWindow, faults: Faults) -> None:
    leader, nl = wall.world["fr_leader"], wall.world.parties["nl"].id
    assigning.ask(leader, wall.tasks["Bread"].id, 1, nl, "Please")
    task, new = f"/tasks/{wall.tasks['Bread'].id}", f"/boards/{wall.board.id}/tasks/new"
    page = window(leader, wall.path)
    for path in (wall.path, task, f"{task}/edit", "/tasks", new, f"/workspaces/{wall.world.workspace.id}/boards/new"):
        page.goto(path)
        assert faults(page) == {}, path


CUT_IN_THE_FOOT = """(card) => {
  // Texts that have less room than they take, take two lines, or stand outside of the card.
  const found = [];
  const texts = document.createTreeWalker(card.querySelector(".card-foot"), NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const own = node.parentElement, shown = own.getBoundingClientRect();
    if (!node.data.trim() || own.closest(".vh")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const wanted = range.getBoundingClientRect();
    if (wanted.width > shown.width + 1) found.push(`${node.data} is cut`);
    if (wanted.height > 20) found.push(`${node.data} takes two lines`);
    for (let each = own.parentElement; each !== card.parentElement; each = each.parentElement) {
      const box = each.getBoundingClientRect();
      if (shown.right > box.right + 1 || shown.left < box.left - 1) found.push(`${node.data} stands outside`);
    }
  }
  return [...new Set(found)];
}"""


def test_a_card_whose_foot_is_full_is_shown_whole(wall: Wall, window: OpenWindow) -> None:
    factories.channel(wall.world)
    exhibits = " ".join(f"#{factories.exhibit(wall.world).reference}" for _ in range(12))
    service.edit_task(wall.world["fr_leader"], wall.tasks["Bread"].id, 1, "Bread", exhibits, dt.date(2026, 10, 24))
    page = window(wall.world["fr_member"], wall.path)
    assert wall.card(page, "Bread").evaluate(CUT_IN_THE_FOOT) == [], "beside the chat it is narrow"
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert wall.card(page, "Bread").evaluate(CUT_IN_THE_FOOT) == []
