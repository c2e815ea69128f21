"""What every request passes: who is asking, and the headers that every answer carries."""

import secrets
import uuid
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from jit_portal.web.session import viewer_or_none

F = TypeVar("F", bound=Callable[..., Any])

_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' blob:; font-src 'self'; "
    "connect-src 'self'{sockets}; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types htmx app"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()",
    "X-Frame-Options": "DENY",
}


def open_to_all(view: F) -> F:
    """Mark a view that needs no login."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def wants_fragment() -> bool:
    """The browser asks for a piece of a page, or for data, not for a page."""
    return "HX-Request" in request.headers or request.headers.get("X-Requested-With") == "fetch"


def back_to(address: str | None) -> str:
    """An address within the portal to return to: the one given if it is one, else home."""
    parts = urlsplit(address or "/")
    inside = not parts.scheme and not parts.netloc and parts.path.startswith("/") and "\\" not in parts.path
    return parts.geturl() if inside and not parts.path.startswith("//") else "/"


def protect(app: Flask) -> None:
    """Refuse every request without a live login, except where a view is open to all; send strict headers."""
    # Before every other gate: what they refuse, too, has an id and strict headers.
    app.before_request_funcs.setdefault(None, []).insert(0, _name_request)
    app.before_request(_need_login)
    app.after_request(_send_headers)


def _name_request() -> None:
    g.request_id = uuid.uuid4().hex[:16]
    g.csp_nonce = secrets.token_urlsafe(16)


def _need_login() -> AnyResponse | None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or getattr(view, "open_to_all", False) or request.endpoint == "static":
        return None
    if viewer_or_none() is not None:
        return None
    if request.method == "GET" and not wants_fragment() and not request.path.startswith("/vault/"):
        return redirect(url_for("identity.sign_in", next=request.full_path.rstrip("?")))
    back = urlsplit(request.referrer or "").path or "/"
    sign_in = url_for("identity.sign_in", next=back)
    return make_response(render_template("errors/show.html", status=401, reason="", sign_in=sign_in), 401)


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
