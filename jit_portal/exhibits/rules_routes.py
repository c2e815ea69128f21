"""Addresses of a party's country rules."""

import uuid

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from jit_portal import policy
from jit_portal.database import session
from jit_portal.errors import Invalid, Refused
from jit_portal.exhibits import pages, rules
from jit_portal.exhibits.descriptions import read, text
from jit_portal.exhibits.forms import RuleForm, target_choices
from jit_portal.exhibits.models import CountryRule
from jit_portal.exhibits.rules import Preview, RuleDescription
from jit_portal.exhibits.targets import offered
from jit_portal.jits.models import Party
from jit_portal.vocabulary import INVESTIGATORS, HandlingCode, May, Sight
from jit_portal.web.forms import blame
from jit_portal.web.requests import wants_fragment
from jit_portal.web.session import viewer
from jit_portal.web.workspace import head, vault_head
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Workspace
from jit_portal.workspaces.own import own_membership

bp = Blueprint("rules", __name__)


def _own(workspace_id: uuid.UUID) -> tuple[Workspace, Party]:
    workspace = policy.fetch(viewer(), Workspace, workspace_id)
    return workspace, own_membership(viewer(), workspace_id).party


@bp.get("/workspaces/<uuid:workspace_id>/rules")
def index(workspace_id: uuid.UUID) -> str:
    context = vault_head(viewer(), workspace_id)
    here = CountryRule.workspace_id == workspace_id
    ours = policy.which(viewer(), CountryRule).where(here)
    closable = policy.which(viewer(), CountryRule, May.WITHDRAW).where(here).with_only_columns(CountryRule.id)
    member = own_membership(viewer(), workspace_id)
    newest = ours.order_by(CountryRule.live_until.is_not(None), CountryRule.live_from.desc())
    return render_template(
        "rules/_list.html" if wants_fragment() else "rules/index.html",
        rules=list(session().scalars(newest)),
        closable=set(session().scalars(closable)),
        may_set=policy.may(viewer(), May.SET_RULES, member.party),
        investigates=member.role in INVESTIGATORS,
        **pages.who_releases(viewer(), context["workspace"], member.party),
        **context,
    )


def _form(workspace: Workspace, party: Party) -> RuleForm:
    form = RuleForm()
    form.to.choices = target_choices(offered(viewer(), workspace, party.id))
    form.offer(party.provider.authorities)
    return form


def _page(workspace: Workspace, form: RuleForm, preview: Preview | None = None) -> str:
    return render_template("rules/new.html", form=form, preview=preview, **head(viewer(), workspace.id, "vault"))


def _said(form: RuleForm) -> RuleDescription:
    described = read({name: form[name].data for name in ("kind", "authority")})
    return RuleDescription(
        is_forbid=form.is_forbid.data == "1",
        to=form.to.data,
        sight=Sight(int(form.sight.data)),
        kind=described.kind,
        handling=HandlingCode(form.handling.data) if form.handling.data else None,
        tag=text({"tag": form.tag.data}, "tag").casefold() or None,
        authority_id=described.authority_id,
        seized_from=form.seized_from.data,
        seized_until=form.seized_until.data,
        note=(form.note.data or "").strip(),
    )


@bp.get("/workspaces/<uuid:workspace_id>/rules/new")
def new(workspace_id: uuid.UUID) -> str:
    workspace, party = _own(workspace_id)
    policy.require_right(viewer(), May.SET_RULES, party)
    return _page(workspace, _form(workspace, party))


@bp.post("/workspaces/<uuid:workspace_id>/rules/new")
def create(workspace_id: uuid.UUID) -> Response | str | tuple[str, int]:
    workspace, party = _own(workspace_id)
    policy.require_right(viewer(), May.SET_RULES, party)
    form = _form(workspace, party)
    if not form.validate():
        return _page(workspace, form), 422
    try:
        if "look" in request.form:
            return _page(workspace, form, rules.preview(viewer(), workspace, party, _said(form)))
        rules.set_rule(viewer(), workspace, party, _said(form), token=form.wish())
    except (Invalid, Refused) as error:
        return _page(workspace, blame(form, error, party).renew()), error.status
    flash(gettext("The rule holds from now on."), "ok")
    return redirect(url_for("rules.index", workspace_id=workspace_id), 303)


@bp.get("/rules/<uuid:rule_id>/close")
def close(rule_id: uuid.UUID) -> str:
    rule = policy.fetch(viewer(), CountryRule, rule_id)
    preview = rules.preview_of_closing(viewer(), rule)
    return render_template("rules/close.html", rule=rule, preview=preview, **head(viewer(), rule.workspace_id, "vault"))


@bp.post("/rules/<uuid:rule_id>/close")
def close_submit(rule_id: uuid.UUID) -> Response:
    rule = policy.fetch(viewer(), CountryRule, rule_id)
    rules.close_rule(viewer(), rule)
    flash(gettext("The rule has ended."), "ok")
    return redirect(url_for("rules.index", workspace_id=rule.workspace_id), 303)
