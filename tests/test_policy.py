"""Who may do what: a table to be read, and the parity of every way of asking over generated worlds."""

import importlib
import random
import uuid
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import ColumnElement, delete, func, select, union, update
from sqlalchemy.orm import aliased

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.audit.models import LedgerEntry
from jit_portal.custody.models import CustodyEvent
from jit_portal.database import Thing, session, transaction
from jit_portal.errors import NotAllowed, NotFound, StepUpNeeded
from jit_portal.exhibits import service as exhibits
from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit, Release
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import Authority, IdentityProvider, Invitation, LoginSession, ProviderProposal, User
from jit_portal.identity.scim.models import ProposedClosing, ScimToken
from jit_portal.jits.models import Agreement, Jit
from jit_portal.messages.models import Channel, ChannelParty, ChannelPerson, Message
from jit_portal.notices.models import Notice
from jit_portal.policy import Seer, UnpolicedRead
from jit_portal.tasks.models import Board, BoardParty, BoardPerson, Task
from jit_portal.vocabulary import (
    BODIES,
    INVESTIGATORS,
    AgreementState,
    Audience,
    CustodyStep,
    Duty,
    Integrity,
    May,
    NoticeKind,
    Outcome,
    PrincipalKind,
    Role,
    Sight,
)
from jit_portal.web.reasons import REASONS, why_not
from jit_portal.workspaces.principals import principal
from tests import factories, policy_worlds
from tests.factories import World, now
from tests.policy_worlds import PolicyWorld, Space, fits, is_granted, is_live, is_named, is_there

# --- the table

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


FRANCE = "fr_leader fr_member fr_seconded"
MEMBERS = f"{FRANCE} nl_leader nl_member al_leader"
EVERYBODY = f"{MEMBERS} fr_expert fr_auditor fr_secretariat nl_expert eu_participant"
NOBODY = ""

