"""The record's page is narrowed to acts, people, references and days, and goes on from page to page."""

import datetime as dt
import re

import psycopg
import pytest

from jit_portal.audit import reading
from jit_portal.demo.postgres import Postgres
from jit_portal.exhibits import service as exhibits
from jit_portal.exhibits.models import Exhibit
from jit_portal.vocabulary import Sight
from tests import factories
from tests.factories import World
from tests.record import Browse, Look, exhibit, look, numbers, read, take, world

FIXTURES = (exhibit, look, take, world)
"""They are asked for by name."""


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
