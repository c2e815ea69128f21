"""What is pressed before a page's scripts run is done as they do it; where they do not come, as without scripts."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import func, select

from jit_portal.database import session
from jit_portal.identity.sign_in_models import Passkey
from jit_portal.tasks import service as tasks
from jit_portal.tasks.models import Task
from tests import factories
from tests.browser.conftest import OpenWindow, connected, settled, sign_in, with_authenticator
from tests.browser.test_drafts import SIGNED_OUT, end_sign_in
from tests.factories import World
from tests.web import Web

Go = Callable[[], None]


@pytest.fixture
def world(web: Web) -> World:
    return factories.world()


@pytest.fixture
def task(world: World) -> Task:
    board = factories.board(world)
    return tasks.create_task(world["fr_leader"], board.id, session().merge(board).columns[0].id, "Trace the lorry")


def without_scripts(page: Page) -> Go:
    """From now on no page has its modules until what is answered is called."""
    held: list[Route] = []
    page.route("**/main-*.js", lambda route: held.append(route))

    def go() -> None:
        held[-1].continue_()
        page.unroute("**/main-*.js")

    return go


def early(page: Page, path: str) -> None:
    with page.expect_request("**/main-*.js"):
        page.goto(path, wait_until="commit")


def delete(page: Page) -> None:
    page.get_by_role("button", name="Delete").click()


def test_one_is_asked_first(window: OpenWindow, world: World, task: Task) -> None:
    page = window(world["fr_leader"], forgives=("404",))
    go = without_scripts(page)
    early(page, f"/tasks/{task.id}")
    delete(page)
    go()
    expect(page.get_by_role("dialog")).to_contain_text("for everyone?")
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()
    expect(page.get_by_text("Trace the lorry")).to_have_count(0)


def test_where_scripts_do_not_come_it_is_done(window: OpenWindow, world: World, task: Task) -> None:
    page = window(world["fr_leader"], forgives=("ERR_FAILED",))
    page.route("**/main-*.js", lambda route: route.abort())
    page.goto(f"/tasks/{task.id}")
    delete(page)
    page.wait_for_url("**/board*")
    expect(page.get_by_text("Trace the lorry")).to_have_count(0)


def test_a_passkey_is_asked_for(window: OpenWindow, world: World) -> None:
    page = with_authenticator(window(world["fr_leader"], forgives=("404",)))
    go = without_scripts(page)
    early(page, "/account")
    page.get_by_label("Name of the new passkey").fill("This laptop")
    page.get_by_role("button", name="Add a passkey").click()
    go()
    expect(page.get_by_role("listitem").filter(has_text="This laptop")).to_be_visible()
    assert session().scalar(select(func.count()).select_from(Passkey).execution_options(policy=True)) == 1


def test_a_draft_waits_though_the_page_that_says_so_is_left_at_once(
    window: OpenWindow, web: Web, world: World, task: Task
) -> None:
    page = connected(window(world["fr_leader"], f"/tasks/{task.id}/edit", forgives=SIGNED_OUT))
    page.get_by_label("Description").fill("Seal broken on arrival")
    end_sign_in(page, web, world["fr_leader"])
    without_scripts(page)
    page.get_by_role("button", name="Save").click(no_wait_after=True)
    expect(page.get_by_role("heading", name="Sign in to see this")).to_be_visible()
    sign_in(page.context, web, world["fr_leader"])
    early(page, "/account")
    page.unroute("**/main-*.js")
    settled(page)
    page.goto(f"/tasks/{task.id}/edit")
    expect(settled(page).get_by_label("Description")).to_have_value("Seal broken on arrival")
