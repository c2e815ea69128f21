"""Breaking the glass: two hardware keys, one hour, operator's rights and no case; and every country hears of it."""

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

from jit_portal import cli, policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.config import Settings
from jit_portal.database import factory, session, transaction
from jit_portal.demo import plan
from jit_portal.demo.folders import make_private
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.errors import NotAllowed, NotFound, Refused
from jit_portal.identity import invitations, passkeys, proposals, registry
from jit_portal.identity.answers import credential_id
from jit_portal.identity.devices import Device
from jit_portal.identity.glass import accounts, enrolling
from jit_portal.identity.glass import opening as breaking
from jit_portal.identity.glass.models import GlassAccount, GlassChallenge, GlassOpening
from jit_portal.identity.models import GLASS, IdentityProvider, LoginSession, Passkey, User
from jit_portal.notices.models import Notice
from jit_portal.policy import stepup
from jit_portal.vocabulary import Duty, NoticeKind, Outcome, Role
from jit_portal.workspaces import service as workspaces
from tests import factories
from tests.authenticator import SecurityKey
from tests.conftest import ClientApart
from tests.factories import World, now
from tests.signing_in import UNCHECKED, again, ledger
from tests.vault import token_in
from tests.waiting import Statement, held_login, record_is_free_while_it_waits, status_after_the_wait
from tests.web import running_web

ORIGIN, HOST = "http://localhost", "localhost"
NAME, REASON = "Nadia Brandt", "The French login signs in anybody."
Browse = Callable[[User], FlaskClient]


