"""Chat over real sockets to a real web process: live, ruled at every event, and cut when a login ends."""

import queue
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import engineio
import pytest
import requests
import socketio
from flask import Flask
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.identity.models import User
from jit_portal.messages import channels, service
from jit_portal.messages.channels import ChannelWish
from jit_portal.messages.models import Channel, Message
from jit_portal.messages.sockets import SIGNS_OF_WRITING
from jit_portal.vocabulary import Audience, Sight
from jit_portal.web.logs import MOST_OF_SOCKETS
from tests import factories
from tests.factories import World
from tests.web import PATIENCE, Ear, Signed, Web


@pytest.fixture
def web(process: Web, app: Flask) -> Iterator[Web]:
    with app.test_request_context():
        yield process


@pytest.fixture
def world(web: Web) -> World:
    return factories.world()


@pytest.fixture
def channel(world: World) -> Channel:
    return factories.channel(world)


@pytest.fixture
def listen(web: Web) -> Iterator[Callable[[User], Ear]]:
    """A socket of a person; closed afterwards."""
    ears: list[Ear] = []

    def connect(someone: User) -> Ear:
        ears.append(web.sign_in(someone).connect())
        return ears[-1]

    yield connect
    for ear in ears:
        ear.close()


Listen = Callable[[User], Ear]


# Live


def test_two_countries_talk(world: World, channel: Channel, listen: Listen) -> None:
    french, dutch = listen(world["fr_leader"]), listen(world["nl_member"])
    answer = french.post(channel.id, "Bonjour **à tous**")
    assert (answer["ok"], answer["number"]) == (True, 1)
    for ear in (french, dutch):
        heard = ear.hear("message")
        assert (heard["channel"], heard["number"], heard["edition"]) == (str(channel.id), 1, 1)
        assert "Bonjour <strong>à tous</strong>" in heard["html"]
    assert "is-mine" in french.signed.get(f"/channels/{channel.id}/messages?after=0").json()["html"]
    assert dutch.post(channel.id, "Goedemorgen")["number"] == 2
    assert french.hear("message")["number"] == 2


def test_editing_and_withdrawing_are_live(world: World, channel: Channel, listen: Listen) -> None:
    french, dutch = listen(world["fr_leader"]), listen(world["nl_member"])
    posted = french.post(channel.id, "First")
    dutch.hear("message")
    edited = french.ask("message:edit", {"message": posted["id"], "edition": 1, "text": "Second"})
    assert edited == {"ok": True, "number": 1, "edition": 2}
    heard = dutch.hear("message")
    assert (heard["number"], heard["edition"]) == (1, 2)
    assert "Second" in heard["html"]
    assert "Edited" in heard["html"]
    assert "What it said before" not in heard["html"]
    assert french.ask("message:withdraw", {"message": posted["id"]})["ok"]
    assert "Second" not in dutch.hear("message")["html"]


def test_what_is_posted_by_form_is_pushed_too(world: World, channel: Channel, listen: Listen) -> None:
    dutch = listen(world["nl_member"])
    service.post(world["fr_leader"], channel, "From another process", uuid.uuid4())
    assert "From another process" in dutch.hear("message")["html"]


def test_each_hears_a_citation_as_the_rules_allow(world: World, channel: Channel, listen: Listen) -> None:
    exhibit = factories.exhibit(world, "fr", "Carrier ledger")
    factories.release(world, exhibit, world["nl_leader"], Sight.READ)
    names = ("fr_leader", "nl_leader", "nl_member")
    ears = {name: listen(world[name]) for name in names}
    ears["fr_leader"].post(channel.id, f"Look at #{exhibit.reference}")
    html = {name: ear.hear("message")["html"] for name, ear in ears.items()}
    assert "Carrier ledger" in html["fr_leader"]
    assert "Carrier ledger" in html["nl_leader"]
    for word in ("Carrier", exhibit.reference, str(exhibit.id), "pdf"):
        assert word not in html["nl_member"]
    assert "an exhibit not released to you" in html["nl_member"]


