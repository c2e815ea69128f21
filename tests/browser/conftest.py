"""Real windows of Chromium on a real web process; a test fails when a page complains or breaks the content policy."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect

from jit_portal.identity.models import User
from tests import factories
from tests.portal import Portal, running_portal
from tests.web import Web

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# None of these rules reads style sheets anew; whether sound begins by itself is asked of what plays.
_LOOK_FOR = {"runOnly": _RULES, "resultTypes": ["violations"], "preload": {"assets": ["media"]}, "elementRef": True}

# The HTML is taken of what is wrong: axe would take that of every element, once for each of its rules.
_AXE_FINDS = """async (options) => {
  axe.configure({ noHtml: true });
  const { violations } = await axe.run(document, options);
  const htmls = (nodes) => nodes.map((node) => node.element.outerHTML.slice(0, 200));
  return Object.fromEntries(violations.map(({ id, nodes }) => [id, htmls(nodes)]));
}"""

LOUD = ("error", "warning")
DESKTOP = (1440, 900)
PHONE = (390, 844)

LOOKS = (("light", DESKTOP), ("dark", PHONE), ("dark", DESKTOP), ("light", PHONE))
"""The first two are examined always, all of them with ``--every-look``."""

NAMED_TWICE = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  return [...new Set(ids.filter((id, place) => ids.indexOf(id) !== place))];
}"""

expect.set_options(timeout=20_000)  # a busy machine is no fault; nothing here waits for what must not come

OpenWindow = Callable[..., Page]
Faults = Callable[[Page], dict[str, Any]]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": "/usr/bin/chromium-headless-shell", "args": FLAGS}


@pytest.fixture(scope="session")
def behind_proxy(environ: dict[str, str], folder: Path) -> Iterator[Portal]:
    """One portal with its vault and its proxy, for the tests that send files: they call it their ``process``."""
    with running_portal(environ, folder) as portal:
        yield portal


@pytest.fixture
def web(process: Web, app: Flask) -> Iterator[Web]:
    """The web process on an empty database; verbs can be called in the test itself."""
    with app.test_request_context():
        yield process


def sign_in(context: BrowserContext, web: Web, someone: User) -> None:
    """From now on every page of this browser is this person's."""
    give_cookie(context, web, factories.login(someone))


def give_cookie(context: BrowserContext, web: Web, token: str) -> None:
    """From now on this browser uses the login that this token opens."""
    context.add_cookies(
        [
            {
                "name": web.cookie,
                "value": token,
                "url": "https://localhost/",
                "secure": True,
                "httpOnly": True,
                "sameSite": "Lax",
            }
        ]
    )


def with_authenticator(page: Page, **more: Any) -> Page:
    """The window's device has a passkey of its own, and verifies its user unless ``more`` says otherwise."""
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True} | more
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


def settled(page: Page) -> Page:
    """The page once all its scripts have started: what is pressed before then does nothing."""
    page.wait_for_load_state()
    expect(page.locator(":not(:defined)")).to_have_count(0)
    return page


def connected(page: Page) -> Page:
    """The page once it hears what others do. After a click, first wait for what only the next page shows."""
    settled(page)
    expect(page.locator("html[data-connected]")).to_be_attached()
    return page


def until(page: Page, script: str) -> None:
    """Wait until a script answers yes. Playwright's own way needs what the policy of our pages forbids."""
    end = time.monotonic() + 20
    while not page.evaluate(script):
        assert time.monotonic() < end, f"never: {script}"
        page.wait_for_timeout(50)


@pytest.fixture
def window(browser: Browser, web: Web) -> Iterator[OpenWindow]:
    """``window(person, path, size=(1440, 900), forgives=…)`` opens a window of somebody, or nobody, signed in, settled.

    What the console says, what a script throws and what the content policy stops fails the test, except texts that hold
    one of ``forgives``.
    """
    said: list[str] = []
    contexts = []

    def open_window(
        someone: User | None,
        path: str = "/",
        size: tuple[int, int] = (1440, 900),
        forgives: tuple[str, ...] = (),
        **more: Any,
    ) -> Page:
        def hear(text: str) -> None:
            if not any(word in text for word in forgives):
                said.append(text)

        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, base_url=web.origin, **more)
        contexts.append(context)
        if someone is not None:
            sign_in(context, web, someone)
        page = context.new_page()
        page.on("console", lambda said: hear(f"{said.text} {said.location['url']}") if said.type in LOUD else None)
        page.on("pageerror", lambda error: hear(str(error)))
        page.goto(path)
        return settled(page) if more.get("java_script_enabled", True) else page

    yield open_window
    for context in contexts:
        context.close()
    assert said == []


def bring_axe(page: Page) -> None:
    """What examines pages stands ready on each that this one goes to: to be sent anew for each takes longer."""
    # Not within its frames, which nobody examines.
    page.add_init_script(f"if (window.top === window) {{ {Axe().axe_script} }}")


@pytest.fixture
def faults(pytestconfig: pytest.Config) -> Faults:
    """What is wrong with a page as it stands, by look: the elements that axe finds, by rule; ids given twice; and a
    page that is wider than its window, or scrolls as a whole where only its parts do. The window is left as it was.
    """
    looks = LOOKS if pytestconfig.getoption("--every-look") else LOOKS[:2]

    def examine(page: Page) -> dict[str, Any]:
        settled(page)
        own_size, is_dark = page.viewport_size, page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        if page.evaluate("typeof axe") == "undefined":
            page.evaluate(Axe().axe_script)
        found = {f"{look} {size[0]}": _faults(page, look, size) for look, size in looks}
        if own_size:
            page.set_viewport_size(own_size)
        page.emulate_media(color_scheme="dark" if is_dark else "light")
        return {look: wrong for look, wrong in found.items() if wrong}

    return examine


def _faults(page: Page, look: str, size: tuple[int, int]) -> dict[str, Any]:
    # What fades in is too pale on its way, and so are colours from one look to the other.
    page.emulate_media(color_scheme="dark" if look == "dark" else "light", reduced_motion="reduce")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    found: dict[str, Any] = page.evaluate(_AXE_FINDS, _LOOK_FOR)
    if twice := page.evaluate(NAMED_TWICE):
        found["ids given twice"] = twice
    if (width := page.evaluate("document.documentElement.scrollWidth")) != size[0]:
        found["wider than the window"] = width
    if page.locator(".app").count() and (height := page.evaluate("document.documentElement.scrollHeight")) != size[1]:
        found["taller than the window"] = height
    return found
