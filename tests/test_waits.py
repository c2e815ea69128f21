"""Who has to wait for somebody else's act is asked again afterwards: she may be no leader, or no member, by then."""

import datetime as dt
import io
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.errors import Refused
from jit_portal.exhibits import entrusting, releasing, rules
from jit_portal.exhibits import service as exhibits
from jit_portal.exhibits.descriptions import read
from jit_portal.exhibits.models import Exhibit, Release
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.identity import invitations
from jit_portal.identity.models import User
from jit_portal.jits import documents, signing
from jit_portal.jits import service as jits
from jit_portal.jits.models import Agreement
from jit_portal.jits.signing import Signature
from jit_portal.jits.terms import terms_of
from jit_portal.messages import channels
from jit_portal.messages import service as messages
from jit_portal.messages.channels import ChannelWish
from jit_portal.messages.models import Channel, Message
from jit_portal.vocabulary import Purpose, Role, Sight
from jit_portal.workspaces import service as workspaces
from tests import factories
from tests.drafting import PDF
from tests.exhibits import all_acts
from tests.factories import World
from tests.waiting import Statement, status_after_the_wait

TODAY = dt.datetime.now(dt.UTC).date()


@dataclass
class Place:
    """A JIT with a channel, a message of the leader of France, and somebody of France who is in no JIT."""

    world: World
    channel: Channel
    message: Message
    newcomer: User

    @property
    def leader(self) -> User:
        return self.world["fr_leader"]

    def draft(self) -> Agreement:
        return jits.extend(self.leader, self.world.jit)


@pytest.fixture
def place(app: Flask) -> Iterator[Place]:
    with app.test_request_context():
        world = factories.world()
        channel = factories.channel(world)
        message = messages.post(world["fr_leader"], channel, "Good morning.", uuid.uuid4())
        with transaction():
            newcomer = factories.user(world.providers["fr"], "Newcomer")
            session().refresh(newcomer, ["provider"])
        yield Place(world, channel, message, newcomer)


def entries() -> int:
    session.remove()
    return session().scalar(select(func.count()).select_from(LedgerEntry).execution_options(policy=True)) or 0


Acting = tuple[Callable[[], object], str, uuid.UUID]
"""What is done, and the table and id of the row that somebody else holds meanwhile."""


def enrol(place: Place) -> Acting:
    world = place.world
    let_in = lambda: workspaces.enrol(  # noqa: E731
        place.leader, world.workspace, place.newcomer, world.parties["fr"], Role.MEMBER
    )
    return let_in, "workspace", world.workspace.id


def invite(place: Place) -> Acting:
    authority = place.newcomer.authority
    ask_in = lambda: workspaces.invite(place.leader, place.world.workspace, authority, "Anne", Role.MEMBER)  # noqa: E731
    return ask_in, "workspace", place.world.workspace.id


def entrust(place: Place) -> Acting:
    world = place.world
    given = (world.workspace, world.parties["fr"], world["fr_member"].id, Sight.READ, TODAY + dt.timedelta(days=9))
    return lambda: entrusting.entrust(place.leader, *given), "party", world.parties["fr"].id


def end_entrustment(place: Place) -> Acting:
    made = factories.entrustment(place.world, "fr_member")
    return lambda: entrusting.end_entrustment(place.leader, made), "entrustment", made.id


def open_channel(place: Place) -> Acting:
    space = place.world.workspace
    return lambda: channels.open_channel(place.leader, space, ChannelWish("Phones")), "workspace", space.id


def post(place: Place) -> Acting:
    say = lambda: messages.post(place.leader, place.channel, "And one thing more.", uuid.uuid4())  # noqa: E731
    return say, "channel", place.channel.id


def edit(place: Place) -> Acting:
    return lambda: messages.edit(place.leader, place.message, "Good evening.", 1), "message", place.message.id


def withdraw(place: Place) -> Acting:
    return lambda: messages.withdraw(place.leader, place.message), "message", place.message.id


def extend(place: Place) -> Acting:
    return lambda: jits.extend(place.leader, place.world.jit), "jit", place.world.jit.id


def edit_draft(place: Place) -> Acting:
    draft = place.draft()
    terms = terms_of(draft)
    return lambda: jits.edit(place.leader, draft, terms, draft.edition), "agreement", draft.id


def abandon(place: Place) -> Acting:
    draft = place.draft()
    return lambda: jits.abandon(place.leader, draft, draft.edition), "agreement", draft.id


def attach(place: Place) -> Acting:
    draft = place.draft()
    put = lambda: documents.attach(place.leader, draft, "agreement.pdf", io.BytesIO(PDF), draft.edition)  # noqa: E731
    return put, "agreement", draft.id


