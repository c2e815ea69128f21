"""Addresses of JITs and their agreements: drafting, signing, versions."""

import io
import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, send_file, url_for
from werkzeug.wrappers import Response

from jit_portal import policy
from jit_portal.database import session
from jit_portal.errors import Invalid, StoreUnavailable
from jit_portal.identity.models import User
from jit_portal.jits import documents, service, signing, versions
from jit_portal.jits.forms import DocumentForm, DraftForm, EditionForm, SignatureForm
from jit_portal.jits.models import Agreement, Jit
from jit_portal.jits.signing import Signature
from jit_portal.jits.terms import changes, read_out, sections, terms_of
from jit_portal.jits.words import PARTY_KINDS, ROLES
from jit_portal.vocabulary import AgreementState, May
from jit_portal.web.errors import put_on_record
from jit_portal.web.session import viewer
from jit_portal.web.workspace import head
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Workspace

bp = Blueprint("jits", __name__)

Page = str | Response | tuple[str, int]


def _draft(terms: Any = None) -> DraftForm:
    return DraftForm(versions.possible_parties(), versions.possible_people(), terms, viewer().time_zone)


def _form_page(form: DraftForm, status: int = 200, **more: Any) -> tuple[str, int]:
    return render_template("jits/edit.html", form=form, kinds=PARTY_KINDS, roles=ROLES, **more), status


def _workspace_of(person: User, jit: Jit) -> Workspace | None:
    return session().scalar(policy.which(person, Workspace).where(Workspace.jit_id == jit.id))


def _agreement(agreement_id: uuid.UUID, may: May = May.SEE) -> Agreement:
    found = policy.fetch(viewer(), Agreement, agreement_id)
    policy.require(viewer(), may, found)
    return found


@bp.get("/jits/new")
def new() -> Page:
    policy.jits.require_begin(viewer())
    return _form_page(_draft(), jit=None)


@bp.post("/jits")
def create() -> Page:
    form = _draft()
    if not form.validate():
        return _form_page(form, 422, jit=None)
    try:
        agreement = service.begin(viewer(), form.read())
    except Invalid as error:
        form.complain(error.reason, error.field)
        return _form_page(form, 422, jit=None)
    flash(gettext("The draft is saved. Next: attach the document and record the signatures."), "ok")
    return redirect(url_for(".agreement", jit_id=agreement.jit_id), 303)


@bp.get("/jits/<uuid:jit_id>")
def show(jit_id: uuid.UUID) -> Page:
    jit = policy.fetch(viewer(), Jit, jit_id)
    workspace = _workspace_of(viewer(), jit)
    if workspace is None:
        return redirect(url_for(".agreement", jit_id=jit.id))
    return redirect(url_for("workspaces.show", workspace_id=workspace.id))


@bp.get("/jits/<uuid:jit_id>/agreement")
def agreement(jit_id: uuid.UUID) -> Page:
    return _agreement_page(policy.fetch(viewer(), Jit, jit_id))


def _agreement_page(jit: Jit, status: int = 200, **forms: Any) -> tuple[str, int]:
    person = viewer()
    workspace = _workspace_of(person, jit)
    read = versions.versions_of(person, jit)
    draft = next((version for version in read if version.agreement.state == AgreementState.DRAFT), None)
    context = {
        **(head(person, workspace.id, "overview") if workspace else {}),
        "jit": jit,
        "draft": draft,
        "progress": versions.progress_of(person, draft.agreement) if draft else None,
        "versions": [version for version in read if version is not draft],
        "current": policy.agreement_of(jit.id),
        "may": policy.allowed(person, jit),
        "kinds": PARTY_KINDS,
        "roles": ROLES,
        "document_form": DocumentForm(formdata=None),
        "signature_form": SignatureForm(formdata=None),
        **forms,
    }
    return render_template("jits/agreement.html", **context), status


@bp.get("/agreements/<uuid:agreement_id>/edit")
def edit(agreement_id: uuid.UUID) -> Page:
    held = _agreement(agreement_id, May.AMEND)
    service.refuse_if_signed_by_any(held)
    form = _draft(terms_of(held))
    form.now_at(held.edition, read_out(sections(held)))
    return _form_page(form, jit=held.jit, agreement=held)


