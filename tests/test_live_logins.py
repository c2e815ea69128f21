"""A login that ended without a word keeps no socket; what a page asks by itself keeps no login; bad news is skipped."""

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
import requests
import socketio
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from jit_portal.audit.service import CHANNEL
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.identity import endings, tokens
from jit_portal.identity.models import MOST_IDLE_MINUTES, User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.realtime import push
from jit_portal.realtime.listener import LOGINS_ASKED_EVERY
from jit_portal.realtime.sockets import EVENTS
from jit_portal.web.session import BY_ITSELF
from tests import factories, services
from tests.factories import World, now
from tests.signing_in import entries
from tests.test_chat_sockets import refused
from tests.test_socket_events import Socket
from tests.test_worker import wait_until
from tests.web import PATIENCE, Ear, Signed, Web

Browse = Callable[[User], FlaskClient]
Listen = Callable[[User], Ear]
AGO = dt.timedelta(minutes=MOST_IDLE_MINUTES, seconds=1)


@pytest.fixture
def world(app: Flask) -> World:
    return factories.world()


@pytest.fixture
def listen(process: Web) -> Iterator[Listen]:
    """``listen(person)`` signs somebody in anew and opens a socket of that login."""
    ears: list[Ear] = []

    def connect(someone: User) -> Ear:
        ears.append(process.sign_in(someone).connect())
        return ears[-1]

    yield connect
    for ear in ears:
        ear.close()


def make(someone: User, **values: object) -> None:
    """Change every login of a person without a word, as time does."""
    with transaction():
        session().execute(update(LoginSession).where(LoginSession.user_id == someone.id).values(**values))


def interrupt(cluster: Postgres) -> None:
    """Break every connection of the portal to its database."""
    session.remove()
    services.break_lines(cluster)


@pytest.mark.parametrize("why", ["idle", "too old", "deactivated", "ended unheard"])
def test_the_sockets_of_a_dead_login_are_cut(app: Flask, world: World, browse: Browse, why: str) -> None:
    someone, other = world["fr_leader"], world["nl_leader"]
    dying, alive = Socket(app, browse(someone)), Socket(app, browse(other))
    if why == "deactivated":
        with transaction():
            session().execute(update(User).where(User.id == someone.id).values(deactivated_at=now()))
    else:
        gone = {
            "idle": {"last_seen_at": now() - AGO},
            "too old": {"ends_at": now()},
            "ended unheard": {"ended_at": now()},
        }
        make(someone, **gone[why])
    push.end_dead_logins()
    assert not dying.client.is_connected()
    assert alive.client.is_connected()
    alive.client.disconnect()
    assert not push.connected
    assert not push.logins


def test_an_idle_login_hears_nothing_more(process: Web, world: World) -> None:
    """Asked every now and then, without any act or interruption."""
    ear = process.sign_in(world["fr_leader"]).connect()
    staying = process.sign_in(world["nl_leader"]).connect()
    make(world["fr_leader"], last_seen_at=now() - AGO)
    ear.hear("signed_out", LOGINS_ASKED_EVERY + PATIENCE)
    ear.hear("disconnect")
    assert staying.client.connected
    ear.close()
    staying.close()


def test_after_an_interruption_logins_are_asked_about_first(process: Web, world: World, cluster: Postgres) -> None:
    ear = process.sign_in(world["fr_leader"]).connect()
    staying = process.sign_in(world["nl_leader"]).connect()
    make(world["fr_leader"], ends_at=now())
    interrupt(cluster)
    ear.hear("signed_out")
    ear.hear("disconnect")
    staying.hear("look_again")
    ear.close()
    staying.close()


# --- a login that goes on under another token


def renew_unheard(ear: Ear) -> None:
    """Give the login of a socket another token, without a word of it."""
    with transaction():
        hers = update(LoginSession).where(LoginSession.token_hash == tokens.digest(ear.signed.token))
        session().execute(hers.values(token_hash=tokens.digest(tokens.make())))


def outlived_by_its_login(ear: Ear) -> bool:
    """Whether this socket was broken without a word of an end, and its token makes no other."""
    said = [ear.heard.get(timeout=PATIENCE)[0] for _ in range(2)]
    return said == ["renewed", "disconnect"] and refused(ear.signed.connect)


