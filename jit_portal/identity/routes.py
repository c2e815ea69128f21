"""Addresses of signing in and out, of invitations, and of what the portal knows about the person who looks."""

import uuid

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from jit_portal.audit import words
from jit_portal.errors import NotFound
from jit_portal.extensions import csrf, limiter
from jit_portal.identity import (
    attempts,
    endings,
    invitations,
    ourselves,
    passkeys,
    people,
    registry,
    service,
    sessions,
    tokens,
    trying,
    waiting,
)
from jit_portal.identity.forms import PreferencesForm
from jit_portal.identity.models import IdentityProvider, ProviderTest, User
from jit_portal.identity.refusals import STEPPING_UP, ProviderAway, SignInRefused, Why
from jit_portal.identity.sign_in_models import LoginSession, WaitingAct
from jit_portal.identity.vouching import Answer
from jit_portal.notices import service as notices
from jit_portal.notices.forms import NoticeWaysForm
from jit_portal.policy import stepup
from jit_portal.vocabulary import Speaks
from jit_portal.web import pending, strangers
from jit_portal.web.context import LANGUAGE_COOKIE
from jit_portal.web.requests import from_elsewhere, open_to_all
from jit_portal.web.session import device, hand_over_forms, viewer, viewer_or_none
from jit_portal.wording import country

bp = Blueprint("identity", __name__)
bp.record_once(lambda state: ourselves.use(state.app.config["SETTINGS"]))
bp.add_app_template_filter(country)

PARTING = "parting"
"""Under which the browser keeps by what it knows the answer again that it brings back from signing out elsewhere."""
TRIES = "120/minute"
FAILURES = "20/minute"


def failed(response: Response) -> bool:
    """Whether it counts against whoever asks at an address where failures are counted."""
    return response.status_code >= 400


def _attempt_cookie() -> str:
    return f"{current_app.config['SETTINGS'].session_cookie}-attempt"


def attempt_browser() -> str:
    """The word by which this browser, and no other, completes what it began; a new one where it has none."""
    return request.cookies.get(_attempt_cookie()) or tokens.make()


def set_attempt_cookie(response: Response, browser: str) -> None:
    """Let this browser keep its word for as long as what it began can be completed."""
    _set_cookie(response, _attempt_cookie(), browser, max_age=int(attempts.ATTEMPT.total_seconds()))


def set_login_cookie(response: Response, token: str) -> None:
    """From now on this browser uses the login that this token opens, and what it holds for forms is that person's."""
    login = sessions.load(token)
    if login is not None:
        hand_over_forms(login.user)
    _set_cookie(response, current_app.config["SETTINGS"].session_cookie, token)


def _set_cookie(response: Response, name: str, value: str, max_age: int | None = None) -> None:
    response.set_cookie(name, value, max_age=max_age, path="/", secure=True, httponly=True, samesite="Lax")


def _forget_login(response: Response) -> None:
    name = current_app.config["SETTINGS"].session_cookie
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="Lax")


def _login() -> LoginSession | None:
    return sessions.load(_token())


def _token() -> str:
    return request.cookies.get(current_app.config["SETTINGS"].session_cookie, "")


def _choice(next_page: str, away: ProviderAway | None = None) -> str:
    providers = sorted(registry.providers(), key=country)
    ended = endings.why_ended(_token()) if viewer_or_none() is None else None
    return render_template("identity/sign_in.html", providers=providers, next=next_page, away=away, ended=ended)


def _gave_way(ended: list[LoginSession]) -> str:
    devices = ", ".join(login.device or gettext("Unknown device") for login in ended)
    said: str = gettext("You were signed in too often at once, so the oldest has ended: %(devices)s.", devices=devices)
    return said


@bp.errorhandler(SignInRefused)
def refused(error: SignInRefused) -> tuple[str, int]:
    slug = (request.view_args or {}).get("slug")
    return refusal_page(error.why, registry.known(slug) if slug else None, error.return_to), error.status


def refusal_page(why: str, provider: IdentityProvider | None, return_to: str | None, reason: str = "") -> str:
    """Why nobody signed in or proved anew who she is; the act for which she was to prove it waits on.

    Why a passkey was not taken is in ``reason``.
    """
    person = viewer_or_none()
    waits = _waits_at(person, return_to or "") if person is not None else None
    return render_template(
        "identity/refused.html",
        why=why,
        reason=reason,
        provider=provider,
        waits=waits,
        about=pending.facts(person, waits) if person is not None and waits is not None else [],
        back=_page_of(return_to) if person is not None else None,
        is_step_up=person is not None and (waits is not None or why in (*STEPPING_UP, "passkey")),
        label=words.label,
    )


def _page_of(address: str | None) -> str | None:
    """The page that a person was on; what waited is none, once nothing waits."""
    return address if address and address != url_for("pages.home") and not address.startswith("/confirm/") else None


def _waits_at(person: User, address: str) -> WaitingAct | None:
    """The act of hers that waits at this address of the portal, and no other."""
    place, _, act_id = address.rpartition("/")
    try:
        return waiting.find(person, uuid.UUID(act_id)) if place == "/confirm" else None
    except (ValueError, NotFound):
        return None


@bp.errorhandler(ProviderAway)
def away(error: ProviderAway) -> tuple[str, int]:
    current_app.logger.warning("national login away", extra={"provider": error.slug, "detail": error.detail})
    if viewer_or_none() is not None:
        return refusal_page(error.why, registry.known(error.slug), error.return_to), error.status
    return _choice(service.inside(request.args.get("next")), error), error.status


