"""Breaking the glass in a real window, with two security keys; and a leader in another one, who sees it happen."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from jit_portal.database import session, transaction
from jit_portal.identity.glass import accounts
from jit_portal.identity.glass.models import GlassAccount, GlassChallenge, GlassOpening
from jit_portal.identity.sign_in_models import LoginSession, Passkey
from tests import factories
from tests.browser.conftest import Faults, OpenWindow, settled
from tests.factories import World, now

NAME, REASON = "Nadia Brandt", "The French login signs in anybody."


class TwoKeys:
    """Two security keys in the window's device; each answers only while it is the one that is touched."""

    def __init__(self, page: Page) -> None:
        self.device = page.context.new_cdp_session(page)
        self.device.send("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": True, "hasUserVerification": True}
        options |= {"isUserVerified": True, "automaticPresenceSimulation": False}
        add: Any = {"options": options}
        self.ids = [self.device.send("WebAuthn.addVirtualAuthenticator", add)["authenticatorId"] for _ in range(2)]

    def touch(self, number: int, *, verifies: bool = True) -> None:
        for place, id in enumerate(self.ids):
            is_touched = {"authenticatorId": id, "enabled": place == number}
            self.device.send("WebAuthn.setAutomaticPresenceSimulation", is_touched)
            self.device.send("WebAuthn.setUserVerified", {"authenticatorId": id, "isUserVerified": verifies})


@pytest.fixture
def world(web: object) -> World:
    return factories.world()


@pytest.fixture
def page(window: OpenWindow, world: World) -> Page:
    """A window of somebody whom no login knows."""
    made = window(world["fr_leader"], "/signed-out", forgives=("403", "404"))
    made.context.clear_cookies()
    return made


def press(page: Page, name: str) -> None:
    settled(page).get_by_role("button", name=name, exact=True).click()


def begin(page: Page, keys: TwoKeys) -> None:
    page.goto("/break-glass")
    page.get_by_label("Why must the glass be broken?").fill(REASON)
    keys.touch(0)
    press(page, "Use the first key")
    expect(page.get_by_role("heading", name="Now the other key")).to_be_visible()


def is_as_it_should_be(page: Page, faults: Faults, folder: Path, name: str) -> None:
    """No fault for anybody's senses."""
    assert faults(page) == {}, name
    page.screenshot(path=folder / f"glass-{name}.png")


def test_two_keys_open_the_portal_and_a_leader_sees_it_happen(
    world: World, page: Page, window: OpenWindow, faults: Faults, tmp_path: Path
) -> None:
    leader = window(world["nl_leader"], "/notices")
    expect(leader.locator("html[data-connected]")).to_be_attached()
    _, token = accounts.make(None, NAME)
    keys = TwoKeys(page)
    page.goto(f"/break-glass/keys/{token}")
    keys.touch(0)
    press(page, "Enrol the first key")
    expect(page.get_by_text("1 of 2")).to_be_visible()
    is_as_it_should_be(page, faults, tmp_path, "keys")
    press(page, "Enrol the second key")
    expect(page.get_by_text("No key was enrolled.")).to_be_visible()
    keys.touch(1)
    press(page, "Enrol the second key")
    expect(page.get_by_text("Both keys are enrolled.")).to_be_visible()
    page.goto(f"/break-glass/keys/{token}")
    expect(page.get_by_text("It does not exist, or it has not been released to you.")).to_be_visible()

    page.goto("/break-glass")
    is_as_it_should_be(page, faults, tmp_path, "first")
    begin(page, keys)
    is_as_it_should_be(page, faults, tmp_path, "second")
    keys.touch(1)
    press(page, "Use the other key and open")
    banner = page.get_by_role("region", name="Break-glass")
    expect(banner).to_contain_text("Minutes left: 60")
    expect(leader.get_by_text(f"{NAME} has broken the glass")).to_be_visible()
    expect(leader.get_by_text(REASON)).to_be_visible()
    leader.screenshot(path=tmp_path / "glass-leader.png")

    for name, path in (("home", "/"), ("people", "/people"), ("logins", "/providers"), ("account", "/account")):
        page.goto(path)
        expect(banner).to_be_visible()
        is_as_it_should_be(page, faults, tmp_path, name)
    with transaction():
        hers = LoginSession.user_id.in_(select(GlassAccount.user_id))
        over = update(LoginSession).where(hers).values(ends_at=now())
        session().execute(over.execution_options(synchronize_session=False))
    page.goto("/people")
    expect(page).to_have_url(re.compile("/sign-in"))
    assert session().scalars(select(GlassOpening.reason).execution_options(policy=True)).all() == [REASON]


@pytest.fixture
def keys(page: Page) -> TwoKeys:
    """The keys of an account that can be opened."""
    _, token = accounts.make(None, NAME)
    made = TwoKeys(page)
    page.goto(f"/break-glass/keys/{token}")
    steps = (("Enrol the first key", "1 of 2"), ("Enrol the second key", "Both keys are enrolled."))
    for number, (name, said) in enumerate(steps):
        made.touch(number)
        press(page, name)
        expect(page.get_by_text(said)).to_be_visible()
    return made


def test_whatever_is_wrong_opens_nothing(page: Page, keys: TwoKeys) -> None:
    typed = page.get_by_label("Why must the glass be broken?")
    typed.fill(REASON)
    keys.touch(0, verifies=False)
    press(page, "Use the first key")
    expect(page.get_by_text("The key was not used. Try again.")).to_be_visible()

    begin(page, keys)
    with transaction():
        session().execute(update(GlassChallenge).values(expires_at=now()))
    keys.touch(1)
    press(page, "Use the other key and open")
    expect(page.get_by_text("This took too long")).to_be_visible()

    begin(page, keys)
    with transaction():
        newer = update(Passkey).where(Passkey.name == "Security key 2")
        session().execute(newer.values(sign_count=1000))
    keys.touch(1)
    press(page, "Use the other key and open")
    expect(page.get_by_text("The portal could not verify this key.")).to_be_visible()
    expect(typed).to_have_value(REASON)

    accounts.close(None, session().scalars(select(GlassAccount.id)).one())
    keys.touch(0)
    press(page, "Use the first key")
    expect(page.get_by_text("The portal could not verify this key.")).to_be_visible()
    assert session().scalars(select(GlassOpening).execution_options(policy=True)).all() == []
