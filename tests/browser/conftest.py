"""Real windows of Chromium on a real web process; a test fails when a page complains or breaks the content policy."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from jit_portal.identity.models import User
from tests import factories
from tests.factories import World
from tests.web import Web, running_web

DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}

_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

Faults = Callable[[Page], dict[str, list[str]]]


class Windows:
    """Windows of people who are signed in, each with cookies of its own, and what their pages complained of.

    While ``is_server_away`` a test has taken the server or the line away, and complaints are its own doing.
    """

    def __init__(self, browser: Browser, web: Web) -> None:
        self.web = web
        self.is_server_away = False
        self.complaints: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def open(
        self,
        someone: User,
        place: str = "/",
        viewport: ViewportSize = DESKTOP,
        *,
        forgives: tuple[str, ...] = (),
        **more: Any,
    ) -> Page:
        """A window on a place; complaints that hold one of ``forgives`` do not count, ``more`` describes the browser."""
        context = self._browser.new_context(viewport=viewport, base_url=self.web.origin, **more)
        self._contexts.append(context)
        context.add_cookies(
            [
                {
                    "name": self.web.cookie,
                    "value": factories.login(someone),
                    "url": "https://localhost/",
                    "secure": True,
                    "httpOnly": True,
                    "sameSite": "Lax",
                }
            ]
        )
        page = context.new_page()
        page.on("console", lambda said: self._hear(said.text, forgives) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self._hear(str(error), forgives))
        page.goto(place)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _hear(self, text: str, forgives: tuple[str, ...]) -> None:
        if not self.is_server_away and not any(word in text for word in forgives):
            self.complaints.append(text)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": "/usr/bin/chromium", "args": _FLAGS}


@pytest.fixture(scope="session")
def process(environ: dict[str, str], folder: Path) -> Iterator[Web]:
    """One web process for all browser tests."""
    with running_web(environ, folder) as web:
        yield web


@pytest.fixture
def web(process: Web, app: Flask) -> Iterator[Web]:
    """The web process on an empty database; verbs can be called in the test itself."""
    with app.test_request_context():
        yield process


@pytest.fixture
def world(web: Web) -> World:
    return factories.world()


@pytest.fixture
def windows(browser: Browser, web: Web) -> Iterator[Windows]:
    opened = Windows(browser, web)
    yield opened
    opened.close()
    assert opened.complaints == []


@pytest.fixture
def faults() -> Faults:
    """What axe finds wrong with a page: the elements by rule."""

    def look(page: Page) -> dict[str, list[str]]:
        found = Axe().run(page, options={"runOnly": _RULES}).response["violations"]
        return {rule["id"]: [node["html"][:200] for node in rule["nodes"]] for rule in found}

    return look
