"""Forms from elsewhere: every writing address refuses one without the portal's token, but for a few that need none."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jit_portal import extensions
from jit_portal.identity.models import User
from tests import factories

WITH_A_TOKEN = {
    *("create", "delete", "index", "offered", "replace", "resource_type", "resource_types", "schema", "schemas"),
    *("search", "search_all", "show", "update"),
}
EXEMPT_FROM_CSRF = {
    "jit_portal.identity.routes.farewell",
    "jit_portal.identity.saml_routes.bring",
    "jit_portal.identity.saml_routes.callback",
    *(f"jit_portal.identity.scim.routes.{name}" for name in WITH_A_TOKEN),
}


@pytest.mark.usefixtures("portal")
def test_only_what_comes_from_a_provider_or_a_directory_is_exempt_from_csrf(portal: Flask) -> None:
    assert set(extensions.csrf._exempt_views) == EXEMPT_FROM_CSRF
    assert not extensions.csrf._exempt_blueprints
    assert portal.config.get("WTF_CSRF_ENABLED", True)
    assert portal.config.get("WTF_CSRF_CHECK_DEFAULT", True)


def test_every_writing_address_refuses_a_form_without_token(
    portal: Flask, app: Flask, browse: Callable[[User], FlaskClient]
) -> None:
    client = browse(factories.world()["fr_leader"])
    writing = {"POST", "PUT", "PATCH", "DELETE"}
    asked = 0
    for rule in portal.url_map.iter_rules():
        methods = (rule.methods or set()) & writing
        view = portal.view_functions[rule.endpoint]
        if f"{view.__module__}.{view.__name__}" in EXEMPT_FROM_CSRF:
            continue
        values: dict[str, Any] = dict.fromkeys(rule.arguments, "00000000-0000-4000-8000-000000000000")
        with portal.test_request_context(base_url="https://localhost"):
            address = portal.url_for(rule.endpoint, **values) if methods else ""
        for method in methods:
            answer = client.open(address, method=method, base_url="https://localhost")
            assert answer.status_code == 400, f"{method} {rule.rule}: {answer.status_code}"
            asked += 1
    assert asked > 10
