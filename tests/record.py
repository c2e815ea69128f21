"""What tests of the record share: who looks at its page and takes it away, and what is found there."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jit_portal.audit import service as audit
from jit_portal.database import transaction
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.vocabulary import Role
from tests import factories
from tests.factories import World
from tests.vault import token_in

Browse = Callable[[User], FlaskClient]


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.test_request_context():
        made = factories.world("Lantern", ("fr", "nl", "al", "eu"))
        with transaction():
            made.join("fr_auditor", "fr", Role.AUDITOR)
        yield made


@pytest.fixture
def exhibit(world: World) -> Exhibit:
    return factories.exhibit(world)


@pytest.fixture
def look(world: World, browse: Browse) -> Callable[..., TestResponse]:
    """The page as somebody sees it, narrowed as the address says."""

    def ask(who: str, **narrowed: Any) -> TestResponse:
        address = f"/workspaces/{world.workspace.id}/record"
        return browse(world[who]).get(address, query_string=narrowed, base_url="https://localhost")

    return ask


@pytest.fixture
def take(world: World, browse: Browse) -> Callable[..., TestResponse]:
    """The record taken away by somebody as a file."""

    def ask(who: str, form: str = "json", **narrowed: Any) -> TestResponse:
        client = browse(world[who])
        address = f"/workspaces/{world.workspace.id}/record"
        token = token_in(client.get(address, base_url="https://localhost").text)
        return client.post(
            f"{address}/export",
            query_string=narrowed,
            data={"format": form},
            headers={"X-CSRFToken": token, "Referer": "https://localhost/"},
            base_url="https://localhost",
        )

    return ask


Look = Callable[..., TestResponse]


def numbers(page: TestResponse) -> list[int]:
    """Of the entries that a page shows, from above."""
    assert page.status_code == 200, page.status_code
    return [int(number) for number in re.findall(r'class="num"><bdi>(\d+)</bdi>', page.text)]


def rows(page: TestResponse) -> list[str]:
    """What each entry says, as words in a line."""
    bodies = re.findall(r"<tr role=\"row\".*?</tr>", page.text.partition("<tbody")[2], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", body).split()) for body in bodies]


def read(world: World, exhibit: Exhibit, count: int, by: str = "fr_member") -> None:
    for _ in range(count):
        with transaction():
            audit.record(world[by], "exhibit.read", exhibit)
