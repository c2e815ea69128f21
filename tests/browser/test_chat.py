"""Chat as people meet it: two windows of two countries, on desk and phone, through a restart of the server."""

import uuid

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import func, select

from jit_portal.database import session
from jit_portal.exhibits import releasing, rules
from jit_portal.identity.models import User
from jit_portal.messages import channels, service
from jit_portal.messages.channels import ChannelWish
from jit_portal.messages.models import Channel
from jit_portal.notices.models import Notice
from jit_portal.tasks import assigning
from jit_portal.tasks import service as tasks
from jit_portal.vocabulary import Audience, Purpose, Sight
from jit_portal.workspaces import service as workspaces
from tests import factories
from tests.browser.conftest import OpenWindow, connected, settled
from tests.factories import World
from tests.test_worker import wait_until
from tests.web import Web

DESKTOP, PHONE = (1440, 900), (390, 844)
# A server that is away on purpose is complained about by the browser itself, not by the page.
AWAY = (
    "ERR_CONTENT_LENGTH_MISMATCH",
    "Failed to fetch",
    "ERR_CONNECTION_REFUSED",
    "ERR_CONNECTION_RESET",
    "ERR_EMPTY_RESPONSE",
    "ERR_INTERNET_DISCONNECTED",
    "WebSocket",
)


@pytest.fixture
def world(web: Web) -> World:
    return factories.world()


@pytest.fixture
def channel(world: World) -> Channel:
    return factories.channel(world, "case-strategy")


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message case-strategy")


def say(page: Page, text: str) -> None:
    box(page).fill(text)
    box(page).press("Control+Enter")


def said_on(page: Page) -> Locator:
    return page.locator(".message-list .message .message-text")


def texts(page: Page) -> list[str]:
    return [text.strip() for text in said_on(page).all_inner_texts()]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_two_countries_talk_live(window: OpenWindow, world: World, channel: Channel, size: tuple[int, int]) -> None:
    place = f"/channels/{channel.id}"
    french = window(world["fr_leader"], place, size, AWAY)
    dutch = window(world["nl_member"], place, size, AWAY)
    for page in (french, dutch):
        connected(page)
        expect(page.get_by_text("Nothing has been said here yet")).to_be_visible()
    box(dutch).press_sequentially("Goed")
    expect(french.get_by_text("Nl_Member is writing")).to_be_visible()
    say(french, "Mailbox **3 of 7** is out.")
    expect(dutch.locator("#message-1 strong", has_text="3 of 7")).to_be_visible()
    expect(dutch.get_by_text("Nothing has been said here yet")).to_have_count(0)
    box(dutch).press("Control+Enter")
    expect(french.locator("#message-2")).to_contain_text("Goed")
    expect(french.get_by_text("is writing")).to_have_count(0)
    for page in (french, dutch):
        expect(said_on(page)).to_have_text(["Mailbox 3 of 7 is out.", "Goed"])


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_restart_loses_and_doubles_nothing(
    window: OpenWindow, web: Web, world: World, channel: Channel, size: tuple[int, int]
) -> None:
    place = f"/channels/{channel.id}"
    french = window(world["fr_leader"], place, size, AWAY)
    dutch = window(world["nl_member"], place, size, AWAY)
    for page in (french, dutch):
        connected(page)
    say(french, "Before")
    expect(dutch.locator("#message-1")).to_be_visible()
    web.kill()
    say(french, "While away, from France")
    say(dutch, "While away, from the Netherlands")
    say(dutch, "And again")
    expect(dutch.get_by_text("Waiting for the connection")).to_have_count(2)
    service.post(world["nl_leader"], channel, "Said past this process", uuid.uuid4())
    web.start()
    for page in (french, dutch):
        expect(page.locator(".message.is-pending")).to_have_count(0, timeout=30_000)
        expect(page.locator("#message-5")).to_be_visible(timeout=30_000)
        expect(page.locator("#connection")).to_be_hidden()
        expect(said_on(page)).to_have_count(5)
    assert sorted(texts(french)) == sorted(
        ["Before", "Said past this process", "While away, from France", "While away, from the Netherlands", "And again"]
    )
    assert texts(french) == texts(dutch)
    assert texts(french).index("While away, from the Netherlands") < texts(french).index("And again")
    french.reload()
    expect(said_on(settled(french))).to_have_count(5)


