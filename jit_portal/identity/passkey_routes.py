"""Addresses of a person's passkeys. What a browser needs to make or use one is answered as JSON."""

import uuid

from flask import Blueprint, Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from jit_portal.errors import NotAllowed
from jit_portal.extensions import asker, limiter
from jit_portal.identity import passkeys
from jit_portal.identity.refusals import SignInRefused
from jit_portal.identity.routes import refusal_page, refused, set_login_cookie
from jit_portal.identity.service import inside
from jit_portal.web.errors import put_on_record, say, wording
from jit_portal.web.requests import wants_data
from jit_portal.web.session import viewer
from jit_portal.wording import gettext

bp = Blueprint("passkeys", __name__)
TRIES = limiter.shared_limit("30/minute", "passkeys", key_func=asker)
"""Of one person, at all addresses by which passkeys are made and used."""

bp.register_error_handler(SignInRefused, refused)


@bp.errorhandler(NotAllowed)
def not_taken(error: NotAllowed) -> Answer | tuple[str, int]:
    """A passkey is refused; what was to be confirmed by it waits on."""
    put_on_record(error)
    if wants_data():
        return say(error.status, wording(error))
    return refusal_page("passkey", None, inside(request.form.get("next")), wording(error)), error.status


def _json(said: str) -> Response:
    return Response(said, mimetype="application/json")


def _back() -> Answer:
    return redirect(url_for("identity.account", _anchor="passkeys"), 303)


@bp.post("/account/passkeys/new")
@TRIES
def new() -> Response:
    return _json(passkeys.offer_enrolment(viewer()))


@bp.post("/account/passkeys")
@TRIES
def create() -> Answer:
    made = passkeys.enrol(viewer(), request.form.get("name", ""), request.form.get("credential", ""))
    flash(gettext("The passkey “%(name)s” can be used now.", name=made.name), "ok")
    return _back()


@bp.post("/account/passkeys/<uuid:passkey_id>/remove")
def remove(passkey_id: uuid.UUID) -> Answer:
    passkeys.remove(viewer(), passkey_id)
    flash(gettext("The passkey is removed."), "ok")
    return _back()


@bp.post("/account/passkeys/ask")
@TRIES
def ask() -> Response:
    return _json(passkeys.offer_confirmation(viewer()))


@bp.post("/account/passkeys/confirm")
@TRIES
def confirm() -> Answer:
    token = passkeys.confirm(viewer(), request.form.get("credential", ""))
    response = redirect(inside(request.form.get("next")), 303)
    set_login_cookie(response, token)
    return response