def test_a_message_comes_in_the_readers_language_and_zone(world: World, channel: Channel, listen: Listen) -> None:
    with transaction():
        for name, language, zone in (("fr_member", "fr", "Pacific/Auckland"), ("nl_member", "en", "UTC")):
            person = session().merge(world[name])
            person.language, person.time_zone = language, zone
    french, dutch = listen(world["fr_member"]), listen(world["nl_member"])
    message = service.post(world["fr_leader"], channel, "Now", uuid.uuid4())
    heard, other = french.hear("message"), dutch.hear("message")
    assert heard["language"] == "fr"
    assert other["language"].startswith("en")
    auckland = message.created_at.astimezone(ZoneInfo("Pacific/Auckland"))
    assert f"<bdi>{message.created_at:%H:%M}</bdi>" in other["html"]
    assert f"<bdi>{auckland:%H:%M}</bdi>" in heard["html"]
    assert f'data-day="{auckland:%Y-%m-%d}"' in heard["html"]


def test_numbers_come_in_order_to_everybody(world: World, channel: Channel, listen: Listen) -> None:
    ears = [listen(world[name]) for name in ("fr_leader", "fr_member", "nl_leader", "nl_member")]
    for turn in range(12):
        assert ears[turn % 4].post(channel.id, f"Message {turn}")["ok"]
    for ear in ears:
        assert [ear.hear("message")["number"] for _ in range(12)] == list(range(1, 13))


def test_sending_twice_says_it_once(world: World, channel: Channel, listen: Listen) -> None:
    french = listen(world["fr_leader"])
    token = uuid.uuid4()
    assert french.post(channel.id, "Once", token)["number"] == 1
    assert french.post(channel.id, "Once", token)["number"] == 1
    assert french.hear("message")["number"] == 1
    assert french.hears_nothing_of("message")


def test_typing_reaches_the_others_who_hear(world: World, channel: Channel, listen: Listen) -> None:
    french, dutch, body = (listen(world[name]) for name in ("fr_leader", "nl_member", "eu_participant"))
    assert french.ask("channel:typing", {"channel": str(channel.id)})["ok"]
    assert dutch.hear("typing")["name"] == "Fr_Leader"
    assert french.hears_nothing_of("typing", 0.3)
    assert body.hears_nothing_of("typing", 0.3)
    assert dutch.hears_nothing_of("changed", 0)
    service.tell_of_writing(world["fr_leader"], channel)
    assert dutch.hear("typing")["channel"] == str(channel.id), "to whom another process serves"


def test_signs_of_writing_are_few_however_much_is_asked(world: World, channel: Channel, listen: Listen) -> None:
    french, dutch = listen(world["fr_leader"]), listen(world["nl_member"])
    for _ in range(SIGNS_OF_WRITING.most + 3):
        assert french.ask("channel:typing", {"channel": str(channel.id)})["ok"]
    for _ in range(SIGNS_OF_WRITING.most):
        dutch.hear("typing")
    assert dutch.hears_nothing_of("typing", 0.3)


def test_reading_is_told_to_ones_own_windows_only(web: Web, world: World, channel: Channel, listen: Listen) -> None:
    first, second, dutch = listen(world["fr_leader"]), listen(world["fr_leader"]), listen(world["nl_member"])
    dutch.post(channel.id, "Hello")
    assert first.ask("channel:read", {"channel": str(channel.id), "number": 1}) == {"ok": True, "number": 1}
    assert second.hear("read") == {"channel": str(channel.id), "number": 1}
    dutch.post(channel.id, "Are you there?")
    signed = first.signed
    address, said = f"{web.origin}/channels/{channel.id}/read", {"number": 2}
    answer = requests.post(address, said, headers=signed.open_form(), timeout=PATIENCE, allow_redirects=False)
    assert answer.status_code == 303, "a page without JavaScript says so by its form"
    assert second.hear("read") == {"channel": str(channel.id), "number": 2}
    assert dutch.hears_nothing_of("read", 0.3)


