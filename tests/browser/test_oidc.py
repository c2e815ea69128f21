"""In a real window at a certified OpenID provider of another author's."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from jit_portal.exhibits.models import Release
from tests import factories, services
from tests.browser.conftest import OpenWindow, settled
from tests.browser.test_saml import stranger
from tests.browser.test_stepup import count, prove, send_release, speak_for_france
from tests.factories import World
from tests.providers import logins
from tests.providers.logins import Certified
from tests.signing_in import ledger
from tests.web import Web


@pytest.fixture
def world(web: object) -> World:
    return factories.world()


@pytest.fixture
def login(web: Web, world: World, environ: dict[str, str], folder: Path) -> Iterator[Certified]:
    """The French login is one of npm's oidc-provider."""
    issuer = logins.pushed(services.free_ports(1), web.origin, "fr")
    with logins.running_certified(folder, [issuer], web.origin, Path(environ["JIT_SIGNING_KEY"])):
        speak_for_france(world, issuer)
        yield issuer


def prove_there(page: Page, login: Certified) -> None:
    """Say at the login who one is."""
    expect(page).to_have_url(re.compile(re.escape(f"{login.issuer}/interaction/")))
    page.locator(f'button[value="{login.someone}"]').click()


def test_she_signs_in_proves_it_anew_and_signs_out_here_and_there(
    world: World, window: OpenWindow, login: Certified, tmp_path: Path
) -> None:
    exhibit = factories.exhibit(world)
    page = stranger(window, world, f"/exhibits/{exhibit.id}/release")
    page.locator('a[href^="/sign-in/fr"]').click()
    prove_there(page, login)
    expect(page).to_have_url(re.compile(f"/exhibits/{exhibit.id}/release$"))
    assert [each["provider"] for each in ledger("login.started")][-1] == "fr"
    page.screenshot(path=tmp_path / "signed-in.png")

    prove(world, minutes=6)
    send_release(page, world)
    page.screenshot(path=tmp_path / "waits.png")
    page.get_by_role("link", name="Confirm at the national login").click()
    prove_there(page, login)
    expect(page.get_by_text("Released. They see it now.")).to_be_visible()
    assert count(Release) == 1
    assert [each["by"] for each in ledger("login.stepped_up")] == ["provider"]
    page.screenshot(path=tmp_path / "released.png")

    page.goto("/account")
    settled(page).locator("button.me").click()
    page.get_by_role("button", name="Sign out").first.click()
    page.get_by_role("button", name="Sign out here too").click()
    expect(page).to_have_url(re.compile("/signed-out$"))
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    page.screenshot(path=tmp_path / "signed-out.png")
    page.goto("/account")
    expect(page).to_have_url(re.compile("/sign-in"))
    page.goto("/sign-in/fr")
    expect(page.locator(f'button[value="{login.someone}"]')).to_be_visible()
