"""Addresses for the directories of national logins (SCIM 2.0, RFC 7644): a token, no cookie, no form."""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Blueprint, g, request
from pydantic import ValidationError
from scim2_models import Context, Error, Resource, ResourceType, Schema, SCIMException, SearchRequest
from werkzeug.wrappers import Response

from jit_portal.audit import service as audit
from jit_portal.errors import NotFound, Refusal
from jit_portal.extensions import csrf, limiter
from jit_portal.identity import oidc, tokens
from jit_portal.identity.scim import people, resources, service
from jit_portal.identity.scim import tokens as scim_tokens
from jit_portal.identity.scim.models import ScimToken
from jit_portal.identity.scim.people import Known
from jit_portal.identity.scim.refusals import UnknownToken
from jit_portal.identity.scim.resources import Person
from jit_portal.web.errors import say_in_scim, wording
from jit_portal.web.requests import open_to_all

F = TypeVar("F", bound=Callable[..., Any])

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


def _door(view: F) -> F:
    """A view that asks for a token in the place of a login, and has its uses counted."""

    @wraps(view)
    def enter(**values: Any) -> Any:
        g.scim_token = scim_tokens.holder(_secret())
        return view(**values)

    counted = limiter.limit(USES, key_func=_token_used)(enter)
    counted = limiter.limit(FAILURES, deduct_when=_unauthorized)(counted)
    return cast(F, csrf.exempt(open_to_all(counted)))


def _token() -> ScimToken:
    token: ScimToken = g.scim_token
    return token


def _place() -> str:
    return f"{oidc.origin()}/scim/v2/Users"


@bp.after_request
def _in_its_own_words(response: Response) -> Response:
    response.content_type = "application/scim+json"
    return response


@bp.errorhandler(Refusal)
def refused(error: Refusal) -> Response:
    """What a directory may not is on record as refused to it."""
    if not isinstance(error, UnknownToken) and error.status in (403, 404, 409):
        audit.refused(_token(), request.endpoint or "", error.thing, error)  # type: ignore[arg-type]
    return say_in_scim(error.status, wording(error), getattr(error, "scim_type", ""))


@bp.errorhandler(SCIMException)
def senseless(error: SCIMException) -> Response:
    return _said(error.to_error())


@bp.errorhandler(ValidationError)
def unreadable(error: ValidationError) -> Response:
    return _said(Error.from_validation_errors(error)[0])


def _said(error: Error) -> Response:
    return say_in_scim(error.status or 400, error.detail or "", error.scim_type or "")


def _one(known: Known, status: int = 200) -> tuple[dict[str, Any], int, dict[str, str]]:
    wanted = resources.asked(request.args.to_dict())
    return resources.shown(known, _place(), wanted), status, {"Location": f"{_place()}/{known.id}"}


def _listed(wanted: SearchRequest[Person]) -> dict[str, Any]:
    count = min(resources.MOST, resources.MOST if wanted.count is None else wanted.count)
    fits = wanted.filter.ast if wanted.filter is not None else None
    total, found = people.search(_token(), fits, wanted.start_index_0 or 0, count)
    return resources.listed(total, found, _place(), wanted)


@bp.get("/Users")
@_door
def index() -> dict[str, Any]:
    return _listed(resources.asked(request.args.to_dict()))


@bp.post("/Users/.search")
@bp.post("/.search", endpoint="search_all")
@_door
def search() -> dict[str, Any]:
    return _listed(resources.asked_in(request.get_data()))


@bp.post("/Users")
@_door
def create() -> tuple[dict[str, Any], int, dict[str, str]]:
    said = resources.said_in(request.get_data(), Context.RESOURCE_CREATION_REQUEST)
    return _one(service.announce(_token(), said), 201)


@bp.get("/Users/<uuid:user_id>")
@_door
def show(user_id: uuid.UUID) -> tuple[dict[str, Any], int, dict[str, str]]:
    return _one(people.find(_token(), user_id))


@bp.put("/Users/<uuid:user_id>")
@_door
def replace(user_id: uuid.UUID) -> tuple[dict[str, Any], int, dict[str, str]]:
    said = resources.said_in(request.get_data(), Context.RESOURCE_REPLACEMENT_REQUEST)
    return _one(service.change(_token(), user_id, lambda _known: said))


@bp.patch("/Users/<uuid:user_id>")
@_door
def update(user_id: uuid.UUID) -> tuple[dict[str, Any], int, dict[str, str]]:
    changes = resources.changes_in(request.get_data())
    return _one(service.change(_token(), user_id, lambda known: resources.changed(known, changes)))


@bp.delete("/Users/<uuid:user_id>")
@_door
def delete(user_id: uuid.UUID) -> tuple[str, int]:
    service.take_back(_token(), user_id)
    return "", 204


def _describing(found: Resource[Any] | None) -> dict[str, Any]:
    if found is None:
        raise NotFound(noun="scim")
    return found.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)


@bp.get("/ServiceProviderConfig")
@_door
def offered() -> dict[str, Any]:
    return _describing(resources.OFFERED)


@bp.get("/ResourceTypes")
@_door
def resource_types() -> dict[str, Any]:
    return resources.described(list(resources.RESOURCE_TYPES.values()), ResourceType)


@bp.get("/ResourceTypes/<name>")
@_door
def resource_type(name: str) -> dict[str, Any]:
    return _describing(resources.RESOURCE_TYPES.get(name))


@bp.get("/Schemas")
@_door
def schemas() -> dict[str, Any]:
    return resources.described(list(resources.SCHEMAS.values()), Schema)


@bp.get("/Schemas/<name>")
@_door
def schema(name: str) -> dict[str, Any]:
    return _describing(resources.SCHEMAS.get(name))
