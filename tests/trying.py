"""What tests of the test of a login share: a login that lies when told to, and an operator at the page of its test."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal.database import session, transaction
from jit_portal.identity import registry
from jit_portal.identity.models import IdentityProvider, ProviderTest, User
from tests import factories, hostile
from tests.hostile import Hostile
from tests.register import operator
from tests.signing_in import UNCHECKED, Browser, of_xx

GOOD = {
    "id_token_signing_alg_values_supported": ["ES256"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    "acr_values_supported": ["high", "low"],
    "backchannel_logout_supported": True,
}


@pytest.fixture
def liar(app: Flask) -> Iterator[Hostile]:
    with hostile.running() as issuer:
        issuer.metadata |= GOOD
        yield issuer


@pytest.fixture
def home(app: Flask) -> IdentityProvider:
    with transaction():
        return factories.provider("fr")


@pytest.fixture
def row(liar: Hostile, home: IdentityProvider) -> Callable[..., IdentityProvider]:
    """Enter the login of country XX, with these fields changed."""

    def enter(**changes: Any) -> IdentityProvider:
        [made] = registry.ensure_providers([replace(of_xx(liar), **changes)])
        return made

    return enter


@dataclass
class Desk(Browser):
    """An operator at the page of the test."""

    person: User | None = None
    provider: IdentityProvider | None = None

    def press(self, what: str = "") -> Any:
        assert self.provider
        return self.post(f"/providers/{self.provider.id}/test{what}")

    def onward(self, what: str) -> str:
        answer = self.press(what)
        assert answer.status_code == 200, answer.text
        return str(answer.headers["Refresh"]).removeprefix("0; url=")

    def page(self) -> str:
        assert self.provider
        return self.portal.get(f"/providers/{self.provider.id}/test").text

    def findings(self) -> dict[str, tuple[str, str]]:
        session().expire_all()
        tests = select(ProviderTest).execution_options(**UNCHECKED)
        [test] = session().scalars(tests).all()
        return {each["check"]: (each["result"], each["why"]) for each in test.findings}

    def try_it(self, liar: Hostile, **changes: Any) -> Any:
        return self.come_back("xx", liar.callback(self.onward("/sign-in"), **changes))


@pytest.fixture
def desk(app: Flask, row: Callable[..., IdentityProvider], home: IdentityProvider) -> Callable[..., Desk]:
    def at_the_page(**changes: Any) -> Desk:
        person = operator(home, "Ada")
        one = Desk(app, person=person, provider=row(**changes))
        one.portal.set_cookie(app.config["SETTINGS"].session_cookie, factories.login(person), secure=True)
        return one

    return at_the_page


def plainly(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def web_page() -> hostile.Reply:
    return 200, "text/html", b"<!doctype html><title>Welcome</title>"
