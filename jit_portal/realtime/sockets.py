"""Sockets: who may connect, and the few verbs that arrive by socket. Each event asks for the live login again."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, current_app, request
from flask_login import login_user
from flask_socketio import disconnect, join_room
from sqlalchemy.exc import OperationalError

from jit_portal.database import session
from jit_portal.errors import Invalid, Refusal
from jit_portal.extensions import socketio
from jit_portal.identity import sessions
from jit_portal.identity.models import LoginSession, User
from jit_portal.realtime import push
from jit_portal.web import errors
from jit_portal.wording import gettext

log = logging.getLogger(__name__)

Verb = Callable[[User, Mapping[str, Any]], dict[str, Any]]
EVENTS: dict[str, Verb] = {}
MAX_PAYLOAD = 160 * 1024
"""Bytes of one event: a message of 10,000 characters outside the Unicode's first plane, each written as two escapes."""


def receive(event: str) -> Callable[[Verb], Verb]:
    """Register the verb that an inbound event asks for; it gets the person and a dictionary, and answers one."""

    def register(verb: Verb) -> Verb:
        EVENTS[event] = verb
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
        message_queue=None,
        cookie=None,
    )
    socketio.on_event("connect", _connect)
    socketio.on_event("disconnect", _disconnect)
    socketio.on_event("*", _inbound)


def _login() -> LoginSession | None:
    login = sessions.load(request.cookies.get(current_app.config["SETTINGS"].session_cookie, ""))
    if login is not None:
        login_user(login.user)
    return login


def _connect(auth: object = None) -> bool:
    login = _login()
    if login is None:
        return False
    join_room(f"user:{login.user_id}")
    join_room(f"login:{login.id}")
    request.environ["jit.user"] = login.user_id
    push.connected[login.user_id] += 1
    push.readers[login.user_id] = (login.user.language, login.user.time_zone)
    return True


def _disconnect(reason: object = None) -> None:
    user_id = request.environ.get("jit.user")
    if user_id is None:
        return
    push.connected[user_id] -= 1
    if push.connected[user_id] <= 0:
        del push.connected[user_id]
        push.readers.pop(user_id, None)


def _inbound(event: str, *arguments: object) -> dict[str, Any]:
    login = _login()
    if login is None:
        disconnect()
        return {"ok": False, "status": 401, "reason": ""}
    return answer(login.user, event, *arguments)


def answer(person: User, event: str, *arguments: object) -> dict[str, Any]:
    """Carry out one event and phrase its result or refusal as the acknowledgement."""
    try:
        verb = EVENTS.get(event)
        if verb is None or len(arguments) != 1 or not isinstance(arguments[0], dict):
            raise Invalid(gettext("This is not something the portal understands."))
        return {"ok": True, **verb(person, arguments[0])}
    except Refusal as error:
        errors.put_on_record(error, event)
        return {"ok": False, "status": error.status, "reason": errors.wording(error)}
    except OperationalError:
        session().rollback()
        return {"ok": False, "status": 503, "reason": errors.database_away()}
    except Exception:
        log.exception("an event failed")
        session().rollback()
        return {"ok": False, "status": 500, "reason": errors.our_fault()}