# Thing, act, who may; everybody else of PEOPLE may not. Whoever is gone, inactive, a stranger or has a duty is nowhere.
TABLE: list[tuple[str, May, str]] = [
    ("exhibit secret", May.SEE, FRANCE),
    ("exhibit secret", May.USE, FRANCE),
    ("exhibit shown", May.SEE, f"{FRANCE} nl_leader nl_member nl_expert"),
    ("exhibit shown", May.READ, f"{FRANCE} nl_leader nl_member"),
    ("exhibit shown", May.DOWNLOAD, FRANCE),
    ("exhibit shown", May.USE, FRANCE),
    ("exhibit shown", May.DESCRIBE, FRANCE),
    ("exhibit shown", May.SEE_AUDIENCE, FRANCE),
    ("exhibit shown", May.RECLASSIFY, "fr_leader fr_seconded"),
    ("exhibit shown", May.RELEASE, "fr_leader fr_seconded"),
    ("exhibit shown", May.WITHDRAW, "fr_leader fr_seconded"),
    ("exhibit secret", May.HAND_OVER, "fr_member"),
    ("exhibit secret", May.TAKE_BACK, NOBODY),
    ("exhibit secret", May.ACCEPT, NOBODY),
    ("exhibit secret", May.DECLINE, NOBODY),
    ("exhibit given", May.HAND_OVER, NOBODY),
    ("exhibit given", May.TAKE_BACK, "fr_member"),
    ("exhibit given", May.ACCEPT, "nl_member"),
    ("exhibit given", May.DECLINE, "nl_member"),
    ("exhibit lost", May.ACCEPT, NOBODY),
    ("exhibit lost", May.DECLINE, NOBODY),
    ("exhibit lost", May.TAKE_BACK, "fr_member"),
    ("exhibit kept", May.SEE, FRANCE),
    ("exhibit kept", May.HAND_OVER, NOBODY),
    ("release", May.SEE, f"{FRANCE} nl_leader nl_member"),
    ("rule", May.SEE, FRANCE),
    ("rule", May.WITHDRAW, "fr_leader"),
    ("entrustment", May.SEE, FRANCE),
    ("entrustment", May.RELEASE, "fr_seconded"),
    ("entrustment", May.WITHDRAW, "fr_leader fr_seconded"),
    ("custody", May.SEE, f"{FRANCE} nl_leader nl_member"),
    ("file", May.SEE, "fr_leader"),
    ("file", May.UPLOAD, "fr_leader"),
    ("file of who became an auditor", May.SEE, NOBODY),
    ("file of who became an auditor", May.UPLOAD, NOBODY),
    ("channel everyone", May.SEE, MEMBERS),
    ("channel everyone", May.POST, MEMBERS),
    ("channel parties", May.SEE, f"{FRANCE} eu_participant"),
    ("channel parties", May.POST, f"{FRANCE} eu_participant"),
    ("channel people", May.SEE, "fr_expert nl_member"),
    ("message", May.SEE, f"{FRANCE} eu_participant"),
    ("message", May.EDIT, "fr_leader"),
    ("message", May.WITHDRAW, "fr_leader"),
    ("message", May.READ, "fr_leader"),
    ("board everyone", May.SEE, MEMBERS),
    ("board everyone", May.CREATE_TASK, MEMBERS),
    ("board parties", May.SEE, f"{FRANCE} eu_participant"),
    ("board parties", May.CREATE_TASK, FRANCE),
    ("board people", May.SEE, "fr_expert nl_member"),
    ("task", May.SEE, MEMBERS),
    ("task", May.MOVE, MEMBERS),
    ("task", May.EDIT, MEMBERS),
    ("task", May.ASSIGN, "fr_leader"),
    ("task", May.TAKE, NOBODY),
    ("task", May.GIVE_BACK, "fr_leader fr_member"),
    ("task", May.DELETE, "fr_leader"),
    ("task", May.ANSWER, NOBODY),
    ("task open", May.TAKE, FRANCE),
    ("task open", May.GIVE_BACK, NOBODY),
    ("task asked", May.TAKE, NOBODY),
    ("task asked", May.ANSWER, "nl_leader"),
    ("task asked", May.DELETE, "fr_leader"),
    ("jit", May.SEE, EVERYBODY),
    ("jit", May.AMEND, "fr_leader nl_leader al_leader"),
    ("agreement", May.SEE, EVERYBODY),
    ("agreement", May.AMEND, NOBODY),
    ("draft", May.SEE, "fr_leader nl_leader al_leader"),
    ("draft", May.AMEND, "fr_leader nl_leader al_leader"),
    ("draft", May.SIGN, "fr_leader nl_leader al_leader"),
    ("workspace", May.SEE, EVERYBODY),
    ("workspace", May.READ, EVERYBODY),
    ("workspace", May.UPLOAD, MEMBERS),
    ("workspace", May.OPEN_CHANNEL, MEMBERS),
    ("workspace", May.OPEN_BOARD, MEMBERS),
    ("workspace", May.INVITE, "fr_leader nl_leader al_leader"),
    ("workspace", May.READ_RECORD, "fr_leader nl_leader al_leader fr_auditor"),
    ("workspace", May.EXPORT_RECORD, "fr_leader nl_leader al_leader fr_auditor"),
    ("membership", May.SEE, EVERYBODY),
    ("membership", May.READ, "fr_leader nl_leader nl_member al_leader"),
    ("membership", May.END_MEMBERSHIP, "fr_leader nl_leader"),
    ("party", May.SEE, EVERYBODY),
    ("party", May.SET_RULES, "fr_leader"),
    ("party", May.ENTRUST, "fr_leader"),
    ("party", May.INVITE, "fr_leader"),
    ("body", May.INVITE, "fr_leader"),
    ("entry by fr on fr", May.SEE, f"{FRANCE} fr_auditor"),
    ("entry by nl on fr", May.SEE, f"{FRANCE} fr_auditor"),
    ("entry by fr on rule", May.SEE, "fr_leader fr_auditor"),
    ("entry by nl", May.SEE, "fr_leader nl_leader al_leader"),
    ("entry on channel everyone", May.SEE, "fr_leader nl_leader al_leader fr_auditor"),
    ("entry on board everyone", May.SEE, "fr_leader nl_leader al_leader fr_auditor"),
    ("entry on channel parties", May.SEE, "fr_leader fr_auditor"),
    ("entry on board parties", May.SEE, "fr_leader fr_auditor"),
    ("entry on channel people", May.SEE, "fr_leader fr_auditor"),
    ("entry on board people", May.SEE, "fr_leader fr_auditor"),
    ("entry of every party on board people", May.SEE, "fr_auditor"),
    ("entry on message", May.SEE, "fr_leader fr_auditor"),
    ("entry on task", May.SEE, "fr_leader fr_auditor"),
    ("notice", May.SEE, "fr_leader"),
    ("login", May.SEE, "fr_leader"),
    ("login", May.END_LOGINS, "fr_administrator fr_operator"),
    ("login", May.END_OWN_LOGIN, "fr_leader"),
    ("person", May.SEE, "fr_administrator fr_operator"),
    ("person", May.READ, "fr_administrator"),
    ("person", May.END_LOGINS, "fr_administrator fr_operator"),
    ("person", May.ACCEPT_CLAIMS, NOBODY),
    ("person", May.CONFIRM, "fr_administrator"),
    ("person", May.DEACTIVATE, "fr_administrator"),
    ("person", May.REACTIVATE, NOBODY),
    ("person flagged", May.ACCEPT_CLAIMS, "fr_administrator"),
    ("person closed", May.SEE, "fr_administrator fr_operator"),
    ("person closed", May.CONFIRM, NOBODY),
    ("person closed", May.DEACTIVATE, NOBODY),
    ("person closed", May.REACTIVATE, "fr_administrator"),
    ("person with a duty", May.SEE, "nl_administrator fr_operator"),
    ("person with a duty", May.READ, "nl_administrator"),
    ("person with a duty", May.CONFIRM, NOBODY),
    ("person with a duty", May.DEACTIVATE, "fr_operator"),
    ("person with a duty", May.REACTIVATE, NOBODY),
    ("authority", May.SEE, "fr_administrator fr_operator"),
    ("authority", May.INVITE, "fr_administrator"),
    ("authority", May.APPOINT, "fr_operator"),
    ("authority of a closed login", May.SEE, "fr_administrator fr_operator"),
    ("authority of a closed login", May.INVITE, NOBODY),
    ("authority of a closed login", May.APPOINT, NOBODY),
    ("invitation", May.SEE, "fr_leader"),
    ("invitation to an account", May.SEE, "fr_administrator"),
    ("invitation to a duty", May.SEE, "fr_operator"),
    ("person", May.DECIDE_CLOSING, NOBODY),
    ("person waiting", May.DECIDE_CLOSING, "fr_administrator fr_operator"),
    ("waiting act", May.SEE, "fr_leader"),
    ("passkey", May.SEE, "fr_leader"),
    ("passkey", May.DELETE, "fr_leader"),
    ("person", May.KEEP_REGISTER, NOBODY),
    ("person who runs the portal", May.KEEP_REGISTER, "fr_operator"),
    ("national login", May.SEE, "fr_operator"),
    ("proposal", May.SEE, "fr_operator"),
    ("test", May.SEE, "fr_operator"),
    ("test of another", May.SEE, NOBODY),
    ("opening", May.SEE, "fr_leader fr_operator"),
]


