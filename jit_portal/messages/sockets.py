"""Chat by socket: the same forms and verbs as by page, and what is pushed to those who hear a channel."""

import uuid
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import get_locale
from sqlalchemy import select

from jit_portal import policy
from jit_portal.database import Thing, session
from jit_portal.extensions import socketio
from jit_portal.identity.models import User
from jit_portal.messages import references, service, showing
from jit_portal.messages.forms import EditForm, PostForm, ReadForm, from_payload
from jit_portal.messages.models import Channel, Message
from jit_portal.realtime import push
from jit_portal.realtime.push import Said, carry, passing
from jit_portal.realtime.sockets import receive
from jit_portal.web.fields import read_id
from jit_portal.web.pace import Pace
from jit_portal.web.readers import as_read_by

POSTS = Pace(40, 10)
"""Of what one person says, by socket and by page together."""
EDITS = Pace(40, 10)
SIGNS_OF_WRITING = Pace(5, 5)


@receive("message:post", POSTS)
def post(person: User, payload: Mapping[str, Any]) -> dict[str, Any]:
    channel_id = read_id(payload.get("channel"), "channel")
    form = from_payload(PostForm, payload)
    message = service.post_in(person, channel_id, form.text.data, uuid.UUID(form.token.data))
    return {"id": str(message.id), "number": message.number}


@receive("message:edit", EDITS)
def edit(person: User, payload: Mapping[str, Any]) -> dict[str, Any]:
    message = policy.fetch(person, Message, read_id(payload.get("message"), "message"))
    form = from_payload(EditForm, payload)
    message = service.edit(person, message, form.text.data, form.edition.data)
    return {"number": message.number, "edition": message.edition}


@receive("message:withdraw")
def withdraw(person: User, payload: Mapping[str, Any]) -> dict[str, Any]:
    message = service.withdraw(person, policy.fetch(person, Message, read_id(payload.get("message"), "message")))
    return {"number": message.number, "edition": message.edition}


@receive("channel:read", is_use=False)
def read(person: User, payload: Mapping[str, Any]) -> dict[str, Any]:
    channel = policy.fetch(person, Channel, read_id(payload.get("channel"), "channel"))
    return {"number": read_on(person, channel, from_payload(ReadForm, payload).number.data)}


def read_on(person: User, channel: Channel, number: int) -> int:
    """``service.read_until``, of which her other open pages hear; answers how far that is."""
    until = service.read_until(person, channel, number)
    push.tell([person.id], "read", {"channel": str(channel.id), "number": until})
    return until


@receive("channel:typing")
def typing(person: User, payload: Mapping[str, Any]) -> dict[str, Any]:
    channel = policy.fetch(person, Channel, read_id(payload.get("channel"), "channel"))
    if SIGNS_OF_WRITING.allows(person.id):
        service.tell_of_writing(person, channel)
    return {}


@passing(service.WRITES)
def tell_of_writing(channel: Thing, said: Said, hearers: set[uuid.UUID]) -> None:
    for writer in session().scalars(select(User).where(User.id.in_(said.also))):
        payload = {"channel": str(channel.id), "person": str(writer.id), "name": writer.name}
        push.tell(hearers - said.also, "typing", payload)


@carry("message", says_all=True)
def deliver(message: Message, said: Said, hearers: list[uuid.UUID]) -> None:
    """Push the message to its hearers, rendered once for those who see it alike."""
    pointed = references.of_messages([message])[message.id]
    readers = {user_id: push.readers[user_id] for user_id in hearers if user_id in push.readers}
    for kind, people in showing.kinds_of_readers(message, pointed, readers).items():
        zone = ZoneInfo(kind.zone)
        with as_read_by(kind.language, kind.zone):
            sights = showing.sights_at(pointed, kind.levels)
            payload = {
                "id": str(message.id),
                "channel": str(message.channel_id),
                "number": message.number,
                "edition": message.edition,
                "language": str(get_locale()).replace("_", "-"),
                "html": showing.render([showing.show(message, pointed, sights, zone, kind.is_mine)], zone),
            }
        socketio.emit("message", payload, to=[f"user:{user_id}" for user_id in people])