def test_what_waits_to_be_sent_outlives_a_reload(window: OpenWindow, web: Web, world: World, channel: Channel) -> None:
    french = window(world["fr_leader"], f"/channels/{channel.id}", forgives=AWAY)
    connected(french)
    french.context.set_offline(True)
    web.kill()
    say(french, "Not lost")
    expect(french.get_by_text("Waiting for the connection")).to_be_visible()
    web.start()
    french.context.set_offline(False)
    french.reload()
    expect(french.locator("#message-1")).to_contain_text("Not lost")
    expect(french.locator(".is-pending")).to_have_count(0)


def test_a_refused_message_says_why_and_comes_back(window: OpenWindow, world: World, channel: Channel) -> None:
    french = window(world["fr_leader"], f"/channels/{channel.id}")
    connected(french)
    factories.end_agreement(world)
    say(french, "Too late")
    expect(french.locator(".is-failed")).to_contain_text("No agreement is in force")
    french.get_by_role("button", name="Back to the box").click()
    expect(box(french)).to_have_value("Too late")
    expect(french.locator(".is-pending")).to_have_count(0)


def test_editing_and_withdrawing_in_place(window: OpenWindow, world: World, channel: Channel) -> None:
    french = window(world["fr_leader"], f"/channels/{channel.id}")
    dutch = window(world["nl_member"], f"/channels/{channel.id}")
    connected(french)
    connected(dutch)
    say(french, "Frist")
    for page in (french, dutch):
        expect(page.locator("#message-1")).to_contain_text("Frist")
    box(french).press("ArrowUp")
    expect(french.get_by_text("Editing your message")).to_be_visible()
    expect(box(french)).to_have_value("Frist")
    say(french, "First")
    expect(dutch.locator("#message-1 .message-text")).to_have_text("First")
    for page in (french, dutch):
        expect(page.locator("#message-1")).to_contain_text("Edited")
    expect(dutch.locator("#message-1").get_by_role("button")).to_have_count(0)
    french.locator("#message-1").hover()
    french.locator("#message-1").get_by_role("button", name="Withdraw").click()
    french.get_by_role("button", name="Yes, go on").click()
    expect(dutch.locator("#message-1")).to_contain_text("Withdrawn by its author.")
    french.get_by_role("link", name="What it said before").click()
    expect(french.get_by_text("Frist")).to_be_visible()


SENDS_TWICE = """(box) => {
  const enter = { key: "Enter", ctrlKey: true, bubbles: true, cancelable: true };
  for (const _ of [1, 2]) box.dispatchEvent(new KeyboardEvent("keydown", enter));
}"""


def test_an_edit_that_is_sent_twice_is_saved_once(window: OpenWindow, world: World, channel: Channel) -> None:
    sent: list[str] = []
    french = window(world["fr_leader"], f"/channels/{channel.id}")
    french.on("websocket", lambda line: line.on("framesent", lambda said: sent.append(str(said))))
    french.reload()
    connected(french)
    say(french, "Frist")
    expect(french.locator("#message-1")).to_be_visible()
    box(french).press("ArrowUp")
    expect(box(french)).to_have_value("Frist")
    box(french).fill("First")
    box(french).evaluate(SENDS_TWICE)
    expect(french.locator("#message-1 .message-text")).to_have_text("First")
    expect(french.get_by_text("Editing your message")).to_be_hidden()
    assert [said for said in sent if "message:post" in said]
    assert len([said for said in sent if "message:edit" in said]) == 1


def test_mentions_and_citations_are_suggested_by_keyboard(window: OpenWindow, world: World, channel: Channel) -> None:
    exhibit = factories.exhibit(world, "fr", "Carrier ledger")
    french = window(world["fr_leader"], f"/channels/{channel.id}")
    dutch = window(world["nl_member"], f"/channels/{channel.id}")
    connected(french)
    connected(dutch)
    box(french).press_sequentially("See @nl_m")
    expect(french.get_by_role("option", name="Nl_Member")).to_be_visible()
    box(french).press("Enter")
    expect(box(french)).to_have_value("See @Nl_Member ")
    box(french).press_sequentially("#carr")
    expect(french.get_by_role("option", name="Carrier ledger")).to_be_visible()
    box(french).press("Tab")
    expect(box(french)).to_have_value(f"See @Nl_Member #{exhibit.reference} ")
    box(french).press("Control+Enter")
    expect(french.locator("#message-1 a.cited")).to_contain_text("Carrier ledger")
    expect(dutch.locator("#message-1 .is-me")).to_have_text("@Nl_Member")
    expect(dutch.locator("#message-1")).to_contain_text("an exhibit not released to you")
    expect(dutch.locator("#message-1")).not_to_contain_text(exhibit.reference)