def test_who_may_what(world: World, things: Things) -> None:
    wrong = []
    for name, may, allowed in TABLE:
        want = set(allowed.split())
        assert want <= set(PEOPLE)
        got = {person for person in PEOPLE if policy.may(world[person], may, things[name])}
        if got != want:
            wrong.append(f"{may} {name}: too many {sorted(got - want)}, too few {sorted(want - got)}")
    assert not wrong, "\n".join(wrong)


def test_the_table_speaks_of_every_rule() -> None:
    """Every kind of thing and act that has a rule stands in the table."""
    told = {(_MODELS.get(name) or _MODELS[name.split()[0]], may) for name, may, _ in TABLE}
    rules = {(policy.noun(model), may) for model, may in policy.RULES}
    assert rules == told


_MODELS = {
    "exhibit": "exhibit",
    "release": "release",
    "rule": "country_rule",
    "entrustment": "entrustment",
    "custody": "custody_event",
    "file": "stored_file",
    "channel": "channel",
    "message": "message",
    "board": "board",
    "task": "task",
    "jit": "jit",
    "agreement": "agreement",
    "draft": "agreement",
    "workspace": "workspace",
    "membership": "membership",
    "party": "party",
    "body": "party",
    "entry": "ledger_entry",
    "notice": "notice",
    "login": "login_session",
    "person": "user",
    "authority": "authority",
    "invitation": "invitation",
    "waiting act": "waiting_act",
    "passkey": "passkey",
    "national login": "identity_provider",
    "proposal": "provider_proposal",
    "test": "provider_test",
    "opening": "glass_opening",
}