def sign(place: Place) -> Acting:
    draft = place.draft()
    documents.attach(place.leader, draft, "agreement.pdf", io.BytesIO(PDF), draft.edition)
    party, said = place.world.parties["fr"].id, Signature("Minister", TODAY, "Paris")
    record = lambda: signing.record_signature(place.leader, draft, party, said, draft.edition)  # noqa: E731
    return record, "agreement", draft.id


def remove_signatures(place: Place) -> Acting:
    draft = place.draft()
    return lambda: signing.remove_signatures(place.leader, draft), "agreement", draft.id


ACTS: tuple[Callable[[Place], Acting], ...] = (
    *(enrol, invite, entrust, end_entrustment, open_channel, post, edit, withdraw),
    *(extend, edit_draft, abandon, attach, sign, remove_signatures),
)


@pytest.mark.parametrize("prepare", ACTS, ids=lambda each: each.__name__)
def test_the_right_is_asked_again_after_the_wait(place: Place, cluster: Postgres, prepare: Any) -> None:
    """Her membership ends while her act waits; where a draft names her, whoever she is, her account does."""
    act, table, id = prepare(place)
    before = entries()
    ends: Statement = ("UPDATE membership SET live_until = now() WHERE id = %s", [place.world.members["fr_leader"].id])
    closes: Statement = ('UPDATE "user" SET deactivated_at = now() WHERE id = %s', [place.leader.id])
    status = status_after_the_wait(
        cluster,
        act,
        held=(f"SELECT FROM {table} WHERE id = %s FOR UPDATE", [id]),
        meanwhile=closes if table == "agreement" else ends,
    )
    assert status in (403, 404)
    assert entries() == before


def test_who_was_invited_does_not_join_once_her_host_may_not_invite(place: Place, cluster: Postgres) -> None:
    """Her host's membership ends while her joining waits."""
    world = place.world
    invitation, _ = workspaces.invite(place.leader, world.workspace, place.newcomer.authority, "Anne", Role.MEMBER)
    before = entries()

    def join() -> None:
        with transaction():
            workspaces.join_by_invitation(place.newcomer, invitation)

    status = status_after_the_wait(
        cluster,
        join,
        held=("SELECT FROM workspace WHERE id = %s FOR UPDATE", [world.workspace.id]),
        meanwhile=("UPDATE membership SET live_until = now() WHERE id = %s", [world.members["fr_leader"].id]),
    )
    assert status == Refused.status
    assert entries() == before
    assert workspaces.join_by_invitation in invitations.ON_ACCEPT


ON_EXHIBITS: dict[str, Callable[[World, User, Exhibit], object]] = {
    "release": lambda world, actor, exhibit: releasing.release(
        actor, exhibit, f"party:{world.parties['nl'].id}", Sight.READ, Purpose.JIT_PURPOSE
    ),
    "describe": lambda _, actor, exhibit: exhibits.describe(actor, exhibit, "Anew", "", "", 1),
    "reclassify": lambda _, actor, exhibit: exhibits.reclassify(actor, exhibit, read({"handling": "H0"}), 1),
    "withdraw": lambda _, actor, exhibit: releasing.withdraw(
        actor, session().scalars(policy.which(actor, Release)).one(), "Enough."
    ),
}


@pytest.mark.parametrize("verb", ON_EXHIBITS)
def test_the_right_is_asked_again_after_the_wait_for_the_exhibit(app: Flask, cluster: Postgres, verb: str) -> None:
    """She stops leading, or being a member, while her act waits for whoever holds the exhibit's row."""
    world = factories.world()
    exhibit = factories.exhibit(world)
    factories.release(world, exhibit, "nl")

    role = "member" if verb in ("release", "reclassify") else "expert"
    status = status_after_the_wait(
        cluster,
        lambda: ON_EXHIBITS[verb](world, world["fr_leader"], exhibit),
        held=("SELECT FROM exhibit WHERE id = %s FOR UPDATE", [exhibit.id]),
        meanwhile=("UPDATE membership SET role = %s WHERE id = %s", [role, world.members["fr_leader"].id]),
    )
    assert status in (403, 404)
    assert all_acts() == []


def test_the_right_to_set_rules_is_asked_after_the_wait(app: Flask, cluster: Postgres) -> None:
    world = factories.world()
    party = world.parties["fr"]
    said = RuleDescription(is_forbid=True, to=f"party:{world.parties['nl'].id}", sight=Sight.SEE)

    status = status_after_the_wait(
        cluster,
        lambda: rules.set_rule(world["fr_leader"], world.workspace, party, said),
        held=("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"rules {party.id}"]),
        meanwhile=("UPDATE membership SET role = 'member' WHERE id = %s", [world.members["fr_leader"].id]),
    )
    assert status == 403
    assert all_acts() == []
