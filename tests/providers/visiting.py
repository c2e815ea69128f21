"""What journeys to real logins share: whom the portal knows there, and a browser that goes there and back."""

import datetime as dt
import itertools
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
import requests
from flask import Flask
from sqlalchemy import select, update

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.exhibits.models import Release
from jit_portal.identity import registry
from jit_portal.identity.models import Authority, User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.vocabulary import Outcome, Role
from jit_portal.workspaces import service as workspaces
from tests import factories
from tests.factories import World
from tests.providers import logins
from tests.providers.logins import Login, Logins
from tests.providers.simplesaml import Simplesaml
from tests.signing_in import UNCHECKED, ledger
from tests.vault import token_in
from tests.web import PATIENCE, Web, running_web

VISITORS = itertools.count(1)
TYPED = "Only for the court in Lille"


@pytest.fixture(scope="module")
def web(environ: dict[str, str], folder: Path) -> Iterator[Web]:
    secrets = logins.give_secrets(folder)
    with running_web({**environ, "JIT_PROVIDER_SECRETS": str(secrets)}, folder) as running:
        yield running


@pytest.fixture(scope="module")
def running(web: Web, environ: dict[str, str], folder: Path) -> Iterator[Logins]:
    with logins.running(
        folder, web.origin, *(Path(environ[name]) for name in ("JIT_SIGNING_KEY", "JIT_SAML_KEY"))
    ) as found:
        yield found


@pytest.fixture(params=["demo", "certified-rs", "certified-es", "simplesamlphp"])
def login(request: pytest.FixtureRequest, running: Logins, app: Flask) -> Login:
    """One login, and the only one in the register."""
    found = running.named[request.param]
    registry.ensure_providers([found.row()])
    return found


def authority(login: Login, place: int = 0) -> Authority:
    """Of the authorities in its row, by default the one that it names of those who tests sign in."""
    code = list(login.row().authorities)[place]
    (found,) = (each for each in registry.provider(login.slug).authorities if each.code == code)
    return found


def person(login: Login) -> User:
    """The one person of this login whom the portal knows."""
    provider = registry.provider(login.slug)
    with transaction():
        made = User(
            provider_id=provider.id, issuer=provider.issuer, subject=login.someone, name="As invited",
            authority_id=authority(login).id,
        )  # fmt: skip
        session().add(made)
    return made


def led(login: Login) -> tuple[World, User]:
    """A JIT of the login's country and the Netherlands, and the country's leader, whom the login knows."""
    provider = registry.provider(login.slug)
    world = factories.world(slugs=(login.slug, "nl"), providers={login.slug: provider})
    leader = world[f"{login.slug}_leader"]
    hers = {"issuer": provider.issuer, "subject": login.someone, "authority_id": authority(login).id}
    with transaction():
        session().execute(update(User).where(User.id == leader.id).values(**hers))
    return world, leader


def invited(login: Login) -> tuple[World, str]:
    """A JIT into which the stranger is invited, and the token of that invitation."""
    world, leader = led(login)
    _, token = workspaces.invite(leader, world.workspace, authority(login), "As invited", Role.MEMBER)
    return world, token


def now_known(login: Login) -> User:
    """The stranger, once the portal knows her."""
    session().expire_all()
    return session().scalars(select(User).where(User.subject == login.stranger)).one()