_OF_PERSONS = {
    *("notice", "login", "person", "waiting", "passkey", "authority", "invitation"),
    *("national", "proposal", "test", "opening"),
}

AFTER_THE_END = {
    May.RELEASE,
    May.RECLASSIFY,
    May.DESCRIBE,
    May.POST,
    May.EDIT,
    May.CREATE_TASK,
    May.MOVE,
    May.ASSIGN,
    May.TAKE,
    May.GIVE_BACK,
    May.ANSWER,
    May.DELETE,
    May.UPLOAD,
    May.OPEN_CHANNEL,
    May.OPEN_BOARD,
    May.INVITE,
    May.SET_RULES,
    May.ENTRUST,
}
"""What ends with the agreement; what is not here goes on: reading, use, custody, withdrawing, ending memberships."""


def test_after_the_last_agreement_nothing_is_done_that_widens_a_sight(world: World, things: Things) -> None:
    factories.end_agreement(world)
    for name, may, allowed in TABLE:
        if name == "file" and may == May.SEE:
            continue  # an upload cannot go on, so nothing is left to see of it
        if name.split()[0] in {"passkey", "authority"}:
            continue  # what is a person's own, or her country's, has no part in any agreement
        ends = may in AFTER_THE_END or (name == "rule" and may == May.WITHDRAW)  # ending a forbid shows more
        want = set() if ends else set(allowed.split())
        assert {person for person in PEOPLE if policy.may(world[person], may, things[name])} == want, (name, may)


def test_the_last_leaders_of_a_party_that_left_look_at_what_is_theirs_and_withdraw(
    world: World, things: Things
) -> None:
    france = world.parties["fr"]
    with transaction():
        session().merge(france).live_until = now()
        session().merge(world.members["fr_leader"]).keeps_own_exhibits = True
        another = world.join("fr_another", "fr", Role.LEADER)
    kept = {
        ("exhibit shown", May.SEE),
        ("exhibit shown", May.READ),
        ("exhibit shown", May.WITHDRAW),
        ("exhibit secret", May.SEE),
        ("exhibit kept", May.SEE),
        ("release", May.SEE),
        ("custody", May.SEE),
        ("rule", May.SEE),
        ("rule", May.WITHDRAW),
        ("workspace", May.READ),
    }
    for name, may, _ in TABLE:
        own = {
            "notice",
            "login",
            "person",
            "waiting",
            "passkey",
            "authority",
            "invitation",
            "national",
            "proposal",
            "test",
            "opening",
        }
        if name.split()[0] in own:
            continue  # these are a person's own, or her country's, or the operators', in a JIT or not
        left = {
            person for person in PEOPLE if person.startswith("fr_") and policy.may(world[person], may, things[name])
        }
        assert left == ({"fr_leader"} if (name, may) in kept else set()), (name, may)
    assert not [(name, may) for name, may in kept if policy.may(another, may, things[name])], "she keeps nothing"
    assert policy.may(world["nl_member"], May.READ, things["exhibit shown"]), "what it had released stays released"
    release = things["release"]
    assert isinstance(release, Release)
    exhibits.withdraw(world["fr_leader"], release, "We left.")
    assert not policy.may(world["nl_member"], May.READ, things["exhibit shown"])


