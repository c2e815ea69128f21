"""Who is looking, for routes and templates."""

from typing import cast

from flask import Request, current_app
from flask_login import LoginManager, current_user

from jit_portal.identity import sessions
from jit_portal.identity.models import User


def bind(manager: LoginManager) -> None:
    """Let flask-login find the person behind each request by the login's own cookie."""
    manager.request_loader(_person)


def _person(request: Request) -> User | None:
    login = sessions.load(request.cookies.get(current_app.config["SETTINGS"].session_cookie, ""))
    return login.user if login else None


def viewer() -> User:
    """The person signed in; only where the request has passed the login gate."""
    return cast(User, current_user._get_current_object())


def viewer_or_none() -> User | None:
    """The person signed in, if anybody is."""
    return viewer() if current_user and current_user.is_authenticated else None
