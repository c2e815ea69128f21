"""Addresses of a country's people, for its administrator, who asks them in too; and, to end sign-ins, for operators."""

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from jit_portal import policy
from jit_portal.errors import Invalid, NotFound, Refused
from jit_portal.identity import accounts, closings, invitations, people
from jit_portal.identity.forms import NewcomerForm
from jit_portal.identity.models import Authority, Invitation, User
from jit_portal.identity.people import Wanted
from jit_portal.vocabulary import Duty, May
from jit_portal.web.forms import blame
from jit_portal.web.requests import public_address, wants_fragment
from jit_portal.web.session import viewer
from jit_portal.wording import country

bp = Blueprint("people", __name__, url_prefix="/people")


def _require_duty() -> User:
    """Whoever administers people is among those whom she sees; to anybody else there is nothing here."""
    return policy.fetch(viewer(), User, viewer().id)


def _person(user_id: uuid.UUID) -> User:
    return policy.fetch(viewer(), User, user_id)


def _wanted() -> Wanted:
    said = request.args
    page = said.get("page", "1")
    if not (page.isascii() and page.isdigit() and 0 < int(page[:6]) == int(page)):
        raise Invalid(gettext("There is no such page."))
    return Wanted(said.get("name", "").strip()[:100], _country(), said.get("show", ""), int(page))


def _country() -> str:
    """The administrator's own, whatever is asked for; the operator's choice, or every one."""
    is_operator = viewer().duty == Duty.OPERATOR
    return request.values.get("country", "")[:12] if is_operator else viewer().country


@bp.get("")
def index() -> str:
    _require_duty()
    wanted = _wanted()
    found = people.rows(viewer(), wanted)
    page = "people/_list.html" if wants_fragment() else "people/index.html"
    return render_template(
        page,
        place="people",
        people=found,
        wanted=wanted,
        countries=sorted(people.countries(viewer()), key=country),
        filters=_kept(wanted),
        invited=invitations.open_ones(viewer()),
        waiting=len(closings.waiting(viewer())),
    )


def _kept(wanted: Wanted) -> dict[str, Any]:
    """What an address of the list carries on."""
    is_operator = viewer().duty == Duty.OPERATOR
    chosen = wanted.country if is_operator else ""
    return {"name": wanted.name or None, "country": chosen or None, "show": wanted.show or None}


def _newcomer() -> NewcomerForm:
    """For whoever may ask somebody in; to anybody else there is nothing here."""
    authorities = invitations.authorities(viewer())
    if not authorities:
        raise NotFound(may=May.INVITE, noun="authority")
    form = NewcomerForm()
    form.offer_authorities(authorities)
    return form


@bp.get("/invite")
def invite() -> str:
    return render_template("people/invite.html", place="people", form=_newcomer())


@bp.post("/invite")
def invite_submit() -> tuple[str, int]:
    form = _newcomer()
    if not form.validate():
        return render_template("people/invite.html", place="people", form=form), 422
    authority = policy.fetch(viewer(), Authority, uuid.UUID(form.authority.data), May.INVITE)
    try:
        made, token = invitations.ask_in(viewer(), authority, form.name.data, subject=form.subject.data or None)
    except Refused as error:
        blame(form, error)
        return render_template("people/invite.html", place="people", form=form), error.status
    link = public_address("identity.invitation", token=token)
    return render_template("people/invited.html", place="people", invitation=made, link=link), 201


@bp.post("/invitations/<uuid:newcomer_id>/revoke")
def revoke(newcomer_id: uuid.UUID) -> Response:
    invitation = policy.fetch(viewer(), Invitation, newcomer_id)
    invitations.revoke(viewer(), invitation)
    flash(gettext("The invitation of %(name)s is taken back.", name=invitation.name), "ok")
    return redirect(url_for(".index"), 303)


