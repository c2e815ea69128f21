"""The record's page and what is taken away from it: who reads which entries, how they are said, narrowed and proven."""

import base64
import csv
import datetime as dt
import hashlib
import io
import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from jit_portal.audit import reading
from jit_portal.audit import service as audit
from jit_portal.audit.models import LedgerEntry
from jit_portal.audit.reading import COLUMNS
from jit_portal.custody import service as custody
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits import releasing
from jit_portal.exhibits import service as exhibits
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.jits.models import Jit
from jit_portal.messages import channels
from jit_portal.messages import service as messages
from jit_portal.messages.channels import ChannelWish
from jit_portal.tasks import boards
from jit_portal.tasks import service as tasks
from jit_portal.vocabulary import Audience, Outcome, Purpose, Role, Sight
from tests import factories
from tests.factories import World
from tests.vault import token_in

Browse = Callable[[User], FlaskClient]
IDS = {"id", "chain", "actor_id", "actor_party", "login", "object", "object_party"}


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.test_request_context():
        made = factories.world("Lantern", ("fr", "nl", "al", "eu"))
        with transaction():
            made.join("fr_auditor", "fr", Role.AUDITOR)
        yield made


@pytest.fixture
def exhibit(world: World) -> Exhibit:
    return factories.exhibit(world)


@pytest.fixture
def look(world: World, browse: Browse) -> Callable[..., TestResponse]:
    """The page as somebody sees it, narrowed as the address says."""

    def ask(who: str, **narrowed: Any) -> TestResponse:
        address = f"/workspaces/{world.workspace.id}/record"
        return browse(world[who]).get(address, query_string=narrowed, base_url="https://localhost")

    return ask


@pytest.fixture
def take(world: World, browse: Browse) -> Callable[..., TestResponse]:
    """The record taken away by somebody as a file."""

    def ask(who: str, form: str = "json", **narrowed: Any) -> TestResponse:
        client = browse(world[who])
        address = f"/workspaces/{world.workspace.id}/record"
        token = token_in(client.get(address, base_url="https://localhost").text)
        return client.post(
            f"{address}/export",
            query_string=narrowed,
            data={"format": form},
            headers={"X-CSRFToken": token, "Referer": "https://localhost/"},
            base_url="https://localhost",
        )

    return ask


Look = Callable[..., TestResponse]


def numbers(page: TestResponse) -> list[int]:
    """Of the entries that a page shows, from above."""
    assert page.status_code == 200, page.status_code
    return [int(number) for number in re.findall(r'class="num"><bdi>(\d+)</bdi>', page.text)]


