"""One JIT with people of every role, and one thing of every kind, for the table of who may do what."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal.audit import service as audit
from jit_portal.audit.models import LedgerEntry
from jit_portal.custody.models import CustodyEvent
from jit_portal.database import Thing, session, transaction
from jit_portal.exhibits.models import CountryRule
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import Invitation, User
from jit_portal.identity.scim.models import ProposedClosing, ScimToken
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.jits.models import Agreement
from jit_portal.messages.models import Channel, ChannelParty, ChannelPerson, Message
from jit_portal.notices.models import Notice
from jit_portal.tasks.models import Board, BoardParty, BoardPerson, Task
from jit_portal.vocabulary import (
    AgreementState,
    Audience,
    CustodyStep,
    Duty,
    Integrity,
    NoticeKind,
    Outcome,
    PrincipalKind,
    Role,
    Sight,
)
from jit_portal.workspaces.principals import principal
from tests import factories
from tests.factories import World, now

OF_FRANCE = "leader member seconded expert auditor secretariat gone inactive operator administrator"
PEOPLE = [
    *(f"fr_{name}" for name in OF_FRANCE.split()),
    *("nl_leader", "nl_member", "nl_expert", "nl_administrator", "eu_participant", "al_leader", "stranger"),
]


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    """France leads and holds the exhibits; the Netherlands are shown one; everybody else has a role of their own."""
    made = factories.world("Lantern", ("fr", "nl", "eu", "al"))
    other = factories.world("Harbour", ("nl", "eu"), providers=made.providers)
    with transaction():
        for name, slug, role in (
            ("fr_seconded", "fr", Role.SECONDED_MEMBER),
            ("fr_expert", "fr", Role.EXPERT),
            ("fr_auditor", "fr", Role.AUDITOR),
            ("fr_secretariat", "fr", Role.SECRETARIAT),
            ("fr_gone", "fr", Role.LEADER),
            ("fr_inactive", "fr", Role.LEADER),
            ("fr_operator", "fr", Role.LEADER),
            ("nl_expert", "nl", Role.EXPERT),
        ):
            made.join(name, slug, role)
        made["fr_inactive"].deactivated_at = now()
        made["fr_operator"].duty = Duty.OPERATOR
        session().merge(made["fr_inactive"])
        session().merge(made["fr_operator"])
        for slug in ("fr", "nl"):
            administrator = factories.user(made.providers[slug], f"Administrator {slug}")
            administrator.duty = Duty.NATIONAL_ADMINISTRATOR
            made.people[f"{slug}_administrator"] = administrator
    factories.end_membership(made, "fr_gone")
    made.people["stranger"] = other["nl_leader"]
    yield made
    session.remove()


Things = dict[str, Thing]


@pytest.fixture
def things(world: World) -> Things:
    """One of every kind, by the name that the table uses."""
    shown, secret, given, kept, lost = (
        factories.exhibit(world, title=title) for title in ("Shown", "Secret", "Given", "Kept by an auditor", "Lost")
    )
    release = factories.release(world, shown, "nl", Sight.READ)
    factories.release(world, shown, "al", Sight.READ)
    factories.release(world, shown, world["nl_expert"], Sight.SEE)
    factories.release(world, given, "nl", Sight.READ)
    leader, france = world["fr_leader"], world.parties["fr"]
    entrustment = factories.entrustment(world, "fr_seconded")
    factories.entrustment(world, "fr_member", live_until=now())
    for name in ("fr_expert", "fr_gone", "fr_inactive", "fr_operator", "nl_member"):
        factories.entrustment(world, name)
    places: Things = {}
    for audience in Audience:
        places[f"channel {audience}"] = factories.channel(world, audience.value, audience)
        places[f"board {audience}"] = factories.board(world, audience.value, "LAN", audience)
    with transaction():
        for name, thing in places.items():
            _name(name, thing, world)
        kept.holder_id = world["fr_auditor"].id
        session().merge(kept)
        given.holder_id, given.offered_to_id = world["fr_member"].id, world["nl_member"].id
        session().merge(given)
        lost.offered_to_id = world["nl_member"].id
        session().merge(lost)
        rule = CountryRule(
            workspace_id=world.workspace.id,
            party_id=france.id,
            is_forbid=True,
            principal_id=principal(world.workspace.id, PrincipalKind.PARTY, party_id=world.parties["nl"].id).id,
            sight=int(Sight.USE),
            set_by_id=leader.id,
        )
        event = CustodyEvent(exhibit_id=shown.id, number=1, step=CustodyStep.RECEIVED, by_id=leader.id)
        file, began = _file(world, leader), _file(world, world["fr_auditor"])
        message = Message(
            channel_id=places["channel parties"].id,
            number=1,
            author_id=leader.id,
            party_id=france.id,
            text="Hello",
            token=uuid.uuid4(),
        )
        task = _task(world, places["board everyone"], assignee_id=world["fr_member"].id)
        open_task = _task(world, places["board everyone"], number=2)
        asked = _task(world, places["board everyone"], number=3, asked_party_id=world.parties["nl"].id)
        draft = _draft(world)
        notice = Notice(user_id=leader.id, kind=NoticeKind.RELEASED, noun="exhibit", object_id=shown.id)
        login = LoginSession(
            token_hash=uuid.uuid4().bytes, user_id=leader.id, assurance=3, authenticated_at=now(), ends_at=now()
        )
        session().add_all([rule, event, file, began, message, task, open_task, asked, draft, notice, login])
        invited = _invitations(leader)
        closed_login = factories.provider("fr-closed")
        closed_login.country, closed_login.is_enabled = "FR", False
        flagged, closed, waiting_to_close = world["fr_member"], world["fr_inactive"], world["fr_expert"]
        token = ScimToken(
            provider_id=world.providers["fr"].id, token_hash=b"", made_by_id=world["fr_operator"].id, expires_at=now()
        )
        session().add(token)
        session().flush()
        session().add(ProposedClosing(user_id=waiting_to_close.id, proposed_by_id=token.id))
        flagged.flagged = "name"
        session().merge(flagged)
        waiting, passkey = factories.waiting_act(leader), factories.passkey(leader)
        session().flush()
        audit.record(world["fr_member"], "exhibit.read", shown)
        audit.record(world["nl_member"], "exhibit.opened", shown)
        audit.record(world["nl_member"], "jit.looked_at", world.jit)
        audit.record(world["fr_leader"], "country_rule.forbidden", rule)
        for name, thing in (places | {"message": message, "task": task}).items():
            audit.record(leader, name, thing)
        session().add(_entry_of_every_party(world, places["board people"]))
    entries = {entry.act: entry for entry in session().scalars(select(LedgerEntry).execution_options(policy=True))}
    told = {f"entry on {name}": entries[name] for name in (*places, "message", "task")}
    return (
        places
        | told
        | {
            "exhibit shown": shown,
            "exhibit secret": secret,
            "exhibit given": given,
            "exhibit kept": kept,
            "exhibit lost": lost,
            "release": release,
            "rule": rule,
            "entrustment": entrustment,
            "custody": event,
            "file": file,
            "file of who became an auditor": began,
            "message": message,
            "task": task,
            "task open": open_task,
            "task asked": asked,
            "jit": world.jit,
            "agreement": world.agreement,
            "draft": draft,
            "workspace": world.workspace,
            "membership": world.members["nl_member"],
            "party": france,
            "body": world.parties["eu"],
            "entry by fr on fr": entries["exhibit.read"],
            "entry by nl on fr": entries["exhibit.opened"],
            "entry by fr on rule": entries["country_rule.forbidden"],
            "entry by nl": entries["jit.looked_at"],
            "entry of every party on board people": entries["board.opened"],
            "notice": notice,
            "login": login,
            "person": leader,
            "person flagged": flagged,
            "person closed": closed,
            "person with a duty": world["nl_administrator"],
            "authority": france.provider.authorities[0],
            "authority of a closed login": closed_login.authorities[0],
            **invited,
            "person waiting": waiting_to_close,
            "waiting act": waiting,
            "person who runs the portal": world["fr_operator"],
            "national login": world.providers["nl"],
            "proposal": factories.proposal(world.providers["fr"]),
            "test": factories.provider_test(world["fr_operator"], world.providers["nl"]),
            "test of another": factories.provider_test(world["fr_leader"], world.providers["nl"]),
            "passkey": passkey,
            "opening": factories.glass_opening(factories.glass_account(), leader, world["fr_operator"]),
        }
    )


def _invitations(leader: User) -> Things:
    """Into the JIT by its leader, to an account alone, and to a duty by the portal."""
    given: dict[str, dict[str, Any]] = {
        "invitation": {"invited_by_id": leader.id, "membership_offer": {"workspace": str(uuid.uuid4())}},
        "invitation to an account": {"membership_offer": None},
        "invitation to a duty": {"duty": Duty.NATIONAL_ADMINISTRATOR},
    }
    made: Things = {
        name: Invitation(
            token_hash=uuid.uuid4().bytes,
            provider_id=leader.provider_id,
            authority_id=leader.authority_id,
            name=name,
            expires_at=now(),
            **more,
        )
        for name, more in given.items()
    }
    session().add_all(made.values())
    return made


def _name(name: str, thing: Thing, world: World) -> None:
    """The audience of parties is France and Eurojust; that of people the French expert and the Dutch member."""
    if name.endswith("parties"):
        for slug in ("fr", "eu"):
            party_id = world.parties[slug].id
            of_channel = isinstance(thing, Channel)
            session().add(
                ChannelParty(channel_id=thing.id, party_id=party_id)
                if of_channel
                else BoardParty(board_id=thing.id, party_id=party_id)
            )
    if name.endswith("people"):
        for person in ("fr_expert", "nl_member", "fr_secretariat"):
            user_id = world[person].id
            session().add(
                ChannelPerson(channel_id=thing.id, user_id=user_id)
                if isinstance(thing, Channel)
                else BoardPerson(board_id=thing.id, user_id=user_id)
            )


def _file(world: World, of: User) -> StoredFile:
    return StoredFile(
        jit_id=world.jit.id,
        workspace_id=world.workspace.id,
        party_id=world.parties["fr"].id,
        uploaded_by_id=of.id,
        name="a.bin",
        length=1,
        received=0,
        object_name=uuid.uuid4().hex,
        key_name="test",
        wrapped_key=b"",
        integrity=Integrity.RECEIVING,
        expires_at=now(),
    )


def _entry_of_every_party(world: World, restricted: Thing) -> LedgerEntry:
    """As the record was written when it did not yet say whose a restricted board is."""
    leader = world["fr_leader"]
    return LedgerEntry(
        chain=world.jit.id,
        actor_id=leader.id,
        actor_name=leader.name,
        actor_country=leader.country,
        actor_authority="",
        act="board.opened",
        outcome=Outcome.DONE,
        noun="board",
        object_id=restricted.id,
        reference="LAN",
        details="{}",
    )


def _task(world: World, board: Thing, number: int = 1, **more: object) -> Task:
    assert isinstance(board, Board)
    session().refresh(board)
    return Task(
        board_id=board.id,
        column_id=board.columns[0].id,
        party_id=world.parties["fr"].id,
        number=number,
        rank=str(number),
        title="Task",
        created_by_id=world["fr_leader"].id,
        **more,
    )


def _draft(world: World) -> Agreement:
    last = world.agreement
    return Agreement(
        jit_id=world.jit.id,
        version=2,
        state=AgreementState.DRAFT,
        purpose="",
        legal_bases=[],
        states_of_operation=[],
        starts_on=last.starts_on,
        ends_on=last.ends_on,
        time_zone="UTC",
        created_by_id=world["fr_leader"].id,
    )
