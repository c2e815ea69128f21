"""A country's administrator at work: what is pressed on one screen happens on the others at once."""

import datetime as dt

import pytest
import requests
from playwright.sync_api import expect
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.identity import accounts
from jit_portal.identity.models import User
from jit_portal.identity.scim import tokens as scim_tokens
from jit_portal.vocabulary import Duty
from tests import factories
from tests.browser.conftest import OpenWindow, connected, settled
from tests.factories import World
from tests.web import PATIENCE, Web


@pytest.fixture
def world(web: Web) -> World:
    made = factories.world()
    made.people["administrator"] = factories.administrator(made.providers["fr"])
    factories.forget_logins_of_verbs()
    return made


def test_an_account_is_closed_and_its_windows_with_it(window: OpenWindow, world: World) -> None:
    theirs = connected(window(world["fr_member"], f"/workspaces/{world.workspace.id}"))
    page = window(world["administrator"], "/")
    page.get_by_role("navigation", name="Personal").get_by_role("link", name="People").click()
    page.get_by_role("link", name="Fr_Member").click()
    expect(page.get_by_role("heading", name="Fr_Member")).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Deactivate").click()
    page.get_by_role("button", name="No, go back").click()
    expect(theirs.get_by_role("heading", name="Lantern")).to_be_visible()
    page.get_by_role("button", name="Deactivate").click()
    page.get_by_role("button", name="Yes, go on").click()
    expect(page.get_by_text("This account is closed.")).to_be_visible()
    expect(theirs.get_by_role("heading", name="You have been signed out")).to_be_visible()
    page.get_by_role("button", name="Open the account again").click()
    expect(page.get_by_role("button", name="Deactivate")).to_be_visible()


def test_a_directory_closes_one_account_and_asks_about_the_next(window: OpenWindow, web: Web, world: World) -> None:
    operator = factories.administrator(world.providers["nl"], Duty.OPERATOR)
    _, secret = scim_tokens.make(operator, "fr", dt.timedelta(days=1))

    def leaves(person: User) -> int:
        change = {"op": "replace", "path": "active", "value": False}
        return requests.patch(
            f"http://localhost:{web.port}/scim/v2/Users/{person.id}",
            json={"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [change]},
            headers={"Authorization": f"Bearer {secret}"},
            timeout=PATIENCE,
        ).status_code

    theirs = window(world["fr_member"], f"/workspaces/{world.workspace.id}")
    others = window(world["fr_leader"], f"/workspaces/{world.workspace.id}")
    page = window(world["administrator"], "/people")
    for each in (theirs, others, page):
        connected(each)
    assert leaves(world["fr_member"]) == 200
    expect(theirs.get_by_role("heading", name="You have been signed out")).to_be_visible()
    assert leaves(world["fr_leader"]) == 403
    page.get_by_role("link", name="Decide").click()
    page.get_by_role("button", name="Leave them open").click()
    expect(page.get_by_text("1 account stays open.")).to_be_visible()
    expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()
    assert leaves(world["fr_leader"]) == 403
    page.reload()
    page.get_by_role("button", name="Close the accounts chosen").click()
    expect(page.get_by_text("1 account is closed.")).to_be_visible()
    expect(others.get_by_role("heading", name="You have been signed out")).to_be_visible()


def test_what_another_administrator_does_appears_on_the_open_list(window: OpenWindow, world: World) -> None:
    second = factories.administrator(world.providers["fr"])
    with transaction():
        named = update(User).where(User.id == world["fr_member"].id)
        session().execute(named.values(flagged="name", claimed_name="Camille Roux"))
    page = window(world["administrator"], "/people")
    expect(page.locator("html[data-connected]")).to_be_attached()
    expect(page.get_by_role("link", name="Details changed: 1")).to_be_visible()
    accounts.accept_claims(second, world["fr_member"], "Camille Roux", "")
    expect(page.get_by_role("link", name="Camille Roux")).to_be_visible()
    expect(page.get_by_role("link", name="Details changed: 0")).to_be_visible()


def test_everything_works_without_scripts(window: OpenWindow, world: World) -> None:
    factories.login(world["fr_member"])
    page = window(world["administrator"], "/people", java_script_enabled=False)
    page.get_by_label("Name or authority").fill("member")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Fr_Member").click()
    page.get_by_role("button", name="confirm").click()
    expect(page.get_by_text("Fr_Member is confirmed.")).to_be_visible()
    page.get_by_role("link", name="People").first.click()
    page.get_by_role("link", name="End everybody's sign-ins").click()
    expect(page.get_by_text("1 sign-in of France is live now, besides your own.")).to_be_visible()
    page.get_by_role("button", name="End them all now").click()
    expect(page.get_by_text("1 sign-in has ended.")).to_be_visible()