def test_a_step_up_breaks_the_sockets_of_the_old_token_and_no_others(
    process: Web, world: World, listen: Listen
) -> None:
    """Whoever took the cookie hears nothing more; a page comes again by itself."""
    someone, channel = world["fr_leader"], factories.channel(world)
    thief, elsewhere, other = listen(someone), listen(someone), listen(world["nl_leader"])
    anew = Signed(process, someone, factories.step_up(thief.signed.token)).connect()
    assert outlived_by_its_login(thief)
    assert other.post(channel.id, "After the step-up")["ok"]
    for ear in (anew, elsewhere):
        assert "After the step-up" in ear.hear("message")["html"]
        assert ear.client.connected
        assert ear.post(channel.id, "Still here")["ok"]
    assert thief.heard.empty()
    anew.close()


def test_a_socket_with_a_cookie_that_nobody_was_given_is_on_record(process: Web, world: World, listen: Listen) -> None:
    """Made up, or from before a step-up; none comes of a login that has ended, or of who shows no cookie."""
    someone = world["fr_leader"]
    thief, ended = listen(someone), process.sign_in(world["nl_leader"])
    factories.step_up(thief.signed.token)
    make(world["nl_leader"], ended_at=now())
    for token in (tokens.make(), thief.signed.token, ended.token, ""):
        assert refused(Signed(process, someone, token).connect)
    login = session().scalars(factories.logins_of(someone)).unique().one()
    shown = [(json.loads(entry.details)["may"], entry.object_id) for entry in entries("login.shown")]
    assert shown == [("unknown", None), ("renewed", login.id)]


def test_a_client_that_does_not_read_holds_nobody_up(process: Web, world: World, listen: Listen) -> None:
    someone, channel = world["fr_leader"], factories.channel(world)
    signed, other = process.sign_in(someone), listen(world["nl_leader"])
    path = "/socket.io/?EIO=4&transport=polling"
    path += f"&sid={json.loads(signed.get(path).text[1:])['sid']}"
    requests.post(process.origin + path, data="40", headers=signed.headers, timeout=PATIENCE)
    assert signed.get(path).text.startswith("40")
    factories.step_up(signed.token)
    assert other.post(channel.id, "To those who listen")["ok"]
    assert "To those who listen" in other.hear("message")["html"]
    assert signed.get(path).status_code == 400


@pytest.mark.parametrize("event", ["channel:read", "channel:typing"])
def test_what_an_old_socket_says_before_it_is_told_signs_nobody_out(world: World, listen: Listen, event: str) -> None:
    ear, channel = listen(world["fr_leader"]), factories.channel(world)
    renew_unheard(ear)
    ear.client.emit(event, {"channel": str(channel.id), "number": 0})
    assert outlived_by_its_login(ear)


def test_a_step_up_that_was_not_heard_of_is_found(world: World, listen: Listen, cluster: Postgres) -> None:
    ear, staying = listen(world["fr_leader"]), listen(world["nl_leader"])
    renew_unheard(ear)
    interrupt(cluster)
    assert outlived_by_its_login(ear)
    staying.hear("look_again")


def test_a_login_that_was_renewed_ends_for_its_old_sockets_too(world: World, listen: Listen, process: Web) -> None:
    """Whichever of the two is heard of first."""
    ear = listen(world["fr_leader"])
    anew = Signed(process, world["fr_leader"], factories.step_up(ear.signed.token)).connect()
    (login,) = session().scalars(factories.logins_of(world["fr_leader"])).unique()
    endings.end_one(world["fr_leader"], login.id)
    anew.hear("signed_out")
    anew.hear("disconnect")
    ear.hear("disconnect")
    anew.close()


@pytest.mark.parametrize(
    "payload",
    ["", "no JSON", "[]", "7", "null", '"text"', "{}", '{"noun": "task", "id": "x", "act": "a", "also": []}',
     '{"noun": "task", "id": 7, "act": "a", "also": []}',
     f'{{"noun": "task", "id": "{uuid.UUID(int=7)}", "act": "a", "also": 7}}',
     f'{{"noun": [], "id": "{uuid.UUID(int=7)}", "act": {{}}, "also": []}}'],
)  # fmt: skip
def test_what_makes_no_sense_does_not_silence_what_follows(
    process: Web, world: World, cluster: Postgres, payload: str
) -> None:
    channel = factories.channel(world)
    ear = process.sign_in(world["fr_leader"]).connect()
    with psycopg.connect(cluster.url("jit_app"), autocommit=True) as connection:
        connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))
    assert ear.post(channel.id, "Still here")["ok"]
    assert "Still here" in ear.hear("message")["html"]
    ear.close()


# --- from where


LINUX, WINDOWS = "X11; Linux Firefox/153.0", "Windows NT 10.0 Edg/156.0"
HERE, NEXT_DOOR, AWAY = "192.0.2.7", "192.0.2.99", "198.51.100.7"


