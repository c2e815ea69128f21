"""The same journeys of signing in and out with a portal that really runs, at logins by two independent authors."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import requests
from flask import Flask
from sqlalchemy import select

from jit_portal.database import session, transaction
from jit_portal.identity import oidc, registry
from jit_portal.identity.models import LoginSession, ProviderTest, User
from jit_portal.vocabulary import Assurance, Duty
from tests import factories
from tests.providers import logins
from tests.providers.logins import Certified, Login, Logins
from tests.providers.simplesaml import Simplesaml
from tests.signing_in import UNCHECKED, ledger
from tests.signing_in import logins as kept
from tests.web import PATIENCE, Signed, Web, running_web


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


def person(login: Login) -> User:
    """The one person of this login whom the portal knows."""
    provider = registry.provider(login.slug)
    code = next(iter(login.row().authorities))
    (authority,) = (each for each in provider.authorities if each.code == code)
    with transaction():
        made = User(
            provider_id=provider.id, issuer=provider.issuer, subject=login.someone, name="As invited",
            authority_id=authority.id,
        )  # fmt: skip
        session().add(made)
    return made


@dataclass
class Visitor:
    """A browser: what it keeps for the portal, and for the providers."""

    web: Web
    cookies: dict[str, str] = field(default_factory=dict)
    providers: requests.Session = field(default_factory=requests.Session)
    address: str = "127.0.0.1"

    def ask(self, method: str, path: str, **form: str) -> requests.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"Cookie": cookies, "X-Forwarded-For": self.address}
        address = self.web.origin + path
        answer = requests.request(method, address, headers=sent, data=form, timeout=PATIENCE, allow_redirects=False)
        for line in answer.raw.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return answer

    def begin(self, login: Login) -> str:
        answer = self.ask("GET", f"/sign-in/{login.slug}")
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])

    def come_back(self, login: Login, query: str) -> requests.Response:
        """With the answer of a login, as its page has the browser bring it."""
        if isinstance(login, Simplesaml):
            return self.ask("POST", f"/sign-in/{login.slug}/callback", **brought(self.web, login, query))
        return self.ask("GET", f"/sign-in/{login.slug}/callback?{query}")

    def sign_in(self, login: Login, subject: str | None = None) -> requests.Response:
        return self.come_back(login, login.choose(self.providers, self.begin(login), subject or login.someone))

    def is_signed_in(self) -> bool:
        return self.ask("GET", "/account").status_code == 200

    def sign_out(self) -> requests.Response:
        page = self.ask("GET", "/account").text
        token = re.search(r'name="csrf-token" content="([^"]+)"', page)
        assert token
        return self.ask("POST", "/sign-out", csrf_token=token[1])


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


def test_a_known_person_signs_in(login: Login, visitor: Visitor) -> None:
    user = person(login)
    answer = visitor.sign_in(login)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    (made,) = kept(user)
    assert (made.assurance, made.provider_session is not None) == (login.assurance, True)
    assert made.acr in login.row().acr_levels
    assert visitor.is_signed_in()
    session().expire_all()
    said = session().get_one(User, user.id, execution_options=UNCHECKED)
    assert said.flagged == "name", "what it says of her name reached the portal"


def test_who_nobody_invited_is_refused_kindly_and_on_record(login: Login, visitor: Visitor) -> None:
    person(login)
    answer = visitor.sign_in(login, login.stranger)
    assert (answer.status_code, 'id="reason"' in answer.text) == (403, True)
    assert (kept(), ledger("login.refused")) == ([], [{"person": None, "why": "unknown"}])
    assert not visitor.is_signed_in()


def test_signing_out_ends_the_login_here_and_there(login: Login, visitor: Visitor) -> None:
    person(login)
    visitor.sign_in(login)
    assert login.knows(visitor.providers, visitor.begin(login)), "one is signed in there too"
    answer = visitor.sign_out()
    onward = answer.headers["Refresh"].removeprefix("0; url=")
    assert login.say_goodbye(visitor.providers, onward) == f"{visitor.web.origin}/signed-out"
    assert not visitor.is_signed_in()
    assert not login.knows(visitor.providers, visitor.begin(login))
    assert visitor.sign_in(login).status_code == 303


def test_signing_out_at_the_provider_ends_the_login_and_its_socket(login: Login, visitor: Visitor) -> None:
    user = person(login)
    visitor.sign_in(login)
    other = Visitor(visitor.web)
    other.sign_in(login)
    ear = Signed(visitor.web, user, visitor.cookies[visitor.web.cookie]).connect()
    try:
        login.leave(visitor.providers)
        ear.hear("disconnect")
    finally:
        ear.close()
    assert (visitor.is_signed_in(), other.is_signed_in()) == (False, True)
    ended = select(LoginSession.ended_because).order_by(LoginSession.started_at).execution_options(**UNCHECKED)
    assert list(session().scalars(ended)) == ["signed_out_at_provider", None]


def test_a_callback_works_once_and_in_its_own_browser(login: Login, visitor: Visitor) -> None:
    person(login)
    query = login.choose(visitor.providers, visitor.begin(login), login.someone)
    other = Visitor(visitor.web)
    other.begin(login)
    assert other.come_back(login, query).status_code == 400
    assert visitor.come_back(login, query).status_code == 303
    assert visitor.come_back(login, query).status_code == 400
    assert [each["why"] for each in ledger("login.refused")] == ["over", "over"]


def test_ten_tabs_sign_in_at_once(login: Login, visitor: Visitor) -> None:
    user = person(login)
    addresses = [visitor.begin(login) for _ in range(10)]

    def in_a_tab(address: str) -> int:
        tab = Visitor(visitor.web, dict(visitor.cookies))
        return tab.come_back(login, login.choose(tab.providers, address, login.someone)).status_code

    with ThreadPoolExecutor(10) as tabs:
        assert list(tabs.map(in_a_tab, addresses)) == [303] * 10
    assert len(kept(user)) == 10


@pytest.mark.parametrize("login", ["certified-rs", "certified-es"], indirect=True)
def test_a_strong_and_recent_sign_in_is_asked_in_the_providers_own_words(login: Certified, app: Flask) -> None:
    settings = app.config["SETTINGS"]
    oidc.use(settings)
    client = oidc.client(registry.provider(login.slug))
    given = {"state": "s", "nonce": "n" * 43, "code_verifier": "v" * 43}
    back = f"{login.origin}/sign-in/{login.slug}/callback"
    address = client.address(back, **given, assurance=Assurance.HIGH, max_age=300)
    asked = login.asked(requests.Session(), address)
    (highest,) = login.words[2:]
    claims = json.loads(asked["claims"])["id_token"]
    assert asked["max_age"] == "300"
    assert "amr" in claims
    assert (asked.get("acr_values"), claims["acr"]) in (
        (None, {"essential": True, "values": [highest]}),
        (highest, None),
    )


def test_an_operator_tests_the_login_and_is_signed_in_by_none_of_it(login: Login, web: Web, app: Flask) -> None:
    provider = registry.provider(login.slug)
    with transaction():
        home = factories.provider("home")
    operator = factories.administrator(home, Duty.OPERATOR)
    visitor = Visitor(web, {web.cookie: factories.login(operator)})
    logins_before = len(kept())
    at = f"/providers/{provider.id}/test"

    def press(what: str = "") -> requests.Response:
        token = re.search(r'name="csrf-token" content="([^"]+)"', visitor.ask("GET", "/account").text)
        assert token
        return visitor.ask("POST", at + what, csrf_token=token[1])

    def findings() -> dict[str, str]:
        session().expire_all()
        tests = select(ProviderTest).execution_options(populate_existing=True, **UNCHECKED)
        return {each["check"]: f"{each['result']} {each['why']}" for each in session().scalars(tests).one().findings}

    assert press().status_code == 303
    wrong = {check: found for check, found in findings().items() if found.startswith("wrong")}
    unused = {"par": "wrong par_unused"} if not provider.uses_par else {}
    assert wrong == unused
    onward = press("/sign-in").headers["Refresh"].removeprefix("0; url=")
    answer = visitor.come_back(login, login.choose(visitor.providers, onward, login.someone))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{at}#sign-in")
    found = findings()
    assert (found["sign_in"], found["level"]) == ("passed sign_in", "passed level")
    assert found["authority"].startswith("passed")
    assert found["proved"] == "passed proved"
    onward = press("/sign-out").headers["Refresh"].removeprefix("0; url=")
    back = login.say_goodbye(visitor.providers, onward)
    assert back.startswith(f"{web.origin}/signed-out?state=")
    assert visitor.ask("GET", back.removeprefix(web.origin)).status_code == 303
    assert findings()["left"] == "passed left"
    if isinstance(login, Simplesaml):
        # It tells everybody but the one who asked.
        onward = press("/sign-in").headers["Refresh"].removeprefix("0; url=")
        visitor.come_back(login, login.choose(visitor.providers, onward, login.someone))
        login.leave(visitor.providers)
    until = time.monotonic() + 2 * PATIENCE
    while findings()["told"] != "passed told":
        assert time.monotonic() < until, "no word came"
        time.sleep(0.05)
    assert len(kept()) == logins_before
    assert visitor.is_signed_in()
