"""What tests of signing in share: a browser that goes to a national login and back, and what it leaves behind."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import Thing, session, transaction
from jit_portal.demo.case.people import BY_SUBJECT
from jit_portal.demo.providers.registration import rows
from jit_portal.extensions import limiter
from jit_portal.identity import invitations, ourselves, registry
from jit_portal.identity.models import Invitation, User
from jit_portal.identity.provider_rows import ProviderRow
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.vocabulary import Assurance, PartyKind
from tests import hostile
from tests.hostile import Hostile

T = TypeVar("T", bound=Thing)
UNCHECKED = {"policy": True}


def of_xx(issuer: Hostile) -> ProviderRow:
    """The row of a login of country XX that can be made to lie; its authorities are XX-1 and XX-2."""
    return ProviderRow(
        "xx", "Login XX", PartyKind.MEMBER_STATE, "XX", issuer.issuer, "jit-portal", ("ES256",),
        {"high": Assurance.HIGH, "low": Assurance.LOW}, {"name": "/name", "authority": "/office/code"},
        {"XX-1": "Police XX", "XX-2": "Customs XX"},
    )  # fmt: skip


def known(subject: str) -> User:
    """A person of the demo case, as an earlier invitation has made her."""
    person = BY_SUBJECT[subject]
    provider = registry.provider(person.provider)
    authority = next(each for each in provider.authorities if each.code == person.authority)
    with transaction():
        made = User(
            provider_id=provider.id, issuer=provider.issuer, subject=subject, authority_id=authority.id,
            name=person.name, language="en", time_zone=person.time_zone,
        )  # fmt: skip
        session().add(made)
    return made


def xenia() -> User:
    """The one person of country XX."""
    provider = registry.provider("xx")
    with transaction():
        made = User(
            provider_id=provider.id, issuer=provider.issuer, subject="xx-1", name="Xenia Xylander",
            authority_id=next(each.id for each in provider.authorities if each.code == "XX-1"),
        )  # fmt: skip
        session().add(made)
    return made


@dataclass
class Browser:
    """One browser: what it keeps for the portal and for the providers."""

    app: Flask
    portal: FlaskClient = field(init=False)
    providers: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.portal = self.app.test_client()
        self.portal.environ_base["wsgi.url_scheme"] = "https"

    def begin(self, slug: str, **query: str) -> str:
        answer = self.portal.get(f"/sign-in/{slug}", query_string=query)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])

    def choose(self, address: str, **form: str) -> str:
        """What the provider sends back to the portal: the query of its callback."""
        page = self.providers.get(address, timeout=20)
        answer = self.providers.post(page.url, data=form, timeout=20, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        return urlsplit(answer.headers["Location"]).query

    def come_back(self, slug: str, query: str) -> TestResponse:
        return self.portal.get(f"/sign-in/{slug}/callback?{query}")

    def sign_in(self, subject: str, slug: str | None = None, **query: str) -> TestResponse:
        slug = slug or BY_SUBJECT[subject].provider
        return self.come_back(slug, self.choose(self.begin(slug, **query), subject=subject))

    def cookie(self) -> str | None:
        found = self.portal.get_cookie(self.app.config["SETTINGS"].session_cookie)
        return found.value if found else None

    def post(self, address: str, **form: str) -> TestResponse:
        page = self.portal.get("/account")
        token = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert token
        return self.portal.post(address, data={"csrf_token": token[1], **form})

    def is_signed_in(self) -> bool:
        return self.portal.get("/notices/arrived").status_code == 200


def logins(user: User | None = None) -> list[LoginSession]:
    statement = select(LoginSession).order_by(LoginSession.started_at)
    if user:
        statement = statement.where(LoginSession.user_id == user.id)
    return list(session().scalars(statement.execution_options(populate_existing=True, **UNCHECKED)))


def again(thing: T) -> T:
    """The thing as it is in the database now."""
    return session().get_one(type(thing), thing.id, populate_existing=True, execution_options=UNCHECKED)


def count(model: type[Any]) -> int:
    return session().scalar(select(func.count()).select_from(model).execution_options(**UNCHECKED)) or 0


def entries(act: str) -> Sequence[LedgerEntry]:
    found = select(LedgerEntry).where(LedgerEntry.act == act).order_by(LedgerEntry.number)
    return session().scalars(found.execution_options(**UNCHECKED)).all()


def ledger(act: str) -> list[dict[str, Any]]:
    return [json.loads(entry.details) for entry in entries(act)]


def refused(response: TestResponse, status: int, why: str) -> bool:
    """Whether a page said kindly no, nobody was signed in, and the ledger knows why."""
    page = (response.status_code, 'id="reason"' in response.text)
    assert page == (status, True), (response.status_code, response.text[-1500:])
    assert not any(value.startswith("__Host-jit-test=") for value in response.headers.getlist("Set-Cookie"))
    return bool(ledger("login.refused")[-1]["why"] == why)


SLUGS = ("fr", "nl", "ro", "al", "eu")


@dataclass(frozen=True)
class National:
    """The demo providers' process, and the address at which it knows the portal."""

    base: str
    origin: str
    port: int


@pytest.fixture(scope="module")
def national(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[National]:
    ports = []
    with socket.socket() as one, socket.socket() as two:
        for free in (one, two):
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    origin = f"http://127.0.0.1:{ports[1]}"
    settings = {**os.environ, "JIT_ORIGIN": origin, "JIT_SIGNING_KEY": environ["JIT_SIGNING_KEY"]}
    keys: Path = tmp_path_factory.mktemp("keys")
    command = [sys.executable, "-m", "jit_portal.demo.providers", "--port", str(ports[0]), "--data", str(keys)]
    process = subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline().startswith("Demo providers")
    yield National(f"http://127.0.0.1:{ports[0]}", origin, ports[1])
    process.terminate()
    process.stdout.close()
    process.wait(5)


@pytest.fixture(autouse=True)
def registered(app: Flask, national: National) -> Iterator[None]:
    """The five demo logins in the register, and the portal at the address they know."""
    settings = app.config["SETTINGS"]
    ourselves.use(replace(settings, origin=national.origin))
    limiter.reset()
    registry.ensure_providers(rows(national.base))
    yield
    ourselves.use(settings)


@pytest.fixture
def liar(registered: None) -> Iterator[Hostile]:
    """A sixth login, of country XX, that can be made to lie; its authority is XX-1."""
    with hostile.running() as issuer:
        registry.ensure_providers([of_xx(issuer)])
        yield issuer


@pytest.fixture
def open_browser(app: Flask) -> Callable[[], Browser]:
    return lambda: Browser(app)


@pytest.fixture
def away(open_browser: Callable[[], Browser], liar: Hostile) -> Browser:
    """Xenia, signed in, whose provider is about to say that she has left."""
    xenia()
    one = open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    return one


def say_goodbye(one: Browser, token: str, slug: str = "xx", why: str = "unsound") -> int:
    answer = one.app.test_client().post(f"/sign-in/{slug}/logout", data={"logout_token": token})
    assert answer.headers["Cache-Control"] == "no-store"
    if answer.status_code == 400:
        assert ledger("login.end_refused")[-1] == {"why": why}
    return answer.status_code


def invite(slug: str, code: str, **more: Any) -> tuple[Invitation, str]:
    authority = next(each for each in registry.provider(slug).authorities if each.code == code)
    return invitations.invite(None, authority, "Vlad Nistor", **more)
