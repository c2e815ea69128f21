"""The same journeys of signing in and out with a portal that really runs, at logins by two independent authors."""

import datetime as dt
import itertools
import json
import re
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urljoin

import pytest
import requests
from flask import Flask
from sqlalchemy import select, update

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.exhibits.models import Release
from jit_portal.identity import oidc, ourselves, registry
from jit_portal.identity.models import Authority, ProviderTest, User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.notices.models import Notice
from jit_portal.vocabulary import Assurance, Duty, NoticeKind, Outcome, Role
from jit_portal.workspaces import service as workspaces
from jit_portal.workspaces.models import Membership
from tests import factories
from tests.factories import World
from tests.providers import logins
from tests.providers.logins import Certified, Demo, Login, Logins
from tests.providers.simplesaml import Simplesaml
from tests.signing_in import UNCHECKED, ledger
from tests.signing_in import logins as kept
from tests.vault import token_in
from tests.web import PATIENCE, Signed, Web, running_web

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


def test_a_newcomer_is_seated_by_her_invitation_and_not_without_it(login: Login, visitor: Visitor) -> None:
    world, token = invited(login)
    assert visitor.sign_in(login, login.stranger).status_code == 403
    page = visitor.ask("GET", f"/invitations/{token}").text
    assert f"/sign-in/{login.slug}?invitation={token}" in page

    newcomer = Visitor(visitor.web)
    answer = newcomer.sign_in(login, login.stranger, invitation=token)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    made = now_known(login)
    assert (made.issuer, made.authority_id) == (login.row().issuer, authority(login).id)
    assert made.name not in ("", "As invited"), "the login says who she is"
    seat = select(Membership).where(Membership.user_id == made.id).execution_options(**UNCHECKED)
    member = session().scalars(seat).one()
    assert (member.party_id, member.role) == (world.parties[login.slug].id, Role.MEMBER)
    assert newcomer.ask("GET", f"/workspaces/{world.workspace.id}").status_code == 200
    assert ledger("invitation.accepted") == [{}]

    again = Visitor(visitor.web).ask("GET", f"/sign-in/{login.slug}?invitation={token}")
    assert (again.status_code, "cannot be used" in again.text) == (403, True)
    assert [each["why"] for each in ledger("login.refused")] == ["unknown", "invitation"]


def test_another_authority_flags_her_account_and_binds_it_to_none(login: Login, visitor: Visitor) -> None:
    world, token = invited(login)
    administrator = factories.administrator(world.providers[login.slug])
    visitor.sign_in(login, login.stranger, invitation=token)
    before = now_known(login)
    assert before.flagged is None
    kept_of = (before.id, before.name, authority(login).id)

    moved = Visitor(visitor.web)
    assert moved.sign_in(login, login.stranger, authority(login, 1).code).status_code == 303
    made = now_known(login)
    assert (made.id, made.name, made.authority_id) == kept_of, "one person, of the authority that invited her"
    assert (made.flagged, made.claimed_authority_id) == ("authority", authority(login, 1).id)
    assert ledger("user.flagged") == [{"claims": ["authority"]}]
    told = select(Notice.kind).where(Notice.user_id == administrator.id).execution_options(**UNCHECKED)
    assert list(session().scalars(told)) == [NoticeKind.FLAGGED]

    assert Visitor(visitor.web).sign_in(login, login.stranger, "Z").status_code == 403
    assert [each["why"] for each in ledger("login.refused")] == ["authority"]
    assert now_known(login).authority_id == authority(login).id


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


def test_a_release_waits_for_a_proof_anew_and_goes_on_with_nothing_typed_again(login: Login, visitor: Visitor) -> None:
    world, leader = led(login)
    visitor.sign_in(login)
    age()
    page = send_release(visitor, login, world)
    offered = visitor.ask("GET", page).text
    assert f'href="/sign-in/{login.slug}?confirm=1&amp;next={page}"' in offered
    assert 'name="waiting-act"' not in offered
    before = visitor.cookies[visitor.web.cookie]
    assert not login.knows(visitor.providers, visitor.begin(login, confirm="1", next=page)), "she is asked anew"

    answer = visitor.sign_in(login, confirm="1", next=page)
    assert (answer.status_code, answer.headers["Location"], releases()) == (303, page, [])
    assert not Visitor(visitor.web, {visitor.web.cookie: before}).is_signed_in()
    going_on = re.search(
        r'action="(/exhibits/[^"]+)".* name="waiting-act" value="([^"]+)"', visitor.ask("GET", page).text
    )
    assert going_on
    answer = visitor.send(going_on[1], **{"waiting-act": going_on[2]})
    assert (answer.status_code, releases()) == (303, [TYPED])
    assert visitor.ask("GET", page).status_code == 404, "once"
    assert on_record(leader)[-3:] == ["login.step_up_asked", "login.stepped_up", "exhibit.released"]
    assert ledger("login.stepped_up") == [{"by": "provider", "assurance": Assurance.HIGH}]