@pytest.mark.parametrize(
    ("forwarded", "strayed"),
    [(AWAY, AWAY), (f"{HERE}, {AWAY}", AWAY), (NEXT_DOOR, ""), (f"{AWAY}, {NEXT_DOOR}", "")],
    ids=["elsewhere", "elsewhere, as if from here", "next door", "next door, as if from elsewhere"],
)
def test_a_cookie_that_strays_over_a_socket_alone_is_noticed(
    process: Web, world: World, forwarded: str, strayed: str
) -> None:
    """Every socket comes from the proxy; from where it really comes the proxy says last, as for pages."""
    someone = world["fr_leader"]
    signed = Signed(process, someone, factories.login(someone, address=HERE, browser=LINUX))
    signed.headers |= {"X-Forwarded-For": forwarded, "User-Agent": WINDOWS}
    ear = signed.connect()
    (login,) = session().scalars(factories.logins_of(someone).execution_options(populate_existing=True)).unique()
    assert (login.strayed_address, login.strayed_device) == ((AWAY, "Edge, Windows") if strayed else ("", ""))
    assert (login.strayed_at is not None) == bool(strayed)
    assert ear.client.connected
    ear.close()


# --- use


def last_seen(someone: User) -> dt.datetime:
    session.remove()
    statement = factories.logins_of(someone).with_only_columns(LoginSession.last_seen_at)
    found = session().scalar(statement.execution_options(policy=True))
    assert found is not None
    return found


def test_what_a_page_asks_by_itself_is_no_use(world: World, browse: Browse) -> None:
    someone = world["fr_leader"]
    client = browse(someone)
    before = now() - dt.timedelta(minutes=20)
    make(someone, last_seen_at=before)
    assert client.get("/", headers={BY_ITSELF: "1"}).status_code == 200
    assert last_seen(someone) == before
    assert client.get("/").status_code == 200
    assert last_seen(someone) > before


def test_an_idle_login_is_over_however_much_its_page_asks(world: World, browse: Browse) -> None:
    someone = world["fr_leader"]
    client = browse(someone)
    make(someone, last_seen_at=now() - AGO)
    assert client.get("/", headers={BY_ITSELF: "1", "HX-Request": "true"}).status_code == 401


@pytest.mark.parametrize(
    "sent", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=["origin", "fetch"]
)
def test_what_another_site_sends_is_no_use(world: World, browse: Browse, sent: dict[str, str]) -> None:
    someone = world["fr_leader"]
    client = browse(someone)
    before = now() - dt.timedelta(minutes=20)
    make(someone, last_seen_at=before)
    assert client.post("/language", headers=sent).status_code == 403
    assert last_seen(someone) == before
    assert client.post("/language").status_code == 400, "its own pages send a token"
    assert last_seen(someone) > before


def test_only_what_a_person_does_by_socket_is_use(app: Flask, world: World, browse: Browse) -> None:
    someone = world["fr_leader"]
    client = browse(someone)
    before = now() - dt.timedelta(minutes=20)
    make(someone, last_seen_at=before)
    socket = Socket(app, client)
    assert last_seen(someone) == before, "a connection that is made again is made by the page"
    for event in EVENTS:
        make(someone, last_seen_at=before)
        socket.ask(event, {})
        assert (last_seen(someone) == before) == (event == "channel:read"), event
    socket.client.disconnect()


def test_a_line_is_cut_while_the_database_is_away_and_nobody_is_signed_out(
    process: Web, world: World, cluster: Postgres
) -> None:
    """A refusal would tell the browser to sign in again; a line that breaks is tried again."""
    signed = process.sign_in(world["fr_leader"])
    refusals: list[object] = []
    client = socketio.Client(reconnection=False, websocket_extra_options={"origin": process.origin})
    client.on("connect_error", refusals.append)
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("ALTER ROLE jit_app CONNECTION LIMIT 0")
        try:
            interrupt(cluster)
            client.connect(process.origin, headers=dict(signed.headers), transports=["websocket"], wait=False)
            wire = client.eio.ws.sock
            wait_until(lambda: client.eio.state == "disconnected", PATIENCE)
            assert not client.connected
            assert not refusals
            answer = signed.get("/")
            assert answer.status_code == 503
        finally:
            connection.execute("ALTER ROLE jit_app CONNECTION LIMIT -1")
            wire.close()
    assert signed.get("/").status_code == 200


def test_a_page_of_somebody_else_opens_no_socket(process: Web, world: World) -> None:
    signed = process.sign_in(world["nl_member"])
    with pytest.raises(socketio.exceptions.ConnectionError):
        signed.connect(viewer=str(world["fr_leader"].id))
    signed.connect(viewer=str(world["nl_member"].id)).close()
