"""What the addresses for directories answer; with this module comes all that reads and writes SCIM."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import g, request
from pydantic import ValidationError
from scim2_models import Context, Error, Resource, ResourceType, Schema, SCIMException, SearchRequest
from werkzeug.wrappers import Response

from jit_portal.errors import NotFound
from jit_portal.identity import ourselves
from jit_portal.identity.scim import people, resources, service
from jit_portal.identity.scim.filters import fitting
from jit_portal.identity.scim.models import ScimToken
from jit_portal.identity.scim.people import Known
from jit_portal.identity.scim.resources import Person
from jit_portal.web.errors import say_in_scim


def answer(endpoint: str, values: dict[str, Any]) -> Any:
    """What this address answers; what was sent and makes no sense is said in SCIM's own words."""
    try:
        return _VIEWS[endpoint](**values)
    except SCIMException as error:
        return _said(error.to_error())
    except ValidationError as error:
        return _said(Error.from_validation_errors(error)[0])


def _token() -> ScimToken:
    token: ScimToken = g.scim_token
    return token


def _place() -> str:
    return f"{ourselves.origin()}/scim/v2/Users"


def _said(error: Error) -> Response:
    return say_in_scim(error.status or 400, error.detail or "", error.scim_type or "")


def _one(known: Known, status: int = 200) -> tuple[dict[str, Any], int, dict[str, str]]:
    wanted = resources.asked(request.args.to_dict())
    return resources.shown(known, _place(), wanted), status, {"Location": f"{_place()}/{known.id}"}


def _listed(wanted: SearchRequest[Person]) -> dict[str, Any]:
    count = min(resources.MOST, resources.MOST if wanted.count is None else wanted.count)
    asked = wanted.filter.ast if wanted.filter is not None else None
    total, found = people.search(_token(), lambda reached: fitting(reached, asked), wanted.start_index_0 or 0, count)
    return resources.listed(total, found, _place(), wanted)


def index() -> dict[str, Any]:
    return _listed(resources.asked(request.args.to_dict()))


def search() -> dict[str, Any]:
    return _listed(resources.asked_in(request.get_data()))


def create() -> tuple[dict[str, Any], int, dict[str, str]]:
    said = resources.said_in(request.get_data(), Context.RESOURCE_CREATION_REQUEST)
    return _one(service.announce(_token(), said), 201)


def show(user_id: uuid.UUID) -> tuple[dict[str, Any], int, dict[str, str]]:
    return _one(people.find(_token(), user_id))


def replace(user_id: uuid.UUID) -> tuple[dict[str, Any], int, dict[str, str]]:
    said = resources.said_in(request.get_data(), Context.RESOURCE_REPLACEMENT_REQUEST)
    return _one(service.change(_token(), user_id, lambda _known: said))


def update(user_id: uuid.UUID) -> tuple[dict[str, Any], int, dict[str, str]]:
    changes = resources.changes_in(request.get_data())
    return _one(service.change(_token(), user_id, lambda known: resources.changed(known, changes)))


def delete(user_id: uuid.UUID) -> tuple[str, int]:
    service.take_back(_token(), user_id)
    return "", 204


def _describing(found: Resource[Any] | None) -> dict[str, Any]:
    if found is None:
        raise NotFound(noun="scim")
    return found.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)


def offered() -> dict[str, Any]:
    return _describing(resources.OFFERED)


def resource_types() -> dict[str, Any]:
    return resources.described(list(resources.RESOURCE_TYPES.values()), ResourceType)


def resource_type(name: str) -> dict[str, Any]:
    return _describing(resources.RESOURCE_TYPES.get(name))


def schemas() -> dict[str, Any]:
    return resources.described(list(resources.SCHEMAS.values()), Schema)


def schema(name: str) -> dict[str, Any]:
    return _describing(resources.SCHEMAS.get(name))


_VIEWS: dict[str, Callable[..., Any]] = {
    "index": index,
    "search": search,
    "search_all": search,
    "create": create,
    "show": show,
    "replace": replace,
    "update": update,
    "delete": delete,
    "offered": offered,
    "resource_types": resource_types,
    "resource_type": resource_type,
    "schemas": schemas,
    "schema": schema,
}
