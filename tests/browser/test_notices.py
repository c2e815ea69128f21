"""Notices on the page somebody is on: counted as they come, and shown at once to who chose that."""

import uuid

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.exhibits import releasing
from jit_portal.exhibits.models import Exhibit, Release
from jit_portal.identity import endings
from jit_portal.messages import service as messages
from jit_portal.notices import service as notices
from jit_portal.notices.models import Notice
from jit_portal.notices.reading import JUST_NOW
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
    return releasing.release(world["fr_leader"], exhibit, to, Sight.READ, Purpose.JIT_PURPOSE)


def reader(window: OpenWindow, world: World, way: NoticeWay) -> Page:
    notices.choose(session().merge(world["nl_member"]), {NoticeTopic.EVIDENCE: way})
    return connected(window(world["nl_member"], f"/workspaces/{world.workspace.id}/board"))


def count(page: Page) -> Locator:
    return page.locator('.side [data-notices="count"] .count')


def test_what_is_to_be_seen_at_once_pops_up_and_leads_there(window: OpenWindow, world: World) -> None:
    first, second = (factories.exhibit(world, title=title) for title in ("Carrier ledger", "Passenger list"))
    page = reader(window, world, NoticeWay.POP_UP)
    toasts = page.locator("#toasts .toast")
    release(world, first)
    expect(toasts).to_have_count(1)
    expect(count(page)).to_contain_text("1")
    expect(page.locator('.dock [data-notices="dot"] .dot')).to_have_count(1)
    page.get_by_role("link", name=f"released {first.reference} to you").click()
    expect(page.get_by_role("heading", name="Carrier ledger")).to_be_visible()
    connected(page)
    expect(count(page)).to_have_count(0)
    release(world, second)
    expect(toasts).to_have_count(1)
    expect(toasts).to_contain_text(second.reference)
    toasts.get_by_role("button", name="Dismiss").click()
    expect(toasts).to_have_count(0)
    page.goto("/")
    connected(page)
    expect(count(page)).to_contain_text("1")
    third = factories.exhibit(world, title="Third")
    release(world, third)
    expect(toasts).to_have_count(1)
    expect(toasts).to_contain_text(third.reference)


def test_one_after_the_other_pops_up_on_one_page(window: OpenWindow, world: World) -> None:
    """Each when the one before is too old to pop up."""
    page = reader(window, world, NoticeWay.POP_UP)
    toasts = page.locator("#toasts .toast")
    for number in (1, 2, 3):
        exhibit = factories.exhibit(world)
        release(world, exhibit)
        expect(toasts).to_have_count(1)
        expect(toasts).to_contain_text(exhibit.reference)
        expect(count(page)).to_contain_text(str(number))
        with transaction():
            older = update(Notice).values(created_at=Notice.created_at - JUST_NOW)
            session().execute(older.execution_options(synchronize_session=False))


def test_no_more_than_three_stand_at_once(window: OpenWindow, world: World) -> None:
    page = reader(window, world, NoticeWay.POP_UP)
    exhibits = [factories.exhibit(world) for _ in range(5)]
    for exhibit in exhibits:
        release(world, exhibit)
    expect(count(page)).to_contain_text("5")
    toasts = page.locator("#toasts .toast")
    expect(toasts).to_have_count(3)
    expect(toasts.last).to_contain_text(exhibits[-1].reference)


def test_what_is_withdrawn_or_read_elsewhere_leaves_the_screen(window: OpenWindow, world: World) -> None:
    page, exhibits = reader(window, world, NoticeWay.POP_UP), [factories.exhibit(world) for _ in range(3)]
    first, *_ = [release(world, exhibit) for exhibit in exhibits]
    toasts = page.locator("#toasts .toast")
    expect(toasts).to_have_count(3)
    releasing.withdraw(world["fr_leader"], first, "By mistake.")
    expect(page.locator("#toasts").get_by_text(exhibits[0].reference)).to_have_count(0)
    expect(toasts).to_have_count(2)
    expect(count(page)).to_contain_text("2")
    notices.read_all(session().merge(world["nl_member"]))
    expect(toasts).to_have_count(0)
    expect(count(page)).to_have_count(0)


def test_nothing_of_it_is_left_to_read_after_signing_out(window: OpenWindow, world: World) -> None:
    page = reader(window, world, NoticeWay.POP_UP)
    exhibit = factories.exhibit(world)
    release(world, exhibit)
    expect(page.locator("#toasts").get_by_text(exhibit.reference)).to_be_visible()
    endings.end_all(session().merge(world["nl_member"]))
    expect(page.get_by_role("heading", name="You have been signed out")).to_be_visible()
    expect(page.locator("#toasts").get_by_text(exhibit.reference)).to_be_hidden()


def test_the_tab_of_the_chat_counts_messages_and_no_notices(window: OpenWindow, world: World) -> None:
    open_here, other = factories.channel(world), factories.channel(world, "others")
    notices.choose(session().merge(world["nl_member"]), {NoticeTopic.EVIDENCE: NoticeWay.COUNT})
    release(world, factories.exhibit(world))

    def say() -> None:
        messages.post(world["fr_leader"], session().merge(other), "hello", uuid.uuid4())

    say()
    page = connected(window(world["nl_member"], f"/channels/{open_here.id}"))
    expect(count(page)).to_contain_text("1")
    tab = page.locator('.tabs a[href$="/chat"] .count')
    expect(tab).to_contain_text("1")
    say()
    expect(tab).to_contain_text("2")


def test_dismissing_by_keyboard_goes_on_to_the_next(window: OpenWindow, world: World) -> None:
    page = reader(window, world, NoticeWay.POP_UP)
    for _ in range(2):
        release(world, factories.exhibit(world))
    close = page.locator("#toasts").get_by_role("button", name="Dismiss")
    expect(close).to_have_count(2)
    close.first.press("Enter")
    expect(close).to_be_focused()
    close.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_what_is_only_counted_does_not_pop_up(window: OpenWindow, world: World) -> None:
    page = reader(window, world, NoticeWay.COUNT)
    release(world, factories.exhibit(world))
    expect(count(page)).to_contain_text("1")
    notices.read_all(session().merge(world["nl_member"]))
    release(world, factories.exhibit(world))
    expect(count(page)).to_contain_text("1")
    expect(page.locator("#toasts .toast")).to_have_count(0)


def test_what_is_only_listed_is_not_counted(window: OpenWindow, world: World) -> None:
    page = reader(window, world, NoticeWay.LIST)
    release(world, factories.exhibit(world))
    notices.choose(session().merge(world["nl_member"]), {NoticeTopic.EVIDENCE: NoticeWay.COUNT})
    release(world, factories.exhibit(world))
    expect(count(page)).to_contain_text("1")
    page.goto("/notices")
    expect(page.locator(".notice-line")).to_have_count(2)