def on_record(someone: User) -> list[str]:
    """What she did, all in the one sign-in of hers."""
    hers = select(LedgerEntry).where(LedgerEntry.actor_id == someone.id, LedgerEntry.outcome == Outcome.DONE)
    entries = list(session().scalars(hers.order_by(LedgerEntry.at).execution_options(**UNCHECKED)))
    assert len({entry.login_session_id for entry in entries}) == 1
    return [entry.act for entry in entries]


def test_somebody_elses_proof_confirms_nothing(login: Login, visitor: Visitor) -> None:
    world, _ = led(login)
    visitor.sign_in(login)
    age()
    page = send_release(visitor, login, world)
    visitor.providers = requests.Session()
    answer = visitor.sign_in(login, login.stranger, confirm="1", next=page)
    assert still_waits(visitor, page, answer, "other_person")


@pytest.mark.parametrize("login", ["demo", "certified-es"], indirect=True)
def test_a_proof_that_is_weaker_than_the_login_can_give_confirms_nothing(login: Login, visitor: Visitor) -> None:
    """The others give none: one would rather ask again, the other knows people strongly or not at all."""
    if isinstance(login, Demo):
        login = replace(login, someone="fr-0006")
    elif isinstance(login, Certified):
        login = replace(login, assurance=Assurance.SUBSTANTIAL)
    world, _ = led(login)
    visitor.sign_in(login)
    page = send_release(visitor, login, world)
    assert still_waits(visitor, page, visitor.sign_in(login, confirm="1", next=page), "too_weak")


def still_waits(visitor: Visitor, page: str, answer: requests.Response, why: str) -> bool:
    """Whether a proof was refused for this reason by a page that leads back to the release, which waits on."""
    assert (answer.status_code, f'href="{page}"' in answer.text) == (403, True)
    assert [each["why"] for each in ledger("login.step_up_refused")] == [why]
    waits = visitor.ask("GET", page)
    return (waits.status_code, 'name="waiting-act"' in waits.text, releases()) == (200, False, [])


@pytest.mark.parametrize("login", ["certified-lz"], indirect=True)
def test_a_login_that_asks_nobody_anew_confirms_nothing_and_a_passkey_takes_its_place(
    login: Certified, visitor: Visitor
) -> None:
    world, _ = led(login)
    query = login.choose(visitor.providers, visitor.begin(login), login.someone, minutes_ago=6)
    assert visitor.come_back(login, query).status_code == 303
    page = send_release(visitor, login, world)

    back = login.pass_through(visitor.providers, visitor.begin(login, confirm="1", next=page))
    answer = visitor.come_back(login, back)
    assert still_waits(visitor, page, answer, "not_asked_again")
    assert "did not ask you again" in answer.text
    assert "use a passkey" in answer.text
    offer = "A passkey can take its place"
    assert offer not in visitor.ask("GET", page).text, "as far as its row says, it can"
    registry.ensure_providers([replace(login.row(), proves_anew=False)])
    waits = visitor.ask("GET", page).text
    assert (offer in waits, 'name="waiting-act"' in waits, releases()) == (True, False, [])


def test_signing_out_ends_the_login_here_and_there(login: Login, visitor: Visitor) -> None:
    person(login)
    visitor.sign_in(login)
    assert login.knows(visitor.providers, visitor.begin(login)), "one is signed in there too"
    answer = visitor.sign_out()
    onward = answer.headers["Refresh"].removeprefix("0; url=")
    back = login.say_goodbye(visitor.providers, onward)
    if isinstance(login, Simplesaml):
        back = urljoin(back, visitor.ask("GET", back.removeprefix(visitor.web.origin)).headers["Location"])
    assert back == f"{visitor.web.origin}/signed-out", "and the login confirms it"
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
    ourselves.use(settings)
    client = oidc.client(registry.provider(login.slug))
    given = {"state": "s", "nonce": "n" * 43, "code_verifier": "v" * 43}
    back = f"{login.origin}/sign-in/{login.slug}/callback"
    address = client.address(back, **given, assurance=Assurance.HIGH, max_age=300)
    asked = login.asked(requests.Session(), address)
    (highest,) = login.words[2:]
    claims = json.loads(asked["claims"])["id_token"]
    assert asked["max_age"] == "300"
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
        return visitor.send(at + what)

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
    answer = visitor.ask("GET", back.removeprefix(web.origin))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{at}#sign-in")
    assert findings()["left"] == f"passed left{'_confirmed' if isinstance(login, Simplesaml) else ''}"
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
