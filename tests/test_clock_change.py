"""The night in which an hour comes twice, and the one in which an hour is left out: what people read and type then."""

import datetime as dt
import re
import uuid
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, g

from jit_portal import policy, wording
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid
from jit_portal.messages import showing
from jit_portal.messages.models import Message
from jit_portal.web.readers import as_read_by
from jit_portal.web.zones import to_utc
from tests import factories

PARIS = "Europe/Paris"


def at(day: int, hour: int, minute: int) -> dt.datetime:
    """A moment of October 2026 by UTC; the clocks of Paris go back on the 25th at 01:00 UTC."""
    return dt.datetime(2026, 10, day, hour, minute, tzinfo=dt.UTC)


@pytest.fixture
def in_paris(app: Flask) -> Iterator[Flask]:
    with app.test_request_context():
        g.zone = PARIS
        yield app


def moment(app: Flask, when: dt.datetime, show: str) -> tuple[str, str]:
    """What a reader sees of a moment, and what stands in its title."""
    macro = getattr(app.jinja_env.get_template("components/marks.html").module, "moment")  # noqa: B009 - a macro
    html = str(macro(when, show))
    title = re.search(r'title="([^"]+)"', html)
    assert title
    return " ".join(re.sub(r"<[^>]*>", "", html).split()), title[1]


def test_the_hour_that_comes_twice_is_told_apart(in_paris: Flask) -> None:
    first, second = at(25, 0, 30), at(25, 1, 30)
    assert moment(in_paris, first, "short")[0] == "25 Oct 2026, 02:30 CEST"
    assert moment(in_paris, second, "short")[0] == "25 Oct 2026, 02:30 CET"
    assert moment(in_paris, first, "exact")[0] == "25 October 2026, 02:30:00 CEST"
    assert moment(in_paris, second, "exact")[0] == "25 October 2026, 02:30:00 CET"
    titles = [moment(in_paris, each, "time")[1] for each in (first, second)]
    assert titles == [
        "Sunday 25 October 2026, 02:30:00 Central European Summer Time",
        "Sunday 25 October 2026, 02:30:00 Central European Standard Time",
    ]


def test_a_zone_without_a_name_in_the_language_is_told_by_its_distance(in_paris: Flask) -> None:
    with as_read_by("fr", PARIS):
        assert moment(in_paris, at(25, 0, 30), "short")[0] == "25 oct. 2026, 02:30 UTC+2"
        assert moment(in_paris, at(25, 1, 30), "exact")[0] == "25 octobre 2026, 02:30:00 UTC+1"


@pytest.mark.parametrize(
    ("zone", "month", "said"),
    [
        ("Europe/Bucharest", 11, "00:30 UTC+2"),
        ("Europe/Bucharest", 7, "01:30 UTC+3"),
        ("Europe/Lisbon", 11, "22:30 UTC+0"),
        ("UTC", 11, "22:30 UTC"),
    ],
)
def test_no_language_gives_the_winter_the_name_of_another_clock(
    in_paris: Flask, zone: str, month: int, said: str
) -> None:
    """French calls the winter of Bucharest EEST, which is its summer to everybody else."""
    when = dt.datetime(2026, month, 20, 22, 30, tzinfo=dt.UTC)
    with as_read_by("fr", zone):
        assert moment(in_paris, when, "short")[0].endswith(f", {said}")
        assert wording.moment(when).endswith(f", {said}")


def test_a_day_of_25_hours_has_a_line_for_each_of_its_zones_in_a_conversation(in_paris: Flask) -> None:
    world = factories.world()
    channel = factories.channel(world)
    moments = [at(24, 21, 59), at(24, 22, 0), at(25, 0, 30), at(25, 1, 30), at(25, 22, 59), at(25, 23, 0)]
    with transaction():
        session().add_all(
            Message(
                channel_id=channel.id,
                number=number,
                author_id=world["fr_leader"].id,
                party_id=world.parties["fr"].id,
                text=f"At {when:%H:%M}",
                token=uuid.uuid4(),
                created_at=when,
            )
            for number, when in enumerate(moments, 1)
        )
    found = session().scalars(policy.which(world["fr_leader"], Message).order_by(Message.number)).all()
    html = showing.render(showing.shown_to(world["fr_leader"], list(found)), ZoneInfo(PARIS))
    marks = re.findall(r'data-day="([^"]+)"|data-number="(\d+)"', html)
    assert ["".join(each) for each in marks] == [
        *("2026-10-24", "1"),
        *("2026-10-25", "2", "3"),
        *("2026-10-25", "4", "5"),
        *("2026-10-26", "6"),
    ]
    shown = re.findall(r"<bdi>(\d\d:\d\d)\s*</bdi>", html)
    assert shown == ["23:59", "00:00", "02:30", "02:30", "23:59", "00:00"]


@pytest.mark.parametrize(
    ("written_at", "edited_at", "said"),
    [
        (at(24, 8, 0), at(24, 21, 59), "Edited 23:59"),
        (at(24, 8, 0), at(24, 22, 0), "Edited 25 Oct 2026, 00:00 CEST"),
        (at(24, 8, 0), at(29, 13, 5), "Edited 29 Oct 2026, 14:05 CET"),
        (at(25, 0, 30), at(25, 1, 30), "Edited 25 Oct 2026, 02:30 CET"),
    ],
    ids=["that day", "the next day", "days later", "the same hour again"],
)
def test_an_edit_says_its_day_and_zone_where_they_are_not_those_of_the_message(
    in_paris: Flask, written_at: dt.datetime, edited_at: dt.datetime, said: str
) -> None:
    world = factories.world()
    channel = factories.channel(world)
    with transaction():
        message = Message(
            channel_id=channel.id,
            number=1,
            author_id=world["fr_leader"].id,
            party_id=world.parties["fr"].id,
            text="Second",
            token=uuid.uuid4(),
            created_at=written_at,
            edited_at=edited_at,
        )
        session().add(message)
    html = showing.render(showing.shown_to(world["fr_leader"], [message]), ZoneInfo(PARIS))
    [note] = re.findall(r'<p class="message-notes">(.*?)<a ', html)
    assert " ".join(re.sub(r"<[^>]*>", "", note).split()) == said


def test_what_is_typed_for_that_hour_means_its_first_coming() -> None:
    assert to_utc(dt.datetime(2026, 10, 25, 2, 30), PARIS) == at(25, 0, 30)  # noqa: DTZ001 - a clock on the wall
    assert to_utc(dt.datetime(2026, 10, 25, 3, 0), PARIS) == at(25, 2, 0)  # noqa: DTZ001


def test_a_time_that_the_clocks_leave_out_is_refused() -> None:
    with pytest.raises(Invalid, match="does not exist"):
        to_utc(dt.datetime(2026, 3, 29, 2, 30), PARIS)  # noqa: DTZ001 - a clock on the wall
