"""What somebody who registers an exhibit, or classifies one anew, waits for: never with the record in hand."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from flask import Flask

from jit_portal import policy
from jit_portal.database import session
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits import service
from jit_portal.exhibits.descriptions import read
from jit_portal.exhibits.models import Exhibit, Shelf
from jit_portal.files import storage
from jit_portal.vocabulary import ExhibitKind
from jit_portal.workspaces.models import Workspace
from tests import factories
from tests.factories import World
from tests.portal import Hold, before_the_store
from tests.vault import how_many
from tests.waiting import Statement, is_record_free, record_is_free_while_it_waits, status_after_the_wait

DETAILS = {"title": "Ledger", "kind": "document", "handling": "H0", "unclassified": "yes"}


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.test_request_context():
        yield factories.world()
    session.remove()


def shelf_of_documents(world: World) -> Statement:
    """Somebody else registers the country's first document."""
    made = (
        "INSERT INTO shelf (id, workspace_id, party_id, kind, handling) "
        "VALUES (gen_random_uuid(), %s, %s, 'document', '{H0}')"
    )
    return made, [world.workspace.id, world.parties["fr"].id]


def numbers(world: World) -> Statement:
    """Somebody else takes the country's next number."""
    taken = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
    return taken, [f"exhibit {world.workspace.id} {world.parties['fr'].country}"]


@pytest.mark.parametrize("held", [numbers, shelf_of_documents])
def test_whoever_registers_and_waits_has_not_the_record(
    world: World, cluster: Postgres, held: Callable[[World], Statement]
) -> None:
    """The other way round somebody who classifies an exhibit anew, and comes to the record next, waits for ever."""
    member, jit_id, workspace_id = world["fr_member"], world.jit.id, world.workspace.id

    def receive() -> None:
        workspace = policy.fetch(member, Workspace, workspace_id)
        exhibit_bytes.receive(member, workspace, DETAILS, exhibit_bytes.Sent("a.txt", 1))

    assert record_is_free_while_it_waits(cluster, receive, held(world), chain=jit_id)
    assert (how_many(Exhibit), how_many(Shelf)) == (1, 1)


def test_two_who_are_first_to_classify_something_so_both_do(world: World, cluster: Postgres) -> None:
    exhibit = factories.exhibit(world, kind=ExhibitKind.VIDEO)
    before = how_many(Shelf)
    said = read(DETAILS)
    nothing: Statement = ("SELECT %s", [1])

    def reclassify() -> None:
        service.reclassify(world["fr_leader"], exhibit, said, 1)

    held = shelf_of_documents(world)
    assert status_after_the_wait(cluster, reclassify, held=held, meanwhile=nothing) == 200
    assert how_many(Shelf) == before + 1


def test_whoever_registers_an_empty_file_has_not_the_record_while_the_store_takes_it(
    world: World, cluster: Postgres, environ: dict[str, str]
) -> None:
    member, chain, workspace_id = world["fr_member"], world.jit.id, world.workspace.id
    before = storage.store()

    def receive() -> None:
        workspace = policy.fetch(member, Workspace, workspace_id)
        exhibit_bytes.receive(member, workspace, DETAILS, exhibit_bytes.Sent("a.txt", 0))
        session.remove()

    with before_the_store(environ["JIT_STORE_ENDPOINT"]) as gate, ThreadPoolExecutor(1) as apart:
        keys = (environ["JIT_STORE_ACCESS_KEY"], environ["JIT_STORE_SECRET_KEY"])
        storage.use(storage.Store(gate.address, *keys, environ["JIT_STORE_BUCKET"], secure=False))
        try:
            hold = gate.holds[""] = Hold()
            registering = apart.submit(receive)
            assert hold.came.wait(20)
            with psycopg.connect(cluster.url(OWNER)) as other:
                assert is_record_free(other, chain)
            hold.goes.set()
            registering.result(20)
        finally:
            storage.use(before)
    assert how_many(Exhibit) == 1
