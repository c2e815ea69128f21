"""What is taken away from the record: by whom, how far, and proven by its seals."""

import csv
import datetime as dt
import hashlib
import io
import json

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from jit_portal.audit import reading
from jit_portal.audit import service as audit
from jit_portal.audit.models import LedgerEntry
from jit_portal.audit.reading import COLUMNS
from jit_portal.database import session, transaction
from jit_portal.exhibits.models import Exhibit
from jit_portal.jits.models import Jit
from jit_portal.vocabulary import Outcome
from tests import factories
from tests.factories import World
from tests.record import Browse, Look, exhibit, look, read, rows, take, world
from tests.vault import token_in

FIXTURES = (exhibit, look, take, world)
"""They are asked for by name."""

IDS = {"id", "chain", "actor_id", "actor_party", "login", "object", "object_party"}


def seal_of(row: dict[str, str]) -> str:
    """As the page says that a seal is made, computed from nothing but the row."""
    since = dt.datetime.fromisoformat(row["at"]) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    said = bytes.fromhex(row["previous"]) + counted(str(since // dt.timedelta(microseconds=1)))
    for name in COLUMNS[1 : COLUMNS.index("details") + 1]:
        said += b"-" if name in IDS and not row[name] else counted(str(row[name]))
    return hashlib.sha256(said).hexdigest()


def counted(text: str) -> bytes:
    return b"%d:%s" % (len(text.encode()), text.encode())


def as_rows(taken: TestResponse, form: str) -> list[dict[str, str]]:
    if form == "json":
        found: list[dict[str, str]] = json.loads(taken.text)
        return found
    lines = list(csv.DictReader(io.StringIO(taken.text)))
    return [{name: cell.removeprefix("'") for name, cell in line.items()} for line in lines]


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("who", ["fr_leader", "fr_auditor"])
def test_every_seal_can_be_checked_from_what_is_taken_away(
    world: World, exhibit: Exhibit, take: Look, form: str, who: str
) -> None:
    """Also by a reader who sees only some of the chain, and of entries in words of any script."""
    with transaction():
        session().merge(world["fr_member"]).name = "'Ḥaḍḍād, +Łukasz"
    read(world, exhibit, 3)
    read(world, factories.exhibit(world, "nl"), 2, by="nl_member")
    read(world, exhibit, 1)
    with transaction():
        audit.record(None, "file.verified", exhibit, sha256="0" * 64)
    found = as_rows(take(who, form), form)
    assert [int(row["number"]) for row in found] == [7, 6, 3, 2, 1]
    assert [row["actor"] for row in found][:2] == ["JIT Portal", "'Ḥaḍḍād, +Łukasz"]
    for row in found:
        assert list(row) == list(COLUMNS)
        assert seal_of(row) == row["seal"], row["number"]
    assert found[2]["seal"] == found[1]["previous"] or int(found[1]["number"]) - 1 != int(found[2]["number"])
    assert [row["previous"] for row in found][-1] == ""
    changed = found[0] | {"act": "file.mismatch"}
    assert seal_of(changed) != changed["seal"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "'quoted"])
def test_no_cell_of_the_csv_is_computed_by_a_spreadsheet(world: World, exhibit: Exhibit, take: Look, name: str) -> None:
    with transaction():
        session().merge(world["fr_member"]).name = name
    read(world, exhibit, 1)
    (line,) = csv.DictReader(io.StringIO(take("fr_leader", "csv").text))
    assert line["actor"] == f"'{name}"


def test_taking_it_away_is_itself_on_record(world: World, exhibit: Exhibit, take: Look) -> None:
    """But not how much: every leader reads it, and each may read another part of the record."""
    read(world, exhibit, 3)
    taken = take("fr_leader", "csv", act="exhibit.read", person="member")
    assert taken.mimetype == "text/csv"
    assert len(taken.text.splitlines()) == 4
    (entry,) = session().scalars(select(LedgerEntry).where(LedgerEntry.number == 4).execution_options(policy=True))
    assert (entry.act, entry.actor_id, entry.outcome) == ("record.exported", world["fr_leader"].id, Outcome.DONE)
    assert json.loads(entry.details) == {"format": "csv"}
    assert json.loads(take("fr_leader", "json", act="no.such").text) == []


def test_how_much_was_once_taken_away_is_shown_to_nobody(world: World, exhibit: Exhibit, look: Look) -> None:
    """As the portal wrote it at first: what is sealed cannot be taken out again."""
    with transaction():
        audit.record(world["fr_leader"], "record.exported", world.workspace, format="csv", entries=7391)
    (shown,) = rows(look("nl_leader"))
    assert "Record exported" in shown
    assert "csv" in shown
    assert "7391" not in shown
    assert "entries" not in shown


def test_nobody_takes_away_what_she_may_not_read(world: World, exhibit: Exhibit, browse: Browse) -> None:
    read(world, exhibit, 1)
    client = browse(world["fr_member"])
    token = token_in(client.get("/", base_url="https://localhost").text)
    address = f"/workspaces/{world.workspace.id}/record/export"
    answer = client.post(address, headers={"X-CSRFToken": token, "Referer": "https://localhost/"})
    answer = client.post(
        address, headers={"X-CSRFToken": token, "Referer": "https://localhost/"}, base_url="https://localhost"
    )
    assert answer.status_code == 403


def test_all_of_it_is_taken_away_however_long(
    world: World, exhibit: Exhibit, take: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In steps, and as it was when it was asked for: what is written meanwhile is not part of it."""
    monkeypatch.setattr(reading, "AT_ONCE", 3)
    read(world, exhibit, 9)
    assert [row["number"] for row in json.loads(take("fr_leader").text)] == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    going = reading.export(world["fr_leader"], world.workspace, reading.Wanted(act="exhibit.read"), "csv")
    first = next(going)
    read(world, exhibit, 4)
    assert [first.entry.number, *(each.entry.number for each in going)] == [9, 8, 7, 6, 5, 4, 3, 2, 1]


def test_a_reference_of_any_script_names_the_file(world: World, take: Look) -> None:
    with transaction():
        session().execute(update(Jit).where(Jit.id == world.jit.id).values(reference="ЈИТ-2026/Ł 7"))
    named = take("fr_leader", "csv").headers["Content-Disposition"]
    assert named.startswith('attachment; filename="record-___-2026__ 7.csv"')
    assert named.endswith("filename*=UTF-8''record-%D0%88%D0%98%D0%A2-2026%2F%C5%81%207.csv")
