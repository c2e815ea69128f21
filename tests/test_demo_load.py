"""The demo case, loaded through the portal's own verbs at the first start, is what it was written to be."""

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import func, select

from jit_portal import policy
from jit_portal.audit import proof
from jit_portal.audit.models import LedgerEntry
from jit_portal.custody.models import CustodyEvent
from jit_portal.database import Model, factory, session, transaction
from jit_portal.demo.case import days, filling, founding, load, makers
from jit_portal.demo.case.arrivals import ALTERED, HAND_OVERS, UNFINISHED
from jit_portal.demo.case.exhibits import BY_EXHIBIT_KEY, EXHIBITS
from jit_portal.demo.case.filling import Stream
from jit_portal.demo.case.jits import JITS
from jit_portal.demo.case.messages import MESSAGES
from jit_portal.demo.case.people import PEOPLE
from jit_portal.demo.case.tasks import BY_TASK_KEY, TASKS
from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit, ExhibitTag, Release
from jit_portal.files import reading
from jit_portal.files.models import StoredFile
from jit_portal.identity import proposals, registry
from jit_portal.identity.models import User
from jit_portal.identity.provider_rows import row_of
from jit_portal.jits.models import Agreement, Jit
from jit_portal.messages.models import Channel, Message
from jit_portal.messages.reading import channels
from jit_portal.messages.words import channel_name
from jit_portal.notices.models import Notice
from jit_portal.tasks.models import Board, Task
from jit_portal.vocabulary import Integrity, May, Sight
from jit_portal.workspaces.models import Membership, Workspace
from tests.demo import Demo
from tests.test_demo_files import CHECKS


