"""Addresses at which the glass is broken. Where that is switched off there are none: what is asked for is missing."""

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from jit_portal.errors import Invalid, NotAllowed
from jit_portal.extensions import limiter
from jit_portal.identity import routes as identity
from jit_portal.identity.glass import enrolling, opening
from jit_portal.identity.routes import attempt_browser, set_attempt_cookie, set_login_cookie
from jit_portal.web.requests import open_to_all
from jit_portal.web.session import device, viewer_or_none
from jit_portal.wording import gettext

bp = Blueprint("glass", __name__, url_prefix="/break-glass")
ASKS = limiter.shared_limit(identity.TRIES, "break-glass asks")
FAILS = limiter.shared_limit(identity.FAILURES, "break-glass", deduct_when=identity.failed)
"""From one address, at all that is tried here, as at a sign-in."""


def _json(said: str, browser: str) -> Response:
    answer = Response(said, mimetype="application/json")
    set_attempt_cookie(answer, browser)
    return answer


def _credential() -> str:
    return request.form.get("credential", "")


@bp.get("")
@open_to_all
def first() -> str:
    return _first()


def _first(error: str = "") -> str:
    return render_template("glass/first.html", reason=request.form.get("reason", ""), error=error)


@bp.post("/ask")
@ASKS
@FAILS
@open_to_all
def ask_first() -> Response:
    browser = attempt_browser()
    return _json(opening.offer_first(browser), browser)


@bp.post("")
@FAILS
@open_to_all
def first_submit() -> Answer | tuple[str, int]:
    try:
        opening.begin(attempt_browser(), request.form.get("reason", ""), _credential())
    except (Invalid, NotAllowed) as error:
        return _first(error.reason), error.status
    return redirect(url_for(".second"), 303)


@bp.get("/second")
@open_to_all
def second() -> str | Answer:
    begun = opening.begun(attempt_browser())
    return render_template("glass/second.html", begun=begun) if begun else redirect(url_for(".first"))


@bp.post("/second/ask")
@ASKS
@FAILS
@open_to_all
def ask_second() -> Response:
    browser = attempt_browser()
    return _json(opening.offer_second(browser), browser)


@bp.post("/second")
@FAILS
@open_to_all
def second_submit() -> Answer | tuple[str, int]:
    person, browser = viewer_or_none(), attempt_browser()
    begun = opening.begun(browser)
    before = person.current_login if person else None
    try:
        token = opening.open_portal(browser, _credential(), device(), instead_of=before)
    except NotAllowed as error:
        page = render_template("glass/first.html", reason=begun.reason if begun else "", error=error.reason)
        return page, error.status
    answer = redirect(url_for("pages.home"), 303)
    set_login_cookie(answer, token)
    return answer


@bp.get("/keys/<token>")
@FAILS
@open_to_all
def keys(token: str) -> str:
    return _keys(token)


def _keys(token: str, error: str = "") -> str:
    account = enrolling.find(token)
    enrolled = enrolling.keys_of(account)
    return render_template("glass/keys.html", account=account, enrolled=enrolled, token=token, error=error)


@bp.post("/keys/<token>/ask")
@ASKS
@FAILS
@open_to_all
def ask_key(token: str) -> Response:
    browser = attempt_browser()
    return _json(enrolling.offer(token, browser), browser)


@bp.post("/keys/<token>")
@FAILS
@open_to_all
def keys_submit(token: str) -> Answer | tuple[str, int]:
    try:
        has_both = enrolling.enrol(token, attempt_browser(), _credential())
    except NotAllowed as error:
        return _keys(token, error.reason), error.status
    if not has_both:
        return redirect(url_for(".keys", token=token), 303)
    flash(gettext("Both keys are enrolled. Keep them in different places."), "ok")
    return redirect(url_for(".first"), 303)