def rows(page: TestResponse) -> list[str]:
    """What each entry says, as words in a line."""
    bodies = re.findall(r"<tr role=\"row\".*?</tr>", page.text.partition("<tbody")[2], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", body).split()) for body in bodies]


def read(world: World, exhibit: Exhibit, count: int, by: str = "fr_member") -> None:
    for _ in range(count):
        with transaction():
            audit.record(world[by], "exhibit.read", exhibit)


# --- what an entry says


def test_an_entry_says_who_did_what_to_whom_when_and_how_far(world: World, exhibit: Exhibit, look: Look) -> None:
    leader = world["fr_leader"]
    to = f"party:{world.parties['nl'].id}"
    releasing.release(leader, exhibit, to, Sight.READ, Purpose.JIT_PURPOSE)
    custody_of(world, exhibit, "nl_member")
    exhibit_bytes.open_for_reading(world["fr_leader"], exhibit)
    opened, handed, released = rows(look("fr_leader"))
    assert re.search(r"\d{1,2} \w+ \d{4}, \d\d:\d\d:\d\d (CET|CEST)", released)
    assert re.search(r"\d\d:\d\d:\d\d\.\d{6}\+0[12]:00 Europe/Paris", released)
    for words in ("Fr_Leader", "France", "Police FR", "Exhibit released", "Netherlands", "Read", exhibit.reference):
        assert words in released, words
    assert "The purposes of this JIT" in released
    assert "exhibit.released" in released
    assert "Exhibit handed over Nl_Member" in handed
    assert exhibit.file is not None
    sha256 = str(exhibit.file.sha256)
    assert f"Exhibit previewed {sha256[:4]}…{sha256[-4:]}" in opened
    assert sha256 in opened


def custody_of(world: World, exhibit: Exhibit, to: str) -> None:
    with transaction():
        custody.receive(world["fr_member"], session().merge(exhibit))
    session().refresh(exhibit)
    custody.hand_over(world["fr_member"], exhibit, world[to].id, "For the laboratory.")


def test_what_is_named_and_not_shown_to_the_reader_stays_nameless(world: World, look: Look) -> None:
    channel = factories.channel(world, "Kingfisher", Audience.PEOPLE)
    board = factories.board(world, "Kingfisher", "KFR", Audience.PEOPLE)
    column = session().merge(board).columns[0]
    with transaction():
        audit.record(world["fr_leader"], "message.posted", world.parties["fr"], channel=channel.id)
        audit.record(world["fr_leader"], "task.created", world.parties["fr"], board=board.id, column=column.id)
    on_board, in_channel = rows(look("fr_leader"))
    assert "Channel not shown to you" in in_channel
    assert "Board not shown to you" in on_board
    assert "Column not shown to you" in on_board
    assert "Kingfisher" not in in_channel + on_board


def test_a_refusal_says_what_was_tried(world: World, exhibit: Exhibit, browse: Browse, look: Look) -> None:
    factories.release(world, exhibit, "nl", Sight.SEE)
    client = browse(world["nl_member"])
    assert client.get(f"/exhibits/{exhibit.id}/release", base_url="https://localhost").status_code == 403
    (entry,) = rows(look("fr_leader", outcome="refused"))
    assert "Nl_Member Netherlands , Police NL Release an exhibit Not allowed" in entry
    assert entry.endswith(f"{exhibit.reference} Refused")


def test_whoever_may_not_read_it_is_told_who_may_and_that_is_on_record(world: World, look: Look) -> None:
    page = look("fr_member")
    assert page.status_code == 403
    assert "Fr_Leader" in page.text
    (entry,) = rows(look("fr_leader"))
    assert "Read the record" in entry


def test_an_edit_that_came_too_late_is_on_record(world: World, browse: Browse, look: Look) -> None:
    """Though the page answers it with the form, like a slip of the pen."""
    channel = factories.channel(world)
    message = messages.post(world["fr_leader"], channel, "At noon.", uuid.uuid4())
    client = browse(world["fr_leader"])
    address = f"/messages/{message.id}/edit"
    token = token_in(client.get(address, base_url="https://localhost").text)
    answer = client.post(
        address,
        data={"text": "At one.", "edition": "7"},
        headers={"X-CSRFToken": token, "Referer": "https://localhost/"},
        base_url="https://localhost",
    )
    assert answer.status_code == 422
    (entry,) = rows(look("fr_leader", outcome="refused"))
    assert "Edit a message Not possible as things stood" in entry


def test_an_upload_that_is_refused_is_on_the_record_of_its_party(
    world: World, browse: Browse, look: Look, environ: dict[str, str]
) -> None:
    client = browse(world["al_leader"])
    token = token_in(client.get("/", base_url="https://localhost").text)
    said = {"workspace": str(world.workspace.id), "filename": "a.pdf", "title": "Diary", "unclassified": "yes"}
    packed = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Metadata": packed}
    headers = tus | {"X-CSRFToken": token, "Referer": "https://localhost/"}
    answer = client.post("/vault/uploads", headers=headers, base_url="https://localhost")
    assert answer.status_code == 409
    (entry,) = rows(look("al_leader"))
    assert "Upload an exhibit Not possible as things stood" in entry
    assert rows(look("fr_leader")) == []


# --- what does not exist for the reader


def test_restricted_channels_and_boards_are_on_the_record_of_who_opened_them(
    world: World, look: Look, take: Look
) -> None:
    """Not on the others': no act, no reference, and nobody's id."""
    leader, space = world["fr_leader"], world.workspace
    named = world["nl_member"].id
    channel = channels.open_channel(
        leader, space, ChannelWish("Arrests", audience=Audience.PEOPLE, user_ids=frozenset({named}))
    )
    messages.post(leader, channel, "Friday at noon.", uuid.uuid4())
    board = boards.open_board(leader, space.id, "Arrests", "KFR", Audience.PEOPLE, person_ids=[named])
    task = tasks.create_task(leader, board.id, session().merge(board).columns[0].id, "Knock")
    channels.open_channel(leader, space, ChannelWish("Open to all"))
    mine = take("fr_leader").text
    assert f'"{task.key}"' in mine
    assert str(named) not in mine
    for other in ("nl_leader", "al_leader"):
        page, taken = look(other), take(other).text
        assert [entry for entry in rows(page) if "opened" in entry] == [
            entry for entry in rows(page) if "Everyone in this JIT" in entry
        ], other
        assert len(rows(page)) == 1 + taken.count("record.exported")
        for secret in ("KFR", "Arrests", str(board.id), str(channel.id), str(task.id), "message."):
            assert secret not in page.text, (other, secret)
            assert secret not in taken, (other, secret)


# --- narrowing


def test_the_record_is_narrowed_by_act_person_reference_and_outcome(
    world: World, exhibit: Exhibit, browse: Browse, look: Look
) -> None:
    other = factories.exhibit(world)
    read(world, exhibit, 2)
    read(world, other, 1, by="fr_leader")
    exhibits.describe(world["fr_leader"], other, "Diary", "", "", other.edition)
    factories.release(world, exhibit, "nl", Sight.SEE)
    for path in ("release", "edit", "reclassify"):
        browse(world["nl_member"]).get(f"/exhibits/{exhibit.id}/{path}", base_url="https://localhost")
    assert numbers(look("fr_leader")) == [7, 6, 5, 4, 3, 2, 1]
    assert numbers(look("fr_leader", act="exhibit.read")) == [3, 2, 1]
    assert numbers(look("fr_leader", act="exhibits.edit")) == [6]
    assert numbers(look("fr_leader", person="fr_LEAD")) == [4, 3]
    assert numbers(look("fr_leader", reference=other.reference.lower())) == [4, 3]
    assert numbers(look("fr_leader", outcome="refused")) == [7, 6, 5]
    assert numbers(look("fr_leader", country="NL")) == [7, 6, 5]
    assert numbers(look("nl_leader", country="FR")) == []
    assert numbers(look("fr_leader", outcome="done", person="nl")) == []
    page = look("fr_leader", act="exhibits.edit", country="NL").text
    assert re.findall(r'<option value="([^"]+)"[^>]* selected>([^<]+)', page) == [
        ("exhibits.edit", "Describe an exhibit"),
        ("NL", "Netherlands"),
    ]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-10", 24)])
def test_days_are_the_readers_when_the_clock_changes_too(
    world: World, exhibit: Exhibit, look: Look, cluster: Postgres, day: str, hours: int
) -> None:
    """In Paris: the first and the last moment of the day belong to it, those beside it do not."""
    read(world, exhibit, 4)
    begins = {"2026-03-29": "2026-03-28T23:00Z", "2026-10-25": "2026-10-24T22:00Z", "2026-06-10": "2026-06-09T22:00Z"}
    first = dt.datetime.fromisoformat(begins[day])
    end = first + dt.timedelta(hours=hours)
    moment = dt.timedelta(microseconds=1)
    move_in_time(cluster, [first - moment, first, end - moment, end])
    assert numbers(look("fr_leader", **{"from": day, "until": day})) == [3, 2]
    assert numbers(look("fr_leader", **{"from": day})) == [4, 3, 2]
    assert numbers(look("fr_leader", until=day)) == [3, 2, 1]


def move_in_time(cluster: Postgres, moments: list[dt.datetime]) -> None:
    with psycopg.connect(cluster.url("postgres")) as connection:
        connection.execute("SET session_replication_role = replica")
        for number, at in enumerate(moments, 1):
            connection.execute("UPDATE ledger_entry SET at = %s WHERE number = %s", [at, number])


@pytest.mark.parametrize(
    "narrowed",
    [
        {"until": "9999-12-31"},
        {"from": "0001-01-01"},
        {"from": "1969-12-31"},
        {"from": "2026-02-30"},
        {"until": "yesterday"},
        {"before": "9" * 20},
        {"before": "0"},
        {"before": "-1"},
        {"before": "1e3"},
        {"outcome": "maybe"},
        {"person": "a\0b"},
        {"reference": "\0"},
        {"act": "\0"},
    ],
)
def test_what_the_calendar_or_the_database_has_no_room_for_is_refused(
    look: Look, take: Look, narrowed: dict[str, str]
) -> None:
    assert look("fr_leader", **narrowed).status_code == 422
    assert take("fr_leader", **narrowed).status_code == 422


def test_the_edges_of_the_calendar_are_days_like_others(world: World, exhibit: Exhibit, look: Look) -> None:
    read(world, exhibit, 1)
    wide = {"from": "1970-01-01", "until": "9998-12-31", "before": str(2**63 - 1)}
    assert numbers(look("fr_leader", **wide)) == [1]


def test_pages_go_on_where_the_last_one_ended(
    world: World, exhibit: Exhibit, look: Look, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 3)
    read(world, exhibit, 8)
    seen, page = [], look("fr_leader", act="exhibit.read")
    while True:
        seen.append(numbers(page))
        older = re.search(r'href="([^"]+before=\d+[^"]*)"', page.text)
        if older is None:
            break
        assert "act=exhibit.read" in older[1]
        page = browse(world["fr_leader"]).get(older[1].replace("&amp;", "&"), base_url="https://localhost")
    assert seen == [[8, 7, 6], [5, 4, 3], [2, 1]]


# --- taken away


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