def test_after_being_away_nothing_is_lost_or_doubled(
    world: World, channel: Channel, listen: Listen, process: Web
) -> None:
    french = listen(world["fr_leader"])
    posted = [french.post(channel.id, f"Before {number}") for number in range(3)]
    french.close()
    service.post(world["nl_member"], channel, "While away", uuid.uuid4())
    first = session().scalars(
        select(Message).where(Message.id == uuid.UUID(posted[0]["id"])).execution_options(policy=True)
    )
    service.edit(world["fr_leader"], first.one(), "Changed while away", 1)
    page = french.signed.get(f"/channels/{channel.id}/messages?after=3&first=1").json()
    assert page["html"].count('<li class="message') == 2
    assert "Changed while away" in page["html"]
    assert "While away" in page["html"]
    assert (page["more"], page["last"]) == (False, 4)


# Who may


def test_a_restricted_channel_is_silent_to_others(world: World, listen: Listen) -> None:
    wish = ChannelWish("Arrests", audience=Audience.PEOPLE, user_ids=frozenset({world["nl_leader"].id}))
    ears = {name: listen(world[name]) for name in ("fr_leader", "nl_leader", "nl_member")}
    hidden = channels.open_channel(world["fr_leader"], world.workspace, wish)
    ears["fr_leader"].post(hidden.id, "Friday")
    assert "Friday" in ears["nl_leader"].hear("message")["html"]
    assert ears["nl_member"].hears_nothing_of("message")
    assert ears["nl_member"].heard.empty()


@pytest.mark.parametrize("name", ["eu_participant", "ended", "stranger"])
def test_ids_of_what_one_does_not_hear_are_missing(world: World, channel: Channel, listen: Listen, name: str) -> None:
    message = service.post(world["fr_leader"], channel, "Ours", uuid.uuid4())
    if name == "ended":
        factories.end_membership(world, "nl_member")
        person = world["nl_member"]
    elif name == "stranger":
        person = factories.world("Kestrel", ("ro",))["ro_leader"]
    else:
        person = world[name]
    ear = listen(person)
    missing = ear.post(uuid.uuid4(), "Hello")
    assert missing["status"] == 404
    ids = {"channel": str(channel.id), "message": str(message.id), "token": str(uuid.uuid4())}
    for event in ("message:post", "message:edit", "message:withdraw", "channel:read", "channel:typing"):
        answer = ear.ask(event, ids | {"text": "Hello", "edition": 1, "number": 1})
        assert answer == missing, event
    assert ear.hears_nothing_of("message", 0.3)


def test_others_messages_are_not_mine_to_change(world: World, channel: Channel, listen: Listen) -> None:
    message = service.post(world["fr_leader"], channel, "Mine", uuid.uuid4())
    dutch = listen(world["nl_leader"])
    edit = {"message": str(message.id), "edition": 1, "text": "Yours"}
    assert dutch.ask("message:edit", edit)["status"] == 403
    assert dutch.ask("message:withdraw", {"message": str(message.id)})["status"] == 403
    refused = select(LedgerEntry.act).where(LedgerEntry.object_id == message.id, LedgerEntry.outcome == "refused")
    assert session().scalars(refused.execution_options(policy=True)).all()


def test_an_ended_membership_hears_no_more(world: World, channel: Channel, listen: Listen) -> None:
    french, dutch = listen(world["fr_leader"]), listen(world["nl_member"])
    factories.end_membership(world, "nl_member")
    french.post(channel.id, "Without them")
    assert french.hear("message")
    assert dutch.hears_nothing_of("message")
    assert dutch.post(channel.id, "Still here?")["status"] == 404