@bp.post("/agreements/<uuid:agreement_id>/edit")
def update(agreement_id: uuid.UUID) -> Page:
    held = _agreement(agreement_id, May.AMEND)
    form = _draft(terms_of(held))
    if not form.validate():
        return _form_page(form, 422, jit=held.jit, agreement=held)
    try:
        service.edit(viewer(), held, form.read(), form.terms.edition.data or 0)
    except service.Stale as error:
        put_on_record(error, "jits.update")
        meanwhile = changes(form.base(), read_out(sections(error.agreement)))
        form.now_at(error.agreement.edition, read_out(sections(error.agreement)))
        return _form_page(form, 409, jit=held.jit, agreement=error.agreement, meanwhile=meanwhile, stale=True)
    except Invalid as error:
        form.complain(error.reason, error.field)
        return _form_page(form, 422, jit=held.jit, agreement=held)
    flash(gettext("The draft is saved."), "ok")
    return redirect(url_for(".agreement", jit_id=held.jit_id), 303)


@bp.post("/jits/<uuid:jit_id>/extend")
def extend(jit_id: uuid.UUID) -> Page:
    made = service.extend(viewer(), policy.fetch(viewer(), Jit, jit_id))
    flash(gettext("Version %(number)s is a copy of the last one. Change what is new.", number=made.version), "ok")
    return redirect(url_for(".edit", agreement_id=made.id), 303)


@bp.post("/agreements/<uuid:agreement_id>/abandon")
def abandon(agreement_id: uuid.UUID) -> Page:
    held, form = _agreement(agreement_id, May.AMEND), EditionForm()
    service.abandon(viewer(), held, form.edition.data or 0)
    flash(gettext("The draft of version %(number)s is given up.", number=held.version), "ok")
    return redirect(url_for(".agreement", jit_id=held.jit_id), 303)


@bp.post("/agreements/<uuid:agreement_id>/document")
def attach(agreement_id: uuid.UUID) -> Page:
    held, form = _agreement(agreement_id, May.AMEND), DocumentForm()
    if not form.validate():
        return _agreement_page(held.jit, 422, document_form=form)
    sent = form.document.data
    try:
        documents.attach(viewer(), held, sent.filename, sent.stream, form.edition.data)
    except (Invalid, StoreUnavailable) as error:
        form.document.errors = [error.reason]
        return _agreement_page(held.jit, error.status, document_form=form)
    flash(gettext("The document is stored."), "ok")
    return redirect(url_for(".agreement", jit_id=held.jit_id), 303)


@bp.get("/agreements/<uuid:agreement_id>/document")
def document(agreement_id: uuid.UUID) -> Response:
    held = policy.fetch(viewer(), Agreement, agreement_id)
    data = io.BytesIO(documents.deliver(viewer(), held))
    response = send_file(data, "application/pdf", as_attachment=True, download_name=held.document_name, max_age=0)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.post("/agreements/<uuid:agreement_id>/signatures")
def sign(agreement_id: uuid.UUID) -> Page:
    held, form = _agreement(agreement_id, May.SIGN), SignatureForm()
    if not form.validate():
        return _agreement_page(held.jit, 422, signature_form=form)
    signature = Signature(form.signed_by.data, form.signed_on.data, form.place.data)
    try:
        signed = signing.record_signature(viewer(), held, uuid.UUID(form.party.data), signature, form.edition.data)
    except Invalid as error:
        form.signed_on.errors = [error.reason]
        return _agreement_page(held.jit, 422, signature_form=form)
    if signed.state == AgreementState.DRAFT:
        flash(gettext("The signature is recorded."), "ok")
        return redirect(url_for(".agreement", jit_id=held.jit_id), 303)
    flash(gettext("Every party has signed: version %(number)s is signed.", number=signed.version), "ok")
    is_named = policy.may(viewer(), May.SEE, signed.jit)
    return redirect(url_for(".show", jit_id=held.jit_id) if is_named else url_for("pages.home"), 303)


@bp.post("/agreements/<uuid:agreement_id>/signatures/remove")
def remove_signatures(agreement_id: uuid.UUID) -> Page:
    held = _agreement(agreement_id, May.SIGN)
    signing.remove_signatures(viewer(), held)
    flash(gettext("The recorded signatures are removed; the text can be changed again."), "ok")
    return redirect(url_for(".agreement", jit_id=held.jit_id), 303)
