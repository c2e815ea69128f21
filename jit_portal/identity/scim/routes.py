"""Addresses for the directories of national logins (SCIM 2.0, RFC 7644): a token, no cookie, no form."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, g, request
from werkzeug.wrappers import Response

from jit_portal.audit import service as audit
from jit_portal.errors import Refusal
from jit_portal.extensions import csrf, limiter
from jit_portal.identity import tokens
from jit_portal.identity.scim import early
from jit_portal.identity.scim import tokens as scim_tokens
from jit_portal.identity.scim.refusals import UnknownToken
from jit_portal.web.errors import say_in_scim, wording
from jit_portal.web.requests import open_to_all

bp = Blueprint("scim", __name__, url_prefix="/scim/v2")

USES = "600/minute"
FAILURES = "20/minute"


def _secret() -> str:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _token_used() -> str:
    return f"scim:{tokens.digest(_secret()).hex()}"


def _unauthorized(response: Response) -> bool:
    return response.status_code == 401


def _door(endpoint: str) -> Callable[..., Any]:
    """A view that asks for a token in the place of a login, and has its uses counted.

    What answers is fetched when it is first asked for: it takes a second to load, and few processes ever need it.
    """

    def enter(**values: Any) -> Any:
        g.scim_token = scim_tokens.holder(_secret())
        return early.answers().answer(endpoint, values)

    enter.__name__ = enter.__qualname__ = endpoint
    counted = limiter.limit(USES, key_func=_token_used)(enter)
    counted = limiter.limit(FAILURES, deduct_when=_unauthorized)(counted)
    door: Callable[..., Any] = csrf.exempt(open_to_all(counted))
    return door


@bp.after_request
def _in_its_own_words(response: Response) -> Response:
    response.content_type = "application/scim+json"
    return response


@bp.errorhandler(Refusal)
def refused(error: Refusal) -> Response:
    """What a directory may not is on record as refused to it."""
    if not isinstance(error, UnknownToken) and error.status in (403, 404, 409):
        audit.refused(g.scim_token, request.endpoint or "", error.thing, error)  # type: ignore[arg-type]
    return say_in_scim(error.status, wording(error), getattr(error, "scim_type", ""))


for _method, _address, _endpoint in (
    ("GET", "/Users", "index"),
    ("POST", "/Users/.search", "search"),
    ("POST", "/.search", "search_all"),
    ("POST", "/Users", "create"),
    ("GET", "/Users/<uuid:user_id>", "show"),
    ("PUT", "/Users/<uuid:user_id>", "replace"),
    ("PATCH", "/Users/<uuid:user_id>", "update"),
    ("DELETE", "/Users/<uuid:user_id>", "delete"),
    ("GET", "/ServiceProviderConfig", "offered"),
    ("GET", "/ResourceTypes", "resource_types"),
    ("GET", "/ResourceTypes/<name>", "resource_type"),
    ("GET", "/Schemas", "schemas"),
    ("GET", "/Schemas/<name>", "schema"),
):
    bp.add_url_rule(_address, _endpoint, _door(_endpoint), methods=[_method])
