"""A double click does a thing once, on every kind of button that sends a form; a failure leaves the button usable."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from jit_portal.database import session, transaction
from jit_portal.notices.models import Notice
from jit_portal.tasks import service as tasks
from jit_portal.tasks.models import Task
from jit_portal.vocabulary import NoticeKind
from tests import factories
from tests.browser.conftest import OpenWindow
from tests.factories import World
from tests.web import Web

Press = Callable[[World, Callable[[str], Page]], Locator]
"""Opens a page of the leader and answers the button that is double-clicked there."""


@pytest.fixture
def world(web: Web) -> World:
    return factories.world()


def made_task(world: World) -> Task:
    board = factories.board(world)
    return tasks.create_task(world["fr_leader"], board.id, session().merge(board).columns[0].id, "Trace the lorry")


def a_page_with_a_form(world: World, open_page: Callable[[str], Page]) -> Locator:
    page = open_page(f"/boards/{factories.board(world).id}/tasks/new")
    page.get_by_label("Title").fill("Trace the lorry")
    return page.get_by_role("button", name="Create the task")


def a_form_in_a_dialog(world: World, open_page: Callable[[str], Page]) -> Locator:
    factories.board(world)
    page = open_page(f"/workspaces/{world.workspace.id}/board")
    page.locator(".head a[data-new-task]").click()
    page.get_by_label("Title").fill("Trace the lorry")
    return page.get_by_role("button", name="Create the task")


def a_button_for_one_act(world: World, open_page: Callable[[str], Page]) -> Locator:
    return open_page(f"/tasks/{made_task(world).id}").get_by_role("button", name="Take it")


def a_button_that_asks_first(world: World, open_page: Callable[[str], Page]) -> Locator:
    page = open_page(f"/tasks/{made_task(world).id}")
    page.get_by_role("button", name="Delete").click()
    return page.get_by_role("button", name="Yes, go on")


def one_button_of_two(world: World, open_page: Callable[[str], Page]) -> Locator:
    page = open_page(f"/exhibits/{factories.exhibit(world).id}/reclassify")
    return page.get_by_role("button", name="Look who gains and loses")


def a_small_icon(world: World, open_page: Callable[[str], Page]) -> Locator:
    with transaction():
        exhibit = factories.exhibit(world)
        leader = world["fr_leader"].id
        session().add(
            Notice(
                user_id=leader,
                kind=NoticeKind.RELEASED,
                noun="exhibit",
                object_id=exhibit.id,
                workspace_id=world.workspace.id,
            )
        )
    return open_page("/notices").get_by_role("button", name="Mark as read")


def a_choice_in_a_menu(world: World, open_page: Callable[[str], Page]) -> Locator:
    page = open_page("/")
    page.locator('[popovertarget="languages"]').click()
    return page.locator("#languages button").last


def signing_out(world: World, open_page: Callable[[str], Page]) -> Locator:
    page = open_page("/")
    page.locator(".side .me").click()
    return page.locator(".side [data-signs-out] button")


def a_download(world: World, open_page: Callable[[str], Page]) -> Locator:
    return open_page(f"/workspaces/{world.workspace.id}/record").get_by_role("button", name="CSV")


KINDS = (
    a_page_with_a_form,
    a_form_in_a_dialog,
    a_button_for_one_act,
    a_button_that_asks_first,
    one_button_of_two,
    a_small_icon,
    a_choice_in_a_menu,
    signing_out,
    a_download,
)


class Gate:
    """Stops every form on its way, and counts them."""

    def __init__(self, page: Page) -> None:
        self.stopped: list[Route] = []
        self._devtools = page.context.new_cdp_session(page)
        page.route("**/*", self._stop)

    def _stop(self, route: Route) -> None:
        if route.request.method == "POST" and "/socket.io/" not in route.request.url:
            self.stopped.append(route)
        else:
            route.continue_()

    def wait(self) -> None:
        """Until what was pressed before this has sent what it sends: a request that comes after it was answered.

        Asked past Playwright, which would wait for the page that never comes.
        """
        later = 'new Promise((done) => setTimeout(done)).then(() => fetch("/healthz")).then((answer) => answer.status)'
        answer = self._devtools.send("Runtime.evaluate", {"expression": later, "awaitPromise": True})
        assert answer["result"]["value"] == 200


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_double_click_sends_once(window: OpenWindow, world: World, kind: Press) -> None:
    button = kind(world, lambda path: window(world["fr_leader"], path))
    page = button.page
    gate = Gate(page)
    button.dblclick(no_wait_after=True)
    gate.wait()
    assert len(gate.stopped) == 1
    gate.stopped[0].continue_()


def test_a_button_works_again_after_a_failure(window: OpenWindow, world: World) -> None:
    page = window(world["fr_leader"], f"/boards/{factories.board(world).id}/tasks/new", forgives=("ERR_FAILED",))
    gate = Gate(page)
    page.get_by_label("Title").fill("Trace the lorry")
    button = page.get_by_role("button", name="Create the task")
    button.click(no_wait_after=True)
    gate.wait()
    gate.stopped[0].abort("aborted")
    expect(page.locator("form[aria-busy]")).to_have_count(0, timeout=15_000)
    button.click(no_wait_after=True)
    gate.wait()
    assert len(gate.stopped) == 2
    gate.stopped[1].continue_()
    expect(page.get_by_text("Trace the lorry")).to_be_visible()


def test_a_button_works_again_after_going_back(window: OpenWindow, world: World) -> None:
    path = f"/boards/{factories.board(world).id}/tasks/new"
    page = window(world["fr_leader"], path)
    for title in ("Trace the lorry", "Trace the trailer"):
        page.get_by_label("Title").fill(title)
        page.get_by_role("button", name="Create the task").click()
        expect(page.get_by_text(title)).to_be_visible()
        page.go_back()
        page.wait_for_url(f"**{path}")
        expect(page.locator("form[aria-busy], [aria-disabled]")).to_have_count(0)
