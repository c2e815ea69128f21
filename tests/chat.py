"""A channel, what is said in it, and how each reads it."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.identity.models import User
from jit_portal.messages import service, showing
from jit_portal.messages.models import Channel, Message
from tests import factories
from tests.factories import World

Browse = Callable[[User], FlaskClient]


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    made = factories.world()
    with app.test_request_context():
        yield made


@pytest.fixture
def channel(world: World) -> Channel:
    return factories.channel(world)


def say(world: World, name: str, channel: Channel, text: str, token: uuid.UUID | None = None) -> Message:
    return service.post(world[name], channel, text, token or uuid.uuid4())


def seen_by(world: World, name: str, message: Message) -> str:
    fetched = policy.fetch(world[name], Message, message.id)
    (shown,) = showing.shown_to(world[name], [fetched])
    return str(shown.html)


def ledger(world: World, act: str) -> list[LedgerEntry]:
    entries = select(LedgerEntry).where(LedgerEntry.act == act, LedgerEntry.chain == world.jit.id)
    return list(session().scalars(entries.order_by(LedgerEntry.number).execution_options(policy=True)))