@bp.get("/sign-in")
@open_to_all
def sign_in() -> Response | str:
    wanted = request.args.get("next")
    if service.leads_out(wanted):
        refusal = SignInRefused(Why.LED_ASTRAY)
        strangers.put_on_record("login.led_astray", refusal)
        raise refusal
    next_page = service.inside(wanted)
    return redirect(next_page) if viewer_or_none() else _choice(next_page)


@bp.get("/sign-in/<slug>")
@limiter.limit(TRIES)
@open_to_all
def begin(slug: str) -> Response:
    browser = attempt_browser()
    wanted, invitation = request.args.get("next"), request.args.get("invitation")
    stepping_up = _login() if "confirm" in request.args else None
    response = redirect(service.begin(slug, browser, return_to=wanted, invitation=invitation, stepping_up=stepping_up))
    set_attempt_cookie(response, browser)
    return response


@bp.get("/sign-in/<slug>/callback")
@limiter.limit(FAILURES, deduct_when=failed)
@open_to_all
def callback(slug: str) -> Response:
    said = request.args
    return arrive(slug, Answer(said.get("state", ""), said.get("code"), said.get("error"), said.get("iss")))


def arrive(slug: str, answer: Answer) -> Response:
    """Whoever comes back from a national login with this answer is signed in, or has tested it."""
    browser = request.cookies.get(_attempt_cookie(), "")
    if trying.is_test(answer.state):
        return to_test(trying.complete(viewer_or_none(), slug, browser, answer))
    signed_in = service.complete(slug, browser, answer, device(), instead_of=_login())
    response = redirect(signed_in.return_to, 303)
    set_login_cookie(response, signed_in.token)
    if signed_in.gave_way:
        flash(_gave_way(signed_in.gave_way), "warn")
    return response


def to_test(test: ProviderTest) -> Response:
    """Back to the page on which the operator began to test."""
    return redirect(url_for("providers.test", provider_id=test.provider_id, _anchor="sign-in"), 303)


@bp.post("/sign-in/<slug>/logout")
@limiter.limit(FAILURES, deduct_when=failed)
@from_elsewhere
@open_to_all
def farewell(slug: str) -> tuple[dict[str, str], int]:
    try:
        endings.hear(slug, request.form.get("logout_token", ""), Speaks.OIDC)
    except (SignInRefused, ProviderAway) as error:
        current_app.logger.warning("logout token refused", extra={"provider": slug, "detail": error.detail})
        return {"error": "invalid_request"}, 400
    return {}, 200


csrf.exempt(farewell)


@bp.get("/invitations/<token>")
@limiter.limit(FAILURES, deduct_when=failed)
@open_to_all
def invitation(token: str) -> str:
    found = invitations.opened(token)
    return render_template(
        "identity/invitation.html", invitation=found, inviter=invitations.inviter(found), token=token
    )


@bp.post("/sign-out")
@open_to_all
def sign_out() -> Response:
    login = _login()
    if login is None:
        return redirect(url_for(".signed_out"), 303)
    provider, nonce = None if login.user.breaks_glass else login.user.provider, tokens.make()
    onward = endings.sign_out(login, nonce)
    session.clear()
    session[PARTING] = nonce
    response = make_response(render_template("identity/signed_out.html", provider=provider, onward=onward))
    _forget_login(response)
    if onward:
        # The policy lets forms of the portal lead nowhere else, not even by a redirect.
        response.headers["Refresh"] = f"0; url={onward}"
    return response


@bp.get("/signed-out")
@open_to_all
def signed_out() -> Response | str:
    test = trying.came_back(viewer_or_none(), request.args.get("state", ""))
    if test is not None:
        return to_test(test)
    return render_template(
        "identity/signed_out.html", provider=registry.known(request.args.get("unconfirmed", "")), onward=None
    )


def _account(form: PreferencesForm | None = None, ways: NoticeWaysForm | None = None) -> str:
    person = viewer()
    until = people.confirmed_until(person)
    return render_template(
        "identity/account.html",
        form=form or PreferencesForm(formdata=None, obj=person),
        ways=ways or NoticeWaysForm.chosen_by(person),
        logins=endings.mine(person),
        confirmed_until=until,
        passkeys=passkeys.mine(person),
        may_enrol=stepup.may_enrol(person),
    )


@bp.get("/account")
def account() -> str:
    return _account()


@bp.post("/account")
def account_submit() -> Response | tuple[str, int]:
    person, form = viewer(), PreferencesForm()
    if not form.validate():
        return _account(form), 422
    service.prefer(person, form.language.data, form.time_zone.data)
    flash(gettext("Saved."), "ok")
    response = redirect(url_for(".account"), 303)
    response.delete_cookie(LANGUAGE_COOKIE, secure=True, httponly=True, samesite="Lax")
    return response


@bp.post("/account/notices")
def choose_notices() -> Response | tuple[str, int]:
    ways = NoticeWaysForm()
    if not ways.validate():
        return _account(ways=ways), 422
    notices.choose(viewer(), ways.ways)
    flash(gettext("Saved."), "ok")
    return redirect(url_for(".account", _anchor="notices"), 303)


@bp.post("/account/sign-ins/<uuid:login_id>/end")
def end_login(login_id: uuid.UUID) -> Response:
    person = viewer()
    endings.end_one(person, login_id)
    if login_id == person.current_login:
        return redirect(url_for(".signed_out"), 303)
    flash(gettext("That sign-in has ended."), "ok")
    return redirect(url_for(".account", _anchor="sign-ins"), 303)


@bp.post("/account/sign-ins/end-others")
def end_other_logins() -> Response:
    ended = endings.end_others(viewer())
    flash(ngettext("%(num)d sign-in has ended.", "%(num)d sign-ins have ended.", ended), "ok")
    return redirect(url_for(".account", _anchor="sign-ins"), 303)
