"""What every request passes: who is asking, and the headers that every answer carries."""

import logging
import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, redirect, request, url_for
from flask_limiter.util import get_remote_address
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import Forbidden, Unauthorized
from werkzeug.wrappers import Response as AnyResponse

from jit_portal.errors import Invalid
from jit_portal.extensions import csrf, limiter
from jit_portal.web import strangers
from jit_portal.web.session import count_no_use, viewer_or_none
from jit_portal.wording import gettext

log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' blob:; font-src 'self'; "
    "connect-src 'self'{sockets}; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types htmx app"
)
_NEVER_ASKED_FOR = (
    *("accelerometer", "browsing-topics", "camera", "clipboard-read", "display-capture", "geolocation", "gyroscope"),
    *("hid", "idle-detection", "interest-cohort", "local-fonts", "magnetometer", "microphone", "midi", "payment"),
    *("screen-wake-lock", "serial", "usb", "window-management", "xr-spatial-tracking"),
)
"""Features of browsers that no page uses, and so no script that got into one may."""
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _NEVER_ASKED_FOR),
    "X-Frame-Options": "DENY",
}

_MOST_OF_ANYBODY = 64 << 10
"""Bytes that somebody without a login may send: a choice of language, or a provider's word that a login has ended."""

_MOST_LOGGED = 100
"""Characters of an origin: whoever sends one may make it as long as a header can be."""


def open_to_all(view: F) -> F:
    """Mark a view that needs no login."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def from_elsewhere(view: F) -> F:
    """Mark a view that others than the portal's own pages may send to."""
    view.from_elsewhere = True  # type: ignore[attr-defined]
    return view


def wants_fragment() -> bool:
    """The browser asks for a piece of a page, or for data, not for a page."""
    return "HX-Request" in request.headers or request.headers.get("X-Requested-With") == "fetch"


def wants_data() -> bool:
    """The asker takes JSON; at the vault everybody does but a browser that goes there itself."""
    best = request.accept_mimetypes.best
    if best == "application/json":
        return True
    goes_there = request.headers.get("Sec-Fetch-Dest") == "document" or best == "text/html"
    return request.path.startswith("/vault/") and not goes_there


def sender_page() -> str:
    """The page of the portal from which this request was sent, with its query, to return to; else home."""
    sender = urlsplit(request.referrer or "")
    is_own = f"{sender.scheme}://{sender.netloc}" == current_app.config["SETTINGS"].origin
    return back_to(sender._replace(scheme="", netloc="", fragment="").geturl()) if is_own else "/"


def back_to(address: str | None) -> str:
    """An address within the portal to return to: the one given if it is one, else home."""
    parts = urlsplit(address or "/")
    inside = not parts.scheme and not parts.netloc and parts.path.startswith("/") and "\\" not in parts.path
    return parts.geturl() if inside and not parts.path.startswith("//") else "/"


def public_address(endpoint: str, **values: Any) -> str:
    """A page's whole address as it is given to others: by the origin that is set, whatever this request was sent to."""
    return str(current_app.config["SETTINGS"].origin) + url_for(endpoint, **values)


def protect(app: Flask) -> None:
    """Refuse every request without a live login, except where a view is open to all; send strict headers.

    Nobody who is refused has had a byte of what they sent read: the form's token, which stands in the body, comes last.
    """
    app.before_request(name_request)
    app.before_request(_refuse_foreign)
    limiter.init_app(app)
    app.before_request(_need_login)
    csrf.init_app(app)
    app.before_request(_refuse_nul)
    app.after_request(_send_headers)


def name_request() -> None:
    """Give the request, or the event of a socket, the id under which the log speaks of it."""
    g.request_id = uuid.uuid4().hex[:16]
    g.csp_nonce = secrets.token_urlsafe(16)


def _view() -> Any:
    return current_app.view_functions.get(request.endpoint or "")


def _refuse_foreign() -> None:
    """What changes something comes from the portal's own pages, or from no browser at all; its token counts as well."""
    if request.method in ("GET", "HEAD", "OPTIONS") or getattr(_view(), "from_elsewhere", False):
        return
    origin = request.headers.get("Origin")
    is_own = origin in (None, current_app.config["SETTINGS"].origin)
    if not is_own or request.headers.get("Sec-Fetch-Site") == "cross-site":
        count_no_use()
        _log_foreign(origin)
        raise Forbidden


def _log_foreign(origin: str | None) -> None:
    """Where it came from, and who is signed in, if the browser said; who sends without end makes the log no longer."""
    if limiter.limiter.hit(strangers.AT_MOST, "foreign", get_remote_address()):
        person = viewer_or_none()
        person_id, site = person and str(person.id), origin and origin[:_MOST_LOGGED]
        log.info("refused what another site sent", extra={"person": person_id, "sent_from": site})


def refuse_nul(said: Iterable[str]) -> None:
    """No text of the database can hold this character, so none that comes in may."""
    if any("\0" in text for text in said):
        raise Invalid(gettext("Something of this contains the character NUL, which no text can hold."))


def _refuse_nul() -> None:
    files = (file.filename or "" for file in request.files.values())
    refuse_nul([request.path, *_flat(request.args), *_flat(request.form), *files])


def _flat(values: MultiDict[str, str]) -> Iterator[str]:
    for name, value in values.items(multi=True):
        yield from (name, value)


def _need_login() -> AnyResponse | None:
    view = _view()
    if view is None or request.endpoint == "static":
        return None
    if getattr(view, "open_to_all", False):
        request.max_content_length = _MOST_OF_ANYBODY
        return None
    if viewer_or_none() is not None:
        return None
    strangers.put_cookie_on_record()
    if request.method == "GET" and not wants_fragment() and not wants_data():
        return redirect(url_for("identity.sign_in", next=request.full_path.rstrip("?")))
    raise Unauthorized


def _send_headers(response: Response) -> Response:
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("X-Request-ID", g.get("request_id", ""))
    if "Content-Security-Policy" not in response.headers:
        settings = current_app.config["SETTINGS"]
        sockets = " " + settings.origin.replace("http", "ws", 1)
        response.headers["Content-Security-Policy"] = _POLICY.format(nonce=g.csp_nonce, sockets=sockets)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Vary", "Cookie")
    if request.is_secure and current_app.config["SETTINGS"].origin.startswith("https"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
    return response