def test_without_a_live_leader_releases_wait_and_any_member_withdraws(world: World, things: Things) -> None:
    """For the entrusted too; when the party names a leader again, what was entrusted goes on."""
    exhibit, entrustment = things["exhibit shown"], things["entrustment"]
    factories.end_membership(world, "fr_leader")
    for may in (May.RELEASE, May.RECLASSIFY):
        assert not [person for person in PEOPLE if policy.may(world[person], may, exhibit)], may
    assert {name for name in PEOPLE if policy.may(world[name], May.WITHDRAW, exhibit)} == {"fr_member", "fr_seconded"}
    assert not policy.may(world["fr_seconded"], May.RELEASE, entrustment)
    failed = [each.name for each in policy.explain(world["fr_seconded"], May.RELEASE, exhibit) if not each.holds]
    assert failed == ["has_leader"]
    with transaction():
        world.join("fr_new_leader", "fr", Role.LEADER)
    assert policy.may(world["fr_seconded"], May.RELEASE, exhibit)


def test_why_not_is_said_of_the_membership_she_has(world: World, things: Things) -> None:
    """Not of one that ended, by which she could do more."""
    exhibit = things["exhibit shown"]
    with transaction():
        world.join("fr_other", "fr", Role.LEADER)
    leader = world["fr_leader"]
    factories.end_membership(world, "fr_leader")
    with transaction():
        world.join("fr_leader", "fr", Role.MEMBER, person=leader, live_from=factories.now())
    failed = [each.name for each in policy.explain(leader, May.RELEASE, exhibit) if not each.holds]
    assert failed == ["leader_or_entrusted"]


def test_whatever_can_stand_in_the_way_of_who_sees_a_thing_has_words() -> None:
    """What stands in the way of seeing it as well is told to nobody."""

    def said(condition: ColumnElement[bool] | None) -> tuple[str, dict[str, Any]] | None:
        return None if condition is None else (str(condition), condition.compile().params)

    named: set[str] = set()
    for (model, _), rule in policy.RULES.items():
        seeing = policy.RULES.get((model, May.SEE), {})
        named |= {name for name, condition in rule.items() if said(condition) != said(seeing.get(name))}
    assert len(named) > 30
    assert named - {"herself"} == REASONS.keys(), "whether she keeps the register is asked of nobody else"


def test_a_guest_is_told_the_authority_where_she_is_one_and_names_elsewhere(world: World, things: Things) -> None:
    exhibit, kestrel = things["exhibit shown"], factories.world("Kestrel", ("ro",))
    member, expert = world["fr_member"], world["fr_expert"]
    assert isinstance(exhibit, Exhibit)
    with transaction():
        kestrel.providers["fr"] = world.providers["fr"]
        kestrel.join("guest", "fr", Role.EXPERT, person=member, as_party="ro")
    factories.release(world, exhibit, expert, Sight.READ)
    assert "Who could: Fr_Leader" in why_not(member, May.RELEASE, exhibit)
    assert "Who could: Police FR" in why_not(expert, May.RELEASE, exhibit)


def test_what_was_entrusted_ends_with_the_membership_it_was_given_to(world: World, things: Things) -> None:
    """Whoever comes back later, or in another role, is entrusted anew or not at all."""
    exhibit = things["exhibit shown"]
    factories.end_membership(world, "fr_seconded")
    assert not policy.may(world["fr_seconded"], May.RELEASE, exhibit)
    with transaction():
        again = world.join("fr_seconded", "fr", Role.MEMBER, person=world["fr_seconded"], live_from=now())
    assert policy.may(again, May.SEE, exhibit)
    assert not policy.may(again, May.RELEASE, exhibit)
    entrustment = things["entrustment"]
    assert isinstance(entrustment, Entrustment)
    assert policy.may(again, May.WITHDRAW, entrustment), "what is without effect can still be ended"


