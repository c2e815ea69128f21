"""The headers of every answer, whatever it is, and its cookies."""

import uuid
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jit_portal.config import Settings
from jit_portal.extensions import WRITES
from tests.asking import Browse, anybody, assert_strict, at_most, statuses, world
from tests.factories import World
from tests.vault import MIB, token_in

FIXTURES = (anybody, world)
"""They are asked for by name."""


def test_every_kind_of_answer_has_strict_headers(
    app: Flask, world: World, anybody: FlaskClient, browse: Browse
) -> None:
    client = browse(world["fr_leader"])
    answers = {
        200: client.get("/"),
        302: anybody.get("/"),
        400: client.post("/language"),
        401: anybody.post("/jits"),
        403: client.post("/language", headers={"Origin": "null"}),
        404: client.get(f"/jits/{uuid.uuid4()}"),
        405: client.get("/language"),
        413: anybody.post("/language", data={"language": "x" * MIB}),
        422: client.get("/?q=%00"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert_strict(answer)
        assert answer.headers["Cache-Control"] == "no-store"
    static = anybody.get(_an_asset(answers[200].text))
    assert static.status_code == 200
    assert_strict(static)
    static.close()
    assert "no-store" not in static.headers["Cache-Control"]
    assert_strict(anybody.get("/no/such/address"))
    statuses(anybody, at_most(WRITES))
    assert_strict(anybody.post("/language"))


def _an_asset(page: str) -> str:
    return "/dist/" + page.split('"/dist/', 1)[1].split('"', 1)[0]


def test_nonces_are_never_used_twice(world: World, browse: Browse) -> None:
    client = browse(world["fr_leader"])
    policies = {client.get("/").headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3


@pytest.mark.parametrize(
    ("origin", "scheme", "is_sent"),
    [
        ("https://portal.example", "https", True),
        ("https://portal.example", "http", False),
        ("http://localhost", "https", False),
    ],
)
def test_browsers_are_held_to_https_only_where_there_is_https(
    app: Flask, anybody: FlaskClient, origin: str, scheme: str, is_sent: bool
) -> None:
    settings: Settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(settings, origin=origin)
    try:
        answer = anybody.get("/signed-out", headers={"X-Forwarded-Proto": scheme})
    finally:
        app.config["SETTINGS"] = settings
    assert ("Strict-Transport-Security" in answer.headers) == is_sent


def test_cookies_are_bound_to_this_host_and_out_of_reach_of_scripts(
    app: Flask, world: World, anybody: FlaskClient, browse: Browse
) -> None:
    page = anybody.get("/sign-in")
    token = token_in(page.text)
    chosen = anybody.post("/language", data={"csrf_token": token, "language": "fr"})
    cookies = {
        cookie.split("=", 1)[0]: cookie for answer in (page, chosen) for cookie in answer.headers.getlist("Set-Cookie")
    }
    assert {"__Host-form-test", "__Host-language"} <= cookies.keys()
    for cookie in cookies.values():
        said = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= said, cookie
        assert not any(part.startswith("domain=") for part in said)
