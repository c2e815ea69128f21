"""Addresses of the vault: its list, one exhibit, and the acts on it."""

import datetime as dt
import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_babel import format_datetime
from werkzeug.wrappers import Response

from jit_portal import policy
from jit_portal.custody.forms import DeclineForm
from jit_portal.errors import Invalid, Refused
from jit_portal.exhibits import admission, delivery, limits, lists, pages, releasing, service
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits import history as histories
from jit_portal.exhibits.descriptions import read
from jit_portal.exhibits.forms import (
    KINDS,
    PURPOSES,
    DescribeForm,
    ReclassifyForm,
    ReleaseForm,
    UploadForm,
    WithdrawForm,
    target_choices,
)
from jit_portal.exhibits.models import Exhibit, Release
from jit_portal.exhibits.targets import offered
from jit_portal.jits.words import ROLES
from jit_portal.vocabulary import ExhibitKind, May, Purpose, Sight
from jit_portal.web.forms import blame
from jit_portal.web.requests import wants_fragment
from jit_portal.web.session import viewer
from jit_portal.web.workspace import vault_head
from jit_portal.web.zones import to_utc
from jit_portal.wording import gettext
from jit_portal.workspaces.own import own_membership

bp = Blueprint("exhibits", __name__)


@bp.record_once
def _words(state: BlueprintSetupState) -> None:
    # Globals, not context: imported macros see no context.
    words = {"role_label": ROLES.get, "kind_label": KINDS.get, "purpose_label": PURPOSES.get}
    state.app.jinja_env.globals.update(words, preview=delivery.shown, upload_refusal=admission.upload_refusal)


def _wanted() -> lists.Wanted:
    said = request.args
    try:
        at, _, id = said.get("before", "").partition("~")
        return lists.Wanted(
            text=said.get("q", "").strip()[:100],
            party_id=uuid.UUID(said["party"]) if said.get("party") else None,
            kind=ExhibitKind(said["kind"]) if said.get("kind") else None,
            tag=said.get("tag", "").strip().casefold()[:40],
            before=(dt.datetime.fromisoformat(at), uuid.UUID(id)) if at else None,
        )
    except ValueError as error:
        raise Invalid(gettext("The address asks for something the list does not know.")) from error


@bp.get("/workspaces/<uuid:workspace_id>/vault")
def index(workspace_id: uuid.UUID) -> str:
    context = vault_head(viewer(), workspace_id)
    wanted = _wanted()
    context |= {"page_of": lists.page(viewer(), context["workspace"], wanted), "wanted": wanted}
    if wants_fragment():
        return render_template("exhibits/_list.html", is_alone=True, **context)
    pages.visit(viewer(), context["workspace"])
    form = UploadForm(formdata=None)
    mine = own_membership(viewer(), workspace_id)
    form.offer(mine.party.provider.open_authorities)
    refusal = admission.upload_refusal(mine)
    may_upload = May.UPLOAD in context["workspace_may"] and not refusal
    return render_template("exhibits/index.html", form=form, may_upload=may_upload, refusal=refusal, **context)


@bp.get("/exhibits/<uuid:exhibit_id>")
def show(exhibit_id: uuid.UUID) -> str:
    exhibit = policy.fetch(viewer(), Exhibit, exhibit_id)
    template = "exhibits/_exhibit.html" if wants_fragment() else "exhibits/show.html"
    context = pages.about(viewer(), exhibit) | vault_head(viewer(), exhibit.workspace_id)
    wants_preview = request.args.get("preview") == "1"
    if May.READ in context["may"]:
        exhibit_bytes.read_about(viewer(), exhibit, goes_on=wants_fragment() or wants_preview)
    return render_template(template, decline=DeclineForm(formdata=None), wants_preview=wants_preview, **context)