def test_after_the_agreement_nothing_is_posted(world: World, channel: Channel, listen: Listen) -> None:
    french = listen(world["fr_leader"])
    factories.end_agreement(world)
    answer = french.post(channel.id, "Late")
    assert answer["status"] == 403
    assert "No agreement is in force" in answer["reason"]


# Logins and origins


def refused(connect: Callable[[], Ear]) -> bool:
    try:
        connect().close()
    except socketio.exceptions.ConnectionError:
        return True
    return False


def test_anonymous_and_foreign_sockets_are_refused(world: World, web: Web) -> None:
    signed = web.sign_in(world["fr_leader"])
    assert not refused(signed.connect)
    for origin in ("https://evil.example", f"http://localhost:{web.port + 1}", f"https://localhost:{web.port}", "null"):
        assert refused(lambda origin=origin: signed.connect(origin)), origin  # type: ignore[misc]
    assert refused(Signed(web, world["fr_leader"], "x" * len(signed.token)).connect)
    assert refused(Signed(web, world["fr_leader"], "").connect)


def end_login(ear: Ear, tell: bool) -> None:
    """End the login behind a socket, with or without putting it on record."""
    with transaction():
        login = session().scalars(factories.logins_of(ear.signed.person)).unique().one()
        login.ended_at = factories.now()
        if tell:
            audit.record(ear.signed.person, "login.ended", login)


def test_sign_out_cuts_the_socket(world: World, channel: Channel, listen: Listen) -> None:
    french, dutch = listen(world["fr_leader"]), listen(world["nl_member"])
    end_login(dutch, tell=True)
    dutch.hear("disconnect")
    french.post(channel.id, "Alone")
    assert dutch.hears_nothing_of("message", 0.3)
    assert refused(dutch.signed.connect)


def test_an_ended_login_is_refused_at_its_next_event(world: World, channel: Channel, listen: Listen) -> None:
    dutch = listen(world["nl_member"])
    end_login(dutch, tell=False)
    dutch.client.emit("message:post", {"channel": str(channel.id), "text": "Hi", "token": str(uuid.uuid4())})
    dutch.hear("disconnect")
    assert session().scalars(policy.which(world["fr_leader"], Message)).all() == []


# Senseless events


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("unknown", {}),
        ("message:delete", {"message": str(uuid.uuid4())}),
        ("connect_error", {}),
        ("message:post", None),
        ("message:post", []),
        ("message:post", "text"),
        ("message:post", {}),
        ("message:post", {"channel": 7}),
        ("message:post", {"channel": None, "text": "x", "token": "y"}),
        ("message:post", {"channel": {"$ne": 1}, "text": "x"}),
        ("message:post", {"channel": "HERE", "text": ["x"], "token": str(uuid.uuid4())}),
        ("message:post", {"channel": "HERE", "text": True, "token": str(uuid.uuid4())}),
        ("message:post", {"channel": "HERE", "text": "x", "token": "not-an-id"}),
        ("message:post", {"channel": "HERE", "text": "x"}),
        ("message:post", {"channel": "HERE", "text": " \n ", "token": str(uuid.uuid4())}),
        ("message:post", {"channel": "HERE", "text": "x" * 10_001, "token": str(uuid.uuid4())}),
        ("message:post", {"channel": "HERE", "text": "\ud800", "token": str(uuid.uuid4())}),
        ("channel:read", {"channel": "HERE", "number": "many"}),
        ("channel:read", {"channel": "HERE", "number": -1}),
        ("channel:read", {"channel": "HERE", "number": 10**30}),
        ("channel:read", {"channel": "HERE", "number": 1.5}),
        ("message:edit", {"message": 5, "text": "x", "edition": 1}),
    ],
)
def test_senseless_events_are_refused_and_change_nothing(
    world: World, channel: Channel, listen: Listen, event: str, payload: Any
) -> None:
    french = listen(world["fr_leader"])
    if isinstance(payload, dict) and payload.get("channel") == "HERE":
        payload = payload | {"channel": str(channel.id)}
    answer = french.ask(event, payload)
    assert (answer["ok"], answer["status"]) == (False, 422), answer
    assert answer["reason"]
    assert french.post(channel.id, "Still fine")["number"] == 1


