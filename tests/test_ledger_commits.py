"""An act, its entry and what is told of it are one commit, and none of them is without the others."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

from jit_portal.audit import service as audit
from jit_portal.audit.models import LedgerEntry
from jit_portal.custody import service as custody
from jit_portal.database import factory, session, transaction
from jit_portal.demo.postgres import APP, Postgres
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits import releasing, rules
from jit_portal.exhibits import service as exhibits
from jit_portal.exhibits.bytes import Sent
from jit_portal.exhibits.descriptions import read
from jit_portal.exhibits.models import Exhibit
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.identity.models import User
from jit_portal.notices import service as notices
from jit_portal.vocabulary import NoticeKind, Purpose, Sight
from tests import factories, told_first
from tests.factories import World
from tests.ledger import entries, exhibit, heard, world

FIXTURES = (exhibit, world)
"""They are asked for by name."""


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
