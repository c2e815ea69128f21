"""Two countries, each in a window of its own, without a reload: what is shown to one, and what ceases to be."""

import uuid

import pytest
from playwright.sync_api import Page, Route, expect

from jit_portal.custody import service as custody
from jit_portal.database import session, transaction
from jit_portal.exhibits import releasing, rules
from jit_portal.exhibits.models import Exhibit, Release
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.identity import endings
from jit_portal.messages import service as messages
from jit_portal.tasks import service as tasks
from jit_portal.tasks.models import Task
from jit_portal.vocabulary import Purpose, Sight
from jit_portal.workspaces import service as workspaces
from tests import factories
from tests.browser.conftest import OpenWindow, connected
from tests.factories import World
from tests.web import Web

MISSING = ("404",)
"""The browser itself complains when a page asks for what is no longer there."""


@pytest.fixture
def world(web: Web) -> World:
    return factories.world()


@pytest.fixture
def exhibit(world: World) -> Exhibit:
    return factories.exhibit(world, title="Carrier ledger")


@pytest.fixture
def dutch(window: OpenWindow, world: World) -> "Windows":
    return Windows(window, world)


class Windows:
    """Windows of the Dutch member, each listening before the test goes on."""

    def __init__(self, window: OpenWindow, world: World) -> None:
        self._window = window
        self._world = world

    def __call__(self, path: str) -> Page:
        return connected(self._window(self._world["nl_member"], path, forgives=MISSING))


def vault(world: World) -> str:
    return f"/workspaces/{world.workspace.id}/vault"


def release(world: World, exhibit: Exhibit) -> Release:
    to = f"party:{world.parties['nl'].id}"
    return releasing.release(world["fr_leader"], exhibit, to, Sight.READ, Purpose.JIT_PURPOSE)


def forbid(world: World) -> None:
    said = RuleDescription(is_forbid=True, to=f"party:{world.parties['nl'].id}", sight=Sight.SEE)
    rules.set_rule(world["fr_leader"], world.workspace, world.parties["fr"], said)


def end_membership(world: World) -> None:
    workspaces.end(world["nl_leader"], session().merge(world.members["nl_member"]), "Moved to another unit.")


def gone(page: Page) -> None:
    expect(page.get_by_text("no longer shown to you").first).to_be_visible()
    expect(page.get_by_text("Carrier ledger")).to_have_count(0)


def test_what_is_released_here_appears_there_and_opens(
    window: OpenWindow, dutch: Windows, world: World, exhibit: Exhibit
) -> None:
    page = dutch(vault(world))
    expect(page.get_by_text("Nothing in the vault that you see")).to_be_visible()
    french = window(world["fr_leader"], f"/exhibits/{exhibit.id}/release")
    french.get_by_label("To whom").select_option(f"party:{world.parties['nl'].id}")
    french.get_by_label("Conditions").fill("Not to be copied.")
    french.get_by_role("button", name="Release").click()
    page.get_by_role("link", name="Carrier ledger").click()
    expect(page.get_by_role("heading", name="Carrier ledger")).to_be_visible()
    expect(page.get_by_text("Not to be copied.").first).to_be_visible()
    connected(page)
    french.get_by_role("link", name="Withdraw").click()
    french.get_by_label("Reason").fill("By mistake.")
    french.get_by_role("button", name="Withdraw").click()
    gone(page)


def test_what_is_withdrawn_leaves_every_open_screen(dutch: Windows, world: World, exhibit: Exhibit) -> None:
    made = release(world, exhibit)
    task = cited(world, exhibit)
    here = {path: dutch(path) for path in showing(world, exhibit, task)}
    for page in here.values():
        expect(page.get_by_text("Carrier ledger").first).to_be_visible()
    expect(counted := here[vault(world)].locator("#vault-count")).to_have_text("1 exhibit")
    releasing.withdraw(world["fr_leader"], made, "By mistake.")
    for page in here.values():
        expect(page.get_by_text("Carrier ledger")).to_have_count(0)
    expect(counted).to_have_text("0 exhibits")
    gone(here[f"/exhibits/{exhibit.id}"])
    expect(here[f"/tasks/{task.id}"].get_by_text("An exhibit not released to you").first).to_be_visible()
    release(world, exhibit)
    expect(here[vault(world)].get_by_role("link", name="Carrier ledger")).to_be_visible()
    expect(counted).to_have_text("1 exhibit")
    expect(here[f"/tasks/{task.id}"].get_by_role("link", name="Carrier ledger")).to_be_visible()


def test_what_is_withdrawn_while_a_page_is_on_its_way_leaves_it(dutch: Windows, world: World, exhibit: Exhibit) -> None:
    made = release(world, exhibit)
    elsewhere = dutch(vault(world))
    page = dutch("/account")
    held: list[Route] = []
    page.route("**/main-*.js", lambda route: held.append(route))
    with page.expect_request("**/main-*.js"):
        page.goto(vault(world), wait_until="commit")
    expect(page.get_by_role("link", name="Carrier ledger")).to_be_visible()
    releasing.withdraw(world["fr_leader"], made, "By mistake.")
    expect(elsewhere.get_by_text("Nothing in the vault that you see")).to_be_visible()
    held[0].continue_()
    expect(page.get_by_text("Nothing in the vault that you see")).to_be_visible()


def test_what_is_forbidden_leaves_every_open_screen(dutch: Windows, world: World, exhibit: Exhibit) -> None:
    release(world, exhibit)
    task = cited(world, exhibit)
    here = {path: dutch(path) for path in showing(world, exhibit, task)}
    forbid(world)
    for page in here.values():
        expect(page.get_by_text("Carrier ledger")).to_have_count(0)
    gone(here[f"/exhibits/{exhibit.id}"])


