"""``verify-ledger`` as whoever runs the portal sees it: what it says, names, proves, and says that it cannot prove."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from jit_portal import cli
from jit_portal.audit import service as audit
from jit_portal.database import transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.exhibits.models import Exhibit
from tests import factories
from tests.factories import World

ENTRIES = 6
SEALED_ANEW = """
CREATE TEMP TABLE held AS SELECT * FROM ledger_entry WHERE chain = '{chain}';
UPDATE held SET act = 'exhibit.seen' WHERE number = 2;
DELETE FROM ledger_entry WHERE chain = '{chain}';
INSERT INTO ledger_entry SELECT * FROM held ORDER BY number
"""
"""By somebody who owns the database: the trigger itself seals what was changed."""


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.test_request_context():
        yield factories.world()


@pytest.fixture
def exhibit(world: World) -> Exhibit:
    made = factories.exhibit(world)
    write(world, made)
    return made


def write(world: World, exhibit: Exhibit, count: int = ENTRIES) -> None:
    for _ in range(count):
        with transaction():
            audit.record(world["nl_leader"], "exhibit.read", exhibit)


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    exhibit: Exhibit, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """The command itself with the settings of the environment: its exit code, and what it said."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def verify(*arguments: str | Path) -> tuple[int, str]:
        code = cli.main(["verify-ledger", *map(str, arguments)])
        return code, capsys.readouterr().out

    return verify


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    return tmp_path / "heads.json"


def tamper(cluster: Postgres, *statements: str) -> None:
    """As the owner of the whole database can, past every trigger and right."""
    with psycopg.connect(cluster.url("postgres")) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement)


def test_a_whole_record_is_said_to_be_whole(world: World, run: Run) -> None:
    code, said = run()
    assert code == 0
    assert f"{world.jit.reference} ({world.jit.id}): {ENTRIES} entries, whole; head " in said
    assert "Not proven: that no chain lost its newest entries, and that no whole chain was deleted." in said
    assert "--heads FILE" in said


TAMPERING = {
    "changed": ("UPDATE ledger_entry SET actor_name = 'Somebody else' WHERE number = 3", 3),
    "deleted in the middle": ("DELETE FROM ledger_entry WHERE number = 3", 3),
    "deleted at the beginning": ("DELETE FROM ledger_entry WHERE number = 1", 1),
    "exchanged": (
        "UPDATE ledger_entry SET number = CASE number WHEN 3 THEN -4 ELSE -3 END WHERE number IN (3, 4); "
        "UPDATE ledger_entry SET number = -number WHERE number < 0",
        3,
    ),
    "inserted": (
        "INSERT INTO ledger_entry SELECT (jsonb_populate_record(entry, jsonb_build_object("
        "'id', gen_random_uuid(), 'number', 7))).* FROM ledger_entry entry WHERE number = 6",
        7,
    ),
}


@pytest.mark.parametrize("how", TAMPERING)
@pytest.mark.parametrize("compares", [False, True])
def test_it_names_the_jit_and_the_first_entry_that_was_tampered_with(
    world: World, run: Run, cluster: Postgres, heads: Path, how: str, *, compares: bool
) -> None:
    arguments = ["--heads", heads] if compares else []
    assert run(*arguments)[0] == 0
    statement, number = TAMPERING[how]
    tamper(cluster, statement)
    code, said = run(*arguments)
    assert code == 1
    assert f"{world.jit.reference} ({world.jit.id}): TAMPERED WITH: entry {number} of " in said
    assert "is not as it was sealed" in said


def test_only_with_heads_it_sees_that_the_newest_entries_are_gone(
    world: World, run: Run, cluster: Postgres, heads: Path
) -> None:
    assert run("--heads", heads)[0] == 0
    tamper(cluster, "DELETE FROM ledger_entry WHERE number > 4")
    assert run()[0] == 0
    code, said = run("--heads", heads)
    assert code == 1
    assert (
        f"{world.jit.reference} ({world.jit.id}): TAMPERED WITH: entry 5, and whatever came after it, is gone" in said
    )


def test_only_with_heads_it_sees_that_a_whole_chain_is_gone(
    world: World, run: Run, cluster: Postgres, heads: Path
) -> None:
    assert run("--heads", heads)[0] == 0
    tamper(cluster, f"DELETE FROM ledger_entry WHERE chain = '{world.jit.id}'")
    code, said = run()
    assert (code, world.jit.reference in said) == (0, False)
    code, said = run("--heads", heads)
    assert code == 1
    assert (
        f"{world.jit.reference} ({world.jit.id}): TAMPERED WITH: entry 1, and whatever came after it, is gone" in said
    )


def test_only_with_heads_it_sees_that_a_chain_was_sealed_anew(
    world: World, run: Run, cluster: Postgres, heads: Path
) -> None:
    assert run("--heads", heads)[0] == 0
    with psycopg.connect(cluster.url("postgres")) as connection:
        connection.execute(SEALED_ANEW.format(chain=world.jit.id))
    assert run()[0] == 0
    code, said = run("--heads", heads)
    assert code == 1
    assert f"TAMPERED WITH: what was written up to entry {ENTRIES} was sealed anew" in said


def test_heads_go_on_with_the_record_and_stay_when_something_is_wrong(
    world: World, exhibit: Exhibit, run: Run, cluster: Postgres, heads: Path
) -> None:
    code, said = run("--heads", heads)
    assert (code, "There were no heads" in said, "Not proven" in said) == (0, True, False)
    kept = json.loads(heads.read_text())
    assert kept[str(world.jit.id)]["number"] == ENTRIES
    write(world, exhibit, 2)
    code, said = run("--heads", heads)
    assert (code, f"Compared with the {len(kept)} heads" in said) == (0, True)
    now = heads.read_text()
    assert json.loads(now)[str(world.jit.id)]["number"] == ENTRIES + 2
    tamper(cluster, "UPDATE ledger_entry SET act = 'x' WHERE number = 2")
    code, said = run("--heads", heads)
    assert (code, "they are left as they were" in said) == (1, True)
    assert heads.read_text() == now


def test_an_unknown_command_is_refused() -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["no-such"])
    assert ended.value.code == 2