@bp.get("/exhibits/<uuid:exhibit_id>/history")
def history(exhibit_id: uuid.UUID) -> str:
    exhibit = _may(May.SEE_AUDIENCE, exhibit_id)
    before = request.args.get("before", type=int)
    return _form_page(exhibit, "history", history=histories.of(viewer(), exhibit, before=before))


def _may(what: May, exhibit_id: uuid.UUID) -> Exhibit:
    """The exhibit, if she may do this to it: asked before any form is read, for what a form says can disclose."""
    exhibit = policy.fetch(viewer(), Exhibit, exhibit_id)
    policy.require_right(viewer(), what, exhibit)
    return exhibit


def _form_page(exhibit: Exhibit, template: str, **context: Any) -> str:
    return render_template(
        f"exhibits/{template}.html", exhibit=exhibit, **context, **vault_head(viewer(), exhibit.workspace_id)
    )


def _back(exhibit: Exhibit, said: str) -> Response:
    flash(said, "ok")
    return redirect(url_for("exhibits.show", exhibit_id=exhibit.id), 303)


@bp.get("/exhibits/<uuid:exhibit_id>/edit")
def edit(exhibit_id: uuid.UUID) -> str:
    exhibit = _may(May.DESCRIBE, exhibit_id)
    return _form_page(exhibit, "edit", form=DescribeForm(formdata=None, obj=exhibit))


@bp.post("/exhibits/<uuid:exhibit_id>/edit")
def update(exhibit_id: uuid.UUID) -> Response | tuple[str, int]:
    exhibit = _may(May.DESCRIBE, exhibit_id)
    form = DescribeForm()
    if not form.validate():
        return _form_page(exhibit, "edit", form=form), 422
    try:
        said = read(form.data | {"kind": "", "handling": ""})
        service.describe(viewer(), exhibit, said.title, said.description, said.place, form.edition.data)
    except Invalid as error:
        return _form_page(exhibit, "edit", form=blame(form, error)), error.status
    except Refused as error:
        now, theirs = _meanwhile(blame(form, error, exhibit), May.DESCRIBE, exhibit)
        return _form_page(now, "edit", form=form, theirs=theirs), error.status
    return _back(exhibit, gettext("Saved."))


def _meanwhile(form: DescribeForm | ReclassifyForm, what: May, exhibit: Exhibit) -> tuple[Exhibit, Exhibit | None]:
    """The exhibit as it is, and once more where somebody else has left it so since the form was shown; sending the
    form again is then meant to replace that.
    """
    now = policy.fetch(viewer(), Exhibit, exhibit.id, what)
    is_stale = form.edition.data != now.edition
    form.edition.data = now.edition
    form.edition.raw_data = [str(now.edition)]
    return now, now if is_stale else None


def _reclassify_form(exhibit: Exhibit, **filled: Any) -> ReclassifyForm:
    form = ReclassifyForm(**filled)
    offered = exhibit.seizing_party.provider.authorities
    form.offer([each for each in offered if each.closed_at is None or each.id == exhibit.authority_id])
    return form


@bp.get("/exhibits/<uuid:exhibit_id>/reclassify")
def reclassify(exhibit_id: uuid.UUID) -> str:
    exhibit = _may(May.RECLASSIFY, exhibit_id)
    said = {
        "edition": exhibit.edition,
        "kind": exhibit.kind or "",
        "handling": exhibit.handling[0] if exhibit.handling else "",
        "authority": str(exhibit.authority_id or ""),
        "seized_on": exhibit.seized_on,
        "tags": ", ".join(exhibit.tags),
    }
    return _form_page(exhibit, "reclassify", form=_reclassify_form(exhibit, formdata=None, data=said), moved=None)


