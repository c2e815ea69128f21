"""Who is looking, for routes and templates."""

import uuid
from collections.abc import Callable
from typing import cast

from flask import Request, current_app, g, request
from flask import session as form_session
from flask_login import LoginManager, current_user
from werkzeug.exceptions import Unauthorized

from jit_portal.identity import sessions
from jit_portal.identity.devices import Device
from jit_portal.identity.models import User


def bind(manager: LoginManager) -> None:
    """Let flask-login find the person behind each request by the login's own cookie."""
    manager.request_loader(_person)


BY_ITSELF = "X-Asked-By-Page"
"""The header of a request that a page makes by itself, because something was pushed; static/js says so too."""


NAMED_BY_PAGE = "X-Viewer"
"""The header in which a page names the person whom it was made for; static/js says so too."""


def device() -> Device:
    """From where this request comes; for an event by socket, from where the socket was opened."""
    return Device.said(request.remote_addr, request.user_agent.string)


def _person(request: Request) -> User | None:
    token = request.cookies.get(current_app.config["SETTINGS"].session_cookie, "")
    is_use = BY_ITSELF not in request.headers and not g.get("is_sent_by_others")
    login = sessions.load(token, is_use=is_use, device=device())
    if login is None or not is_for(login.user, request.headers.get(NAMED_BY_PAGE)):
        return None
    return login.user


def is_for(person: User, named: object) -> bool:
    """Whether a page that names this person, or nobody, is hers.

    A page outlives its login, and its browser may be another person's by now: what it asks is never done in her name.
    """
    return named is None or named == str(person.id)


def hand_over_forms(person: User) -> None:
    """Tokens in the forms of whoever used this browser before this person are worth nothing from now on."""
    if form_session.get("of") != str(person.id):
        form_session.clear()
    form_session["of"] = str(person.id)


def still_signed_in() -> Callable[[], User]:
    """Asks later, outside the request too, for the person of this request's login; Unauthorized once it has ended.

    The login is known by its id from here on: it goes on under another token when its person proves anew who she is.
    """
    login_id = cast(uuid.UUID, viewer().current_login)

    def ask() -> User:
        login = sessions.still(login_id)
        if login is None:
            raise Unauthorized
        return login.user

    return ask


def viewer() -> User:
    """The person signed in; only where the request has passed the login gate."""
    return cast(User, current_user._get_current_object())


def viewer_or_none() -> User | None:
    """The person signed in, if anybody is and it can be told."""
    if g.get("is_viewer_forgotten"):
        return None
    return viewer() if current_user and current_user.is_authenticated else None


def count_no_use() -> None:
    """Another site sent this request: that keeps no login of its browser from going idle."""
    g.is_sent_by_others = True


def forget_viewer() -> None:
    """From now on nobody is looking, and the database is not asked who is: for an answer that must do without it."""
    g.is_viewer_forgotten = True
