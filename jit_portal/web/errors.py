"""How a refusal is said on a page or in a fragment; each is on record where a person was refused."""

import logging
from typing import Any

from flask import Flask, g, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from jit_portal.audit import service as audit
from jit_portal.database import Thing, session
from jit_portal.errors import NotAllowed, NotFound, Refusal, Refused
from jit_portal.vocabulary import May
from jit_portal.web import reasons
from jit_portal.web.session import viewer_or_none
from jit_portal.wording import gettext

log = logging.getLogger(__name__)


def phrase(app: Flask) -> None:
    """Answer every failure in the reader's words, with the right status."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(CSRFError, _foreign)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _broken)


def wording(error: Refusal) -> str:
    """What the reader is told; what is missing and what may not be seen sound alike."""
    if isinstance(error, NotFound):
        return gettext("There is nothing here, or it is not shown to you.")
    if isinstance(error, NotAllowed) and not error.reason:
        person = viewer_or_none()
        known = person is not None and isinstance(error.thing, Thing) and error.may
        why = reasons.why_not(person, May(error.may), error.thing) if known else ""  # type: ignore[arg-type]
        return why or gettext("You see this, but you may not do that to it.")
    return error.reason


def database_away() -> str:
    return gettext("The portal cannot reach its database just now. Nothing was changed; try again in a moment.")


def our_fault() -> str:
    return gettext("Something went wrong on our side. Nothing was changed.")


def put_on_record(error: Refusal, act: str) -> None:
    """A refused wish of a person who is signed in goes on record."""
    person = viewer_or_none()
    session().rollback()
    if person is not None and isinstance(error, NotAllowed | NotFound | Refused):
        thing = error.thing if isinstance(error.thing, Thing) else None
        audit.refused(person, act, thing, error)


def _refused(error: Refusal) -> Response:
    put_on_record(error, request.endpoint or request.path)
    return _say(error.status, wording(error))


def _foreign(error: CSRFError) -> Response:
    return _say(400, gettext("This form has expired or came from somewhere else. Go back, reload and send it again."))


def _database_away(error: OperationalError) -> Response:
    log.error("database unavailable", extra={"reason": type(error.orig).__name__})
    session().rollback()
    return _say(503, database_away())


def _http(error: HTTPException) -> Response:
    if isinstance(error.response, Response):
        return error.response
    reasons = {
        400: gettext("The request makes no sense to the portal."),
        404: gettext("There is nothing here, or it is not shown to you."),
        405: gettext("This address cannot be used that way."),
        413: gettext("That is more than the portal takes at once."),
        429: gettext("Too many tries. Wait a minute and try again."),
    }
    return _say(error.code or 500, reasons.get(error.code or 500, error.name))


def _broken(error: Exception) -> Response:
    log.exception("unexpected failure", exc_info=error)
    session().rollback()
    return _say(500, our_fault())


def _say(status: int, reason: str) -> Response:
    if request.accept_mimetypes.best in ("application/json",) or request.path.startswith("/vault/"):
        body: dict[str, Any] = {"error": reason, "request": g.get("request_id", "")}
        return make_response(body, status)
    page = render_template("errors/show.html", status=status, reason=reason, request_id=g.get("request_id", ""))
    return make_response(page, status)
