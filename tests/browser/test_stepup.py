"""Confirming in a real window that it is she: at a national login, by a passkey; and without JavaScript."""

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import socketio
from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy import func, select, update

from jit_portal.database import session, transaction
from jit_portal.exhibits.models import Exhibit, Release
from jit_portal.identity import tokens
from jit_portal.identity.models import Authority, IdentityProvider, User
from jit_portal.identity.sign_in_models import LoginSession, Passkey, WaitingAct
from jit_portal.messages import service as messages
from tests import factories
from tests.browser.conftest import (
    Faults,
    OpenWindow,
    connected,
    give_cookie,
    settled,
    until,
    with_authenticator,
)
from tests.factories import World, now
from tests.providers import logins
from tests.providers.logins import Demo, Login
from tests.test_worker import wait_until
from tests.web import Signed, Web

REFUSED = "44"
"""How the answer to a socket begins that may not connect."""
TRIES = 3
ASK = """void fetch("/account", { headers: { "X-Requested-With": "fetch" } })
  .then(({ status }) => { document.title = `Answered ${status}`; })"""
CATCHES_UP = "/messages?after="
TYPED = "Only for the court in Lille"


@pytest.fixture
def world(web: object) -> World:
    """A JIT of countries whose logins know no high assurance."""
    made = factories.world()
    with transaction():
        session().execute(update(IdentityProvider).values(acr_levels={"substantial": 2}))
    return made


@pytest.fixture
def exhibit(world: World) -> Exhibit:
    return factories.exhibit(world)


def prove(world: World, minutes: float) -> None:
    """Everyone proved so many minutes ago who they are."""
    then = now() - dt.timedelta(minutes=minutes)
    with transaction():
        session().execute(update(LoginSession).values(assurance=2, proved_at=then, authenticated_at=then))


def count(model: type[Any]) -> int:
    session().rollback()
    counted = select(func.count()).select_from(model).execution_options(policy=True)
    return session().scalar(counted) or 0


def send_release(page: Page, world: World) -> None:
    """Until the page that asks to confirm it has noted, too, that what was typed waits."""
    press_release(page, world)
    settled(page)


def press_release(page: Page, world: World) -> None:
    page.get_by_label("To whom").select_option(f"party:{world.parties['nl'].id}")
    page.get_by_label("Conditions").fill(TYPED)
    page.get_by_role("button", name="Release", exact=True).click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()


def test_a_release_waits_for_a_passkey_and_then_goes_on_by_itself(
    world: World, exhibit: Exhibit, window: OpenWindow, faults: Faults, tmp_path: Any
) -> None:
    page = with_authenticator(window(world["fr_leader"], "/account", forgives=("404",)))
    page.get_by_label("Name of the new passkey").fill("This laptop")
    assert faults(page) == {}
    page.locator("#passkeys").screenshot(path=tmp_path / "account.png")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("listitem").filter(has_text="This laptop")).to_be_visible()
    assert faults(page) == {}
    page.screenshot(path=tmp_path / "enrolled.png", full_page=True)

    prove(world, minutes=6)
    page.goto(f"/exhibits/{exhibit.id}/release")
    send_release(page, world)
    assert count(Release) == 0
    assert faults(page) == {}
    page.screenshot(path=tmp_path / "confirm.png")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile(f"/exhibits/{exhibit.id}$"))
    expect(page.get_by_text("Released. They see it now.")).to_be_visible()
    conditions = session().scalar(select(Release.conditions).execution_options(policy=True))
    assert (count(Release), conditions) == (1, TYPED)
    page.go_back()
    expect(page.get_by_role("heading", name="Nothing waits here")).to_be_visible()
    assert faults(page) == {}
    assert count(Release) == 1


def speak_for_france(world: World, login: Login) -> None:
    """The French login is this one, and the leader is somebody whom it knows."""
    row = login.row()
    with transaction():
        rows = update(IdentityProvider).where(IdentityProvider.slug == "fr")
        session().execute(rows.values(**row.stored()))
        leader = update(User).where(User.id == world["fr_leader"].id)
        session().execute(leader.values(issuer=row.issuer, subject=login.someone))
        for code, name in row.authorities.items():
            session().add(Authority(provider_id=world.providers["fr"].id, code=code, name=name))


@pytest.fixture
def french_login(web: Web, world: World, environ: dict[str, str], folder: Path) -> Iterator[Demo]:
    """The French login really runs."""
    with logins.running_demo(folder, web.origin, Path(environ["JIT_SIGNING_KEY"])) as demo:
        speak_for_france(world, demo)
        yield demo


def test_a_release_waits_for_the_national_login_and_then_goes_on_by_itself(
    world: World, exhibit: Exhibit, window: OpenWindow, french_login: Demo
) -> None:
    page = window(world["fr_leader"], f"/exhibits/{exhibit.id}/release")
    prove(world, minutes=6)
    send_release(page, world)
    page.get_by_role("link", name="Confirm at the national login").click()
    expect(page).to_have_url(re.compile(re.escape(french_login.base)))
    assert count(Release) == 0
    page.locator(f'button[value="{french_login.someone}"]').click()
    expect(page).to_have_url(re.compile(f"/exhibits/{exhibit.id}$"))
    expect(page.get_by_text("Released. They see it now.")).to_be_visible()
    assert count(Release) == 1


