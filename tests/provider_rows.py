"""What tests of a national login's row share: a login that can be made to lie, its row, and a sign-in there."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from jit_portal.demo.secrets import write_private
from jit_portal.identity import ourselves, registry
from tests import hostile
from tests.hostile import Hostile
from tests.signing_in import Browser, of_xx

SECRET = "a+b/c:d%e=f g"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    path = tmp_path / "provider-secrets.json"
    write_private(path, json.dumps({"xx": SECRET}))
    return path


@pytest.fixture
def liar(app: Flask, secrets: Path) -> Iterator[Hostile]:
    settings = app.config["SETTINGS"]
    ourselves.use(replace(settings, provider_secrets=secrets))
    with hostile.running() as issuer:
        yield issuer
    ourselves.use(settings)


@pytest.fixture
def row(liar: Hostile) -> Callable[..., None]:
    """Enter the login of country XX, with these fields changed."""

    def enter(**changes: Any) -> None:
        registry.ensure_providers([replace(of_xx(liar), **changes)])

    return enter


@pytest.fixture
def sign_in(app: Flask, liar: Hostile) -> Callable[[], TestResponse]:
    """Xenia's way to the provider and back, in a new browser."""

    def there_and_back() -> TestResponse:
        one = Browser(app)
        return one.come_back("xx", liar.callback(one.begin("xx")))

    return there_and_back


Row = Callable[..., None]
SignIn = Callable[[], TestResponse]
