"""Addresses of the chain of custody."""

import uuid

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from jit_portal import policy
from jit_portal.custody import service
from jit_portal.custody.forms import DeclineForm, HandOverForm
from jit_portal.database import session
from jit_portal.errors import Invalid, Refused
from jit_portal.exhibits.models import Exhibit
from jit_portal.vocabulary import May
from jit_portal.web.forms import blame
from jit_portal.web.session import viewer
from jit_portal.web.workspace import head
from jit_portal.wording import gettext

bp = Blueprint("custody", __name__, url_prefix="/exhibits/<uuid:exhibit_id>")


def _form(exhibit: Exhibit) -> HandOverForm:
    form = HandOverForm()
    people = sorted(session().scalars(service.receivers(viewer(), exhibit)), key=lambda each: each.name)
    form.to.choices = [SelectChoice(str(each.id), f"{each.name} – {each.authority.name}") for each in people]
    return form


def _page(exhibit: Exhibit, form: HandOverForm) -> str:
    return render_template(
        "custody/hand_over.html", exhibit=exhibit, form=form, **head(viewer(), exhibit.workspace_id, "vault")
    )


@bp.get("/hand-over")
def hand_over(exhibit_id: uuid.UUID) -> str:
    exhibit = policy.fetch(viewer(), Exhibit, exhibit_id)
    policy.require(viewer(), May.HAND_OVER, exhibit)
    return _page(exhibit, _form(exhibit))


@bp.post("/hand-over")
def hand_over_submit(exhibit_id: uuid.UUID) -> Response | tuple[str, int]:
    exhibit = policy.fetch(viewer(), Exhibit, exhibit_id)
    policy.require(viewer(), May.HAND_OVER, exhibit)
    form = _form(exhibit)
    if not form.validate():
        return _page(exhibit, form), 422
    try:
        service.hand_over(viewer(), exhibit, form.to.data, form.reason.data)
    except Refused as error:
        return _page(exhibit, blame(form, error, exhibit)), error.status
    flash(gettext("Handed over. It is theirs once they accept it."), "ok")
    return redirect(url_for("exhibits.show", exhibit_id=exhibit_id), 303)


@bp.post("/take-back")
def take_back(exhibit_id: uuid.UUID) -> Response:
    service.take_back(viewer(), policy.fetch(viewer(), Exhibit, exhibit_id))
    flash(gettext("Taken back. It stays with you."), "ok")
    return redirect(url_for("exhibits.show", exhibit_id=exhibit_id), 303)


@bp.post("/accept")
def accept(exhibit_id: uuid.UUID) -> Response:
    service.accept(viewer(), policy.fetch(viewer(), Exhibit, exhibit_id))
    flash(gettext("You hold this exhibit now."), "ok")
    return redirect(url_for("exhibits.show", exhibit_id=exhibit_id), 303)


@bp.post("/decline")
def decline(exhibit_id: uuid.UUID) -> Response:
    exhibit = policy.fetch(viewer(), Exhibit, exhibit_id)
    policy.require(viewer(), May.DECLINE, exhibit)
    form = DeclineForm()
    if not form.validate():
        raise Invalid(str(form.reason.errors[0]), field="reason")
    service.decline(viewer(), exhibit, form.reason.data)
    flash(gettext("Declined. It stays with its holder."), "ok")
    return redirect(url_for("exhibits.show", exhibit_id=exhibit_id), 303)