def kept(page: Page) -> list[Any]:
    found: list[Any] = page.evaluate("Object.values(sessionStorage).filter((value) => value.includes('Lille'))")
    return found


def over(page: Page) -> None:
    with transaction():
        session().execute(update(WaitingAct).values(expires_at=now()))
    page.reload()
    expect(page.get_by_role("heading", name="Nothing waits here")).to_be_visible()
    page.get_by_role("link", name="Back to the page you came from").click()


def left(page: Page) -> None:
    page.get_by_role("button", name="Leave it undone").click()


@pytest.mark.parametrize("end", [over, left], ids=["over", "left undone"])
def test_what_was_typed_stands_in_its_form_again_where_nothing_was_done(
    world: World, exhibit: Exhibit, window: OpenWindow, end: Callable[[Page], None]
) -> None:
    page = window(world["fr_leader"], f"/exhibits/{exhibit.id}/release", forgives=("404",))
    prove(world, minutes=6)
    send_release(page, world)
    end(page)
    expect(page).to_have_url(re.compile(f"/exhibits/{exhibit.id}/release$"))
    expect(page.get_by_label("Conditions")).to_have_value(TYPED)
    expect(page.get_by_label("To whom")).to_have_value(f"party:{world.parties['nl'].id}")
    send_release(page, world)
    prove(world, minutes=0)
    page.reload()
    expect(page.get_by_text("Released. They see it now.")).to_be_visible()
    settled(page)
    assert (count(Release), kept(page)) == (1, []), "what arrived is forgotten"


def test_another_draft_is_not_forgotten_with_what_went_on(world: World, exhibit: Exhibit, window: OpenWindow) -> None:
    other = factories.exhibit(world, title="Other")
    page = window(world["fr_leader"], f"/exhibits/{other.id}/release")
    prove(world, minutes=6)
    send_release(page, world)
    page.goto(f"/exhibits/{exhibit.id}/release")
    send_release(page, world)
    prove(world, minutes=0)
    page.reload()
    expect(page.get_by_text("Released. They see it now.")).to_be_visible()
    settled(page)
    page.goto(f"/exhibits/{other.id}/release")
    expect(page.get_by_label("Conditions")).to_have_value(TYPED)


def cookie_of(page: Page, web: Web) -> str:
    (token,) = (each["value"] for each in page.context.cookies() if each["name"] == web.cookie)
    return token


def signed_out(page: Page) -> Locator:
    return page.get_by_role("heading", name="You have been signed out")


def test_the_other_tab_goes_on_and_whoever_took_the_cookie_hears_nothing_more(
    world: World, exhibit: Exhibit, window: OpenWindow, web: Web
) -> None:
    channel = factories.channel(world, "case-strategy")
    page = with_authenticator(window(world["fr_leader"], "/account"))
    page.get_by_label("Name of the new passkey").fill("This laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("listitem").filter(has_text="This laptop")).to_be_visible()
    prove(world, minutes=6)
    tab = page.context.new_page()
    tab.goto(f"/channels/{channel.id}")
    connected(tab)
    tab.evaluate("document.addEventListener('jit:reconnected', () => { document.title = 'Connected again'; })")
    thief = Signed(web, world["fr_leader"], cookie_of(page, web)).connect()

    page.bring_to_front()
    page.goto(f"/exhibits/{exhibit.id}/release")
    send_release(page, world)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("Released. They see it now.")).to_be_visible()
    thief.hear("disconnect")

    tab.bring_to_front()
    expect(tab).to_have_title("Connected again")
    messages.post(world["nl_leader"], channel, "Good morning", uuid.uuid4())
    expect(tab.get_by_text("Good morning")).to_be_visible()
    box = tab.get_by_role("textbox", name="Message case-strategy")
    box.fill("And to you")
    box.press("Control+Enter")
    expect(tab.locator("#message-2")).to_contain_text("And to you")
    expect(signed_out(tab)).to_have_count(0)
    assert [event for event, _ in thief.heard.queue if event in ("message", "signed_out")] == []
    with pytest.raises(socketio.exceptions.ConnectionError):
        thief.signed.connect()
    thief.close()