def test_a_forbid_beats_every_release_and_spares_its_own_party(world: World, things: Things) -> None:
    exhibit = things["exhibit shown"]
    assert isinstance(exhibit, Exhibit)
    factories.release(world, exhibit, world["nl_member"], Sight.USE)
    assert policy.may(world["nl_member"], May.USE, exhibit) is False, "France forbids use to the Netherlands"
    assert policy.may(world["nl_member"], May.DOWNLOAD, exhibit)
    rule = things["rule"]
    assert isinstance(rule, CountryRule)
    with transaction():
        session().merge(rule).live_until = now()
    assert policy.may(world["nl_member"], May.USE, exhibit)
    assert policy.may(world["fr_member"], May.USE, exhibit)
    with transaction():
        said = {"workspace_id": rule.workspace_id, "party_id": rule.party_id, "principal_id": rule.principal_id}
        session().add(CountryRule(is_forbid=True, sight=int(Sight.READ), set_by_id=rule.set_by_id, **said))
    custody = things["custody"]
    assert policy.may(world["nl_member"], May.SEE, exhibit)
    assert not policy.may(world["nl_member"], May.SEE, custody), "its custody is read by who reads it"
    assert policy.may(world["fr_member"], May.SEE, custody)


def test_nobody_decides_whether_her_own_account_closes(world: World, things: Things) -> None:
    france, waiting = world.providers["fr"], things["person waiting"]
    first, second = (factories.administrator(france, Duty.OPERATOR) for _ in range(2))
    administrator = world["fr_administrator"]
    with transaction():
        proposed = session().scalars(select(ProposedClosing.proposed_by_id)).one()
        session().add_all(ProposedClosing(user_id=each.id, proposed_by_id=proposed) for each in (first, administrator))
    assert {each for each in (first, second, administrator) if policy.may(each, May.DECIDE_CLOSING, first)} == {second}
    operators = {first, second}
    assert {each for each in (first, second, administrator) if policy.may(each, May.DECIDE_CLOSING, administrator)} == (
        operators
    )
    assert policy.may(administrator, May.DECIDE_CLOSING, waiting)


# --- parity


Pairs = set[tuple[uuid.UUID, uuid.UUID]]


def things_of(world: PolicyWorld) -> dict[type[Thing], list[Thing]]:
    found: dict[type[Thing], list[Thing]] = {}
    for space in world.spaces:
        for thing in space.things:
            found.setdefault(type(thing), []).append(thing)
    return found


def pairs(model: type[Thing], may: May, things: list[Thing]) -> Pairs:
    ids = [thing.id for thing in things]
    return {(row[0], row[1]) for row in session().execute(policy.pairs(model, may, model.id.in_(ids)))}


def check_which(model: type[Thing], may: May, things: list[Thing], people: list[User], allowed: Pairs) -> None:
    known = {thing.id for thing in things}
    for person in people:
        found = session().scalars(policy.which(person, model, may).with_only_columns(model.id)).all()
        assert len(found) == len(set(found)), "a list shows nothing twice"
        assert set(found) & known == {id for id, of in allowed if of == person.id}, (model, may)


def check_who(model: type[Thing], may: May, things: list[Thing], world: PolicyWorld, allowed: Pairs) -> None:
    known = {person.id for person in world.people}
    for thing in things:
        found = set(session().scalars(policy.who(thing, may).with_only_columns(policy.person.person.id)))
        # People of worlds before this one may be administrators of the same country, or operators.
        assert found & known == {person for id, person in allowed if id == thing.id} & known, (model, may)


NEWEST = importlib.import_module("jit_portal.policy.newest")
STEP_UP = -1
"""The status of what she may, once she has proved anew who she is."""


