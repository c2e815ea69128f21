"""Addresses of the record."""

import datetime as dt
import uuid
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from jit_portal import policy
from jit_portal.audit import reading, words
from jit_portal.audit.reading import Wanted
from jit_portal.database import session
from jit_portal.errors import Invalid
from jit_portal.identity.models import User
from jit_portal.vocabulary import May, Outcome
from jit_portal.web.session import viewer
from jit_portal.web.workspace import head
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Workspace

bp = Blueprint("audit", __name__)


@bp.app_context_processor
def _words() -> dict[str, Any]:
    return {"act_label": words.label}


def _wanted() -> Wanted:
    said = request.args
    try:
        return Wanted(
            act=said.get("act", "")[:60],
            person=said.get("person", "").strip()[:100],
            reference=said.get("reference", "").strip()[:60],
            outcome=Outcome(said["outcome"]) if said.get("outcome") else None,
            from_day=dt.date.fromisoformat(said["from"]) if said.get("from") else None,
            until_day=dt.date.fromisoformat(said["until"]) if said.get("until") else None,
            before=int(said["before"]) if said.get("before") else None,
        )
    except ValueError as error:
        raise Invalid(gettext("The address asks for something the record does not know.")) from error


def _filters(wanted: Wanted) -> dict[str, Any]:
    return {
        "act": wanted.act or None,
        "person": wanted.person or None,
        "reference": wanted.reference or None,
        "outcome": wanted.outcome.value if wanted.outcome else None,
        "from": wanted.from_day,
        "until": wanted.until_day,
    }


@bp.get("/workspaces/<uuid:workspace_id>/record")
def index(workspace_id: uuid.UUID) -> tuple[str, int] | str:
    context = head(viewer(), workspace_id, "record")
    workspace: Workspace = context["workspace"]
    if May.READ_RECORD not in context["workspace_may"]:
        leaders = _leaders(workspace)
        return render_template("audit/closed.html", leaders=leaders, **context), 403
    wanted = _wanted()
    found = list(session().scalars(reading.entries(viewer(), workspace, wanted).limit(reading.PAGE + 1)))
    rows = found[: reading.PAGE]
    filters = _filters(wanted)
    older = None
    if len(found) > reading.PAGE:
        older = url_for("audit.index", workspace_id=workspace_id, **filters, before=rows[-1].number)
    return render_template(
        "audit/index.html",
        entries=rows,
        wanted=wanted,
        filters=filters,
        acts=reading.acts(viewer(), workspace),
        older=older,
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
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if form == "json":
        return Response(reading.as_json(found), mimetype="application/json", headers=headers)
    return Response("".join(reading.as_csv(found)), mimetype="text/csv", headers=headers)
