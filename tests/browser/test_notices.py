"""Notices on the page somebody is on: counted as they come, and shown at once to who chose that."""

import pytest
from playwright.sync_api import Page, expect

from jit_portal.database import session
from jit_portal.exhibits import service
from jit_portal.exhibits.models import Exhibit, Release
from jit_portal.notices import service as notices
from jit_portal.vocabulary import NoticeTopic, NoticeWay, Purpose, Sight
from tests import factories
from tests.browser.conftest import OpenWindow, connected
from tests.factories import World
from tests.web import Web


@pytest.fixture
def world(web: Web) -> World:
    return factories.world()


def release(world: World, exhibit: Exhibit) -> Release:
    to = f"party:{world.parties['nl'].id}"
    return service.release(world["fr_leader"], exhibit, to, Sight.READ, Purpose.JIT_PURPOSE)


def reader(window: OpenWindow, world: World, way: NoticeWay) -> Page:
    notices.choose(session().merge(world["nl_member"]), {NoticeTopic.EVIDENCE: way})
    return connected(window(world["nl_member"], f"/workspaces/{world.workspace.id}/board"))


def test_what_is_to_be_seen_at_once_pops_up_and_leads_there(window: OpenWindow, world: World) -> None:
    first, second = (factories.exhibit(world, title=title) for title in ("Carrier ledger", "Passenger list"))
    page = reader(window, world, NoticeWay.POP_UP)
    toasts = page.locator("#toasts .toast")
    release(world, first)
    expect(toasts).to_have_count(1)
    expect(page.locator('.side [data-unread="count"] .count')).to_contain_text("1")
    expect(page.locator('.dock [data-unread="dot"] .dot')).to_have_count(1)
    page.get_by_role("link", name=f"released {first.reference} to you").click()
    expect(page.get_by_role("heading", name="Carrier ledger")).to_be_visible()
    connected(page)
    expect(page.locator('.side [data-unread="count"] .count')).to_have_count(0)
    release(world, second)
    expect(toasts).to_have_count(1)
    expect(toasts).to_contain_text(second.reference)
    toasts.get_by_role("button", name="Dismiss").click()
    expect(toasts).to_have_count(0)
    page.goto("/")
    connected(page)
    expect(page.locator('.side [data-unread="count"] .count')).to_contain_text("1")
    third = factories.exhibit(world, title="Third")
    release(world, third)
    expect(toasts).to_have_count(1)
    expect(toasts).to_contain_text(third.reference)


def test_what_is_only_counted_does_not_pop_up(window: OpenWindow, world: World) -> None:
    page = reader(window, world, NoticeWay.COUNT)
    release(world, factories.exhibit(world))
    expect(page.locator('.side [data-unread="count"] .count')).to_contain_text("1")
    notices.read_all(session().merge(world["nl_member"]))
    release(world, factories.exhibit(world))
    expect(page.locator('.side [data-unread="count"] .count')).to_contain_text("1")
    expect(page.locator("#toasts .toast")).to_have_count(0)


def test_what_is_only_listed_is_not_counted(window: OpenWindow, world: World) -> None:
    page = reader(window, world, NoticeWay.LIST)
    release(world, factories.exhibit(world))
    notices.choose(session().merge(world["nl_member"]), {NoticeTopic.EVIDENCE: NoticeWay.COUNT})
    release(world, factories.exhibit(world))
    expect(page.locator('.side [data-unread="count"] .count')).to_contain_text("1")
    page.goto("/notices")
    expect(page.locator(".notice-line")).to_have_count(2)
