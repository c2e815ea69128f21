"""How it is said that something cannot be: by a page, by a part of one, or to a script; and in which words."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, render_template
from flask.testing import FlaskClient

from tests.asking import Browse, anybody, world
from tests.factories import World

FIXTURES = (anybody, world)
"""They are asked for by name."""


@pytest.mark.parametrize(
    ("sent", "is_page"),
    [
        ({}, False),
        ({"Accept": "*/*"}, False),
        ({"Accept": "application/json"}, False),
        ({"Accept": "application/json", "Sec-Fetch-Dest": "document"}, False),
        ({"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Dest": "document"}, True),
        ({"Accept": "text/html"}, True),
        ({"Accept": "*/*", "Sec-Fetch-Dest": "empty"}, False),
    ],
    ids=str,
)
def test_a_browser_that_goes_to_the_vault_gets_a_page(
    world: World, anybody: FlaskClient, browse: Browse, sent: dict[str, str], is_page: bool
) -> None:
    path = f"/vault/uploads/{uuid.uuid4()}/hash"
    missing = browse(world["fr_leader"]).get(f"/vault/{uuid.uuid4()}/content", headers=sent)
    assert missing.status_code == 404
    assert missing.is_json != is_page
    stranger = anybody.get("/vault/uploads/token", headers=sent)
    assert stranger.status_code == (302 if is_page else 401)
    if not is_page:
        assert stranger.is_json
    assert anybody.post(path, headers=sent).is_json != is_page


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (405, "That cannot be done here"),
        (415, "That kind of content"),
        (422, "Something of that"),
        (507, "no room left"),
    ],
)
def test_each_error_has_its_own_words(app: Flask, status: int, words: str) -> None:
    with app.test_request_context("/"):
        app.preprocess_request()
        known: dict[str, Any] = {"request_id": "", "sign_in": None, "ways": [], "is_fragment": False}
        page = render_template("errors/show.html", status=status, reason="", **known)
    assert words in page


def test_a_refused_fragment_is_said_without_the_page_around_it(
    world: World, browse: Browse, count_queries: Callable[[], int]
) -> None:
    """Its reason is all that the open page shows of it: nothing is asked of the database for the rest."""
    client, missing = browse(world["fr_member"]), f"/exhibits/{uuid.uuid4()}"
    asked = {}
    for fragment in (False, True):
        count_queries()
        answer = client.get(missing, headers={"HX-Request": "true"} if fragment else {})
        asked[fragment] = count_queries()
        assert (answer.status_code, 'id="reason"' in answer.text) == (404, True)
        assert ("<html" in answer.text) != fragment
    assert asked[True] < asked[False]


def test_an_address_that_is_used_otherwise_says_so(anybody: FlaskClient) -> None:
    answer = anybody.get("/language")
    assert answer.status_code == 405
    assert "That cannot be done here" in answer.text
    assert "Allow" in answer.headers