def test_a_membership_that_ends_empties_every_open_screen(dutch: Windows, world: World, exhibit: Exhibit) -> None:
    release(world, exhibit)
    task = cited(world, exhibit)
    channel = factories.channel(world, "case-strategy")
    here = {path: dutch(path) for path in showing(world, exhibit, task)}
    home, notices = dutch("/"), here.pop("/notices")
    chat = dutch(f"/channels/{channel.id}")
    expect(chat.locator("#channels")).to_be_visible()
    end_membership(world)
    for page in here.values():
        gone(page)
        expect(page.get_by_text("Trace the lorry")).to_have_count(0)
    expect(notices.get_by_text("Carrier ledger")).to_have_count(0)
    expect(home.get_by_text("You are in no JIT yet")).to_be_visible()
    expect(chat.locator("#channels")).to_have_count(0)


def test_what_is_said_in_a_channel_is_counted_on_an_open_home(dutch: Windows, world: World) -> None:
    channel = factories.channel(world)
    page = dutch("/")
    expect(page.locator(".jit-card-news")).to_contain_text("Nothing new")
    messages.post(world["fr_leader"], channel, "At noon.", uuid.uuid4())
    expect(page.locator(".jit-card-news")).to_contain_text("1 unread message")
    messages.post(world["fr_leader"], channel, "Or at one.", uuid.uuid4())
    expect(page.locator(".jit-card-news")).to_contain_text("2 unread messages")


@pytest.mark.parametrize("where", ["home", "overview"])
def test_what_is_read_in_one_window_is_read_in_the_others(dutch: Windows, world: World, where: str) -> None:
    channel = factories.channel(world)
    messages.post(world["fr_leader"], channel, "At noon.", uuid.uuid4())
    other = dutch("/" if where == "home" else f"/workspaces/{world.workspace.id}")
    news = other.locator(".jit-card-news" if where == "home" else "section[aria-labelledby=news]")
    expect(news).not_to_contain_text("Nothing new")
    chat = dutch(f"/channels/{channel.id}")
    expect(chat.get_by_text("At noon.")).to_be_visible()
    expect(news).to_contain_text("Nothing new")


def test_a_rule_of_ones_own_appears_in_the_open_list(window: OpenWindow, world: World) -> None:
    page = window(world["fr_member"], f"/workspaces/{world.workspace.id}/rules")
    expect(page.locator("html[data-connected]")).to_be_attached()
    expect(page.get_by_text("No rules yet")).to_be_visible()
    forbid(world)
    expect(page.locator("#rules").get_by_text("Forbid")).to_be_visible()
    expect(page.locator("main")).to_have_count(1)


def test_a_line_still_being_built_is_not_closed_by_hand(window: OpenWindow, world: World) -> None:
    page = window(world["fr_member"], "/notices")
    leave = "dispatchEvent(new PageTransitionEvent('pagehide'))"
    page.add_init_script(f"addEventListener('DOMContentLoaded', () => {leave})")
    page.reload()
    expect(page.locator("html[data-connected]")).to_be_attached()


def test_a_sign_in_ended_elsewhere_ends_the_window(window: OpenWindow, world: World, exhibit: Exhibit) -> None:
    page = window(world["fr_member"], f"/exhibits/{exhibit.id}")
    expect(page.locator("html[data-connected]")).to_be_attached()
    login = session().scalars(factories.logins_of(world["fr_member"])).one()
    endings.end_one(world["fr_member"], login.id)
    expect(page.get_by_role("heading", name="You have been signed out")).to_be_visible()
    expect(page.get_by_role("heading", name="Carrier ledger")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#exhibit")).to_be_hidden()


def cited(world: World, exhibit: Exhibit) -> Task:
    """A task whose description cites the exhibit."""
    board = factories.board(world)
    column = session().merge(board).columns[0].id
    return tasks.create_task(world["fr_leader"], board.id, column, "Trace the lorry", f"See #{exhibit.reference}.")


def showing(world: World, exhibit: Exhibit, task: Task) -> list[str]:
    """Every page on which somebody to whom it is released reads the exhibit's title."""
    space = f"/workspaces/{world.workspace.id}"
    return [f"/exhibits/{exhibit.id}", f"{space}/vault", space, f"{space}/board", f"/tasks/{task.id}", "/notices"]


BROKEN = """() => {
  const broken = [], texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  let found = 0;
  while (texts.nextNode()) for (const word of texts.currentNode.data.matchAll(/\\b[A-Z]+-\\d{4,}/g)) {
    const range = document.createRange();
    range.setStart(texts.currentNode, word.index);
    range.setEnd(texts.currentNode, word.index + word[0].length);
    const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.bottom)));
    found += 1;
    if (lines.size > 1) broken.push(word[0]);
  }
  return { found, broken };
}"""
"""The references on the page, and those of them that stand in two lines."""


@pytest.mark.parametrize("place", ["notices", "home", "vault"])
def test_a_reference_is_never_broken_at_its_hyphen(dutch: Windows, world: World, exhibit: Exhibit, place: str) -> None:
    release(world, exhibit)
    with transaction():
        custody.receive(world["fr_member"], exhibit)
    custody.hand_over(world["fr_member"], exhibit, world["nl_member"].id, "For examination.")
    page = dutch({"notices": "/notices", "home": "/", "vault": vault(world)}[place])
    for width in range(320, 480, 3):
        page.set_viewport_size({"width": width, "height": 700})
        seen = page.evaluate(BROKEN)
        assert seen["found"], place
        assert seen["broken"] == [], width
