"""Every event that a socket may send, with ids of another JIT in every argument: missing, and looking missing."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.extensions import socketio
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.messages.models import ChannelParty, Message
from jit_portal.messages.sockets import POSTS
from jit_portal.realtime import push
from jit_portal.realtime.push import Said
from jit_portal.realtime.sockets import EVENTS
from jit_portal.tasks.models import BoardParty
from jit_portal.web import news
from tests import factories
from tests.factories import now
from tests.test_routes import SECRET, Doors, Refusals, make_doors

# For each event its payload; a value that is the name of an argument of the walk over the pages stands for its real id.
PAYLOADS: dict[str, dict[str, Any]] = {
    "message:post": {"channel": "channel_id", "text": "Something to say.", "token": str(uuid.uuid4())},
    "message:edit": {"message": "message_id", "text": "Something else.", "edition": 1},
    "message:withdraw": {"message": "message_id"},
    "channel:read": {"channel": "channel_id", "number": 1},
    "channel:typing": {"channel": "channel_id"},
    "task:move": {"task": "task_id", "column": "column_id", "edition": 1},
}
LAST = ("message:withdraw",)
"""What ends a thing comes after all else that is done to it."""


@pytest.fixture
def doors(app: Flask) -> Doors:
    return make_doors()


class Socket:
    """A socket of somebody who is signed in, through the portal's own connect and every gate of an event."""

    def __init__(self, app: Flask, client: FlaskClient) -> None:
        self.client = socketio.test_client(app, flask_test_client=client)

    def ask(self, event: str, *payload: Any) -> dict[str, Any]:
        refusals = Refusals()
        answer = self.client.emit(event, *payload, callback=True)
        assert isinstance(answer, dict), answer
        refusals.heard(answer.get("status", 200), event, is_of_a_jit=True)
        return answer


Connect = Callable[[User], Socket]


@pytest.fixture
def connect(app: Flask, browse: Callable[[User], FlaskClient]) -> Iterator[Connect]:
    made: list[Socket] = []

    def sign_in(someone: User) -> Socket:
        made.append(Socket(app, browse(someone)))
        assert made[-1].client.is_connected()
        return made[-1]

    yield sign_in
    for socket in made:
        if socket.client.is_connected():
            socket.client.disconnect()
    assert not push.connected


def filled(doors: Doors, event: str) -> dict[str, Any]:
    return {name: doors.ids.get(str(value), value) for name, value in PAYLOADS[event].items()}


def invented(doors: Doors, event: str) -> dict[str, Any]:
    known = {name for name, value in PAYLOADS[event].items() if str(value) in doors.ids}
    return filled(doors, event) | {name: str(uuid.uuid4()) for name in known}


def test_the_walk_knows_every_event() -> None:
    assert EVENTS.keys() == PAYLOADS.keys()
    for event, payload in PAYLOADS.items():
        assert any(str(value).endswith("_id") for value in payload.values()), f"{event} would be asked without ids"


@pytest.mark.parametrize("who", ["nl_leader of Harbour", "nl_gone", "nl_member", "al_member", "eu_participant"])
def test_what_is_not_shown_does_not_exist_for_sockets(doors: Doors, connect: Connect, who: str) -> None:
    someone = doors.other["nl_leader"] if who == "nl_leader of Harbour" else doors.world[who]
    socket = connect(someone)
    for event in EVENTS:
        real, missing = socket.ask(event, filled(doors, event)), socket.ask(event, invented(doors, event))
        assert real["status"] == 404, f"{event}: {real}"
        assert real == missing, f"{event}: what exists and what does not can be told apart"
    heard = str(socket.client.get_received())
    assert SECRET not in heard


def test_every_event_is_carried_out_for_its_own(doors: Doors, connect: Connect) -> None:
    socket = connect(doors.world["fr_leader"])
    for event in sorted(EVENTS, key=lambda event: event in LAST):
        answer = socket.ask(event, filled(doors, event))
        assert answer["ok"], f"{event}: {answer}"


@pytest.mark.parametrize("event", ["message:edit", "message:withdraw", "task:move"])
def test_what_comes_too_late_or_is_not_theirs_is_refused_on_record(doors: Doors, connect: Connect, event: str) -> None:
    """``ask`` looks at the record: whether the socket or the verb knows what it is about, it is on that of its JIT."""
    payload = filled(doors, event) | {"edition": 7}
    with transaction():
        session().execute(update(Message).values(edition=3))
    expected = {"message:edit": 409, "message:withdraw": 403, "task:move": 403}[event]
    someone = doors.world["fr_leader" if expected == 409 else "eu_participant"]
    if expected == 403:
        with transaction():
            eurojust = doors.world.parties["eu"].id
            session().add(ChannelParty(channel_id=uuid.UUID(doors.ids["channel_id"]), party_id=eurojust))
            session().add(BoardParty(board_id=uuid.UUID(doors.ids["board_id"]), party_id=eurojust))
    assert connect(someone).ask(event, payload)["status"] == expected


@pytest.mark.parametrize("event", sorted(PAYLOADS.keys() - {"channel:read", "message:withdraw"}))
def test_only_reading_and_taking_back_go_on_after_the_agreement(doors: Doors, connect: Connect, event: str) -> None:
    factories.end_agreement(doors.world)
    assert connect(doors.world["fr_leader"]).ask(event, filled(doors, event))["status"] == 403


