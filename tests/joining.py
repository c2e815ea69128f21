"""The JIT whose people tests let in, invite and end, and what its agreement lists."""

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from jit_portal.database import session, transaction
from jit_portal.identity.models import User
from jit_portal.jits.models import AgreementParty
from jit_portal.vocabulary import (
    Role,
)
from jit_portal.workspaces import service
from jit_portal.workspaces.models import Membership
from tests import factories
from tests.factories import World

Browse = Callable[[User], FlaskClient]
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    """Lantern of France, the Netherlands, Albania and Eurojust; ``gone`` has left, ``stranger`` is of Kestrel."""
    with app.test_request_context():
        made = factories.world(slugs=("fr", "nl", "al", "eu"))
        other = factories.world("Kestrel", ("fr", "nl"), made.providers)
        with transaction():
            made.join("auditor", "fr", Role.AUDITOR)
            made.join("expert", "fr", Role.EXPERT)
            made.join("gone", "fr")
            made.people["stranger"] = other["fr_leader"]
            for slug in ("fr", "nl", "al", "eu"):
                made.people[f"{slug}_new"] = factories.user(made.providers[slug], f"New {slug.upper()}")
        factories.end_membership(made, "gone")
        yield made


def list_only(world: World, slug: str, *roles: Role, until: dt.date | None = None) -> None:
    """From now on the agreement lists only these roles for a party."""
    with transaction():
        named = session().scalars(
            select(AgreementParty).where(
                AgreementParty.agreement_id == world.agreement.id, AgreementParty.party_id == world.parties[slug].id
            )
        )
        clause = named.unique().one()
        clause.roles, clause.invites_until = [role.value for role in roles], until


def enrol(world: World, by: str, slug: str, role: Role = Role.MEMBER, who: str = "", purpose: str = "") -> Membership:
    person = world[who or f"{slug}_new"]
    return service.enrol(world[by], world.workspace, person, world.parties[slug], role, purpose=purpose)
