"""The pages that belong to no package: home, and the choice of a language."""

from flask import Blueprint, current_app, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from jit_portal.errors import Invalid
from jit_portal.jits.words import ROLES
from jit_portal.web.context import LANGUAGE_COOKIE
from jit_portal.web.home import home as contents
from jit_portal.web.requests import back_to, open_to_all, wants_fragment
from jit_portal.web.session import viewer
from jit_portal.wording import gettext

bp = Blueprint("pages", __name__)


@bp.get("/")
def home() -> str:
    page = "pages/_home.html" if wants_fragment() else "pages/home.html"
    found = contents(viewer())
    known = {"seen": found.seen, "unread_messages": found.unread_messages}
    return render_template(page, place="home", home=found, roles=ROLES, **known)


@bp.post("/language")
@open_to_all
def language() -> Response:
    chosen = request.form.get("language", "")
    if chosen not in current_app.config["LOCALES"]:
        raise Invalid(gettext("The portal does not speak this language."))
    answer = make_response(redirect(back_to(request.form.get("next")), 303))
    answer.set_cookie(LANGUAGE_COOKIE, chosen, max_age=31_536_000, secure=True, httponly=True, samesite="Lax")
    return answer
