"""What else generated worlds hold: one thing of every other kind that the policy has rules of."""

import datetime as dt
import uuid

from jit_portal.audit.models import LedgerEntry
from jit_portal.custody.models import CustodyEvent
from jit_portal.database import Thing, session, transaction
from jit_portal.files.models import StoredFile
from jit_portal.identity.glass.models import GlassOpening
from jit_portal.identity.models import Invitation, ProviderProposal, ProviderTest, User
from jit_portal.identity.sign_in_models import LoginSession, Passkey, WaitingAct
from jit_portal.messages.models import Channel, ChannelParty, ChannelPerson, Message
from jit_portal.notices.models import Notice
from jit_portal.tasks.models import Board, BoardParty, BoardPerson, Column, Task
from jit_portal.vocabulary import (
    Audience,
    ColumnKind,
    CustodyStep,
    Duty,
    Integrity,
    NoticeKind,
    Outcome,
)
from tests.policy_worlds import Maker, PolicyWorld, Space


def furnish(world: PolicyWorld) -> None:
    """Put channels, boards, files and all that else is protected into a world, for the parity of every rule."""
    chance = Maker(world.seed + 1)
    with transaction():
        for space in world.spaces:
            if space.memberships:
                _furnish(space, world, chance)
        for person in world.people[:4]:
            _personal(person, world)
        world.people += [_with_duty(world, slug, duty) for duty in Duty for slug in ("fr", "eu")]
        world.spaces[0].things += [*world.people, *(each for some in world.authorities.values() for each in some)]


def _with_duty(world: PolicyWorld, slug: str, duty: Duty) -> User:
    at = world.providers[slug]
    made = User(
        provider_id=at.id,
        issuer=at.issuer,
        subject=uuid.uuid4().hex,
        authority_id=world.authorities[slug][0].id,
        name=f"{duty} {slug}",
        duty=duty,
    )
    session().add(made)
    session().flush()
    return made


def _furnish(space: Space, world: PolicyWorld, chance: Maker) -> None:
    people = [member.user for member in space.memberships]
    for audience in Audience:
        place = {"workspace_id": space.workspace.id, "audience": audience, "created_by_id": people[0].id}
        channel = Channel(own_name=f"Channel {audience}", **place)
        board = Board(own_name=f"Board {audience}", prefix="GEN", **place)
        session().add_all([channel, board])
        session().flush()
        party, person = chance.one(list(space.parties.values())), chance.one(people)
        column = Column(board_id=board.id, kind=ColumnKind.TODO, position=0)
        session().add(column)
        if audience == Audience.PARTIES:
            session().add(ChannelParty(channel_id=channel.id, party_id=party.id))
            session().add(BoardParty(board_id=board.id, party_id=party.id))
        if audience == Audience.PEOPLE:
            session().add(ChannelPerson(channel_id=channel.id, user_id=person.id))
            session().add(BoardPerson(board_id=board.id, user_id=person.id))
        session().flush()
        tasks = [_task(board, column, space, people, number, chance) for number in (1, 2, 3)]
        message = Message(
            channel_id=channel.id,
            number=1,
            author_id=chance.one(people).id,
            party_id=party.id,
            text="Generated.",
            token=uuid.uuid4(),
        )
        session().add_all([*tasks, message])
        session().flush()
        space.things += [channel, board, message, *tasks]
    _of_exhibits(space, chance, people)


def _of_exhibits(space: Space, chance: Maker, people: list[User]) -> None:
    exhibit = chance.one(space.exhibits)
    event = CustodyEvent(exhibit_id=exhibit.id, number=1, step=CustodyStep.RECEIVED, by_id=exhibit.created_by_id)
    file = StoredFile(
        jit_id=space.jit.id,
        workspace_id=space.workspace.id,
        party_id=exhibit.party_id,
        uploaded_by_id=chance.one(people).id,
        name="generated.bin",
        length=1,
        received=0,
        object_name=uuid.uuid4().hex,
        key_name="test",
        wrapped_key=b"",
        integrity=Integrity.RECEIVING,
        expires_at=chance.days(1),
    )
    entries = [
        LedgerEntry(
            chain=space.jit.id,
            actor_id=actor.id,
            actor_name=actor.name,
            actor_country=actor.country,
            actor_authority="",
            actor_party_id=chance.perhaps([member.party_id for member in space.memberships]),
            act="exhibit.read",
            outcome=Outcome.DONE,
            noun="exhibit",
            object_id=exhibit.id,
            object_party_id=chance.perhaps([party.id for party in space.parties.values()]),
            reference=exhibit.reference,
            details="{}",
        )
        for actor in people[:3]
    ]
    session().add_all([event, file, *entries])
    session().flush()
    space.things += [
        *(event, file, space.jit, space.workspace),
        *entries,
        *space.agreements,
        *space.parties.values(),
        *space.memberships[:5],
        *space.releases[:6],
        *space.rules[:4],
        *space.entrustments[:4],
        *space.exhibits,
    ]


def _task(board: Board, column: Column, space: Space, people: list[User], number: int, chance: Maker) -> Task:
    parties = list(space.parties.values())
    assignee, asked = chance.perhaps(people), chance.perhaps(parties, 0.3)
    return Task(
        board_id=board.id,
        column_id=column.id,
        party_id=chance.one(parties).id,
        number=number,
        rank=str(number),
        title="Generated",
        assignee_id=assignee.id if assignee else None,
        asked_party_id=asked.id if asked else None,
        created_by_id=people[0].id,
        deleted_at=chance.days(-1) if chance.likely(0.2) else None,
    )


def _personal(person: User, world: PolicyWorld) -> None:
    moment = dt.datetime.now(dt.UTC)
    login = LoginSession(
        token_hash=uuid.uuid4().bytes,
        user_id=person.id,
        assurance=3,
        authenticated_at=moment,
        ends_at=moment + dt.timedelta(hours=1),
    )
    session().add(login)
    session().flush()
    ends_at = moment + dt.timedelta(hours=1)
    opening = GlassOpening(
        id=uuid.uuid4(), user_id=person.id, login_id=login.id, reason="Generated", opened_at=moment, ends_at=ends_at
    )
    things: list[Thing] = [
        login,
        WaitingAct(
            user_id=person.id,
            login_id=login.id,
            endpoint="rules.create",
            address="/",
            sent_from="/",
            form=[],
            noun="party",
            object_id=uuid.uuid4(),
            expires_at=moment + dt.timedelta(minutes=10),
        ),
        Passkey(user_id=person.id, name="Generated", credential_id=uuid.uuid4().bytes, public_key=b"", sign_count=0),
        ProviderTest(provider_id=person.provider_id, tested_by_id=person.id, version=1, findings=[], expires_at=moment),
        ProviderProposal(slug=uuid.uuid4().hex, row={}, proposed_by_id=person.id),
        Notice(user_id=person.id, kind=NoticeKind.RELEASED, noun="exhibit", object_id=uuid.uuid4()),
        opening,
        Notice(user_id=person.id, kind=NoticeKind.GLASS_BROKEN, noun="glass_opening", object_id=opening.id),
        Invitation(
            token_hash=uuid.uuid4().bytes,
            provider_id=person.provider_id,
            authority_id=person.authority_id,
            name="Somebody",
            invited_by_id=person.id,
            expires_at=moment + dt.timedelta(days=1),
        ),
    ]
    session().add_all(things)
    session().flush()
    world.spaces[0].things += things
    if person.provider not in world.spaces[0].things:
        world.spaces[0].things.append(person.provider)
