"""Addresses of a workspace: its first page, and its people."""

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from jit_portal import policy
from jit_portal.database import session
from jit_portal.errors import Invalid, NotFound, Refused
from jit_portal.identity import invitations
from jit_portal.identity.models import Authority, Invitation, User
from jit_portal.jits.models import Party
from jit_portal.jits.terms import country_name
from jit_portal.jits.words import PARTY_KINDS, ROLE_HINTS, ROLES
from jit_portal.vocabulary import May, Role
from jit_portal.web.forms import blame
from jit_portal.web.requests import public_address, wants_fragment
from jit_portal.web.session import viewer
from jit_portal.web.workspace import head
from jit_portal.wording import gettext
from jit_portal.workspaces import overview, service
from jit_portal.workspaces import people as listing
from jit_portal.workspaces.forms import EndForm, EnrolForm, InviteForm
from jit_portal.workspaces.models import Membership, Workspace

bp = Blueprint("workspaces", __name__)

Page = str | Response | tuple[str, int]
WORDS = {"roles": ROLES, "role_hints": ROLE_HINTS, "kinds": PARTY_KINDS}


@bp.get("/workspaces/<uuid:workspace_id>")
def show(workspace_id: uuid.UUID) -> str:
    context = head(viewer(), workspace_id, "overview")
    pieces = overview.overview(viewer(), context["workspace"])
    page = "workspaces/_now.html" if wants_fragment() else "workspaces/show.html"
    operates_in = [country_name(code) for code in context["agreement"].states_of_operation]
    return render_template(page, **context, **WORDS, overview=pieces, operates_in=operates_in)


@bp.get("/workspaces/<uuid:workspace_id>/people")
def people(workspace_id: uuid.UUID) -> str:
    context = head(viewer(), workspace_id, "people")
    found = listing.people(viewer(), context["workspace"])
    page = "workspaces/_people.html" if wants_fragment() else "workspaces/people.html"
    return render_template(page, **context, **WORDS, people=found)


def _inviting(workspace_id: uuid.UUID, party_id: uuid.UUID) -> tuple[Workspace, Party]:
    workspace = policy.fetch(viewer(), Workspace, workspace_id)
    party = policy.fetch(viewer(), Party, party_id)
    if party.jit_id != workspace.jit_id:
        raise NotFound(noun="party", object_id=party_id)
    policy.require(viewer(), May.INVITE, party)
    return workspace, party


def _forms(workspace: Workspace, party: Party, sent: str = "") -> dict[str, Any]:
    _agreement, named = service.clause_for(workspace, party)
    listed = [role for role in Role if named is not None and named.lists(role)]
    by_name = party.provider_id == viewer().provider_id
    enrol = EnrolForm(prefix="known-") if sent == "enrol" else EnrolForm(formdata=None, prefix="known-")
    invite = InviteForm(prefix="new-") if sent == "invite" else InviteForm(formdata=None, prefix="new-")
    for form in (enrol, invite):
        form.offer_roles(listed)
    seated = service.seated_people(viewer(), workspace, party) if sent == "enrol" else ()
    enrol.offer_people(service.known_people(viewer(), workspace, party), seated)
    invite.offer_authorities(party.provider.open_authorities if by_name else [])
    return {"enrol": enrol, "invite": invite if by_name else None, "party": party, "named": named}


def _invite_page(workspace: Workspace, forms: dict[str, Any], status: int = 200) -> tuple[str, int]:
    context = head(viewer(), workspace.id, "people")
    return render_template("workspaces/invite.html", **context, **WORDS, **forms), status


@bp.get("/workspaces/<uuid:workspace_id>/people/<uuid:party_id>/invite")
def invite(workspace_id: uuid.UUID, party_id: uuid.UUID) -> Page:
    workspace, party = _inviting(workspace_id, party_id)
    return _invite_page(workspace, _forms(workspace, party))


@bp.post("/workspaces/<uuid:workspace_id>/people/<uuid:party_id>/enrol")
def enrol(workspace_id: uuid.UUID, party_id: uuid.UUID) -> Page:
    workspace, party = _inviting(workspace_id, party_id)
    forms = _forms(workspace, party, "enrol")
    form: EnrolForm = forms["enrol"]
    if not form.validate():
        return _invite_page(workspace, forms, 422)
    person = session().get_one(User, uuid.UUID(form.person.data))
    try:
        service.enrol(viewer(), workspace, person, party, Role(form.role.data), purpose=form.purpose.data)
    except (Invalid, Refused) as error:
        blame(form, error, party)
        return _invite_page(workspace, forms, error.status)
    flash(gettext("%(person)s is in the JIT now.", person=person.name), "ok")
    return redirect(url_for(".people", workspace_id=workspace.id), 303)


@bp.post("/workspaces/<uuid:workspace_id>/people/<uuid:party_id>/invite")
def invite_submit(workspace_id: uuid.UUID, party_id: uuid.UUID) -> Page:
    workspace, party = _inviting(workspace_id, party_id)
    forms = _forms(workspace, party, "invite")
    form: InviteForm | None = forms["invite"]
    if form is None:
        raise NotFound(noun="party", object_id=party_id)
    if not form.validate():
        return _invite_page(workspace, forms, 422)
    authority = session().get_one(Authority, uuid.UUID(form.authority.data))
    role, more = Role(form.role.data), {"purpose": form.purpose.data, "subject": form.subject.data or None}
    try:
        made, token = service.invite(viewer(), workspace, authority, form.name.data, role, **more)
    except (Invalid, Refused) as error:
        blame(form, error, party)
        return _invite_page(workspace, forms, error.status)
    link = public_address("identity.invitation", token=token)
    context = head(viewer(), workspace.id, "people")
    return render_template("workspaces/invited.html", **context, **WORDS, invitation=made, link=link, role=role), 201


@bp.post("/workspaces/<uuid:workspace_id>/invitations/<uuid:invitation_id>/revoke")
def revoke(workspace_id: uuid.UUID, invitation_id: uuid.UUID) -> Response:
    workspace = policy.fetch(viewer(), Workspace, workspace_id)
    invitation = policy.fetch(viewer(), Invitation, invitation_id)
    if (invitation.membership_offer or {}).get("workspace") != str(workspace.id):
        raise NotFound(noun="invitation", object_id=invitation_id)
    invitations.revoke(viewer(), invitation)
    flash(gettext("The invitation of %(name)s is taken back.", name=invitation.name), "ok")
    return redirect(url_for(".people", workspace_id=workspace.id), 303)


def _member(membership_id: uuid.UUID) -> Membership:
    member = policy.fetch(viewer(), Membership, membership_id)
    policy.require(viewer(), May.END_MEMBERSHIP, member)
    return member


@bp.get("/memberships/<uuid:membership_id>/end")
def end(membership_id: uuid.UUID) -> Page:
    member = _member(membership_id)
    context = head(viewer(), member.workspace_id, "people")
    return render_template("workspaces/end.html", **context, **WORDS, member=member, form=EndForm())


@bp.post("/memberships/<uuid:membership_id>/end")
def end_submit(membership_id: uuid.UUID) -> Page:
    member, form = _member(membership_id), EndForm()
    if not form.validate():
        context = head(viewer(), member.workspace_id, "people")
        return render_template("workspaces/end.html", **context, **WORDS, member=member, form=form), 422
    service.end(viewer(), member, form.because.data)
    flash(gettext("The membership of %(person)s has ended.", person=member.user.name), "ok")
    if member.user_id == viewer().id:
        return redirect(url_for("pages.home"), 303)
    return redirect(url_for(".people", workspace_id=member.workspace_id), 303)