@pytest.mark.parametrize("act", ["country_rule.forbidden", "country_rule.released", "country_rule.closed"])
def test_whom_a_country_rule_names_is_told_to_look_again_and_no_more(doors: Doors, connect: Connect, act: str) -> None:
    """That there is a rule is for its own party to know, whose members hear of it by its id."""
    theirs, own = (connect(doors.world[name]) for name in ("nl_leader", "fr_member"))
    rule_id = uuid.UUID(doors.ids["rule_id"])
    push.deliver(Said("country_rule", rule_id, act, frozenset({doors.world["nl_leader"].id})))
    (told,) = theirs.client.get_received()
    assert (told["name"], told["args"]) == ("look_again", [{}])
    (told,) = own.client.get_received()
    assert told["args"] == [{"noun": "country_rule", "id": str(rule_id), "act": "country_rule.changed"}]


def test_here_are_the_others_of_that_jit(doors: Doors, connect: Connect) -> None:
    world, other = doors.world, doors.other
    someone = world["nl_member"]
    with transaction():
        other.join("both", "nl", person=someone)
    for each in (someone, world["nl_leader"], world["nl_gone"], other["nl_leader"]):
        connect(each)
    assert [each.id for each in news.people_here(someone, world.workspace)] == [world["nl_leader"].id]
    assert [each.id for each in news.people_here(someone, other.workspace)] == [other["nl_leader"].id]


@pytest.mark.parametrize("event", ["no:such", "", "message:post\0", "__init__"])
def test_unknown_events_are_refused(doors: Doors, connect: Connect, event: str) -> None:
    assert event not in EVENTS
    assert connect(doors.world["fr_leader"]).ask(event, {})["status"] == 422


@pytest.mark.parametrize("event", ["connect", "disconnect", "*"])
def test_no_event_opens_or_closes_a_socket(doors: Doors, connect: Connect, event: str) -> None:
    """By names of the library's own, a socket would be counted twice, or hear on when its login is over unseen."""
    someone = doors.world["fr_leader"]
    socket = connect(someone)
    assert socket.ask(event, {})["status"] == 422
    assert (push.connected[someone.id], push.logins.total()) == (1, 1)
    with transaction():
        session().execute(update(LoginSession).where(LoginSession.user_id == someone.id).values(ends_at=now()))
    push.end_dead_logins()
    assert not socket.client.is_connected()


@pytest.mark.parametrize("event", sorted(PAYLOADS))
def test_bytes_are_refused_in_every_event(doors: Doors, connect: Connect, event: str) -> None:
    """They come in pieces, as many as their sender announces, and would be held until the last of them is there."""
    socket = connect(doors.world["fr_leader"])
    assert socket.ask(event, filled(doors, event) | {"more": b"bytes"})["status"] == 422


@pytest.mark.parametrize("event", sorted(PAYLOADS))
def test_payloads_of_the_wrong_shape_are_refused(doors: Doors, connect: Connect, event: str) -> None:
    socket = connect(doors.world["fr_leader"])
    shapes: list[tuple[Any, ...]] = [(), (None,), ("text",), ([],), ({}, {}), (7,), ({},)]
    nonsense: list[Any] = [None, [], {}, 7, True, "x" * 200, "\0"]
    shapes += [(dict.fromkeys(PAYLOADS[event], each),) for each in nonsense]
    for shape in shapes:
        answer = socket.ask(event, *shape)
        assert answer["status"] == 422, f"{event} {shape}: {answer}"


@pytest.mark.parametrize("event", sorted(PAYLOADS))
def test_the_character_nul_is_refused_in_every_event(doors: Doors, connect: Connect, event: str) -> None:
    """Wherever it stands, and though the event would be carried out without it."""
    socket = connect(doors.world["fr_leader"])
    for more in ({"text": "a\0b"}, {"more": "\0"}, {"\0": 1}, {"more": [{"deep": ["\0"]}]}):
        answer = socket.ask(event, filled(doors, event) | more)
        assert answer["status"] == 422, f"{event} {more}: {answer}"
        assert "NUL" in answer["reason"]


@pytest.mark.parametrize("event", sorted(EVENTS.keys() - {"channel:typing"}))
def test_one_person_asks_no_faster_than_people_do(
    doors: Doors, connect: Connect, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    """More is refused, on no record, and everybody else goes on; another socket of hers is no way around."""
    # A hundred acts may take a busy machine longer than their pace counts back.
    monkeypatch.setattr(EVENTS[event].pace, "seconds", 600)
    person = doors.world["fr_leader"]
    sockets = [connect(person), connect(person)]
    most = EVENTS[event].pace.most
    asked = [sockets[number % 2].ask(event, invented(doors, event))["status"] for number in range(most + 2)]
    assert asked == [404] * most + [429] * 2
    assert "very much at once" in sockets[0].ask(event, filled(doors, event))["reason"]
    assert connect(doors.world["nl_leader"]).ask(event, invented(doors, event))["status"] == 404


def test_what_a_message_is_worth_is_counted_by_every_way_in() -> None:
    assert EVENTS["message:post"].pace is POSTS


def test_every_event_asks_for_the_live_login_again(
    app: Flask, doors: Doors, browse: Callable[[User], FlaskClient]
) -> None:
    """A socket that outlived its login is answered 401 and cut, whatever it asks for."""
    for event in EVENTS:
        someone = doors.world["fr_leader"]
        socket = Socket(app, browse(someone))
        with transaction():
            session().execute(update(LoginSession).where(LoginSession.user_id == someone.id).values(ended_at=now()))
        assert socket.ask(event, filled(doors, event))["status"] == 401
        assert not socket.client.is_connected()


def test_nobody_connects_without_a_login(app: Flask, doors: Doors) -> None:
    assert not Socket(app, app.test_client()).client.is_connected()
