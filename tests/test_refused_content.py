"""An address of an exhibit's bytes that is refused: a page of the portal like any other, and the same for whatever is
missing."""

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jit_portal.database import session
from jit_portal.identity.models import User
from jit_portal.vocabulary import Sight
from tests import factories
from tests.factories import World
from tests.vault import put

AS_A_PAGE = {"Sec-Fetch-Dest": "document", "Accept": "text/html"}


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.test_request_context():
        yield factories.world()
    session.remove()


def headers_of(answer: TestResponse) -> dict[str, str]:
    """Without what differs from request to request."""
    kept = {name: value for name, value in answer.headers if name not in ("X-Request-ID", "Content-Length")}
    return {name: re.sub(r"nonce-[\w-]+", "nonce", value) for name, value in kept.items()}


@pytest.mark.parametrize("way", ["", "?as=download", "?as=look"])
def test_what_is_refused_is_a_page_like_any_other(
    world: World, browse: Callable[[User], FlaskClient], way: str
) -> None:
    exhibit, client = put(world, b"\x00\x01" * 40, "unknown.bin"), browse(world["nl_member"])

    def get(path: str) -> TestResponse:
        return client.get(path, headers=AS_A_PAGE)

    # The first two settle the browser's cookie for forms.
    *_, elsewhere = (get("/no/such") for _ in range(3))
    assert "script-src 'self' 'nonce-" in elsewhere.headers["Content-Security-Policy"]
    unseen, missing = (get(f"/vault/exhibits/{id}/content{way}") for id in (exhibit.id, uuid.uuid4()))
    assert headers_of(unseen) == headers_of(missing) == headers_of(elsewhere)
    assert (unseen.status_code, missing.status_code) == (404, 404)
    factories.release(world, exhibit, "nl", Sight.READ)
    refused = get(f"/vault/exhibits/{exhibit.id}/content{way}")
    assert refused.status_code in (403, 415)
    assert headers_of(refused) == headers_of(elsewhere)