def check_one(person: User, thing: Thing, allowed: dict[May, Pairs]) -> None:
    """Every question about one person and one thing has the answer of the whole."""
    pair = (thing.id, person.id)
    want = {may for may, answers in allowed.items() if pair in answers}
    assert policy.allowed(person, thing) == want
    for may in allowed:
        assert policy.may(person, may, thing) == (may in want)
        conditions = policy.explain(person, may, thing)
        assert conditions
        assert all(condition.holds for condition in conditions) == (may in want), (may, conditions)
        right = 200 if may in want else 403 if May.SEE in want else 404
        assert status_of(lambda may=may: policy.require_right(person, may, thing)) == right  # type: ignore[misc]
        waits = (type(thing), may) in policy.stepup.DEMANDED and right == 200
        said = status_of(lambda may=may: policy.require(person, may, thing))  # type: ignore[misc]
        assert said == (STEP_UP if waits else right), "these people have no login in which they proved anything"
    assert status_of(lambda: policy.fetch(person, type(thing), thing.id)) == (200 if May.SEE in want else 404)


def status_of(ask: Callable[[], object]) -> int:
    try:
        ask()
    except StepUpNeeded:
        return STEP_UP
    except (NotFound, NotAllowed) as refusal:
        return refusal.status
    return 200


def check_sights(world: PolicyWorld, allowed: dict[May, Pairs], people: list[User]) -> None:
    """``sights``, ``seers`` and ``newest`` say of exhibits what the rules say."""
    by_sight = [(Sight.USE, May.USE), (Sight.DOWNLOAD, May.DOWNLOAD), (Sight.READ, May.READ), (Sight.SEE, May.SEE)]

    def sight_of(exhibit: uuid.UUID, person: uuid.UUID) -> Sight | None:
        return next((sight for sight, may in by_sight if (exhibit, person) in allowed[may]), None)

    for person in people:
        want = {exhibit.id: sight_of(exhibit.id, person.id) for exhibit in world.exhibits}
        seen = {id: sight for id, sight in want.items() if sight}
        assert policy.sights(person, world.exhibits) == seen
        for space in world.spaces:
            ordered = sorted(space.exhibits, key=lambda each: (each.created_at, each.id), reverse=True)
            expected = [each.id for each in ordered if each.id in seen]
            for looked_at in (NEWEST.LOOKED_AT, 1):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(NEWEST, "LOOKED_AT", looked_at)
                    assert [each.id for each in policy.newest(person, space.workspace)] == expected
                    assert [each.id for each in policy.newest(person, space.workspace, 2)] == expected[:2]
    for space in world.spaces:
        for exhibit in islice(space.exhibits, 3):
            seers = policy.seers(exhibit)
            there = {member.id for member in space.memberships if is_there(member)}
            assert {seer.membership.id for seer in seers} == there
            assert len(seers) == len(there)
            for seer in seers:
                assert seer.sight == sight_of(exhibit.id, seer.membership.user_id)
                check_why(space, exhibit, seer)


def check_why(space: Space, exhibit: Exhibit, seer: Seer) -> None:
    """The reasons are those that the rows themselves give, looked at one by one."""
    member = next(each for each in space.memberships if each.id == seer.membership.id)
    released = [
        each
        for each in space.releases
        if each.exhibit_id == exhibit.id and is_live(each) and is_granted(space, member, each.principal)
    ]
    meant = [each for each in space.rules if is_live(each) and fits(each, exhibit)]
    granted = [each for each in meant if not each.is_forbid and is_granted(space, member, each.principal)]
    refused = [each for each in meant if each.is_forbid and is_named(space, member, each.principal)]
    assert sorted(seer.releases) == sorted(each.id for each in released)
    assert sorted(seer.rules) == sorted(each.id for each in granted)
    assert sorted(seer.forbids) == sorted(each.id for each in refused)
    assert seer.granted == max([*(each.sight for each in released), *(each.sight for each in granted)], default=0)
    own_role = member.role in INVESTIGATORS or (member.role == Role.PARTICIPANT and member.party.kind in BODIES)
    assert seer.is_own == (member.party_id == exhibit.party_id and own_role)
    is_shown = not any(each.sight == Sight.SEE for each in refused) and bool(granted)
    assert policy.is_shown_by_rule(member.user, exhibit) == is_shown


