"""How a refusal is said on a page or in a fragment; each is on record where a person was refused."""

import logging
import uuid
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flask import Flask, g, make_response, render_template, request, url_for
from flask_babel import get_locale
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from jit_portal import database, policy
from jit_portal.audit import service as audit
from jit_portal.database import Thing, session
from jit_portal.errors import NotAllowed, NotFound, Refusal, Refused, StepUpNeeded
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import IdentityProvider, ProviderProposal, User
from jit_portal.jits.models import Agreement, Jit, Party
from jit_portal.messages.models import Channel, Message
from jit_portal.tasks.models import Board, Task
from jit_portal.vocabulary import May
from jit_portal.web import onward, reasons
from jit_portal.web.requests import sender_page, wants_data, wants_fragment
from jit_portal.web.session import forget_viewer, viewer_or_none
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Membership, Workspace

log = logging.getLogger(__name__)

DATABASE_AWAY = (OperationalError, InterfaceError, NoConnection)
_NAMED: dict[str, type[Thing]] = {
    "message": Message,
    "channel": Channel,
    "task": Task,
    "board": Board,
    "release": Release,
    "rule": CountryRule,
    "exhibit": Exhibit,
    "file": StoredFile,
    "membership": Membership,
    "agreement": Agreement,
    "party": Party,
    "workspace": Workspace,
    "jit": Jit,
    "user": User,
    "proposal": ProviderProposal,
    "provider": IdentityProvider,
}
"""What addresses (``exhibit_id``) and socket events (``exhibit``) name, from the narrowest to the widest."""


def phrase(app: Flask) -> None:
    """Answer every failure in the reader's words, with the right status."""
    for kind, say in ((Refusal, _refused), (CSRFError, _foreign), (HTTPException, _http), (DataError, _senseless)):
        app.register_error_handler(kind, or_away(say))
    for kind in DATABASE_AWAY:
        app.register_error_handler(kind, _database_away)
    app.register_error_handler(Exception, _broken)


def or_away(say: Callable[[Any], Response]) -> Callable[[Exception], Response]:
    """Most answers ask the database who is looking; where it turns out to be away, that is the answer."""

    @wraps(say)
    def answer(error: Exception) -> Response:
        try:
            return say(error)
        except DATABASE_AWAY as away:
            return _database_away(away)

    return answer


def wording(error: Refusal) -> str:
    """What the reader is told; what is missing and what may not be seen sound alike."""
    if isinstance(error, NotFound):
        return gettext("There is nothing here, or it is not shown to you.")
    if isinstance(error, StepUpNeeded):
        return gettext("Confirm at your national login that it is you, then do this again.")
    if isinstance(error, NotAllowed) and not error.reason:
        person = viewer_or_none()
        known = person is not None and isinstance(error.thing, Thing) and error.may
        why = reasons.why_not(person, May(error.may), error.thing) if known else ""  # type: ignore[arg-type]
        return why or gettext("You see this, but you may not do that to it.")
    return error.reason


def database_away(error: Exception) -> str:
    """What the reader is told while the database does not answer; who she is, nobody can ask it now."""
    log.error("database unavailable", extra={"reason": type(getattr(error, "orig", error)).__name__})
    forget_viewer()
    session().rollback()
    if database.may_be_done():
        return gettext(
            "The portal cannot reach its database just now. What you did may be done already: look before you do it "
            "again."
        )
    return gettext("The portal cannot reach its database just now. Nothing was changed; try again in a moment.")


def senseless(error: DataError) -> str:
    """What the reader is told of a value that the database does not take."""
    log.warning("the database does not take a value", exc_info=error)
    session().rollback()
    return gettext("Something of this is too large, too long or not a text that can be kept. Nothing was changed.")


def our_fault() -> str:
    if database.may_be_done():
        return gettext(
            "Something went wrong on our side. What you did may be done already: look before you do it again."
        )
    return gettext("Something went wrong on our side. Nothing was changed.")


def put_on_record(error: Refusal, event: str | None = None, said: Mapping[str, Any] | None = None) -> Thing | None:
    """A refused wish of a person who is signed in goes on record: by the address asked for, or the socket's event.

    It is about what is returned: what the refusal names, or else what the address, or what came with the event, names.
    """
    person = viewer_or_none()
    database.undo()
    if person is not None and isinstance(error, NotAllowed | NotFound | Refused):
        asked = (request.view_args if event is None else said) or {}
        about = _blamed(person, error, asked)
        audit.refused(person, event or request.endpoint or request.path, about, error)
        return about
    return None


def _blamed(person: User, error: Refusal, said: Mapping[str, Any]) -> Thing | None:
    """What the refusal is about: the narrowest thing named that she sees; nothing where something is missing."""
    if isinstance(error, NotFound) or isinstance(error.thing, Thing):
        return error.thing if isinstance(error.thing, Thing) else None
    for name, model in _NAMED.items():
        id = said.get(f"{name}_id", said.get(name))
        try:
            return policy.fetch(person, model, uuid.UUID(str(id)))
        except (ValueError, NotFound):
            continue
    return None


def _refused(error: Refusal) -> Response:
    about = put_on_record(error)
    return say(error.status, wording(error), about)


def _foreign(error: CSRFError) -> Response:
    return say(400, gettext("This form has expired or came from somewhere else. Go back, reload and send it again."))


def _database_away(error: Exception) -> Response:
    return say(503, database_away(error))


def _senseless(error: DataError) -> Response:
    return say(422, senseless(error))


def _http(error: HTTPException) -> Response:
    if isinstance(error.response, Response):
        return error.response
    if error.code == 429:
        # Nothing is read for somebody who asks too much; only the language is still that person's.
        get_locale()
        forget_viewer()
    reasons = {
        400: gettext("The request makes no sense to the portal."),
        401: gettext("Your sign-in has ended, or you have not signed in yet."),
        403: gettext("This was sent from a page that is not the portal's. Nothing was done."),
        404: gettext("There is nothing here, or it is not shown to you."),
        405: gettext("This address cannot be used that way."),
        413: gettext("That is more than the portal takes at once."),
        415: gettext("The portal does not take this kind of content here."),
        429: gettext("Too many tries. Wait a minute and try again."),
    }
    answer = say(error.code or 500, reasons.get(error.code or 500, error.name))
    # What the status promises, such as which methods an address does know.
    answer.headers.extend((name, value) for name, value in error.get_headers() if name != "Content-Type")
    return answer


def _broken(error: Exception) -> Response:
    log.exception("unexpected failure", exc_info=error)
    # What failed may be what every page shows of its reader: it is not asked again.
    forget_viewer()
    session().rollback()
    return say(500, our_fault())


def say_in_scim(status: int, reason: str, scim_type: str = "") -> Response:
    """The answer as directories read it (RFC 7644)."""
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status), "detail": reason}
    if scim_type:
        body["scimType"] = scim_type
    answer = make_response(body, status, {"Content-Type": "application/scim+json"})
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def say(status: int, reason: str, about: Thing | None = None) -> Response:
    """The answer with this status and reason: in the form of whoever asks, which is a page for people."""
    request_id = g.get("request_id", "")
    if request.path.startswith("/scim/"):
        return say_in_scim(status, reason)
    if wants_data():
        body: dict[str, Any] = {"error": reason, "request": request_id}
        return make_response(body, status)
    sign_in = url_for("identity.sign_in", next=sender_page()) if status == 401 else None
    ways = onward.ways(status, about)
    known = {"request_id": request_id, "sign_in": sign_in, "ways": ways, "is_fragment": wants_fragment()}
    return make_response(render_template("errors/show.html", status=status, reason=reason, **known), status)
