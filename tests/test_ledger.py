"""The record is sealed by the database without gap or fork, and proves what was changed."""

import threading
import uuid
from itertools import pairwise

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

from jit_portal.audit import proof
from jit_portal.audit import service as audit
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import APP, Postgres
from jit_portal.exhibits.models import Exhibit
from tests import factories
from tests.factories import World
from tests.ledger import entries, exhibit, world

FIXTURES = (exhibit, world)
"""They are asked for by name."""

ENTRIES = 12


def write(world: World, exhibit: Exhibit, count: int = ENTRIES) -> None:
    for number in range(count):
        with transaction():
            audit.record(world["nl_leader"], "exhibit.read", exhibit, number=number)


def verdicts(cluster: Postgres) -> dict[uuid.UUID, proof.Verdict]:
    engine = sa.create_engine(cluster.url(APP), poolclass=sa.NullPool)
    with engine.connect() as connection:
        return {verdict.chain: verdict for verdict in proof.verify(connection)}


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