def test_history_loads_upward_and_unread_is_marked(window: OpenWindow, world: World, channel: Channel) -> None:
    for number in range(1, 121):
        service.post(world["fr_leader"], channel, f"Message {number}", uuid.uuid4())
    service.read_until(world["nl_member"], channel, 117)
    dutch = window(world["nl_member"], f"/workspaces/{world.workspace.id}/chat")
    connected(dutch)
    expect(dutch.locator("#unread")).to_be_in_viewport()
    expect(dutch.locator("#message-71")).to_be_attached()
    dutch.locator(".messages").focus()
    for earliest in (21, 1):
        # What is earlier comes each time its link comes into sight.
        expect(dutch.locator("[data-earlier]")).not_to_be_in_viewport()
        dutch.locator(".messages").press("Home")
        expect(dutch.locator(f"#message-{earliest}")).to_be_attached()
    expect(dutch.locator(".message-list .message")).to_have_count(120)
    expect(dutch.locator(".day[data-day]")).to_have_count(1)
    service.post(world["fr_leader"], channel, "One more", uuid.uuid4())
    dutch.get_by_role("button", name="New messages").click()
    expect(dutch.locator("#message-121")).to_be_in_viewport()
    expect(dutch.locator("[data-channel-line] .count")).to_be_hidden()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_long_answer_does_not_cover_what_it_answers(
    window: OpenWindow, world: World, channel: Channel, size: tuple[int, int]
) -> None:
    for number in range(30):
        service.post(world["fr_leader"], channel, f"Line {number}", uuid.uuid4())
    page = connected(window(world["fr_leader"], f"/channels/{channel.id}", size))
    last = page.locator("#message-30 .message-text")
    expect(last).to_be_in_viewport(ratio=1)
    box(page).fill("\n".join(["A line of a long answer."] * 8))
    expect(last).to_be_in_viewport(ratio=1)
    box(page).fill("")
    expect(last).to_be_in_viewport(ratio=1)


def test_other_channels_count_what_is_new(window: OpenWindow, world: World, channel: Channel) -> None:
    wish = ChannelWish("arrests", audience=Audience.PEOPLE, user_ids=frozenset({world["nl_leader"].id}))
    hidden = channels.open_channel(world["fr_leader"], world.workspace, wish)
    dutch = window(world["nl_leader"], f"/channels/{channel.id}")
    member = window(world["nl_member"], f"/channels/{channel.id}")
    for page in (dutch, member):
        connected(page)
    service.post(world["fr_leader"], hidden, "Friday", uuid.uuid4())
    expect(dutch.get_by_role("link", name="arrests restricted 1 unread")).to_be_visible()
    expect(member.get_by_role("link", name="case-strategy")).to_be_visible()
    assert "arrests" not in member.content()


def test_the_room_that_is_left_is_counted(window: OpenWindow, world: World, channel: Channel) -> None:
    french = window(world["fr_leader"], f"/channels/{channel.id}")
    box(french).fill("x" * 9_500)
    expect(french.locator("[data-left]")).to_have_text("500 left")
    box(french).fill("🕵" * 10_001)
    expect(french.locator("[data-left]")).to_have_text("1 too many")
    box(french).press("Control+Enter")
    expect(french.locator(".is-pending")).to_have_count(0)


def test_what_enter_does_is_chosen(window: OpenWindow, world: World, channel: Channel) -> None:
    french = window(world["fr_leader"], f"/channels/{channel.id}")
    connected(french)
    box(french).fill("Line")
    french.get_by_role("button", name="What Enter does").click()
    french.get_by_role("button", name="Makes a line; Ctrl").click()
    box(french).press("Enter")
    expect(box(french)).to_have_value("Line\n")
    box(french).press("Control+Enter")
    expect(french.locator("#message-1")).to_be_visible()


