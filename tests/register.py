"""What tests of the register share: operators, the row of a login, and how it is sent by its form."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from jit_portal.database import session, transaction
from jit_portal.identity import registry
from jit_portal.identity.entering import written
from jit_portal.identity.models import IdentityProvider, ProviderProposal, User
from jit_portal.identity.presets import PRESETS
from jit_portal.identity.provider_forms import typed
from jit_portal.identity.provider_rows import ProviderRow
from jit_portal.vocabulary import Assurance, Duty, PartyKind, Speaks
from tests import factories
from tests.drafting import submit
from tests.hostile_saml import ISSUER, metadata

Browse = Callable[[User], FlaskClient]
ROW = ProviderRow(
    "be", "Login BE", PartyKind.MEMBER_STATE, "BE", "https://login.example/be", "jit-portal", ("RS256",),
    {"low": Assurance.LOW, "high": Assurance.HIGH}, {"name": "/name", "authority": "/office"}, {"BE-1": "Police BE"},
)  # fmt: skip
SAID_BY_WHOEVER_ENTERS = {
    "slug": "ours", "name": "Ours", "country": "BE", "kind": "member_state", "issuer": "https://login.example/ours",
    "client_id": "jit", "authorities": {"A": "An agency"}, "acr_levels": {"strong": "high"},
    "claim_map": {"authority": "/org"},
}  # fmt: skip


@pytest.fixture
def french(app: Flask) -> IdentityProvider:
    with transaction():
        return factories.provider("fr")


def operator(at: IdentityProvider, name: str, duty: Duty | None = Duty.OPERATOR) -> User:
    with transaction():
        made = factories.user(at, name)
        made.duty = duty
    return made


@pytest.fixture
def ada(french: IdentityProvider) -> User:
    return operator(french, "Ada")


@pytest.fixture
def bo(french: IdentityProvider) -> User:
    return operator(french, "Bo")


@pytest.fixture
def belgian(french: IdentityProvider) -> IdentityProvider:
    [made] = registry.ensure_providers([ROW])
    return made


def sent(row: ProviderRow, **changes: Any) -> dict[str, Any]:
    """The fields of a form as a browser sends them for this row."""
    shown = typed(written(row)) | changes
    return {name: "y" if value is True else value for name, value in shown.items() if value is not False}


def newest() -> ProviderProposal:
    found = session().scalars(select(ProviderProposal).order_by(ProviderProposal.created_at.desc())).first()
    assert found
    return found


def enter(client: FlaskClient, row: ProviderRow, **changes: Any) -> TestResponse:
    return submit(client, "/providers/new", "/providers/new", sent(row, **changes))


def pinned(preset: str) -> dict[str, Any]:
    """What must be said beside, of a login that speaks SAML."""
    if PRESETS[preset]().get("protocol") != Speaks.SAML:
        return {}
    return {"saml_metadata": metadata(), "issuer": ISSUER, "claim_map": {"authority": "office"}}
