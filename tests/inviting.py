"""What tests of asking people in share: administrators of three countries, and whoever accepts an invitation."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from jit_portal.database import session, transaction
from jit_portal.identity import invitations
from jit_portal.identity.models import Authority, Invitation, User
from jit_portal.identity.vouching import Vouched
from jit_portal.vocabulary import Assurance, Duty
from tests import factories
from tests.factories import World
from tests.signing_in import UNCHECKED, again

Browse = Callable[[User], FlaskClient]
NAME = "Ana Costa"


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    made = factories.world("Lantern", ("fr", "nl", "eu"))
    made.people |= {
        "fr_administrator": factories.administrator(made.providers["fr"]),
        "nl_administrator": factories.administrator(made.providers["nl"]),
        "eu_administrator": factories.administrator(made.providers["eu"]),
        "operator": factories.administrator(made.providers["nl"], Duty.OPERATOR),
    }
    yield made
    session.remove()


def authority(world: World, slug: str = "fr") -> Authority:
    return world.providers[slug].authorities[0]


def signs_in(
    invitation: Invitation, subject: str = "fr-new", known: User | None = None, *, names_authority: bool = True
) -> User:
    """Whoever the national login vouches for as ``subject`` accepts the invitation."""
    provider, code = invitation.provider, invitation.authority.code if names_authority else None
    vouched = Vouched(
        provider.issuer, subject, Assurance.HIGH, "high", datetime.now(UTC).timestamp(), None, "",
        "Ana Costa-Lima", "ana@police.example", "", code, "fr", "Europe/Paris",
    )  # fmt: skip
    with transaction():
        return invitations.accept(again(invitation), provider, vouched, known)


def sent() -> list[Invitation]:
    return list(session().scalars(select(Invitation).execution_options(**UNCHECKED)).unique())