def test_what_is_cited_follows_every_change_of_sight(window: OpenWindow, world: World, channel: Channel) -> None:
    exhibit, other = factories.exhibit(world, "fr", "Carrier ledger"), factories.exhibit(world, "fr", "Photographs")
    for each in (exhibit, other):
        service.post(world["fr_leader"], channel, f"See #{each.reference}", uuid.uuid4())
    dutch = window(world["nl_member"], f"/channels/{channel.id}")
    connected(dutch)
    cited, party = dutch.locator("#message-1 a.cited"), f"party:{world.parties['nl'].id}"
    expect(dutch.locator("#message-1")).to_contain_text("an exhibit not released to you")
    release = releasing.release(world["fr_leader"], exhibit, party, Sight.READ, Purpose.JIT_PURPOSE)
    expect(cited).to_contain_text("Carrier ledger")
    said = rules.RuleDescription(is_forbid=True, to=party, sight=Sight.SEE)
    forbid = rules.set_rule(world["fr_leader"], world.workspace, world.parties["fr"], said)
    expect(cited).to_have_count(0)
    rules.close_rule(world["fr_leader"], forbid)
    expect(cited).to_contain_text("Carrier ledger")
    expect(dutch.locator("#message-2")).to_contain_text("an exhibit not released to you")
    releasing.withdraw(world["fr_leader"], release, "By mistake")
    expect(dutch.locator("#message-1")).to_contain_text("an exhibit not released to you")
    for word in ("Carrier ledger", exhibit.reference, str(exhibit.id)):
        assert word not in dutch.locator(".message-list").inner_html()


@pytest.mark.parametrize("place", ["/channels/{channel}", "/workspaces/{workspace}/board"])
def test_an_ended_membership_closes_the_conversation(
    window: OpenWindow, world: World, channel: Channel, place: str
) -> None:
    factories.board(world)
    service.post(world["fr_leader"], channel, "The raid is on Friday", uuid.uuid4())
    path = place.format(channel=channel.id, workspace=world.workspace.id)
    dutch, french = window(world["nl_member"], path, forgives=("404",)), window(world["fr_leader"], path)
    for page in (dutch, french):
        connected(page)
        expect(page.get_by_text("The raid is on Friday")).to_be_visible()
        settled(page)
    workspaces.end(world["nl_leader"], world.members["nl_member"], "Moved")
    expect(dutch.get_by_text("The raid is on Friday")).to_have_count(0)
    expect(dutch.locator("jit-chat")).to_contain_text("not shown to you")
    service.post(world["fr_leader"], channel, "Still here", uuid.uuid4())
    expect(french.get_by_text("Still here")).to_be_visible()
    expect(french.get_by_text("The raid is on Friday")).to_be_visible()
    expect(dutch.get_by_text("Still here")).to_have_count(0)


def unread(someone: User) -> int:
    """How much of what she was told the database has as unread: what marks it is sent as the page is left."""
    told = select(func.count()).where(Notice.user_id == someone.id, Notice.read_at.is_(None))
    found = session().scalar(told.execution_options(policy=True))
    session().rollback()
    assert found is not None
    return found


def test_what_was_told_is_read_by_following_it(window: OpenWindow, world: World, channel: Channel) -> None:
    board = session().merge(factories.board(world))
    work = tasks.create_task(world["nl_leader"], board.id, board.columns[0].id, "Trace")
    assigning.assign(world["nl_leader"], work.id, 1, world["nl_member"].id)
    service.post(world["fr_leader"], channel, "@Nl_Member look", uuid.uuid4())
    dutch = window(world["nl_member"], "/")
    dutch.get_by_role("link", name="Fr_Leader mentioned you").click()
    expect(dutch.locator("#message-1")).to_be_in_viewport()
    wait_until(lambda: unread(world["nl_member"]) == 1)
    dutch.goto("/notices?show=unread")
    expect(dutch.locator(".notice-line")).to_have_count(1)
    dutch.get_by_role("link", name="assigned you").click()
    expect(dutch.get_by_role("heading", name="Trace")).to_be_visible()
    wait_until(lambda: unread(world["nl_member"]) == 0)
    dutch.goto("/notices?show=unread")
    expect(dutch.locator(".notice-line")).to_have_count(0)