@bp.get("/<uuid:user_id>")
def show(user_id: uuid.UUID) -> str:
    person = _person(user_id)
    page = "people/_person.html" if wants_fragment() else "people/show.html"
    return render_template(
        page,
        place="people",
        row=people.row(viewer(), person),
        logins=people.logins_of(viewer(), person.id),
        claims=accounts.read_claims(person),
        may=policy.allowed(viewer(), person),
    )


@bp.post("/<uuid:user_id>/deactivate")
def deactivate(user_id: uuid.UUID) -> Response:
    accounts.deactivate(viewer(), _person(user_id))
    flash(gettext("The account is closed, and every sign-in of it has ended."), "ok")
    return redirect(url_for(".show", user_id=user_id), 303)


@bp.post("/<uuid:user_id>/reactivate")
def reactivate(user_id: uuid.UUID) -> Response:
    accounts.reactivate(viewer(), _person(user_id))
    flash(gettext("The account is open again."), "ok")
    return redirect(url_for(".show", user_id=user_id), 303)


@bp.post("/<uuid:user_id>/confirm")
def confirm(user_id: uuid.UUID) -> Response:
    person = _person(user_id)
    accounts.confirm(viewer(), person)
    flash(gettext("%(person)s is confirmed.", person=person.name), "ok")
    is_from_list = request.form.get("next") == people.DUE
    back = url_for(".index", show=people.DUE) if is_from_list else url_for(".show", user_id=user_id)
    return redirect(back, 303)


@bp.post("/<uuid:user_id>/accept")
def accept(user_id: uuid.UUID) -> Response:
    said = request.form
    accounts.accept_claims(viewer(), _person(user_id), said.get("name", ""), said.get("authority", ""))
    flash(gettext("The details of the national login are taken over."), "ok")
    return redirect(url_for(".show", user_id=user_id), 303)


@bp.post("/<uuid:user_id>/end-logins")
def end_logins(user_id: uuid.UUID) -> Response:
    _say_ended(accounts.end_logins(viewer(), _person(user_id)))
    return redirect(url_for(".show", user_id=user_id), 303)


@bp.get("/end-logins")
def end_everybodys() -> str:
    _require_duty()
    chosen = next((each for each in people.countries(viewer()) if each.country == _country()), None)
    if chosen is None and _country():
        raise Invalid(gettext("There is no such country."))
    number = accounts.live_logins(viewer(), _country())
    return render_template("people/end_logins.html", place="people", chosen=chosen, number=number)


@bp.post("/end-logins")
def end_everybodys_submit() -> Response:
    _require_duty()
    if not _country() and request.form.get("everywhere") != "yes":
        raise Invalid(gettext("Confirm that you mean the sign-ins of every country."))
    _say_ended(accounts.end_everybodys(viewer(), _country()))
    return redirect(url_for(".index", country=_kept(_wanted())["country"]), 303)


@bp.get("/closings")
def closings_waiting() -> str:
    _require_duty()
    return render_template("people/closings.html", place="people", people=closings.waiting(viewer()))


@bp.post("/closings/approve")
def approve_closings() -> Response:
    closed = closings.approve(viewer(), _chosen())
    flash(ngettext("%(num)d account is closed.", "%(num)d accounts are closed.", closed), "ok")
    return redirect(url_for(".closings_waiting"), 303)


@bp.post("/closings/refuse")
def refuse_closings() -> Response:
    left = closings.refuse(viewer(), _chosen())
    flash(ngettext("%(num)d account stays open.", "%(num)d accounts stay open.", left), "ok")
    return redirect(url_for(".closings_waiting"), 303)


def _chosen() -> list[uuid.UUID]:
    """The accounts that were marked on the page, which are those that its reader has seen."""
    _require_duty()
    try:
        chosen = [uuid.UUID(each) for each in request.form.getlist("person")]
    except ValueError:
        chosen = []
    if not chosen:
        raise Invalid(gettext("Choose at least one account."))
    return chosen


def _say_ended(ended: int) -> None:
    flash(ngettext("%(num)d sign-in has ended.", "%(num)d sign-ins have ended.", ended), "ok")
