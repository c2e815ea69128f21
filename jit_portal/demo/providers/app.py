"""The demo providers' web process: five issuers told apart by the first word of the path."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Flask, Response, abort, current_app, jsonify, redirect, render_template, request, url_for
from joserfc.jwk import KeySet
from werkzeug.wrappers import Response as Answer

from jit_portal.demo.case.people import PEOPLE, PROVIDERS
from jit_portal.demo.providers.issuer import Issuer
from jit_portal.demo.providers.protocol import CLIENT_AUTHENTICATION, StoredRequest
from jit_portal.demo.providers.schemes import SCHEMES
from jit_portal.demo.providers.state import Login, Pending, signing_key

bp = Blueprint("providers", __name__)
EXTENSION = "demo_issuers"


def create_app(base: str, origin: str, portal_keys: KeySet, folder: Path | None) -> Flask:
    """The application of every demo provider at ``base``, for the portal at ``origin``; keys live in ``folder``."""
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=64 * 1024, TRUSTED_HOSTS=[urlsplit(base).hostname], PORTAL_ORIGIN=origin)
    named = {provider.slug: provider for provider in PROVIDERS}
    app.extensions[EXTENSION] = {
        scheme.slug: Issuer(
            scheme,
            named[scheme.slug],
            PEOPLE,
            key=signing_key(scheme.slug, scheme.algorithm, folder),
            base=base,
            origin=origin,
            portal_keys=portal_keys,
        )
        for scheme in SCHEMES
    }
    app.register_blueprint(bp)
    app.after_request(_harden)
    return app


def _issuer(slug: str) -> Issuer:
    issuers: Mapping[str, Issuer] = current_app.extensions[EXTENSION]
    return issuers.get(slug) or abort(404)


def _harden(response: Response) -> Response:
    # A browser follows a form's redirect only to where form-action allows, and sign-in ends at the portal.
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'self'; form-action 'self' {current_app.config['PORTAL_ORIGIN']}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _cookie(kind: str, slug: str) -> str:
    # Cookies know no ports, and two copies of the demo may stand side by side.
    port = urlsplit(_issuer(slug).url).port
    return f"demo_{kind}_{slug}_{port}"


def _set_cookie(response: Answer, kind: str, slug: str, value: str) -> None:
    response.set_cookie(_cookie(kind, slug), value, path=f"/{slug}/", httponly=True, samesite="Lax")


def _login(issuer: Issuer, slug: str) -> Login | None:
    return issuer.logins.get(request.cookies.get(_cookie("login", slug), ""))


@bp.get("/healthz")
def healthz() -> Response:
    return jsonify(status="ok", issuers=sorted(current_app.extensions[EXTENSION]))


@bp.get("/")
def index() -> str:
    return render_template("index.html", issuers=current_app.extensions[EXTENSION].values())


@bp.get("/<slug>/.well-known/openid-configuration")
def discovery(slug: str) -> Response:
    return jsonify(_issuer(slug).metadata())


@bp.get("/<slug>/jwks")
def jwks(slug: str) -> Response:
    return jsonify(keys=[_issuer(slug).key.as_dict(private=False)])


@bp.post("/<slug>/par")
def push(slug: str) -> Answer | tuple[Response, int]:
    """Take an authorization request from the portal itself, so that no browser can change it."""
    issuer = _issuer(slug)
    asked = issuer.server.create_oauth2_request(None)
    try:
        issuer.server.authenticate_client(asked, [CLIENT_AUTHENTICATION])
        kept = {key: value for key, value in request.form.items() if not key.startswith("client_assertion")}
        if "request_uri" in kept or request.form.get("client_id") != asked.client.get_client_id():
            return jsonify(error="invalid_request"), 400
        asks = StoredRequest(f"{issuer.url}/authorize", kept)
        issuer.server.get_authorization_grant(asks).validate_authorization_request()
    except OAuth2Error as error:
        return jsonify(error=error.error, error_description=error.description), 400
    name = "urn:ietf:params:oauth:request_uri:" + secrets.token_urlsafe(24)
    issuer.pushed.put(name, kept)
    return jsonify(request_uri=name, expires_in=60), 201


@bp.get("/<slug>/authorize")
def authorize(slug: str) -> Answer:
    """Begin a pushed request in this browser: silently where the person is signed in and asked for nothing more."""
    issuer = _issuer(slug)
    parameters = issuer.pushed.take(request.args.get("request_uri", ""))
    if parameters is None or parameters.get("client_id") != request.args.get("client_id"):
        return Response(render_template("over.html", issuer=issuer), 400)
    if parameters.get("prompt") == "none":
        login = _login(issuer, slug)
        return _answer(issuer, parameters, login if login and _is_fresh(login, parameters) else None)
    browser = request.cookies.get(_cookie("browser", slug)) or secrets.token_urlsafe(24)
    name = secrets.token_urlsafe(24)
    issuer.pending.put(name, Pending(parameters, browser))
    response = redirect(url_for(".choose", slug=slug, name=name), 303)
    _set_cookie(response, "browser", slug, browser)
    return response


def _is_fresh(login: Login, parameters: Mapping[str, str]) -> bool:
    limit = parameters.get("max_age", "")
    return not limit.isdigit() or login.age < int(limit)


def _pending(issuer: Issuer, slug: str, name: str) -> Pending | None:
    pending = issuer.pending.get(name)
    return pending if pending and pending.browser == request.cookies.get(_cookie("browser", slug)) else None


def _resumed(issuer: Issuer, slug: str, pending: Pending) -> Login | None:
    """The login this browser already has here, where the portal accepts one of that age."""
    login = _login(issuer, slug)
    if login is None or pending.parameters.get("prompt") == "login" or not _is_fresh(login, pending.parameters):
        return None
    return login


@bp.get("/<slug>/sign-in/<name>")
def choose(slug: str, name: str) -> Answer:
    issuer = _issuer(slug)
    pending = _pending(issuer, slug, name)
    if pending is None:
        return Response(render_template("over.html", issuer=issuer), 400)
    login = _resumed(issuer, slug, pending)
    words = request.args.get("q", "")[:100]
    people = issuer.search(words)
    return Response(render_template("choose.html", issuer=issuer, name=name, login=login, words=words, people=people))


@bp.post("/<slug>/sign-in/<name>")
def chosen(slug: str, name: str) -> Answer:
    """Sign the chosen person in and send her back to the portal; no choice is a refusal."""
    issuer = _issuer(slug)
    pending = _pending(issuer, slug, name)
    if pending is None:
        return Response(render_template("over.html", issuer=issuer), 400)
    issuer.pending.take(name)
    if "go_on" in request.form:
        login = _resumed(issuer, slug, pending)
    else:
        login = issuer.sign_in(request.form.get("subject", ""))
    response = _answer(issuer, pending.parameters, login)
    if login:
        _set_cookie(response, "login", slug, login.sid)
    return response


def _answer(issuer: Issuer, parameters: dict[str, str], login: Login | None) -> Answer:
    """The redirect to the portal with a code, or with the reason why there is none."""
    asked = StoredRequest(f"{issuer.url}/authorize", parameters)
    try:
        grant = issuer.server.get_consent_grant(asked, end_user=login)
    except OAuth2Error as error:
        query = {"error": error.error, "state": parameters.get("state", ""), "iss": issuer.url}
        return redirect(f"{issuer.portal.redirect_uri}?{urlencode(query)}", 303)
    answer: Answer = issuer.server.create_authorization_response(asked, grant_user=login, grant=grant)
    answer.status_code = 303
    return answer


@bp.post("/<slug>/token")
def token(slug: str) -> Answer:
    answer: Answer = _issuer(slug).server.create_token_response()
    return answer


@bp.get("/<slug>/userinfo")
def userinfo(slug: str) -> Answer | tuple[Response, int, dict[str, str]]:
    issuer = _issuer(slug)
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    login = issuer.tokens.get(value) if kind.lower() == "bearer" else None
    if login is None:
        return jsonify(error="invalid_token"), 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    claims: dict[str, Any] = issuer.scheme.claims(login.person)
    return jsonify(claims)


@bp.get("/<slug>/end-session")
def end_session(slug: str) -> Answer:
    """Sign-out asked for by the portal; without its ID token nobody is signed out."""
    issuer = _issuer(slug)
    answer: Answer | None = issuer.server.create_endpoint_response("end_session")
    answer = answer or Response(render_template("bye.html", issuer=issuer))
    answer.delete_cookie(_cookie("login", slug), path=f"/{slug}/")
    return answer


@bp.get("/<slug>/")
def home(slug: str) -> str:
    """The provider's own page: who is signed in here, and the way out."""
    issuer = _issuer(slug)
    return render_template("home.html", issuer=issuer, login=_login(issuer, slug))


@bp.post("/<slug>/sign-out")
def sign_out(slug: str) -> Answer:
    """Sign out at the provider itself; the portal hears of it at its back door."""
    issuer = _issuer(slug)
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        abort(403)
    issuer.sign_out(request.cookies.get(_cookie("login", slug), ""))
    response = redirect(url_for(".home", slug=slug), 303)
    response.delete_cookie(_cookie("login", slug), path=f"/{slug}/")
    return response