def test_two_arguments_are_refused(world: World, channel: Channel, listen: Listen) -> None:
    french = listen(world["fr_leader"])
    assert french.ask("message:post", ({"channel": str(channel.id)}, {}))["status"] == 422


def test_ten_megabytes_cost_their_sender_the_socket(world: World, channel: Channel, listen: Listen) -> None:
    french, dutch = listen(world["fr_leader"]), listen(world["nl_member"])
    huge = {"channel": str(channel.id), "text": "x" * 10_000_000, "token": str(uuid.uuid4())}
    french.client.emit("message:post", huge)
    french.hear("disconnect")
    assert dutch.post(channel.id, "The others go on")["number"] == 1


def test_what_is_no_event_at_all_changes_nothing_and_fills_no_log(
    world: World, channel: Channel, listen: Listen, web: Web
) -> None:
    """By somebody who is signed in, and by nobody: what is announced and never comes is not waited for either."""
    nonsense = ["9", "x", "", "2", "2[]", "2null", '2"text"', '2{"0":"message:post"}', '2[["message:post"],{}]', "3"]
    nonsense += ["2" + "[" * 50_000, "2" + "7" * 150 + "[]", f'2["message:post",{"9" * 5000}]', "4{}", '61-[{"a":1}]']
    nonsense += ['5999999999-["message:post",{"_placeholder":true,"num":0}]']
    french = listen(world["fr_leader"])
    before = web.log.stat().st_size
    for each in nonsense:
        french.client.eio.send(each)
    assert french.post(channel.id, "Still fine")["number"] == 1
    stranger, answered = engineio.Client(websocket_extra_options={"origin": web.origin}), threading.Event()
    stranger.on("message", lambda _: answered.set())
    stranger.connect(web.origin, transports=["websocket"], engineio_path="socket.io")
    for each in nonsense * 20:
        stranger.send(each)
    stranger.send("0")
    assert answered.wait(PATIENCE)
    stranger.disconnect()
    assert french.post(channel.id, "Still fine")["number"] == 2
    with web.log.open() as log:
        log.seek(before)
        said = log.read()
    assert "handler error" not in said
    assert 0 < said.count("not connected to namespace") <= MOST_OF_SOCKETS
    assert "more is said than a minute keeps" in said


def test_a_full_message_of_wide_characters_fits_a_socket(world: World, channel: Channel, listen: Listen) -> None:
    french = listen(world["fr_leader"])
    assert french.post(channel.id, "🕵" * 10_000)["ok"]
    assert "🕵" * 10_000 in french.hear("message")["html"]


def test_a_flood_is_slowed(world: World, channel: Channel, listen: Listen) -> None:
    french = listen(world["fr_leader"])
    statuses = [french.post(channel.id, f"Flood {number}").get("status", 200) for number in range(45)]
    assert statuses[:40] == [200] * 40
    assert set(statuses[40:]) <= {200, 429}
    assert 429 in statuses


def test_the_process_can_be_killed_and_come_back(world: World, channel: Channel, process: Web) -> None:
    signed = process.sign_in(world["fr_leader"])
    ear = signed.connect()
    token = uuid.uuid4()
    assert ear.post(channel.id, "Before", token)["number"] == 1
    process.kill()
    with pytest.raises((socketio.exceptions.SocketIOError, queue.Empty)):
        ear.post(channel.id, "Into the void")
    process.start()
    again = signed.connect()
    assert again.post(channel.id, "Before", token)["number"] == 1
    assert again.post(channel.id, "After")["number"] == 2
    assert again.hear("message")["number"] == 2
    again.close()
    ear.close()
