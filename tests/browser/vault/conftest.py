"""The vault's page of a member, with the bytes behind the same origin."""

import pytest
from flask import Flask
from playwright.sync_api import Page

from tests import factories
from tests.browser.conftest import OpenWindow
from tests.browser.uploading import vault_of
from tests.factories import World
from tests.portal import Portal


@pytest.fixture(scope="package")
def process(behind_proxy: Portal) -> Portal:
    """Pages and bytes at one origin, in the place of the pages alone."""
    return behind_proxy


@pytest.fixture
def world(app: Flask) -> World:
    return factories.world()


@pytest.fixture
def page(window: OpenWindow, world: World) -> Page:
    return window(world["fr_member"], vault_of(world))
