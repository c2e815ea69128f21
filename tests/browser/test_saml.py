"""In a real window at a login that speaks SAML: its answer comes from another site, where no cookie of ours goes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from jit_portal.exhibits.models import Release
from jit_portal.vocabulary import Duty
from tests import factories
from tests.browser.conftest import Faults, OpenWindow, settled
from tests.browser.test_stepup import count, prove, send_release, speak_for_france
from tests.factories import World
from tests.providers import simplesaml
from tests.providers.simplesaml import PASSWORD, Simplesaml
from tests.signing_in import ledger
from tests.web import Web


@pytest.fixture
def world(web: object) -> World:
    return factories.world()


@pytest.fixture
def login(web: Web, world: World, environ: dict[str, str], folder: Path) -> Iterator[Simplesaml]:
    """The French login speaks SAML, and the leader is somebody whom it knows."""
    with simplesaml.running(folder, web.origin, Path(environ["JIT_SAML_KEY"]), "fr") as found:
        speak_for_france(world, found)
        yield found


def stranger(window: OpenWindow, world: World, path: str, **more: Any) -> Page:
    """A window in which nobody is signed in."""
    page = window(world["fr_leader"], "/signed-out", **more)
    page.context.clear_cookies()
    page.goto(path)
    return page


def prove_there(page: Page, login: Simplesaml) -> None:
    """Say at the login who one is."""
    expect(page).to_have_url(re.compile(re.escape(login.base)))
    page.locator('input[name="username"]').fill(login.someone)
    page.locator('input[name="password"]').fill(PASSWORD)
    page.locator('input[name="password"]').press("Enter")


def test_she_signs_in_proves_it_anew_and_signs_out_here_and_there(
    world: World, window: OpenWindow, login: Simplesaml, tmp_path: Path
) -> None:
    exhibit = factories.exhibit(world)
    page = stranger(window, world, f"/exhibits/{exhibit.id}/release")
    page.locator('a[href^="/sign-in/fr"]').click()
    prove_there(page, login)
    expect(page).to_have_url(re.compile(f"/exhibits/{exhibit.id}/release$"))
    assert [each["provider"] for each in ledger("login.started")][-1] == "fr"

    prove(world, minutes=6)
    send_release(page, world)
    page.get_by_role("link", name="Confirm at the national login").click()
    prove_there(page, login)
    expect(page.get_by_text("Released. They see it now.")).to_be_visible()
    assert count(Release) == 1
    page.screenshot(path=tmp_path / "released.png")

    page.goto("/account")
    settled(page).locator("button.me").click()
    page.get_by_role("button", name="Sign out").first.click()
    expect(page).to_have_url(re.compile("/signed-out$"))
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    page.screenshot(path=tmp_path / "signed-out.png")
    page.goto("/sign-in/fr")
    expect(page.locator('input[name="password"]')).to_be_visible()


def test_without_scripts_she_goes_on_by_a_button(
    world: World, window: OpenWindow, login: Simplesaml, tmp_path: Path
) -> None:
    page = stranger(window, world, "/sign-in/fr?next=/account", java_script_enabled=False)
    prove_there(page, login)
    # Its page, too, has a button for those whose browsers run no scripts.
    page.get_by_role("button", name="Submit").last.click()
    expect(page.get_by_role("heading", name="Back from Login ss")).to_be_visible()
    page.screenshot(path=tmp_path / "back.png")
    page.get_by_role("button", name="Go on").click()
    expect(page).to_have_url(re.compile("/account$"))


def test_nothing_is_wrong_with_the_page_on_the_way(
    world: World, window: OpenWindow, login: Simplesaml, faults: Faults
) -> None:
    page = stranger(window, world, "/sign-in")
    page.add_init_script('addEventListener("submit", (event) => event.preventDefault())')
    page.evaluate(
        """() => {
          const form = document.createElement("form");
          form.method = "post";
          form.action = "/sign-in/fr/acs";
          document.body.append(form);
          form.submit();
        }"""
    )
    expect(page.get_by_role("heading", name="Back from Login ss")).to_be_visible()
    assert faults(page) == {}


def test_a_login_that_somebody_else_began_is_not_taken(world: World, window: OpenWindow, login: Simplesaml) -> None:
    """Login CSRF: her browser is made to bring an answer to a sign-in that another browser began."""
    attacker, victim = (stranger(window, world, "/sign-in", forgives=("400",)) for _ in range(2))
    attacker.route("**/sign-in/fr/acs", lambda route: route.abort())
    attacker.goto("/sign-in/fr")
    with attacker.expect_request("**/sign-in/fr/acs") as sending:
        prove_there(attacker, login)
    victim.goto("/sign-in/fr")
    victim.goto(f"{login.base}/")
    victim.evaluate(
        """([action, body]) => {
          const form = document.createElement("form");
          form.method = "post";
          form.action = action;
          for (const [name, value] of new URLSearchParams(body)) {
            const field = document.createElement("input");
            [field.type, field.name, field.value] = ["hidden", name, value];
            form.append(field);
          }
          document.body.append(form);
          form.submit();
        }""",
        [f"{login.origin}/sign-in/fr/acs", sending.value.post_data],
    )
    expect(victim.get_by_role("heading", name="This sign-in is over")).to_be_visible()
    victim.goto("/account")
    expect(victim).to_have_url(re.compile("/sign-in"))


def test_nothing_is_wrong_with_its_pages_in_the_register(
    world: World, window: OpenWindow, login: Simplesaml, faults: Faults, tmp_path: Path
) -> None:
    operator = factories.administrator(world.providers["fr"], Duty.OPERATOR)
    at = f"/providers/{world.providers['fr'].id}"
    page = window(operator, "/providers/new?preset=eidas")
    assert faults(page) == {}
    page.screenshot(path=tmp_path / "new.png", full_page=True)
    page.goto(at)
    assert faults(page) == {}
    page.screenshot(path=tmp_path / "row.png", full_page=True)
    page.goto(f"{at}/test")
    settled(page).get_by_role("button", name="Run the checks").click()
    expect(page.get_by_text("People sign in at")).to_be_visible()
    settled(page).get_by_role("button", name="Sign in for the test").click()
    prove_there(page, login)
    expect(page.get_by_text("Sanna Salo 1")).to_be_visible()
    assert faults(page) == {}
    page.screenshot(path=tmp_path / "test.png", full_page=True)
