"""Addresses of what waits until the person has confirmed that it is she."""

import uuid

from flask import Blueprint, flash, redirect, render_template
from werkzeug.wrappers import Response

from jit_portal.audit import words
from jit_portal.errors import NotFound
from jit_portal.identity import passkeys, waiting
from jit_portal.policy import stepup
from jit_portal.web import pending
from jit_portal.web.confirming import say_over
from jit_portal.web.session import viewer
from jit_portal.wording import gettext

bp = Blueprint("confirm", __name__)


@bp.get("/confirm/<uuid:act_id>")
def show(act_id: uuid.UUID) -> str | Response:
    """What waits, how to confirm it, and, once she has, the way on."""
    person = viewer()
    try:
        act = waiting.find(person, act_id)
    except NotFound as missing:
        return say_over(missing, act_id)
    met = stepup.explain(person)
    usable = [passkey for passkey in passkeys.mine(person) if passkey.flagged_at is None]
    return render_template(
        "confirm/show.html",
        act=act,
        what=words.label(act.endpoint),
        about=pending.facts(person, act),
        met=met,
        is_met=all(met.values()),
        stands_in=stepup.stands_in(person),
        has_passkey=bool(usable),
    )


@bp.post("/confirm/<uuid:act_id>/drop")
def drop(act_id: uuid.UUID) -> Response:
    try:
        act = waiting.drop(viewer(), act_id)
    except NotFound as missing:
        return say_over(missing, act_id)
    flash(gettext("Left undone."), "ok")
    return redirect(act.sent_from, 303)