@bp.post("/exhibits/<uuid:exhibit_id>/reclassify")
def reclassify_submit(exhibit_id: uuid.UUID) -> Response | tuple[str, int]:
    exhibit = _may(May.RECLASSIFY, exhibit_id)
    form = _reclassify_form(exhibit)
    if not form.validate():
        return _form_page(exhibit, "reclassify", form=form, moved=None), 422
    try:
        said = read(form.data)
        if "look" in request.form:
            moved = pages.reclassified(viewer(), exhibit, said)
            return _form_page(exhibit, "reclassify", form=form, moved=moved), 200
        service.reclassify(viewer(), exhibit, said, form.edition.data)
    except Invalid as error:
        return _form_page(exhibit, "reclassify", form=blame(form, error), moved=None), error.status
    except Refused as error:
        now, theirs = _meanwhile(blame(form, error, exhibit), May.RECLASSIFY, exhibit)
        return _form_page(now, "reclassify", form=form, moved=None, theirs=theirs), error.status
    return _back(exhibit, gettext("Classified anew."))


def _release_form(exhibit: Exhibit) -> ReleaseForm:
    form = ReleaseForm()
    form.to.choices = target_choices(offered(viewer(), exhibit.workspace, exhibit.party_id))
    held = limits.limit_of(viewer(), exhibit)
    if held is not None:
        form.offer_up_to(Sight(held.sight))
    return form


def _release_page(exhibit: Exhibit, form: ReleaseForm) -> str:
    held = limits.limit_of(viewer(), exhibit)
    leaders = limits.leaders(exhibit.seizing_party) if held is not None else []
    return _form_page(exhibit, "release", form=form, held=held, leaders=leaders)


@bp.get("/exhibits/<uuid:exhibit_id>/release")
def release(exhibit_id: uuid.UUID) -> str:
    exhibit = _may(May.RELEASE, exhibit_id)
    return _release_page(exhibit, _release_form(exhibit))


@bp.post("/exhibits/<uuid:exhibit_id>/release")
def release_submit(exhibit_id: uuid.UUID) -> Response | tuple[str, int]:
    exhibit = _may(May.RELEASE, exhibit_id)
    form = _release_form(exhibit)
    if not form.validate():
        return _release_page(exhibit, form), 422
    zone = viewer().time_zone
    try:
        made = releasing.release(
            viewer(),
            exhibit,
            form.to.data,
            Sight(int(form.sight.data)),
            Purpose(form.purpose.data),
            conditions=(form.conditions.data or "").strip(),
            live_from=to_utc(form.live_from.data, zone, "live_from"),
            live_until=to_utc(form.live_until.data, zone, "live_until"),
            token=form.wish(),
        )
    except (Invalid, Refused) as error:
        return _release_page(exhibit, blame(form, error, exhibit).renew()), error.status
    if made.live_from > made.released_at:
        begins = format_datetime(made.live_from, "long")
        return _back(exhibit, gettext("Released. They see it from %(moment)s.", moment=begins))
    return _back(exhibit, gettext("Released. They see it now."))


def _release_of(release_id: uuid.UUID) -> tuple[Release, Exhibit]:
    made = policy.fetch(viewer(), Release, release_id)
    return made, policy.fetch(viewer(), Exhibit, made.exhibit_id)


@bp.get("/releases/<uuid:release_id>/withdraw")
def withdraw(release_id: uuid.UUID) -> str:
    made, exhibit = _release_of(release_id)
    policy.require_right(viewer(), May.WITHDRAW, exhibit)
    return _form_page(exhibit, "withdraw", form=WithdrawForm(formdata=None), release=made)


@bp.post("/releases/<uuid:release_id>/withdraw")
def withdraw_submit(release_id: uuid.UUID) -> Response | tuple[str, int]:
    made, exhibit = _release_of(release_id)
    policy.require_right(viewer(), May.WITHDRAW, exhibit)
    form = WithdrawForm()
    if not form.validate():
        return _form_page(exhibit, "withdraw", form=form, release=made), 422
    releasing.withdraw(viewer(), made, (form.reason.data or "").strip())
    return _back(exhibit, gettext("Withdrawn. It is gone from their screens."))