@settings(
    max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_every_way_of_asking_answers_alike(app: Flask, seed: int) -> None:
    world = policy_worlds.make(seed, people=14, exhibits=8)
    policy_worlds.furnish(world)
    chance = random.Random(seed)  # noqa: S311 - only a sample, drawn again from its seed
    of_exhibits: dict[May, Pairs] = {}
    for model, things in things_of(world).items():
        mays = [may for known, may in policy.RULES if known is model]
        allowed = {may: pairs(model, may, things) for may in mays}
        of_exhibits = allowed if model is Exhibit else of_exhibits
        for may in mays:
            check_which(model, may, things, chance.sample(world.people, 3), allowed[may])
            check_who(model, may, chance.sample(things, 1), world, allowed[may])
        for _ in range(2):
            check_one(chance.choice(world.people), chance.choice(things), allowed)
        some = [
            (thing, person) for thing in things for person in world.people if (thing.id, person.id) in allowed[May.SEE]
        ]
        for thing, person in chance.sample(some, min(2, len(some))):
            check_one(person, thing, allowed)
    assert set(things_of(world)) == set(policy.GROUNDS) >= policy.GUARDED, (
        "a kind of thing is protected that these worlds do not have"
    )
    check_sights(world, of_exhibits, chance.sample(world.people, 4))
    session.remove()


# --- the guard


NOT_GUARDED: dict[type[Thing], str] = {
    User: "whom one sees is known from what she did: her name stands beside it",
    Authority: "where somebody works stands beside her name",
    IdentityProvider: "which national logins there are stands on the page to sign in at, for everybody",
    ProviderProposal: "decided among operators, and read by what opens and closes logins",
}
PROTECTED: list[type[Thing]] = sorted(policy.GROUNDS.keys() - NOT_GUARDED.keys(), key=policy.noun)


@pytest.mark.parametrize("model", PROTECTED, ids=policy.noun)
def test_what_is_protected_is_read_through_the_policy_only(app: Flask, model: type[Thing]) -> None:
    column = model.__table__.c.id
    inner = select(model.id)
    for statement in (
        select(model),
        select(model.id),
        select(model).limit(1),
        select(column),
        select(aliased(model)),
        select(func.count()).select_from(model),
        select(User.id).join(model, model.id == User.id),
        select(inner.subquery()),
        select(inner.cte()),
        select(inner.scalar_subquery()),
        select(User.id).where(User.id.in_(inner)),
        select(User.id).where(inner.exists()),
        union(inner, select(User.id)),
        update(model).values(id=column).returning(column),
        delete(model).returning(model.id),
    ):
        with pytest.raises(UnpolicedRead):
            session().execute(statement)
    session().rollback()
    policed = inner.execution_options(policy=True)
    session().execute(select(model).execution_options(policy=True))
    for _ in range(2):
        session().execute(select(User.id).where(User.id.in_(policed)))
        with pytest.raises(UnpolicedRead):
            session().execute(select(User.id).where(User.id.in_(inner)))


def test_a_thing_without_rules_may_be_nothing(app: Flask, world: World) -> None:
    assert not policy.may(world["fr_leader"], May.DELETE, world.jit)
    assert session().scalars(policy.which(world["fr_leader"], Exhibit, May.POST)).all() == []
    assert policy.explain(world["fr_leader"], May.POST, world.jit) == []


def test_a_rule_without_conditions_lets_nobody_do_anything(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule: tuple[type[Thing], May] = (Jit, May.DELETE)
    monkeypatch.setitem(policy.RULES, rule, {})
    assert not policy.may(world["fr_leader"], May.DELETE, world.jit)
    assert May.DELETE not in policy.allowed(world["fr_leader"], world.jit)
    assert session().scalars(policy.which(world["fr_leader"], Jit, May.DELETE)).all() == []
