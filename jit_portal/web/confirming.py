"""Where an act asks for a step-up: what was sent is kept, and sent on once the person has confirmed that it is she."""

import uuid

from flask import Flask, Response, g, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.wrappers import Response as Answer

from jit_portal.errors import Refusal, Refused, StepUpNeeded
from jit_portal.identity import waiting
from jit_portal.web.errors import or_away, put_on_record, say, wording
from jit_portal.web.requests import sender_page, wants_data
from jit_portal.web.session import viewer, viewer_or_none

WAITING = "waiting-act"
"""The field of a form that has nothing else to say than which act goes on."""


def bind(app: Flask) -> None:
    """Let acts wait, and go on; after ``requests.protect``, for what goes on has passed all that a form passes."""
    app.before_request(_go_on)
    app.register_error_handler(StepUpNeeded, or_away(_wait))


def _wait(error: StepUpNeeded) -> Answer:
    """Keep the form and lead to the page where its sender confirms that it is she; only a form can wait."""
    if request.method != "POST" or request.files or wants_data():
        waiting.turn_away(viewer(), error, request.endpoint or "")
        return say(error.status, wording(error))
    sent = [pair for pair in request.form.items(multi=True) if pair[0] not in ("csrf_token", WAITING)]
    try:
        sent_from = g.get("went_on_from") or sender_page()
        act = waiting.keep(viewer(), error, request.endpoint or "", _address(), sent, sent_from)
    except Refused as refusal:
        put_on_record(refusal)
        return say(refusal.status, wording(refusal))
    page = url_for("confirm.show", act_id=act.id)
    if "HX-Request" in request.headers:
        # A piece of a page cannot ask: the whole window goes there.
        return make_response("", 200, {"HX-Redirect": page})
    return redirect(page, 303)


def say_over(refusal: Refusal, act_id: uuid.UUID, reason: str = "") -> Response:
    """The page that stands where nothing waits, on record; it leads back to the form where that is known."""
    put_on_record(refusal)
    sent_from = waiting.came_from(viewer(), act_id)
    return make_response(render_template("confirm/over.html", reason=reason, sent_from=sent_from), refusal.status)


def _go_on() -> Response | None:
    """Put the form that waited in the place of one that only names it; each address knows no difference."""
    if request.method != "POST" or WAITING not in request.form or viewer_or_none() is None:
        return None
    try:
        act_id = uuid.UUID(request.form[WAITING])
    except ValueError:
        act_id = uuid.UUID(int=0)
    try:
        form, g.went_on_from = waiting.take_up(viewer(), act_id, _address())
    except Refused as over:
        return say_over(over, act_id, over.reason)
    request.form = ImmutableMultiDict(form)
    return None


def _address() -> str:
    return request.full_path.rstrip("?")
