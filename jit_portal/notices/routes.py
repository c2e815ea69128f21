"""Addresses of what a person was told."""

import uuid

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import ngettext
from werkzeug.wrappers import Response

from jit_portal import policy
from jit_portal.notices import reading, service
from jit_portal.notices.models import Notice
from jit_portal.web import news
from jit_portal.web.markup import unbroken
from jit_portal.web.requests import back_to, wants_fragment
from jit_portal.web.session import viewer

bp = Blueprint("notices", __name__)
bp.add_app_template_filter(unbroken)


@bp.get("/notices")
def index() -> str:
    unread = request.args.get("show") == "unread"
    shown = reading.shown(viewer(), unread=unread)
    page = "notices/_list.html" if wants_fragment() else "notices/index.html"
    waiting = news.unread_notices(viewer())
    return render_template(page, place="notices", notices=shown, only_unread=unread, unread=waiting)


@bp.get("/notices/arrived")
def arrived() -> str:
    unread = news.unread_notices(viewer())
    return render_template("notices/_arrived.html", arrived=reading.arrived(viewer()), unread=unread)


@bp.post("/notices/<uuid:notice_id>/read")
def read(notice_id: uuid.UUID) -> Response:
    service.read(viewer(), policy.fetch(viewer(), Notice, notice_id))
    return redirect(back_to(request.form.get("next") or url_for(".index")), 303)


@bp.post("/notices/read")
def read_all() -> Response:
    marked = service.read_all(viewer())
    flash(ngettext("%(num)d notice is marked as read.", "%(num)d notices are marked as read.", marked), "ok")
    return redirect(url_for(".index"), 303)