class Window:
    """A browser in which somebody breaks the glass, or enrols the keys for it."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = ClientApart(app, app.response_class, use_cookies=True)
        self.client.environ_base["wsgi.url_scheme"] = "https"

    def send(self, path: str, **form: str) -> TestResponse:
        token = token_in(self.client.get("/break-glass").text)
        return self.client.post(path, data={"csrf_token": token, **form})

    def ask(self, path: str) -> dict[str, object]:
        answer = self.send(path)
        assert answer.status_code == 200, answer.text[-600:]
        options: dict[str, object] = json.loads(answer.text)
        return options

    def enrol(self, link: str, key: SecurityKey) -> TestResponse:
        return self.send(link, credential=key.create(self.ask(f"{link}/ask")))

    def first(self, key: SecurityKey, reason: str = REASON) -> TestResponse:
        return self.send("/break-glass", reason=reason, credential=key.get(self.ask("/break-glass/ask")))

    def second(self, key: SecurityKey) -> TestResponse:
        return self.send("/break-glass/second", credential=key.get(self.ask("/break-glass/second/ask")))

    def open(self, keys: "Keys") -> TestResponse:
        assert self.first(keys[0]).status_code == 303
        return self.second(keys[1])

    def is_in(self) -> bool:
        return self.client.get("/account").status_code == 200


Keys = tuple[SecurityKey, SecurityKey]


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    made = factories.world()
    made.people |= {
        "operator": factories.administrator(made.providers["fr"], Duty.OPERATOR),
        "nl_administrator": factories.administrator(made.providers["nl"]),
    }
    yield made
    session.remove()


@pytest.fixture
def window(app: Flask) -> Window:
    return Window(app)


@pytest.fixture
def made(world: World) -> tuple[GlassAccount, str]:
    return accounts.make(world["operator"], NAME)


@pytest.fixture
def account(made: tuple[GlassAccount, str]) -> GlassAccount:
    """An account that waits for its keys."""
    return made[0]


@pytest.fixture
def link(made: tuple[GlassAccount, str]) -> str:
    """Where they are enrolled."""
    return f"/break-glass/keys/{made[1]}"


@pytest.fixture
def keys() -> Keys:
    return SecurityKey(ORIGIN, HOST), SecurityKey(ORIGIN, HOST)


@pytest.fixture
def enrolled(app: Flask, link: str, keys: Keys) -> Keys:
    """The two keys of an account that can be opened."""
    for key in keys:
        assert Window(app).enrol(link, key).status_code == 303
    return keys


def user_of(account: GlassAccount) -> User:
    return again(account).user


def count(model: type[GlassOpening | LoginSession | Passkey]) -> int:
    session().rollback()
    counted = select(func.count()).select_from(model)
    if model is not GlassOpening:
        counted = counted.where(model.user_id.in_(select(GlassAccount.user_id)))
    return session().scalar(counted.execution_options(**UNCHECKED)) or 0


def why_refused() -> tuple[str, str, str | None]:
    """Of the newest refusal on record: what was tried, why not, and who stands there for it."""
    newest = select(LedgerEntry).where(LedgerEntry.outcome == Outcome.REFUSED).order_by(LedgerEntry.at.desc()).limit(1)
    entry = session().scalars(newest.execution_options(**UNCHECKED)).one()
    return entry.act, json.loads(entry.details)["may"], str(entry.object_id) if entry.object_id else None


# --- off, and on the server


def test_switched_off_it_is_not_there_and_opens_nothing(world: World, environ: dict[str, str], folder: Path) -> None:
    glass = factories.glass_account()
    with running_web(environ | {"JIT_BREAK_GLASS": "0"}, folder) as web:
        somebody, opened = web.sign_in(world["operator"]), web.sign_in(glass)
        for path in ("", "/second/ask", "/keys/x"):
            for method in ("GET", "POST", "PUT"):
                for headers in ({}, somebody.headers):
                    answers = [
                        requests.request(method, f"{web.origin}/{place}{path}", headers=headers, timeout=20)
                        for place in ("break-glass", "break-glasz")
                    ]
                    assert answers[0].status_code == 404, (method, path)
                    pages = [
                        re.sub(r"\b[0-9a-f]{16}\b|(nonce|content|value|data-as-of)=\"[^\"]+\"|glas[sz]", "", a.text)
                        for a in answers
                    ]
                    assert pages[0] == pages[1], (method, path)
        assert somebody.get("/account", allow_redirects=False).status_code == 200
        assert opened.get("/account", allow_redirects=False).status_code == 302, "nor does what was opened before"


Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(
    app: Flask, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command itself: its exit code, and what it said."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str]:
        session.remove()
        code = cli.main(["break-glass", *arguments])
        # The command connects the sessions of its process, which here is also the portal's.
        factory.configure(bind=app.extensions["database"])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_an_account_is_made_listed_and_closed_on_the_server(world: World, command: Command, app: Flask) -> None:
    code, said = command("make", f"  {NAME} ", "--by", f"fr:{world['operator'].subject}")
    assert code == 0, said
    made = re.match(rf"([0-9a-f-]{{36}}): {NAME}, of no use", said)
    shown = re.search(r"^http://localhost(/break-glass/keys/([\w-]{43}))$", said, re.MULTILINE)
    assert made
    assert shown
    account = session().scalars(select(GlassAccount)).one()
    assert shown[2].encode() not in account.link_hash
    assert account.link_expires_at - now() < dt.timedelta(minutes=31)
    assert shown[2] not in command("list")[1]
    assert f"{made[1]}: {NAME}, waits for its keys until" in command("list")[1]
    made_by = select(LedgerEntry).where(LedgerEntry.act == "break_glass.made")
    entry = session().scalars(made_by.execution_options(**UNCHECKED)).one()
    assert (entry.actor_id, entry.object_id) == (world["operator"].id, account.user_id)
    assert command("close", made[1])[0] == 0
    assert f"{NAME}, closed" in command("list")[1]
    assert command("close", made[1]) == (1, "Not done: it is closed already\n")
    assert command("close", str(uuid.uuid4()))[0] == 1
    assert command("make", " ")[0] == 1
    assert Window(app).client.get(shown[1]).status_code == 404


@pytest.mark.parametrize("what", ["list", "make", "close"])
def test_switched_off_the_commands_say_so(
    world: World, command: Command, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.delenv("JIT_BREAK_GLASS")
    more = {"list": [], "make": [NAME], "close": [str(uuid.uuid4())]}[what]
    code, said = command(what, *more)
    monkeypatch.setenv("JIT_BREAK_GLASS", "1")
    command("list")
    assert (code, "break-glass is off here" in said) == (1, True)
    assert session().scalar(select(func.count()).select_from(GlassAccount)) == 0


def test_the_demo_has_it_switched_off_unless_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = plan.of_folder(make_private(tmp_path / "data", 0o711), 8800)
    for told, is_on in ((None, False), ("0", False), ("1", True)):
        if told is not None:
            monkeypatch.setenv("JIT_BREAK_GLASS", told)
        assert Settings.read(demo.environ("web")).break_glass is is_on


def test_it_is_no_login_and_no_operator_for_commands(world: World, account: GlassAccount) -> None:
    """Its row stands in no register, and nothing is done in its name without its keys."""
    row = session().scalars(select(IdentityProvider).where(IdentityProvider.slug == GLASS)).one()
    assert registry.known(GLASS) is None
    assert GLASS not in [each.slug for each in (*registry.every_one(), *registry.providers())]
    with pytest.raises(NotFound):
        policy.fetch(world["operator"], IdentityProvider, row.id)
    with pytest.raises(NotFound):
        proposals.reopen(world["operator"], GLASS)
    with pytest.raises(NotFound):
        proposals.operator(GLASS, account.user.subject)


def test_it_does_not_stand_in_the_way_of_the_first_login_and_the_first_operator(app: Flask) -> None:
    factories.glass_account()
    assert registry.is_empty()
    with transaction():
        authority = factories.provider("fr").authorities[0]
    made, _ = invitations.appoint(None, authority, "Ana Costa", Duty.OPERATOR)
    assert made.duty == Duty.OPERATOR
    session.remove()


# --- its keys


def test_two_keys_are_enrolled_by_one_link(window: Window, account: GlassAccount, link: str, keys: Keys) -> None:
    options = window.ask(f"{link}/ask")
    chosen = options["authenticatorSelection"]
    assert isinstance(chosen, dict)
    assert (chosen["authenticatorAttachment"], chosen["userVerification"]) == ("cross-platform", "required")
    assert window.enrol(link, keys[0]).headers["Location"] == link
    assert "1 of 2" in window.client.get(link).text
    assert again(account).enrolled_at is None
    assert window.enrol(link, keys[1]).headers["Location"] == "/break-glass"
    assert again(account).enrolled_at is not None
    assert window.client.get(link).status_code == 404, "spent"
    assert len(ledger("passkey.enrolled")) == 2
    assert len(ledger("break_glass.enrolled")) == 1


def test_one_key_is_not_enough(window: Window, account: GlassAccount, link: str, keys: Keys) -> None:
    window.enrol(link, keys[0])
    assert window.first(keys[0]).status_code == 403
    assert why_refused() == ("break_glass.open", "not_enrolled", str(account.user_id))


@pytest.mark.parametrize(
    "fault",
    ["same", "not verified", "synced", "other browser", "twice", "other origin", "text", "answers another account's"],
)
def test_what_is_no_second_hardware_key_is_not_enrolled(
    app: Flask, window: Window, link: str, keys: Keys, fault: str
) -> None:
    window.enrol(link, keys[0])
    key, sender, why, asked = keys[1], window, "unsound", link
    if fault == "same":
        key, why = keys[0], "known"
        excluded = window.ask(f"{link}/ask")["excludeCredentials"]
        assert isinstance(excluded, list)
        assert len(excluded) == 1
    elif fault == "not verified":
        key.verifies = False
    elif fault == "synced":
        key.can_be_copied, why = True, "synced"
    elif fault == "other origin":
        key.origin = "https://localhost"
    elif fault == "answers another account's":
        asked, why = f"/break-glass/keys/{accounts.make(None, 'Somebody else')[1]}", "challenge"
    said = "{}" if fault == "text" else key.create(window.ask(f"{asked}/ask"))
    if fault == "other browser":
        sender, why = Window(app), "challenge"
    if fault == "twice":
        with transaction():
            session().execute(update(GlassChallenge).values(expires_at=now()))
        why = "challenge"
    assert sender.send(link, credential=said).status_code == 403
    assert why_refused()[:2] == ("break_glass.enrol", why)
    assert count(Passkey) == 1


def while_it_waits(window: Window, link: str, said: str, cluster: Postgres, held: Statement) -> int:
    """What becomes of a key that is enrolled as somebody else does what is held."""
    cookie = window.client.get_cookie("__Host-jit-test-attempt")
    assert cookie is not None

    def enrol() -> None:
        with window.app.test_request_context():
            enrolling.enrol(link.rsplit("/", 1)[-1], cookie.value, said)

    return status_after_the_wait(cluster, enrol, held=held, meanwhile=("SELECT 1", []))


def test_a_key_that_two_enrol_at_once_is_that_of_one(
    world: World, window: Window, account: GlassAccount, link: str, keys: Keys, cluster: Postgres
) -> None:
    said = keys[0].create(window.ask(f"{link}/ask"))
    columns = "id, user_id, name, credential_id, public_key, sign_count"
    quicker = f"INSERT INTO passkey ({columns}) VALUES (%s, %s, 'x', %s, '', 0)"
    held: Statement = (quicker, [uuid.uuid4(), world["fr_leader"].id, credential_id(said)])
    assert while_it_waits(window, link, said, cluster, held) == 403
    assert why_refused() == ("break_glass.enrol", "known", str(account.user_id))


def test_no_third_key_is_enrolled_by_whoever_is_as_quick(
    window: Window, account: GlassAccount, link: str, keys: Keys, cluster: Postgres
) -> None:
    window.enrol(link, keys[0])
    said = keys[1].create(window.ask(f"{link}/ask"))
    held: Statement = ("UPDATE glass_account SET enrolled_at = now() WHERE id = %s", [account.id])
    assert while_it_waits(window, link, said, cluster, held) == 403
    assert why_refused() == ("break_glass.enrol", "spent", str(account.user_id))
    assert len(ledger("passkey.enrolled")) == 1


@pytest.mark.parametrize("how", ["over", "spent", "closed", "invented"])
def test_a_link_that_is_over_is_missing(
    app: Flask, window: Window, account: GlassAccount, link: str, cluster: Postgres, how: str
) -> None:
    if how == "over":
        with psycopg.connect(cluster.url(OWNER), autocommit=True) as connection:
            connection.execute("UPDATE glass_account SET link_expires_at = now()")
    elif how == "spent":
        with transaction():
            session().execute(update(GlassAccount).values(enrolled_at=now()))
    elif how == "closed":
        accounts.close(None, account.id)
    path = link if how != "invented" else f"/break-glass/keys/{'x' * 43}"
    for answer in (window.client.get(path), window.send(path, credential="{}"), window.send(f"{path}/ask")):
        assert answer.status_code == 404
        assert "There is nothing here" in answer.text
    if how != "invented":
        assert why_refused() == ("break_glass.enrol", how, str(account.user_id))


# --- breaking it


def test_two_keys_open_the_portal_for_an_hour_and_everybody_is_told(
    world: World, window: Window, account: GlassAccount, enrolled: Keys, browse: Browse
) -> None:
    ended = factories.world("Harbour", ("ro",))
    factories.end_agreement(ended)
    answer = window.open(enrolled)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    opening = session().scalars(select(GlassOpening).execution_options(**UNCHECKED)).one()
    assert opening.ends_at - opening.opened_at == dt.timedelta(minutes=60)
    login = session().get_one(LoginSession, opening.login_id, execution_options=UNCHECKED)
    assert (login.ends_at, login.idle_minutes) == (opening.ends_at, 15)

    notices = session().scalars(select(Notice).execution_options(**UNCHECKED)).all()
    told = {notice.user_id for notice in notices if notice.kind == NoticeKind.GLASS_BROKEN}
    wanted = {"fr_leader", "nl_leader", "operator", "nl_administrator"}
    assert told == {world[name].id for name in wanted}, "and nobody of a JIT that is over, nor who only is a member"
    for name in sorted(wanted):
        page = browse(world[name]).get("/notices").text
        assert f"{NAME} has broken the glass" in page, name
        assert REASON in page, name
    assert NAME not in browse(world["fr_member"]).get("/notices").text

    said = ledger("break_glass.opened")
    assert [each["reason"] for each in said] == [REASON]
    page = window.client.get("/providers").text
    assert "Break-glass: operator" in page
    assert 'jit-minutes-left data-until="' in page
    assert re.search('Over at <time[^>]*><bdi>[^<]+<span class="zone">', page), "as every time, with its zone"


def test_forms_of_whoever_was_here_before_are_worth_nothing(
    world: World, window: Window, account: GlassAccount, enrolled: Keys
) -> None:
    token = token_in(window.client.get("/break-glass").text)
    assert window.open(enrolled).status_code == 303
    wish = {"csrf_token": token, "language": "fr", "time_zone": "Europe/Paris"}
    assert window.client.post("/account", data=wish).status_code == 400


def test_acts_within_are_marked_on_record(world: World, window: Window, account: GlassAccount, enrolled: Keys) -> None:
    window.open(enrolled)
    someone = world["fr_leader"]
    factories.login(someone)
    page = window.client.get(f"/people/{someone.id}").text
    token = token_in(page)
    assert window.client.post(f"/people/{someone.id}/end-logins", data={"csrf_token": token}).status_code == 303
    ended = select(LedgerEntry).where(LedgerEntry.act == "login.ended", LedgerEntry.actor_id == account.user_id)
    entries = session().scalars(ended.execution_options(**UNCHECKED)).all()
    assert {entry.actor_authority for entry in entries} == {"Break-glass"}
    assert all(entry.login_session_id for entry in entries)


@pytest.mark.parametrize("fault", ["reason", "unknown", "not verified", "signature", "other origin", "late", "text"])
def test_a_first_key_that_is_not_sound_opens_nothing(
    window: Window, account: GlassAccount, enrolled: Keys, fault: str
) -> None:
    key, why, reason = enrolled[0], "unsound", REASON
    if fault == "unknown":
        key, why = SecurityKey(ORIGIN, HOST), "unknown"
    elif fault == "not verified":
        key.verifies = False
    elif fault == "signature":
        key.key = SecurityKey(ORIGIN, HOST).key
    elif fault == "other origin":
        key.origin = "https://localhost"
    elif fault == "reason":
        reason = " \n"
    options = window.ask("/break-glass/ask")
    assert options["userVerification"] == "required"
    assert not options["allowCredentials"], "nobody learns which keys there are"
    said = "{}" if fault == "text" else key.get(options)
    if fault == "late":
        with transaction():
            session().execute(update(GlassChallenge).values(expires_at=now()))
        why = "challenge"
    answer = window.send("/break-glass", reason=reason, credential=said)
    assert answer.status_code == (422 if fault == "reason" else 403)
    assert window.client.get("/break-glass/second").status_code == 302
    if fault != "reason":
        assert REASON in answer.text, "what was typed comes back"
        assert why_refused()[:2] == ("break_glass.open", why)


@pytest.mark.parametrize(
    "fault", ["same", "another's", "not verified", "other browser", "twice", "answers the first step"]
)
def test_a_second_key_that_is_not_sound_opens_nothing(
    app: Flask, window: Window, account: GlassAccount, enrolled: Keys, fault: str
) -> None:
    key, sender, why = enrolled[1], window, "unsound"
    if fault == "another's":
        _, token = accounts.make(None, "Somebody else")
        other = SecurityKey(ORIGIN, HOST), SecurityKey(ORIGIN, HOST)
        for each in other:
            assert Window(app).enrol(f"/break-glass/keys/{token}", each).status_code == 303
        key, why = other[0], "other_account"
    elif fault == "same":
        key, why = enrolled[0], "same_key"
    elif fault == "not verified":
        key.verifies = False
    assert window.first(enrolled[0]).status_code == 303
    options = window.ask("/break-glass/second/ask")
    assert isinstance(options["allowCredentials"], list)
    assert len(options["allowCredentials"]) == 1, "the other key, and it alone"
    if fault == "answers the first step":
        options, why = window.ask("/break-glass/ask"), "challenge"
    said = key.get(options)
    if fault == "other browser":
        sender, why = Window(app), "challenge"
    if fault == "twice":
        assert window.send("/break-glass/second", credential=said).status_code == 303
        window.client.delete_cookie("__Host-jit-test")
        why = "challenge"
    before = count(GlassOpening)
    answer = sender.send("/break-glass/second", credential=said)
    assert answer.status_code == 403
    assert why_refused()[:2] == ("break_glass.open", why)
    assert (count(GlassOpening), sender.is_in()) == (before, False)
    if fault != "other browser" and fault != "twice":
        assert REASON in answer.text, "what was typed comes back"


@pytest.mark.parametrize("place", ["first", "second"])
def test_a_count_that_goes_back_is_that_of_a_copy(
    window: Window, account: GlassAccount, enrolled: Keys, place: str
) -> None:
    number = ("first", "second").index(place)
    with transaction():
        named = update(Passkey).where(Passkey.credential_id == enrolled[number].id)
        session().execute(named.values(sign_count=7))
    if place == "second":
        window.first(enrolled[0])
        answer = window.second(enrolled[1])
    else:
        answer = window.first(enrolled[0])
    assert answer.status_code == 403
    assert why_refused() == ("break_glass.open", "copied", str(account.user_id))
    assert len(ledger("passkey.flagged")) == 1
    enrolled[number].count = 50
    if place == "first":
        assert window.first(enrolled[0]).status_code == 403
        assert why_refused()[1] == "flagged", "and it is of no use from then on"
    assert count(GlassOpening) == 0


def test_a_closed_account_opens_nothing_and_what_it_had_open_ends(
    app: Flask, window: Window, account: GlassAccount, enrolled: Keys, world: World
) -> None:
    window.open(enrolled)
    assert window.is_in()
    accounts.close(world["operator"], account.id)
    assert not window.is_in()
    assert Window(app).first(enrolled[0]).status_code == 403
    assert why_refused() == ("break_glass.open", "closed", str(account.user_id))


def test_an_account_that_is_closed_meanwhile_is_not_opened(
    app: Flask, window: Window, account: GlassAccount, enrolled: Keys, cluster: Postgres
) -> None:
    window.first(enrolled[0])
    said = enrolled[1].get(window.ask("/break-glass/second/ask"))
    cookie = window.client.get_cookie("__Host-jit-test-attempt")
    assert cookie is not None

    def open_it() -> None:
        with app.test_request_context():
            breaking.open_portal(cookie.value, said, Device("192.0.2.1", "x"))

    closing = 'UPDATE "user" SET deactivated_at = now() WHERE id = %s'
    held: Statement = (closing, [account.user_id])
    status = status_after_the_wait(cluster, open_it, held=held, meanwhile=("SELECT 1", []))
    assert (status, count(GlassOpening)) == (403, 0)


# --- what is open


def test_after_an_hour_it_is_over_and_nothing_prolongs_it(
    window: Window, account: GlassAccount, enrolled: Keys
) -> None:
    window.open(enrolled)
    login = select(LoginSession).where(LoginSession.user_id == account.user_id)
    ends_at = session().scalars(login.execution_options(**UNCHECKED)).one().ends_at
    with transaction():
        session().execute(update(LoginSession).values(last_seen_at=now() - dt.timedelta(minutes=10), confirmed_at=None))
    for _ in range(2):
        assert window.is_in()
    said = enrolled[0].get(json.loads(_with_form(window, "/account/passkeys/ask").text))
    assert _with_form(window, "/account/passkeys/confirm", credential=said).status_code == 303
    held = session().scalars(login.execution_options(populate_existing=True, **UNCHECKED)).one()
    assert (held.ends_at, held.last_seen_at > now() - dt.timedelta(minutes=1)) == (ends_at, True)
    with transaction():
        session().execute(update(LoginSession).values(ends_at=now()))
    assert not window.is_in()


def _with_form(window: Window, path: str, **form: str) -> TestResponse:
    token = token_in(window.client.get("/account").text)
    return window.client.post(path, data={"csrf_token": token, **form})


def test_the_database_keeps_no_opening_longer_than_an_hour(world: World, account: GlassAccount) -> None:
    user, at = account.user, now()
    longer = GlassOpening(
        user_id=user.id,
        login_id=factories.acts_in(user).current_login,
        reason="x",
        opened_at=at,
        ends_at=at + dt.timedelta(minutes=60, seconds=1),
    )
    with pytest.raises(IntegrityError, match="an_hour"), transaction():
        session().add(longer)


def test_it_has_one_login_at_once_and_ends_by_its_button(
    app: Flask, window: Window, account: GlassAccount, enrolled: Keys
) -> None:
    window.open(enrolled)
    again = Window(app)
    again.open(enrolled)
    assert (window.is_in(), again.is_in()) == (False, True)
    page = _with_form(again, "/sign-out")
    assert page.status_code == 200
    assert "may still know you" not in page.text
    assert not again.is_in()


def test_whoever_breaks_the_glass_and_waits_has_not_the_record(
    app: Flask, window: Window, account: GlassAccount, enrolled: Keys, cluster: Postgres
) -> None:
    """For whoever ends what she has open already."""
    window.open(enrolled)
    id = session().scalars(factories.logins_of(account.user).with_only_columns(LoginSession.id)).one()
    again = Window(app)
    again.first(enrolled[0])
    said = enrolled[1].get(again.ask("/break-glass/second/ask"))

    def open_it() -> None:
        again.send("/break-glass/second", credential=said)

    assert record_is_free_while_it_waits(cluster, open_it, held_login(id), told=account.user_id)
    assert (window.is_in(), again.is_in()) == (False, True)


def test_it_takes_the_place_of_the_login_of_its_browser(
    app: Flask, window: Window, world: World, enrolled: Keys
) -> None:
    token = factories.login(world["operator"])
    window.client.set_cookie("__Host-jit-test", token, secure=True)
    window.open(enrolled)
    assert "Break-glass: operator" in window.client.get("/").text
    hers = session().scalars(factories.logins_of(world["operator"])).one()
    assert hers.ended_because == "signed_in_again"


def test_a_fresh_proof_is_given_by_its_keys_and_none_are_added_or_removed(
    window: Window, account: GlassAccount, enrolled: Keys
) -> None:
    window.open(enrolled)
    user = user_of(account)
    user.current_login = session().scalars(factories.logins_of(user)).one().id
    assert stepup.is_met(user), "by having just been opened"
    with transaction():
        session().execute(update(LoginSession).values(confirmed_at=now() - dt.timedelta(minutes=6)))
    assert not stepup.is_met(user)
    said = enrolled[1].get(json.loads(_with_form(window, "/account/passkeys/ask").text))
    assert _with_form(window, "/account/passkeys/confirm", credential=said).status_code == 303
    assert stepup.is_met(user)
    assert not stepup.may_enrol(user)
    with pytest.raises(NotAllowed):
        passkeys.offer_enrolment(user)
    with pytest.raises(NotAllowed):
        passkeys.remove(user, passkeys.mine(user)[0].id)
    assert count(Passkey) == 2
    page = window.client.get("/account").text
    assert "none is added here" in page
    assert "Name of the new passkey" not in page
    assert f"/account/passkeys/{passkeys.mine(user)[0].id}/remove" not in page


def test_nobody_makes_it_a_member(world: World, account: GlassAccount) -> None:
    """As an expert somebody of another login may be one: not with a duty."""
    leader, party = world["fr_leader"], world.parties["fr"]
    with pytest.raises(Refused, match="has a duty"):
        workspaces.enrol(leader, world.workspace, account.user, party, Role.EXPERT, purpose="Interpreting")


def test_breaking_the_glass_is_not_tried_without_end(window: Window, enrolled: Keys) -> None:
    token = token_in(window.client.get("/break-glass").text)
    answers = [window.client.post("/break-glass", data={"csrf_token": token}).status_code for _ in range(25)]
    assert set(answers) == {422, 429}
    for path in ("ask", "second", "second/ask", "keys/x", "keys/x/ask"):
        assert window.client.post(f"/break-glass/{path}", data={"csrf_token": token}).status_code == 429, path
    assert window.client.get("/break-glass").status_code == 200
