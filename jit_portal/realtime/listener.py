"""Listens to the database for committed acts and pushes each; reconnects for ever, and says what it missed."""

import json
import logging
import time
import uuid
from collections.abc import Callable

import psycopg
from flask import Flask

from jit_portal.audit.service import CHANNEL
from jit_portal.database import session
from jit_portal.extensions import socketio
from jit_portal.identity.scim.early import load_for_those_who_may_ask
from jit_portal.realtime import push
from jit_portal.realtime.missed import heard
from jit_portal.realtime.push import Said

log = logging.getLogger(__name__)
LOGINS_ASKED_EVERY = 20.0
_RETRY_SECONDS = 1.0


def start(app: Flask) -> None:
    """Begin listening in the background of this process."""
    socketio.start_background_task(listen, app)


def listen(app: Flask) -> None:
    """Push every act announced from now on; after an interruption every open page is told to look again.

    Every now and then, and after each interruption, the sockets of logins that are not live any more are cut, and
    those that came with a token of before.
    """
    url = app.config["SETTINGS"].database_url
    missed = False
    while True:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"LISTEN {CHANNEL}")
                heard.begin(connection)
                _read(app, load_for_those_who_may_ask)
                _read(app, push.end_dead_logins)
                if missed:
                    push.tell(list(push.connected), "look_again", {})
                while True:
                    for notice in connection.notifies(timeout=LOGINS_ASKED_EVERY):
                        _hear(app, notice.payload)
                    _read(app, push.end_dead_logins)
        except psycopg.OperationalError:
            log.warning("the database went away from the listener; trying again")
            missed = True
            heard.interrupt()
            time.sleep(_RETRY_SECONDS)


def _hear(app: Flask, payload: str) -> None:
    try:
        told = json.loads(payload)
        said = Said(told["noun"], uuid.UUID(told["id"]), told["act"], frozenset(map(uuid.UUID, told["also"])))
        passes = said.act in push.PASSING
    except (ValueError, TypeError, KeyError, AttributeError):
        log.exception("what the database announced makes no sense")
        return
    if said.act == "login.ended":
        _read(app, lambda: push.end_login(said.id))
    elif said.act == "login.stepped_up":
        _read(app, lambda: push.renew_login(said.id))
    else:
        if not passes:
            heard.keep(said)
        _read(app, lambda: push.deliver(said))


def _read(app: Flask, push_something: Callable[[], None]) -> None:
    with app.app_context():
        try:
            # Only reading, and each way to the database is a wait for those who are to hear.
            session().connection(execution_options={"isolation_level": "AUTOCOMMIT"})
            push_something()
        except Exception:
            # One act that cannot be pushed must not silence all that follow; pages that missed it refetch on reconnect.
            log.exception("something could not be pushed")
        finally:
            session.remove()
