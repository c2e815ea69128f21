"""People as SCIM 2.0 writes them (RFC 7643), and what this portal offers of it.

A directory may say of a person what the core and enterprise schemas know, and more: what the portal has no use for is
taken and forgotten. What it publishes and gives back is what it keeps.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    Context,
    EnterpriseUser,
    ETag,
    Filter,
    ListResponse,
    Meta,
    Patch,
    PatchOp,
    Required,
    Resource,
    ResourceType,
    Schema,
    ScimPolicy,
    SearchRequest,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)
from scim2_models import User as Everything

from jit_portal.identity.scim.people import Known
from jit_portal.identity.scim.service import Said

MOST = 200
"""So many people stand on one page at most."""

_Incoming = Everything[EnterpriseUser]
Changes = PatchOp[Everything[EnterpriseUser]]
_TOLERANT = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""What directories send beside the letter of RFC 7644, Entra's foremost, is understood."""


class Person(Resource[Any]):
    """Somebody whom the directory knows"""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    """What the directory calls the person; of no meaning for signing in"""

    display_name: str | None = None
    """The name of the person: a proposal, where an account has another"""

    active: Annotated[bool | None, Required.true] = None
    """Whether the account is open; false ends every sign-in, page and upload at once"""


def _schema(model: type[Resource[Any]], name: str = "") -> Schema:
    schema = model.to_schema()
    schema.name = name or schema.name
    return schema


SCHEMAS = {
    str(schema.id): schema
    for schema in (_schema(Person, "User"), *(_schema(each) for each in (ResourceType, Schema, ServiceProviderConfig)))
}
RESOURCE_TYPES = {"User": ResourceType.from_resource(Person)}
_SPECIFICATION: Any = "https://www.rfc-editor.org/rfc/rfc6750"
OFFERED = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=MOST),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=False),
    etag=ETag(supported=False),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Bearer token",
            description="A token that an operator of the portal has made for this national login",
            spec_uri=_SPECIFICATION,
            primary=True,
        )
    ],
)
"""What there is and what there is not. Groups are not: who is in which team is decided in the portal."""


def asked(values: dict[str, Any]) -> SearchRequest[Person]:
    """A search as it stands in an address."""
    return SearchRequest[Person].model_validate(values, scim_ctx=Context.SEARCH_REQUEST, scim_policy=_TOLERANT)


def asked_in(body: bytes) -> SearchRequest[Person]:
    """A search as it stands in what was sent."""
    return SearchRequest[Person].model_validate_json(body, scim_ctx=Context.SEARCH_REQUEST, scim_policy=_TOLERANT)


def said_in(body: bytes, context: Context) -> Said:
    """What a whole person in ``body`` says."""
    return _said(_Incoming.model_validate_json(body, scim_ctx=context, scim_policy=_TOLERANT))


def changes_in(body: bytes) -> Changes:
    """The single changes in ``body``."""
    return Changes.model_validate_json(body, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=_TOLERANT)


def changed(known: Known, changes: Changes) -> Said:
    """What the directory says after these changes to what is known; ``active`` only where it is among them."""
    person = _Incoming(external_id=known.external_id, user_name=known.user_name, display_name=known.display_name)
    changes.patch(person, scim_policy=_TOLERANT)
    return _said(person)


def _said(person: Everything[Any]) -> Said:
    return Said(person.external_id, person.user_name or "", person.display_name or None, person.active)


def shown(known: Known, place: str, wanted: SearchRequest[Person] | None = None) -> dict[str, Any]:
    """One person; ``place`` is the address of all."""
    context = Context.RESOURCE_QUERY_RESPONSE
    return _person(known, place).model_dump(scim_ctx=context, response_parameters=wanted)


def listed(total: int, people: Sequence[Known], place: str, wanted: SearchRequest[Person]) -> dict[str, Any]:
    """One page of people."""
    page = ListResponse[Person](
        total_results=total,
        start_index=wanted.start_index or 1,
        items_per_page=len(people),
        resources=[_person(known, place) for known in people],
    )
    said: dict[str, Any] = page.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=wanted)
    return said


def _person(known: Known, place: str) -> Person:
    return Person(
        id=str(known.id),
        external_id=known.external_id,
        user_name=known.user_name,
        display_name=known.display_name,
        active=known.is_active,
        meta=Meta(resource_type="User", created=known.created_at, location=f"{place}/{known.id}"),
    )


def described(things: Sequence[Resource[Any]], kind: type[Resource[Any]]) -> dict[str, Any]:
    """A list of what describes the service."""
    page = ListResponse[kind](  # type: ignore[valid-type]
        total_results=len(things), start_index=1, items_per_page=len(things), resources=list(things)
    )
    said: dict[str, Any] = page.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    return said
