"""The record: sealed without gap or fork, proving what was changed, silent about content and what is not shown."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit import proof
from jit_portal.audit import service as audit
from jit_portal.audit.models import PORTAL_CHAIN, LedgerEntry
from jit_portal.custody import service as custody
from jit_portal.database import factory, session, transaction
from jit_portal.demo.postgres import APP, Postgres
from jit_portal.errors import NotAllowed, NotFound
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits import releasing, rules
from jit_portal.exhibits import service as exhibits
from jit_portal.exhibits.bytes import Sent
from jit_portal.exhibits.descriptions import read
from jit_portal.exhibits.models import Exhibit
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.identity.models import User
from jit_portal.messages import channels
from jit_portal.messages import service as messages
from jit_portal.messages.channels import ChannelWish
from jit_portal.notices import service as notices
from jit_portal.tasks import assigning, boards
from jit_portal.tasks import service as tasks
from jit_portal.vocabulary import Audience, May, NoticeKind, Outcome, Purpose, Role, Sight
from jit_portal.workspaces import service as workspaces
from tests import factories, told_first
from tests.factories import World

ENTRIES = 12
Browse = Callable[[User], FlaskClient]


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.test_request_context():
        yield factories.world()


@pytest.fixture
def exhibit(world: World) -> Exhibit:
    return factories.exhibit(world)


def write(world: World, exhibit: Exhibit, count: int = ENTRIES) -> None:
    for number in range(count):
        with transaction():
            audit.record(world["nl_leader"], "exhibit.read", exhibit, number=number)


def verdicts(cluster: Postgres) -> dict[uuid.UUID, proof.Verdict]:
    engine = sa.create_engine(cluster.url(APP), poolclass=sa.NullPool)
    with engine.connect() as connection:
        return {verdict.chain: verdict for verdict in proof.verify(connection)}


def entries(*narrowed: sa.ColumnElement[bool]) -> list[LedgerEntry]:
    session().rollback()
    statement = select(LedgerEntry).where(*narrowed).order_by(LedgerEntry.chain, LedgerEntry.number)
    return list(session().scalars(statement.execution_options(policy=True, populate_existing=True)))


def test_seals_chain(world: World, exhibit: Exhibit, cluster: Postgres) -> None:
    write(world, exhibit)
    verdict = verdicts(cluster)[world.jit.id]
    assert (verdict.entries, verdict.broken_at) == (ENTRIES, None)
    written = entries(LedgerEntry.chain == world.jit.id)
    assert [entry.number for entry in written] == list(range(1, ENTRIES + 1))
    assert verdict.head == written[-1].seal.hex()
    assert len({entry.seal for entry in written}) == ENTRIES
    assert all(earlier.at < later.at for earlier, later in pairwise(written))


def test_the_database_numbers_times_and_seals(world: World, exhibit: Exhibit, cluster: Postgres) -> None:
    """Whoever writes entries past the portal, as its own role, cannot choose number, time or seal."""
    write(world, exhibit, 1)
    with psycopg.connect(cluster.url(APP)) as connection:
        connection.execute(
            "INSERT INTO ledger_entry SELECT (jsonb_populate_record(entry, jsonb_build_object('id', gen_random_uuid(), "
            "'number', 77, 'at', '2020-01-01T00:00:00Z', 'seal', '\\x00'))).* FROM ledger_entry entry"
        )
    forged = entries(LedgerEntry.chain == world.jit.id)[-1]
    assert forged.number == 2
    assert forged.at.year > 2020
    assert verdicts(cluster)[world.jit.id].broken_at is None


TAMPERING = {
    "changed act": "UPDATE ledger_entry SET act = 'exhibit.seen' WHERE number = 5",
    "changed actor": "UPDATE ledger_entry SET actor_name = 'Somebody else' WHERE number = 5",
    "no actor": "UPDATE ledger_entry SET actor_id = NULL WHERE number = 5",
    "changed time": "UPDATE ledger_entry SET at = at - interval '1 microsecond' WHERE number = 5",
    "changed details": "UPDATE ledger_entry SET details = '{}' WHERE number = 5",
    "text moved between fields": ("UPDATE ledger_entry SET act = 'exhibit.', noun = 'read' || noun WHERE number = 5"),
    "deleted": "DELETE FROM ledger_entry WHERE number = 5",
    "deleted and closed up": (
        "DELETE FROM ledger_entry WHERE number = 5; UPDATE ledger_entry SET number = 1 - number WHERE number > 5; "
        "UPDATE ledger_entry SET number = -number WHERE number < 0"
    ),
    "exchanged": (
        "UPDATE ledger_entry SET number = -5 WHERE number = 5; UPDATE ledger_entry SET number = 5 WHERE number = 6; "
        "UPDATE ledger_entry SET number = 6 WHERE number = -5"
    ),
    "inserted": (
        "UPDATE ledger_entry SET number = -number - 1 WHERE number >= 5; "
        "UPDATE ledger_entry SET number = -number WHERE number < 0; "
        "INSERT INTO ledger_entry SELECT (jsonb_populate_record(entry, jsonb_build_object("
        "'id', gen_random_uuid(), 'number', 5))).* FROM ledger_entry entry WHERE number = 4"
    ),
    "sealed anew": "UPDATE ledger_entry SET seal = sha256('anything') WHERE number = 5",
}


@pytest.mark.parametrize("tampering", TAMPERING)
def test_the_first_entry_that_is_not_as_it_was_is_named(
    world: World, exhibit: Exhibit, cluster: Postgres, tampering: str
) -> None:
    write(world, exhibit)
    with psycopg.connect(cluster.url("postgres")) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(TAMPERING[tampering])
    assert verdicts(cluster)[world.jit.id].broken_at == 5


def test_only_the_chain_that_was_changed_is_broken(world: World, exhibit: Exhibit, cluster: Postgres) -> None:
    other = factories.world("Harbour", ("nl", "eu"), providers=world.providers)
    write(world, exhibit)
    write(other, factories.exhibit(other, "nl"), 3)
    with psycopg.connect(cluster.url("postgres")) as connection:
        connection.execute("UPDATE ledger_entry SET act = 'x' WHERE chain = %s AND number = 2", [other.jit.id])
    found = verdicts(cluster)
    assert (found[world.jit.id].broken_at, found[other.jit.id].broken_at) == (None, 2)


def test_writers_at_once_leave_no_gap_and_no_fork(
    world: World, exhibit: Exhibit, cluster: Postgres, app: Flask
) -> None:
    writers, each, failed = 4, 15, []

    def work() -> None:
        try:
            with app.app_context():
                write(world, exhibit, each)
        except Exception as error:
            failed.append(error)
        finally:
            session.remove()

    threads = [threading.Thread(target=work) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    verdict = verdicts(cluster)[world.jit.id]
    assert (verdict.entries, verdict.broken_at) == (writers * each, None)


# --- refusals


def record_of_refusals() -> list[dict[str, object]]:
    """Every refusal but for what differs between any two entries."""
    varying = {"id", "number", "at", "seal", "object_id"}
    columns = [column.key for column in sa.inspect(LedgerEntry).columns if column.key not in varying]
    refused = entries(LedgerEntry.outcome == Outcome.REFUSED)
    return [{name: getattr(entry, name) for name in columns} for entry in refused]


def test_what_is_seen_but_not_allowed_is_on_the_record_of_its_jit(
    world: World, exhibit: Exhibit, browse: Browse
) -> None:
    factories.release(world, exhibit, "nl", Sight.SEE)
    someone = world["nl_member"]
    assert browse(someone).get(f"/exhibits/{exhibit.id}/edit", base_url="https://localhost").status_code == 403
    (entry,) = entries(LedgerEntry.outcome == Outcome.REFUSED)
    assert (entry.chain, entry.object_id, entry.actor_id) == (world.jit.id, exhibit.id, someone.id)
    assert json.loads(entry.details) == {"status": 403, "may": "describe"}


@pytest.mark.parametrize("path", ["/exhibits/{}", "/exhibits/{}/release", "/vault/exhibits/{}/content"])
def test_what_is_not_shown_is_recorded_alike_whether_it_exists_or_not(
    world: World, exhibit: Exhibit, browse: Browse, path: str
) -> None:
    client = browse(world["nl_member"])
    asked = [exhibit.id, uuid.uuid4()]
    for id in asked:
        assert client.get(path.format(id), base_url="https://localhost").status_code == 404
    first, second = record_of_refusals()
    assert first == second
    assert first["chain"] == PORTAL_CHAIN
    assert [entry.object_id for entry in entries(LedgerEntry.outcome == Outcome.REFUSED)] == asked


def test_a_refused_verb_is_on_record_after_its_rollback(world: World, exhibit: Exhibit) -> None:
    with pytest.raises(NotFound) as missing:
        policy.require(world["nl_member"], May.RELEASE, exhibit)
    audit.refused(world["nl_member"], "exhibits.release_submit", exhibit, missing.value)
    factories.release(world, exhibit, "nl", Sight.SEE)
    with pytest.raises(NotAllowed) as seen:
        policy.require(world["nl_member"], May.RELEASE, exhibit)
    audit.refused(world["nl_member"], "exhibits.release_submit", exhibit, seen.value)
    unseen, refused = entries(LedgerEntry.outcome == Outcome.REFUSED)[:2]
    if unseen.chain != PORTAL_CHAIN:
        unseen, refused = refused, unseen
    assert (unseen.chain, unseen.reference, unseen.object_party_id) == (PORTAL_CHAIN, "", None)
    assert (refused.chain, refused.reference) == (world.jit.id, exhibit.reference)


# --- what is rolled back, and what is said aloud


def heard(connection: psycopg.Connection) -> list[dict[str, object]]:
    return [json.loads(notice.payload) for notice in connection.notifies(timeout=0.5)]


def fail_after_recording(world: World, exhibit: Exhibit) -> None:
    with transaction():
        audit.record(world["fr_leader"], "exhibit.released", exhibit)
        session().flush()
        raise ZeroDivisionError


def test_a_rolled_back_act_leaves_no_entry_and_tells_nobody(world: World, exhibit: Exhibit, cluster: Postgres) -> None:
    before = len(entries())
    with psycopg.connect(cluster.url(APP), autocommit=True) as connection:
        connection.execute(f"LISTEN {audit.CHANNEL}")
        with pytest.raises(ZeroDivisionError):
            fail_after_recording(world, exhibit)
        assert heard(connection) == []
        assert len(entries()) == before
        with transaction():
            audit.record(world["fr_leader"], "exhibit.released", exhibit, also=[world["nl_member"].id])
        (told,) = heard(connection)
    assert told == {
        "noun": "exhibit",
        "id": str(exhibit.id),
        "act": "exhibit.released",
        "also": [str(world["nl_member"].id)],
    }
    assert len(entries()) == before + 1


# --- one commit a verb


@pytest.fixture
def commits(app: Flask) -> Iterator[Callable[[], int]]:
    """How many times a session has committed since the last call."""
    counted = 0

    def more(_: object) -> None:
        nonlocal counted
        counted += 1

    def since() -> int:
        nonlocal counted
        counted, before = 0, counted
        return before

    sa.event.listen(factory, "after_commit", more)
    yield since
    sa.event.remove(factory, "after_commit", more)


def test_each_verb_on_exhibits_commits_once(world: World, commits: Callable[[], int]) -> None:
    leader, member = world["fr_leader"], world["fr_member"]
    exhibit = factories.exhibit(world, by=leader)
    with transaction():
        custody.receive(leader, session().merge(exhibit))
    to = f"party:{world.parties['nl'].id}"
    described = {"title": "Diary", "kind": "image", "handling": "H0", "unclassified": "yes"}
    forbid = RuleDescription(is_forbid=True, to=to, sight=Sight.READ)
    france = world.parties["fr"]
    made: dict[str, Any] = {}

    def keep(name: str, thing: object) -> None:
        made[name] = thing

    verbs: list[tuple[str, Callable[[], object]]] = [
        ("receive", lambda: exhibit_bytes.receive(leader, world.workspace, dict(described), Sent("a.pdf", 10))),
        ("describe", lambda: exhibits.describe(leader, exhibit, "Diary", "Red", "Lyon", exhibit.edition)),
        ("reclassify", lambda: exhibits.reclassify(leader, exhibit, read(described), exhibit.edition)),
        ("open", lambda: exhibit_bytes.open_for_reading(leader, exhibit)),
        ("download", lambda: exhibit_bytes.download(leader, exhibit)),
        ("release", lambda: keep("release", releasing.release(leader, exhibit, to, Sight.READ, Purpose.JIT_PURPOSE))),
        ("withdraw", lambda: releasing.withdraw(leader, made["release"], "Done.")),
        ("set rule", lambda: keep("rule", rules.set_rule(leader, world.workspace, france, forbid))),
        ("close rule", lambda: rules.close_rule(leader, made["rule"])),
        ("hand over", lambda: custody.hand_over(leader, exhibit, member.id, "Copy it.")),
        ("decline", lambda: custody.decline(member, exhibit, "No time.")),
        ("hand over again", lambda: custody.hand_over(leader, exhibit, member.id, "Copy it.")),
        ("accept", lambda: custody.accept(member, exhibit)),
    ]
    for name, verb in verbs:
        session().refresh(exhibit)
        session().rollback()
        before = len(entries())
        commits()
        verb()
        assert commits() == 1, name
        assert len(entries()) > before, name


# --- no content

SECRET = "Kingfisher"


def test_no_word_that_anybody_typed_is_on_record(world: World, cluster: Postgres) -> None:
    """Verbs of every package with one word in each text; the record has the acts and not the word."""
    with psycopg.connect(cluster.url(APP), autocommit=True) as connection:
        connection.execute(f"LISTEN {audit.CHANNEL}")
        on_exhibits(world)
        in_channels(world)
        on_boards(world)
        among_people(world)
        told = heard(connection)
    written = entries()
    assert {entry.act.split(".")[0] for entry in written} >= {
        "exhibit",
        "country_rule",
        "channel",
        "message",
        "board",
        "task",
        "membership",
    }
    assert len({entry.act for entry in written}) > 20
    for entry in written:
        said = " ".join(str(getattr(entry, column.key)) for column in sa.inspect(LedgerEntry).columns)
        assert SECRET.casefold() not in said.casefold(), entry.act
        assert entry.actor_id is None or entry.actor_country
        for name, value in json.loads(entry.details).items():
            assert is_id_number_or_word(value), f"{entry.act}: {name} = {value!r}"
    assert told
    assert SECRET.casefold() not in json.dumps(told).casefold()


def is_id_number_or_word(value: object) -> bool:
    """Nothing that could be a sentence: text has no blanks and is no longer than a hash."""
    if isinstance(value, list):
        return all(is_id_number_or_word(each) for each in value)
    if isinstance(value, str):
        return len(value) <= 64 and (" " not in value or value[:4].isdigit())
    return value is None or isinstance(value, bool | int)


def on_exhibits(world: World) -> None:
    leader = world["fr_leader"]
    exhibit = factories.exhibit(world, title=SECRET, by=leader)
    with transaction():
        custody.receive(leader, exhibit)
    exhibits.describe(leader, exhibit, f"{SECRET} 2", SECRET, SECRET, exhibit.edition)
    said = read({"title": SECRET, "kind": "image", "handling": "H0", "tags": SECRET, "unclassified": "yes"})
    session().refresh(exhibit)
    exhibits.reclassify(leader, exhibit, said, exhibit.edition)
    to = f"party:{world.parties['nl'].id}"
    release = releasing.release(leader, exhibit, to, Sight.READ, Purpose.JIT_PURPOSE, conditions=SECRET)
    custody.hand_over(leader, exhibit, world["fr_member"].id, SECRET)
    custody.decline(world["fr_member"], exhibit, SECRET)
    releasing.withdraw(leader, release, SECRET)
    described = RuleDescription(is_forbid=True, to=to, sight=Sight.READ, tag=SECRET.lower(), note=SECRET)
    rules.close_rule(leader, rules.set_rule(leader, world.workspace, world.parties["fr"], described))


def in_channels(world: World) -> None:
    leader = world["fr_leader"]
    channel = channels.open_channel(leader, world.workspace, ChannelWish(name=SECRET, purpose=SECRET))
    message = messages.post(leader, channel, f"{SECRET} @{world['nl_leader'].name}", uuid.uuid4())
    message = messages.edit(leader, message, f"{SECRET} {SECRET}", message.edition)
    messages.withdraw(leader, message)


def on_boards(world: World) -> None:
    leader, other = world["fr_leader"], world["nl_leader"]
    board = boards.open_board(leader, world.workspace.id, SECRET, "KFR", Audience.EVERYONE)
    todo, doing, *_ = (column.id for column in session().merge(board).columns)
    task = tasks.create_task(leader, board.id, todo, SECRET, SECRET)
    task = tasks.edit_task(leader, task.id, task.edition, title=f"{SECRET} 2", description=SECRET, due_on=None)
    task = tasks.move_task(leader, task.id, task.edition, doing)
    task = assigning.ask(leader, task.id, task.edition, world.parties["nl"].id, SECRET)
    task = assigning.decline(other, task.id, task.edition, SECRET)
    task = assigning.assign(leader, task.id, task.edition, world["fr_member"].id)
    task = assigning.give_back(leader, task.id, task.edition)
    assigning.take(leader, task.id)
    tasks.delete(leader, task.id)


def among_people(world: World) -> None:
    leader = world["fr_leader"]
    with transaction():
        person = factories.user(world.providers["fr"], "New Person")
    member = workspaces.enrol(leader, world.workspace, person, world.parties["fr"], Role.EXPERT, purpose=SECRET)
    workspaces.end(leader, member, SECRET)
    workspaces.invite(leader, world.workspace, person.authority, SECRET, Role.MEMBER)


LATE = """
def tells(person, held):
    with transaction():
        {first}
        {second}

