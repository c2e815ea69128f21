"""Addresses of the record."""

import datetime as dt
import uuid
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from jit_portal import policy
from jit_portal.audit import reading, showing, words
from jit_portal.audit.reading import Wanted
from jit_portal.database import session
from jit_portal.errors import Invalid, NotAllowed
from jit_portal.identity.models import User
from jit_portal.jits.terms import country_name
from jit_portal.vocabulary import May, Outcome
from jit_portal.web.errors import put_on_record
from jit_portal.web.filenames import named
from jit_portal.web.session import viewer
from jit_portal.web.workspace import head
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Workspace

bp = Blueprint("audit", __name__)

FIRST_DAY, LAST_DAY = dt.date(1970, 1, 1), dt.date(9998, 12, 31)
LAST_NUMBER = 2**63 - 1
"""Whatever lies beyond these, the calendar or the database has no room for."""


def _wanted() -> Wanted:
    said = request.args
    try:
        return Wanted(
            act=_text("act", 60),
            person=_text("person", 100),
            reference=_text("reference", 60),
            country=_text("country", 20),
            outcome=Outcome(said["outcome"]) if said.get("outcome") else None,
            from_day=_day("from"),
            until_day=_day("until"),
            before=_number("before"),
        )
    except ValueError as error:
        raise Invalid(gettext("The address asks for something the record does not know.")) from error


def _text(name: str, longest: int) -> str:
    said = request.args.get(name, "").strip()[:longest]
    if "\0" in said:
        raise ValueError(name)
    return said


def _day(name: str) -> dt.date | None:
    if not request.args.get(name):
        return None
    day = dt.date.fromisoformat(request.args[name])
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(name)
    return day


def _number(name: str) -> int | None:
    if not request.args.get(name):
        return None
    number = int(request.args[name])
    if not 0 < number <= LAST_NUMBER:
        raise ValueError(name)
    return number


def _filters(wanted: Wanted) -> dict[str, Any]:
    return {
        "act": wanted.act or None,
        "person": wanted.person or None,
        "reference": wanted.reference or None,
        "country": wanted.country or None,
        "outcome": wanted.outcome.value if wanted.outcome else None,
        "from": wanted.from_day,
        "until": wanted.until_day,
    }


@bp.get("/workspaces/<uuid:workspace_id>/record")
def index(workspace_id: uuid.UUID) -> tuple[str, int] | str:
    workspace = policy.fetch(viewer(), Workspace, workspace_id)
    try:
        policy.require(viewer(), May.READ_RECORD, workspace)
    except NotAllowed as refusal:
        put_on_record(refusal)
        context = head(viewer(), workspace_id, "record")
        return render_template("audit/closed.html", leaders=_leaders(workspace), **context), refusal.status
    context = head(viewer(), workspace_id, "record")
    wanted = _wanted()
    found = list(session().scalars(reading.entries(viewer(), workspace, wanted).limit(reading.PAGE + 1)))
    rows = found[: reading.PAGE]
    filters = _filters(wanted)
    acts, countries = reading.choices(viewer(), workspace)
    older = None
    if len(found) > reading.PAGE:
        older = url_for("audit.index", workspace_id=workspace_id, **filters, before=rows[-1].number)
    return render_template(
        "audit/index.html",
        entries=showing.show(viewer(), workspace, rows),
        wanted=wanted,
        filters=filters,
        acts=acts,
        countries=sorted((country_name(country), country) for country in countries),
        alike=words.label(wanted.act),
        older=older,
        in_its_zone=reading.in_its_zone,
        country_name=country_name,
        **context,
    )


def _leaders(workspace: Workspace) -> list[User]:
    """Who can read the record, for those who cannot: the leaders of her own country, or all where it has none."""
    leading = policy.who(workspace, May.READ_RECORD).where(policy.person.is_leader)
    leaders = sorted(session().scalars(leading), key=lambda each: each.name)
    return [each for each in leaders if each.provider_id == viewer().provider_id] or leaders


@bp.post("/workspaces/<uuid:workspace_id>/record/export")
def export(workspace_id: uuid.UUID) -> Response:
    """What she may read of the record, as it is filtered, as CSV or JSON; taking it away is itself on record."""
    workspace = policy.fetch(viewer(), Workspace, workspace_id)
    form = "json" if request.form.get("format") == "json" else "csv"
    found = reading.export(viewer(), workspace, _wanted(), form)
    name = f"record-{workspace.jit.reference}.{form}"
    headers = {"Content-Disposition": f"attachment; {named(name)}"}
    if form == "json":
        return Response(reading.as_json(found), mimetype="application/json", headers=headers)
    return Response(reading.as_csv(found), mimetype="text/csv", headers=headers)