@pytest.mark.parametrize("comes", [True, False], ids=["late", "never"])
def test_a_tab_awaits_the_new_cookie_for_a_while(world: World, window: OpenWindow, web: Web, comes: bool) -> None:
    """The answer that sets it may be slower than the news of it; who was left without one is told so in the end."""
    page = connected(window(world["fr_leader"], "/notices", forgives=("WebSocket",)))
    said: list[str] = []
    page.on("websocket", lambda line: line.on("framereceived", lambda frame: said.append(str(frame))))
    token = factories.step_up(cookie_of(page, web))
    # To look at the page lets its news come in.
    wait_until(lambda: page.title() != "" and any(frame.startswith(REFUSED) for frame in said))
    expect(signed_out(page)).to_have_count(0)
    if comes:
        give_cookie(page.context, web, token)
        connected(page)
        expect(signed_out(page)).to_have_count(0)
    else:
        expect(signed_out(page)).to_be_visible()
        assert len([frame for frame in said if frame.startswith(REFUSED)]) == TRIES


@pytest.mark.parametrize("comes", [True, False], ids=["late", "never"])
def test_what_left_a_moment_before_goes_on_by_itself(world: World, window: OpenWindow, web: Web, comes: bool) -> None:
    """The cookie of before is refused; the page asks again with the one that it has by then."""
    page = connected(window(world["fr_leader"], "/account", forgives=("WebSocket", "401")))
    token = factories.step_up(cookie_of(page, web))
    asked: list[Route] = []

    def pass_on(route: Route) -> None:
        asked.append(route)
        if len(asked) == 2 and comes:
            give_cookie(page.context, web, token)
        route.continue_()

    page.route("**/account", pass_on)
    page.evaluate(ASK)
    expect(page).to_have_title("Answered 200" if comes else "Answered 401")
    assert len(asked) == (2 if comes else TRIES)


def test_what_is_said_by_a_socket_of_before_is_said_by_the_next(world: World, window: OpenWindow, web: Web) -> None:
    channel = factories.channel(world, "case-strategy")
    page = connected(window(world["fr_leader"], f"/channels/{channel.id}", forgives=("WebSocket",)))
    # Once connected, the page asks what it missed: by the cookie of before, should that be renewed meanwhile.
    until(page, f"performance.getEntriesByType('resource').some(({{ name }}) => name.includes('{CATCHES_UP}'))")
    token = tokens.make()
    with transaction():
        hers = update(LoginSession).where(LoginSession.token_hash == tokens.digest(cookie_of(page, web)))
        session().execute(hers.values(token_hash=tokens.digest(token)))
    box = page.get_by_role("textbox", name="Message case-strategy")
    box.fill("Still here")
    box.press("Control+Enter")
    expect(page.locator("html[data-connected]")).to_have_count(0)
    give_cookie(page.context, web, token)
    expect(page.locator("#message-1")).to_contain_text("Still here")
    expect(signed_out(page)).to_have_count(0)


def test_a_device_that_does_not_verify_its_user_makes_no_passkey(world: World, window: OpenWindow) -> None:
    page = with_authenticator(window(world["fr_leader"], "/account"), isUserVerified=False)
    page.get_by_label("Name of the new passkey").fill("Anybody's")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("No passkey was made. Try again.")).to_be_visible()
    assert count(Passkey) == 0


def test_without_javascript_one_goes_on_by_a_button(
    world: World, exhibit: Exhibit, window: OpenWindow, faults: Callable[..., Any]
) -> None:
    page = window(world["fr_leader"], "/", java_script_enabled=False)
    prove(world, minutes=6)
    page.goto(f"/exhibits/{exhibit.id}/release")
    press_release(page, world)
    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()
    prove(world, minutes=0)
    page.reload()
    expect(page.get_by_role("heading", name="It is confirmed that it is you")).to_be_visible()
    assert count(Release) == 0
    page.get_by_role("button", name="Go on").click()
    expect(page).to_have_url(re.compile(f"/exhibits/{exhibit.id}$"))
    assert count(Release) == 1


def test_an_export_that_waited_is_saved_and_the_page_leads_back(world: World, window: OpenWindow) -> None:
    page = window(world["fr_leader"], "/")
    prove(world, minutes=6)
    record = f"/workspaces/{world.workspace.id}/record"
    page.goto(record)
    page.get_by_role("button", name=re.compile("CSV")).click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    prove(world, minutes=0)
    with page.expect_download() as saved:
        page.reload()
    assert saved.value.suggested_filename.endswith(".csv")
    page.get_by_role("link", name="Back to the page you came from").click()
    expect(page).to_have_url(re.compile(f"{record}$"))


def test_a_page_may_ask_the_browser_for_passkeys_and_for_no_more_than_it_uses(window: OpenWindow, world: World) -> None:
    """As far as this browser knows of each; a film may be looked at in full, a link copied."""
    page = window(world["fr_leader"], "/")
    known = set(page.evaluate("document.featurePolicy.features()"))
    may = set(page.evaluate("document.featurePolicy.allowedFeatures()"))
    never = {"camera", "microphone", "geolocation", "payment", "usb", "serial", "hid", "midi", "display-capture"}
    never |= {"clipboard-read", "idle-detection", "local-fonts", "screen-wake-lock", "window-management"}
    used = {"publickey-credentials-get", "publickey-credentials-create", "fullscreen", "clipboard-write"}
    assert known >= never | used
    assert (never & may, used - may) == (set(), set())
