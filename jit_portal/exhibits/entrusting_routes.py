"""Addresses of entrusting: who may release for one's own party beside its leaders."""

import datetime as dt
import uuid

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from jit_portal import policy
from jit_portal.errors import Invalid, Refused
from jit_portal.exhibits import entrusting, pages
from jit_portal.exhibits.forms import EntrustForm
from jit_portal.exhibits.models import Entrustment
from jit_portal.jits.models import Party
from jit_portal.vocabulary import May, Sight
from jit_portal.web.forms import blame
from jit_portal.web.requests import wants_fragment
from jit_portal.web.session import viewer
from jit_portal.web.workspace import head
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Workspace
from jit_portal.workspaces.own import own_membership

bp = Blueprint("entrusting", __name__)


def _own(workspace_id: uuid.UUID) -> tuple[Workspace, Party]:
    workspace = policy.fetch(viewer(), Workspace, workspace_id)
    return workspace, own_membership(viewer(), workspace_id).party


def _back(workspace_id: uuid.UUID) -> Response:
    return redirect(url_for("rules.index", workspace_id=workspace_id, _anchor="entrusted"), 303)


@bp.get("/workspaces/<uuid:workspace_id>/entrustments")
def index(workspace_id: uuid.UUID) -> Response | str:
    workspace, party = _own(workspace_id)
    if not wants_fragment():
        return _back(workspace_id)
    return render_template(
        "rules/_entrusted.html", workspace=workspace, **pages.who_releases(viewer(), workspace, party)
    )


def _form(workspace: Workspace, party: Party) -> EntrustForm:
    form = EntrustForm()
    form.offer(entrusting.candidates(viewer(), workspace, party))
    return form


def _page(workspace: Workspace, form: EntrustForm) -> str:
    today = dt.datetime.now(dt.UTC).date()
    return render_template("rules/entrust.html", form=form, today=today, **head(viewer(), workspace.id, "vault"))


@bp.get("/workspaces/<uuid:workspace_id>/entrustments/new")
def new(workspace_id: uuid.UUID) -> str:
    workspace, party = _own(workspace_id)
    policy.require_right(viewer(), May.ENTRUST, party)
    return _page(workspace, _form(workspace, party))


@bp.post("/workspaces/<uuid:workspace_id>/entrustments/new")
def create(workspace_id: uuid.UUID) -> Response | tuple[str, int]:
    workspace, party = _own(workspace_id)
    policy.require_right(viewer(), May.ENTRUST, party)
    form = _form(workspace, party)
    if not form.validate():
        return _page(workspace, form), 422
    person, sight = uuid.UUID(form.person.data), Sight(int(form.sight.data))
    try:
        made = entrusting.entrust(viewer(), workspace, party, person, sight, form.last_day.data)
    except (Invalid, Refused) as error:
        return _page(workspace, blame(form, error, party)), error.status
    flash(gettext("%(person)s may release for your party now.", person=made.user.name), "ok")
    return _back(workspace_id)


@bp.post("/entrustments/<uuid:entrustment_id>/end")
def end(entrustment_id: uuid.UUID) -> Response:
    entrustment = policy.fetch(viewer(), Entrustment, entrustment_id)
    entrusting.end_entrustment(viewer(), entrustment)
    flash(gettext("%(person)s is entrusted no longer.", person=entrustment.user.name), "ok")
    return _back(entrustment.workspace_id)
