"""Sockets: who may connect, and the few verbs that arrive by socket. Each event asks for the live login again."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, request
from flask_login import login_user
from flask_socketio import join_room
from sqlalchemy.exc import DataError

from jit_portal.database import session
from jit_portal.errors import Invalid, Refusal
from jit_portal.extensions import socketio
from jit_portal.identity import sessions
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.realtime import push
from jit_portal.realtime.missed import heard
from jit_portal.realtime.packets import PlainPacket
from jit_portal.web import errors, strangers
from jit_portal.web.pace import Pace
from jit_portal.web.requests import name_request, refuse_nul
from jit_portal.web.session import device, is_for
from jit_portal.wording import gettext

log = logging.getLogger(__name__)

Verb = Callable[[User, Mapping[str, Any]], dict[str, Any]]
MAX_PAYLOAD = 160 * 1024
"""Bytes of one event: a message of 10,000 characters outside the Unicode's first plane, each written as two escapes."""

_MOST_LOGGED = 40
"""Characters of an event's name: whoever sends one may make it as long as a payload."""


@dataclass(frozen=True)
class Inbound:
    """The verb behind an event, how fast one person may ask for it, and whether a person does or her page by itself."""

    verb: Verb
    pace: Pace
    is_use: bool


EVENTS: dict[str, Inbound] = {}
_UNKNOWN = Pace(20, 60)
"""Events that the portal does not know: a page of before an update asks for a few."""


def receive(event: str, pace: Pace | None = None, *, is_use: bool = True) -> Callable[[Verb], Verb]:
    """Register the verb that an inbound event asks for; it gets the person and a dictionary, and answers one."""

    def register(verb: Verb) -> Verb:
        EVENTS[event] = Inbound(verb, pace or Pace(100, 10), is_use)
        return verb

    return register


def bind(app: Flask, async_mode: str) -> None:
    """Accept sockets from the portal's own origin only."""
    settings = app.config["SETTINGS"]
    socketio.init_app(
        app,
        async_mode=async_mode,
        cors_allowed_origins=[settings.origin],
        manage_session=False,
        max_http_buffer_size=MAX_PAYLOAD,
        serializer=PlainPacket,
        message_queue=None,
        cookie=None,
    )
    socketio.on_event("connect", _connect)
    socketio.on_event("disconnect", _disconnect)
    socketio.on_event("*", _inbound)


def _login(*, is_use: bool) -> LoginSession | None:
    token = request.cookies.get(current_app.config["SETTINGS"].session_cookie, "")
    login = sessions.load(token, is_use=is_use, device=device())
    if login is not None:
        login_user(login.user)
    return login


def _connect(auth: object = None) -> bool:
    """Let a live login in by a page of its person; one that says as of when it was made hears what it missed since."""
    name_request()
    try:
        login = _login(is_use=False)
        if login is None:
            strangers.put_cookie_on_record()
    except errors.DATABASE_AWAY as error:
        # To be refused would mean to be signed out; a line that breaks is tried again.
        errors.database_away(error)
        socketio.server.eio.disconnect(_line())
        return False
    said = auth if isinstance(auth, dict) else {}
    if login is None or not is_for(login.user, said.get("viewer")):
        return False
    join_room(f"user:{login.user_id}")
    join_room(f"login:{login.id}")
    opened = (login.id, login.token_hash)
    join_room(push.opened_room(*opened))
    request.environ["jit.login"] = (opened, login.user_id)
    push.connected[login.user_id] += 1
    push.logins[opened] += 1
    push.readers[login.user_id] = (login.user.language, login.user.time_zone)
    if "as_of" in said and _has_missed(login.user, said["as_of"]):
        socketio.emit("look_again", {}, to=request.sid)  # type: ignore[attr-defined]
    return True


def _has_missed(person: User, as_of: object) -> bool:
    try:
        return heard.concerns(person, as_of)
    except errors.DATABASE_AWAY as error:
        errors.database_away(error)
        return True


def _line() -> str:
    """The connection under the socket of this event."""
    sid: str = socketio.server.manager.eio_sid_from_sid(request.sid, "/")  # type: ignore[attr-defined]
    return sid


def _disconnect(reason: object = None) -> None:
    opened, user_id = request.environ.get("jit.login", (None, None))
    if user_id is None:
        return
    _one_less(push.logins, opened)
    _one_less(push.connected, user_id)
    if user_id not in push.connected:
        push.readers.pop(user_id, None)


def _one_less(counted: Counter[Any], each: object) -> None:
    counted[each] -= 1
    if counted[each] <= 0:
        del counted[each]


def _inbound(event: str, *arguments: object) -> dict[str, Any]:
    """Carry out one event for the live login behind the socket; whatever becomes of it is acknowledged."""
    name_request()
    known = EVENTS.get(event)
    try:
        login = _login(is_use=known is None or known.is_use)
        if login is None:
            (login_id, _), _ = request.environ["jit.login"]
            push.renew_login(login_id)
            return {"ok": False, "status": 401, "reason": ""}
        return {"ok": True, **_carry_out(login.user, event, arguments)}
    except Refusal as error:
        said = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
        errors.put_on_record(error, event, said)
        return {"ok": False, "status": error.status, "reason": errors.wording(error)}
    except errors.DATABASE_AWAY as error:
        return {"ok": False, "status": 503, "reason": errors.database_away(error)}
    except DataError as error:
        return {"ok": False, "status": 422, "reason": errors.senseless(error)}
    except Exception:
        log.exception("an event failed")
        session().rollback()
        return {"ok": False, "status": 500, "reason": errors.our_fault()}


def _carry_out(person: User, event: str, arguments: tuple[object, ...]) -> dict[str, Any]:
    known = EVENTS.get(event)
    (known.pace if known else _UNKNOWN).keep(person.id)
    if known is None or len(arguments) != 1 or not isinstance(arguments[0], dict):
        name = str(event)[:_MOST_LOGGED]
        log.info("refused an event that makes no sense", extra={"person": str(person.id), "event": name})
        raise Invalid(gettext("This is not something the portal understands."))
    refuse_nul(_texts(arguments[0]))
    return known.verb(person, arguments[0])


def _texts(said: object) -> Iterator[str]:
    """Every text in what came by socket, however deep."""
    waiting = [said]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, list):
            waiting += each