@dataclass
class Visitor:
    """A browser: what it keeps for the portal, and for the providers; each has an address, for tries are counted."""

    web: Web
    cookies: dict[str, str] = field(default_factory=dict)
    providers: requests.Session = field(default_factory=requests.Session)
    address: str = field(default_factory=lambda: f"127.0.1.{next(VISITORS)}")

    def ask(self, method: str, path: str, **form: str) -> requests.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"Cookie": cookies, "X-Forwarded-For": self.address}
        address = self.web.origin + path
        answer = requests.request(method, address, headers=sent, data=form, timeout=PATIENCE, allow_redirects=False)
        for line in answer.raw.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return answer

    def begin(self, login: Login, **query: str) -> str:
        answer = self.ask("GET", f"/sign-in/{login.slug}?{urlencode(query)}")
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])

    def come_back(self, login: Login, query: str) -> requests.Response:
        """With the answer of a login, as its page has the browser bring it."""
        if isinstance(login, Simplesaml):
            return self.ask("POST", f"/sign-in/{login.slug}/callback", **brought(self.web, login, query))
        return self.ask("GET", f"/sign-in/{login.slug}/callback?{query}")

    def sign_in(
        self, login: Login, subject: str | None = None, office: str | None = None, **query: str
    ) -> requests.Response:
        address = self.begin(login, **query)
        return self.come_back(login, login.choose(self.providers, address, subject or login.someone, office))

    def is_signed_in(self) -> bool:
        return self.ask("GET", "/notices/arrived").status_code == 200

    def send(self, path: str, **form: str) -> requests.Response:
        return self.ask("POST", path, csrf_token=token_in(self.ask("GET", "/account").text), **form)

    def sign_out(self) -> requests.Response:
        return self.send("/sign-out")


def brought(web: Web, login: Login, query: str) -> dict[str, str]:
    """The form that the portal's page makes of an answer which comes from elsewhere, and so without cookies."""
    elsewhere = {"Origin": login.row().issuer, "Sec-Fetch-Site": "cross-site"}
    at, said = f"{web.origin}/sign-in/{login.slug}/acs", dict(parse_qsl(query))
    page = requests.post(at, headers=elsewhere, data=said, timeout=PATIENCE, allow_redirects=False)
    assert (page.status_code, page.headers.get("Set-Cookie")) == (200, None)
    found = re.findall(r'<input type="hidden" name="(SAMLResponse|RelayState)" value="([^"]*)"', page.text)
    return {name: unescape(value) for name, value in found}


@pytest.fixture
def visitor(web: Web) -> Visitor:
    return Visitor(web)


def age(minutes: int = 6) -> None:
    """Everyone proved so long ago who she is."""
    then = factories.now() - dt.timedelta(minutes=minutes)
    with transaction():
        session().execute(update(LoginSession).values(proved_at=then, authenticated_at=then))


def releases() -> list[str]:
    session().rollback()
    return list(session().scalars(select(Release.conditions).execution_options(**UNCHECKED)))


def send_release(visitor: Visitor, login: Login, world: World) -> str:
    """The page at which a release of one of her country's exhibits waits, once sent."""
    exhibit = factories.exhibit(world, login.slug)
    said = {"to": f"party:{world.parties['nl'].id}", "sight": "3", "purpose": "jit_purpose", "conditions": TYPED}
    answer = visitor.send(f"/exhibits/{exhibit.id}/release", **said, token=str(uuid.uuid4()))
    assert (answer.status_code, releases()) == (303, [])
    assert answer.headers["Location"].startswith("/confirm/")
    return str(answer.headers["Location"])


def on_record(someone: User) -> list[str]:
    """What she did, all in the one sign-in of hers."""
    hers = select(LedgerEntry).where(LedgerEntry.actor_id == someone.id, LedgerEntry.outcome == Outcome.DONE)
    entries = list(session().scalars(hers.order_by(LedgerEntry.at).execution_options(**UNCHECKED)))
    assert len({entry.login_session_id for entry in entries}) == 1
    return [entry.act for entry in entries]


def still_waits(visitor: Visitor, page: str, answer: requests.Response, why: str) -> bool:
    """Whether a proof was refused for this reason by a page that leads back to the release, which waits on."""
    assert (answer.status_code, f'href="{page}"' in answer.text) == (403, True)
    assert [each["why"] for each in ledger("login.step_up_refused")] == [why]
    waits = visitor.ask("GET", page)
    return (waits.status_code, 'name="waiting-act"' in waits.text, releases()) == (200, False, [])