def both(person, held):
    with transaction():
        records(person, held)
        tells_alone(person, held)

def records(person, held):
    audit.record(person, "exhibit.read", held)

def tells_alone(person, held):
    notices.tell(NoticeKind.RELEASED, held, [person.id], None)
"""
RECORDS, TELLS = "records(person, held)", "tells_alone(person, held)"


def a_verb_of_the_portal(name: str, first: str = RECORDS, second: str = TELLS) -> Callable[[User, Exhibit], None]:
    scope: dict[str, Any] = {"transaction": transaction, "audit": audit, "notices": notices, "NoticeKind": NoticeKind}
    source = LATE.format(first=first, second=second)
    exec(compile(source, str(told_first.PORTAL / "seeded.py"), "exec"), scope)  # noqa: S102 - a fault that is seeded
    return scope[name]  # type: ignore[no-any-return]


def test_a_verb_that_tells_people_while_it_holds_the_head_of_the_chain_is_found(world: World, exhibit: Exhibit) -> None:
    leader = world["fr_leader"]
    for verb in (a_verb_of_the_portal("tells"), a_verb_of_the_portal("both")):
        with pytest.raises(told_first.ToldTooLate, match=r"seeded\.py"):
            verb(leader, exhibit)
    a_verb_of_the_portal("tells", TELLS, RECORDS)(leader, exhibit)
    with transaction():
        a_verb_of_the_portal("tells", RECORDS, "pass")(leader, exhibit)
        a_verb_of_the_portal("tells", TELLS, RECORDS)(leader, exhibit)
    assert len(entries(LedgerEntry.act == "exhibit.read")) == 3
