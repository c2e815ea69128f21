"""What comes of nobody who is signed in, and of no page of the portal: it is on record, though not without end."""

from flask import current_app, request
from flask_limiter.util import get_remote_address
from limits import RateLimitItemPerMinute

from jit_portal.audit import service as audit
from jit_portal.errors import Refusal
from jit_portal.extensions import limiter
from jit_portal.identity import endings

AT_MOST = RateLimitItemPerMinute(20)
"""From one address: whoever sends more is refused as well, and makes the record no longer."""


def put_on_record(act: str, refusal: Refusal) -> None:
    """A stranger was refused, at an address at which others of the same network must not be kept waiting for it."""
    if limiter.limiter.hit(AT_MOST, "strangers", get_remote_address()):
        audit.refused(None, act, None, refusal)


def put_cookie_on_record() -> None:
    """With this request, or this socket, comes a cookie that its browser should not have: made up, or kept too long."""
    refusal = endings.refusal_of(request.cookies.get(current_app.config["SETTINGS"].session_cookie, ""))
    if refusal is not None:
        put_on_record("login.shown", refusal)