@pytest.fixture(scope="module")
def case(demo: Demo, portal: Flask, environ: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment of the running demo, whose database and store the verbs use here."""
    settings = demo.plan.environ("command", owner=True)
    load.connect(settings)
    yield settings
    session.remove()
    factory.kw["bind"].dispose()
    load.connect(environ)
    factory.configure(bind=portal.extensions["database"])


@pytest.fixture(autouse=True)
def loaded(case: dict[str, str]) -> Iterator[None]:
    yield
    session.remove()


def how_many(model: type[Model], *where: sa.ColumnElement[bool]) -> int:
    counted = select(func.count()).select_from(model).where(*where).execution_options(policy=True)
    return session().scalar(counted) or 0


def everything() -> dict[str, int]:
    models: list[type[Any]] = [User, Jit, Membership, Exhibit, StoredFile, Release, CountryRule, CustodyEvent]
    models += [Entrustment, Channel, Message, Board, Task, Notice, LedgerEntry]
    return {model.__name__: how_many(model) for model in models}


def person(subject: str) -> User:
    return session().scalars(select(User).where(User.subject == subject)).one()


def exhibit(key: str) -> Exhibit:
    wanted = select(Exhibit).join(StoredFile, StoredFile.id == Exhibit.file_id)
    named = wanted.where(StoredFile.client_key == filling.name_of(key))
    return session().scalars(named.execution_options(policy=True)).unique().one()


def workspace(name: str) -> Workspace:
    wanted = select(Workspace).join(Jit, Jit.id == Workspace.jit_id).where(Jit.name == name)
    return session().scalars(wanted.execution_options(policy=True)).unique().one()


def test_everything_written_is_loaded() -> None:
    counted = everything()
    assert counted["Jit"] == len(JITS) == 5
    assert counted["User"] == len([one for one in PEOPLE if one.duty != "uninvited"]) >= 40
    assert counted["Task"] == len(TASKS) >= 60
    assert counted["Message"] == len(MESSAGES) >= 300
    assert counted["Exhibit"] == counted["StoredFile"] == len(EXHIBITS) >= 120
    assert counted["CustodyEvent"] == len(EXHIBITS) + sum(2 - (step.is_accepted is None) for step in HAND_OVERS)


def test_a_second_run_does_nothing(case: dict[str, str]) -> None:
    before = everything()
    session.remove()
    load.load(case, print)
    assert everything() == before


def test_people_stay_known_when_the_demo_moves_to_another_port(case: dict[str, str]) -> None:
    before, there = everything(), {load.PROVIDERS: "http://127.0.0.1:10"}
    session.remove()
    load.load(case | there, print)
    assert {user.issuer for user in session().scalars(select(User)).unique()} == {
        f"{there[load.PROVIDERS]}/{slug}" for slug in ("fr", "nl", "ro", "al", "eu")
    }
    session.remove()
    load.load(case, print)
    told = {"LedgerEntry": 0}  # that the logins moved is itself on record
    assert everything() | told == before | told


def test_what_operators_decided_about_a_login_stays(case: dict[str, str]) -> None:
    """Whoever brings in the disk image, or moves the demo, opens no login that was withdrawn."""
    proposals.withdraw(person("fr-0012"), "al")
    for at in (case[load.PROVIDERS], "http://127.0.0.1:10", case[load.PROVIDERS]):
        founding.everyone(at)
        session.remove()
        login = registry.known("al")
        assert login is not None
        assert (login.is_enabled, login.issuer) == (False, f"{at}/al")
        session.remove()
    with transaction():
        login = registry.known("al")
        assert login is not None
        registry.enter(replace(row_of(login), is_enabled=True))


def test_every_chain_of_the_ledger_holds() -> None:
    verdicts = list(proof.verify(session().connection()))
    assert len(verdicts) == len(JITS) + 1
    assert [verdict for verdict in verdicts if verdict.broken_at] == []


def test_the_ledger_keeps_the_time_of_loading() -> None:
    assert how_many(LedgerEntry, LedgerEntry.at < func.now() - dt.timedelta(hours=1)) == 0


def test_files_are_whole_but_for_those_meant_otherwise() -> None:
    found = {one.key: exhibit(one.key).file for one in EXHIBITS}
    states = {key: file.integrity for key, file in found.items() if file}
    other = {key: state for key, state in states.items() if state is not Integrity.VERIFIED}
    broken_off = dict.fromkeys(UNFINISHED, Integrity.RECEIVING)
    assert other == broken_off | dict.fromkeys(ALTERED, Integrity.MISMATCH)


@pytest.mark.parametrize("key", ["lan-nl-04", "lan-ro-04", "kes-ro-10", "sal-fr-05"])
def test_a_file_in_the_store_is_what_the_case_makes(key: str) -> None:
    file = exhibit(key).file
    assert file is not None
    stored = b"".join(reading.Range(file, 0, file.length - 1))
    assert stored == b"".join(BY_EXHIBIT_KEY[key].content())
    assert file.sha256 == hashlib.sha256(stored).hexdigest()


def test_all_exhibits_are_real_and_small() -> None:
    """As they lie in the store; what did not arrive there whole is made again."""
    files = session().scalars(select(StoredFile).execution_options(policy=True))
    arrived = {file.client_key: file for file in files if file.integrity == Integrity.VERIFIED}
    contents = {}
    for each in EXHIBITS:
        if each.maker not in makers.STREAMED:
            file = arrived.get(filling.name_of(each.key))
            pieces = reading.Range(file, 0, file.length - 1) if file else each.content()
            contents[each] = b"".join(pieces)
            CHECKS[Path(each.file_name).suffix](contents[each])
    assert sum(map(len, contents.values())) <= 60_000_000
    assert len({hashlib.sha256(content).digest() for content in contents.values()}) == len(contents)
    assert len(arrived) == len(EXHIBITS) - len(UNFINISHED) - len(ALTERED)


SIGHTS = [
    ("fr-0001", "lan-nl-04", Sight.DOWNLOAD),  # released to FR
    ("fr-0001", "lan-fr-01", Sight.USE),  # her own party's
    ("nl-0001", "lan-fr-19", Sight.READ),  # to Dutch leaders
    ("nl-0003", "lan-fr-19", None),  # and to no other of the Dutch
    ("ro-0001", "lan-fr-19", None),
    ("nl-0003", "lan-fr-10", None),  # withdrawn from NL
    ("ro-0001", "lan-fr-10", Sight.READ),  # and not from RO
    ("fr-0001", "lan-nl-10", Sight.SEE),
    ("nl-0005", "lan-fr-04", Sight.USE),
    ("fr-0005", "lan-nl-07", Sight.DOWNLOAD),  # by a standing release to her authority
    ("fr-0003", "lan-nl-07", None),
    ("al-0001", "lan-nl-04", None),  # nothing reaches the third country
    ("eu-0004", "lan-ro-05", Sight.DOWNLOAD),  # to her by name
    ("eu-0003", "lan-ro-05", None),
    ("fr-0009", "lan-ro-01", Sight.DOWNLOAD),  # an expert, by name
    ("fr-0009", "lan-fr-01", None),  # and nothing else, not even of her own country
    ("fr-0010", "lan-fr-01", None),  # an auditor reads the record alone
    ("nl-0002", "lan-nl-04", None),  # is in another JIT
    ("fr-0007", "lan-fr-06", None),  # whose membership has ended
    ("fr-0007", "sal-fr-04", Sight.USE),  # though not in the JIT that is over
    ("fr-0012", "lan-fr-01", None),  # an operator
]


@pytest.mark.parametrize(("subject", "key", "sight"), SIGHTS)
def test_a_person_sees_an_exhibit_so_far(subject: str, key: str, sight: Sight | None) -> None:
    known, thing = person(subject), exhibit(key)
    assert policy.may(known, May.SEE, thing) is (sight is not None)
    assert policy.sights(known, [thing]).get(thing.id) == sight


def test_nobody_of_the_third_country_sees_any_exhibit() -> None:
    for subject in ("al-0001", "al-0002", "al-0003", "al-0004"):
        assert session().scalars(policy.which(person(subject), Exhibit)).first() is None


def test_whom_a_leader_entrusted_has_released_and_may_go_on() -> None:
    released = exhibit("lan-fr-05")
    assert policy.may(person("fr-0003"), May.RELEASE, released)
    assert not policy.may(person("fr-0004"), May.RELEASE, released)
    assert how_many(Release, Release.exhibit_id == released.id, Release.released_by_id == person("fr-0003").id) == 1
    assert how_many(Entrustment, Entrustment.live_from < func.now() - dt.timedelta(days=7)) == 1


def test_an_interpreter_hears_only_the_channel_that_names_her() -> None:
    heard = [channel_name(line.channel) for line in channels(person("fr-0009"), workspace("Lantern"))]
    assert heard == ["Interpreters"]


def test_words_of_the_case_stand_for_true_references() -> None:
    task = select(Task).where(Task.token == filling.name_of("lan-02")).execution_options(policy=True)
    said = session().scalars(task).unique().one()
    assert f"#{exhibit('lan-nl-04').reference}" in said.description
    assert "[[" in BY_TASK_KEY["lan-02"].description
    assert how_many(Message, Message.text.contains("[[")) + how_many(Task, Task.description.contains("[[")) == 0


def test_the_case_has_lasted_for_weeks() -> None:
    week = func.now() - dt.timedelta(days=7)
    moments = (Message.created_at, Exhibit.created_at, Release.live_from, Task.created_at, CustodyEvent.at)
    for model, moment in zip((Message, Exhibit, Release, Task, CustodyEvent), moments, strict=True):
        old, all_of_them = how_many(model, moment < week), how_many(model)
        assert all_of_them / 2 < old < all_of_them, moment
    assert how_many(Release, Release.exhibit_created_at != Exhibit.created_at, Release.exhibit_id == Exhibit.id) == 0
    assert (
        how_many(ExhibitTag, ExhibitTag.exhibit_created_at != Exhibit.created_at, ExhibitTag.exhibit_id == Exhibit.id)
        == 0
    )
    assert how_many(Release, Release.live_from < Release.exhibit_created_at) == 0


def test_messages_follow_one_another_in_time_as_in_number() -> None:
    later = sa.orm.aliased(Message)
    wrong = (later.channel_id == Message.channel_id, later.number > Message.number)
    assert how_many(Message, *wrong, later.created_at < Message.created_at) == 0


def test_only_what_should_be_is_in_force() -> None:
    jits = select(Jit.name).join(Agreement, Agreement.jit_id == Jit.id)
    now = jits.where(Agreement.in_force_from < func.now(), Agreement.in_force_until > func.now())
    assert set(session().scalars(now.execution_options(policy=True))) == {"Lantern", "Kestrel", "Amber Crossing"}
    over = select(Agreement).where(Agreement.in_force_until < func.now()).execution_options(policy=True)
    assert session().scalars(over).one().jit.name == "Saltmarsh"


def test_people_have_something_to_read() -> None:
    unread = [line.unread for line in channels(person("fr-0001"), workspace("Lantern"))]
    assert 0 < sum(unread) < 40
    assert how_many(Notice, Notice.read_at.is_(None))
    assert how_many(Notice, Notice.read_at.is_not(None))
    assert how_many(Exhibit, Exhibit.offered_to_id == person("fr-0001").id) == 1


def test_the_days_stand_as_written_for_weeks_and_move_with_the_clock_afterwards() -> None:
    written = JITS[0]
    assert days.shift(days.WRITTEN_FOR + dt.timedelta(days=60)) == dt.timedelta()
    for today in (dt.date(2025, 1, 15), dt.date(2031, 7, 2)):
        moved = days.of_jit(written, days.shift(today))
        assert moved.starts_on < today < moved.ends_on
        assert today - max(one.seized_on + days.shift(today) for one in EXHIBITS) >= dt.timedelta()


def test_a_stream_begins_where_it_is_told_and_hashes_all_of_it() -> None:
    stream = Stream([b"abc", b"", b"defgh"], 4)
    assert [stream.read(2), stream.read(9), stream.read(1)] == [b"ef", b"gh", b""]
    assert stream.sha256.digest() == hashlib.sha256(b"abcdefgh").digest()
