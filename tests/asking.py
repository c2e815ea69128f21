"""What tests of requests share: who asks, how often she may, and the headers of every answer."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jit_portal.identity.models import User
from tests import factories
from tests.factories import World

JSON = {"Accept": "application/json"}
Browse = Callable[[User], FlaskClient]


@pytest.fixture
def world(app: Flask) -> World:
    return factories.world()


@pytest.fixture
def anybody(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.environ_base |= {"wsgi.url_scheme": "https"}
    return client


def at_most(limit: str) -> int:
    return int(limit.split("/")[0])


def statuses(client: FlaskClient, count: int, **headers: str) -> list[int]:
    return [client.post("/language", headers=JSON | headers).status_code for _ in range(count)]


STRICT = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": (
        "accelerometer=(), browsing-topics=(), camera=(), clipboard-read=(), display-capture=(), geolocation=(), "
        "gyroscope=(), hid=(), idle-detection=(), interest-cohort=(), local-fonts=(), magnetometer=(), microphone=(), "
        "midi=(), payment=(), screen-wake-lock=(), serial=(), usb=(), window-management=(), xr-spatial-tracking=()"
    ),
}


def assert_strict(answer: TestResponse) -> None:
    for name, value in STRICT.items():
        assert answer.headers[name] == value, f"{name} of {answer.status}"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Request-ID"]
