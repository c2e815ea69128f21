"""Chat as each reads it: what is unread, and what is cited and who is mentioned, as the rules allow."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from jit_portal.database import session, transaction
from jit_portal.errors import Invalid
from jit_portal.messages import channels, reading, references, service, showing
from jit_portal.messages.channels import ChannelWish
from jit_portal.messages.models import Channel, MessageReference
from jit_portal.messages.text import MOST_REFERENCES
from jit_portal.notices.models import Notice
from jit_portal.tasks.models import Column, Task
from jit_portal.vocabulary import Audience, NoticeKind, Sight
from jit_portal.web.readers import as_read_by
from tests import factories
from tests.chat import channel, say, seen_by, world
from tests.factories import World

FIXTURES = (channel, world)
"""They are asked for by name."""


# Reading


def test_unread_counts_what_others_said(world: World, channel: Channel) -> None:
    for text in ("one", "two", "three"):
        say(world, "fr_leader", channel, text)

    def unread(name: str) -> int:
        (line,) = reading.channels(world[name], world.workspace)
        return line.unread

    assert (unread("fr_leader"), unread("nl_member")) == (0, 3)
    assert service.read_until(world["nl_member"], channel, 2) == 2
    assert unread("nl_member") == 1
    assert service.read_until(world["nl_member"], channel, 1) == 2
    assert service.read_until(world["nl_member"], channel, 99) == 3


def test_pages_upward_and_what_was_missed(world: World, channel: Channel) -> None:
    sent = [say(world, "fr_leader", channel, f"Message {number}") for number in range(1, 61)]
    reader = world["nl_member"]
    newest = reading.newest(reader, channel)
    assert [message.number for message in newest] == list(range(11, 61))
    assert [message.number for message in reading.newest(reader, channel, before=11)] == list(range(1, 11))
    service.edit(world["fr_leader"], sent[19], "Changed", 1)
    missed = reading.since(reader, channel, after=58, first=11)
    assert [(message.number, message.edition) for message in missed] == [(20, 2), (59, 1), (60, 1)]


def test_times_show_their_zone_once_a_day_and_when_it_changes(world: World, channel: Channel) -> None:
    sent = [say(world, "fr_leader", channel, f"At {number}") for number in range(4)]
    times = ["2026-10-24T21:30", "2026-10-25T00:30", "2026-10-25T00:45", "2026-10-25T01:30"]
    for message, at in zip(sent, times, strict=True):
        message.created_at = dt.datetime.fromisoformat(f"{at}:00+00:00")
    world["nl_member"].time_zone = "Europe/Amsterdam"
    with as_read_by("en", "Europe/Amsterdam"):
        html = showing.render(showing.shown_to(world["nl_member"], sent), ZoneInfo("Europe/Amsterdam"))
    lines = re.findall(r'data-day="([^"]+)" data-zone="([^"]+)"', html)
    assert [day for day, _ in lines] == ["2026-10-24", "2026-10-25", "2026-10-25"]
    assert lines[0][1] == lines[1][1] != lines[2][1]
    assert re.findall(r'<span class="zone">([^<]+)', html) == [zone for _, zone in lines]
    session().rollback()


# Pointing


def test_each_reader_sees_a_citation_as_the_rules_allow(world: World, channel: Channel) -> None:
    exhibit = factories.exhibit(world, "fr", "Ledger of the carrier")
    word = exhibit.reference
    message = say(world, "fr_member", channel, f"See #{word}, `#{word}` and https://example.org/#{word}.")
    assert exhibit.title not in seen_by(world, "nl_member", message)
    assert word not in seen_by(world, "nl_member", message)
    assert "FR" not in seen_by(world, "nl_member", message)
    assert "an exhibit not released to you" in seen_by(world, "nl_member", message)
    assert f'href="/exhibits/{exhibit.id}"' in seen_by(world, "fr_leader", message)
    released = factories.release(world, exhibit, "nl", Sight.SEE)
    assert word in seen_by(world, "nl_member", message)
    (shown,) = showing.shown_to(world["nl_member"], [message])
    (cited,) = shown.cited
    assert (cited.title, cited.file) == (exhibit.title, None)
    with transaction():
        released.live_until = factories.now()
        session().merge(released)
    assert word not in seen_by(world, "nl_member", message)


def test_what_is_pushed_is_what_each_would_fetch(world: World, channel: Channel) -> None:
    exhibit = factories.exhibit(world, "fr", "Ledger")
    factories.release(world, exhibit, world["nl_leader"], Sight.READ)
    factories.release(world, exhibit, world["nl_member"], Sight.SEE)
    message = say(world, "fr_member", channel, f"See #{exhibit.reference} @Nl_Leader")
    pointed = references.of_messages([message])[message.id]
    hearers = {id: ("en", "UTC") for id, _ in references.hearers(channel)}
    kinds = showing.kinds_of_readers(message, pointed, hearers)
    assert sorted(id for people in kinds.values() for id in people) == sorted(hearers)
    names = {person.id: name for name, person in world.people.items()}
    for kind, people in kinds.items():
        sights = showing.sights_at(pointed, kind.levels)
        for user_id in people:
            pushed = showing.show(message, pointed, sights, ZoneInfo("UTC"), kind.is_mine)
            (fetched,) = showing.shown_to(world[names[user_id]], [message])
            assert (pushed.html, pushed.cited) == (fetched.html, fetched.cited)


def test_one_cites_only_what_one_sees_here(world: World, channel: Channel) -> None:
    """What she sees in another JIT is neither proposed nor cited in this one."""
    hidden = factories.exhibit(world, "fr", "Not for them")
    message = say(world, "nl_member", channel, f"Guessing #{hidden.reference} and #FR-999999999")
    assert references.of_messages([message])[message.id] == []
    other = factories.world("Kestrel", ("fr",), {"fr": world.providers["fr"]})
    with transaction():
        other.join("both", "fr", person=world["fr_member"])
    elsewhere = factories.exhibit(other, "fr", "Elsewhere")
    assert reading.exhibits_like(world["fr_member"], factories.channel(other), "elsewhere") == [elsewhere]
    assert reading.exhibits_like(world["fr_member"], channel, "elsewhere") == []
    message = say(world, "fr_member", channel, f"#{elsewhere.reference}")
    assert references.of_messages([message])[message.id] == []


def test_an_author_who_lost_sight_does_not_show_what_was_cited(world: World, channel: Channel) -> None:
    exhibit = factories.exhibit(world, "nl", "Ledger")
    release = factories.release(world, exhibit, world["fr_leader"])
    message = say(world, "fr_leader", channel, f"Se #{exhibit.reference} at once")
    with transaction():
        session().merge(release).live_until = factories.now()
    message = service.edit(world["fr_leader"], message, f"See #{exhibit.reference} at once", 1)
    message = service.edit(world["fr_leader"], message, "See the other", 2)
    message = service.edit(world["fr_leader"], message, f"See /{exhibit.reference.lower()} at once", 3)
    for name in ("fr_leader", "fr_member"):
        html = seen_by(world, name, message)
        assert exhibit.reference not in html.upper()
        assert "an exhibit not released to you" in html
        assert exhibit.reference not in str(showing.history_of(world["fr_leader"], message))
    assert f"/exhibits/{exhibit.id}" in seen_by(world, "nl_member", message)


def test_no_citation_is_too_much_to_be_hidden(world: World, channel: Channel) -> None:
    exhibits = [factories.exhibit(world, "fr", f"Thing {number}") for number in range(MOST_REFERENCES + 1)]
    words = [f"#{exhibit.reference}" for exhibit in exhibits]
    noise = [f"#ZZ-{number}" for number in range(60)]
    message = say(world, "fr_leader", channel, " ".join([*noise, *words[:-1]]))
    html = seen_by(world, "nl_member", message)
    assert html.count("an exhibit not released to you") == MOST_REFERENCES
    for exhibit in exhibits:
        assert exhibit.reference not in html
    with pytest.raises(Invalid, match="21"):
        say(world, "fr_leader", channel, " ".join(words))
    with pytest.raises(Invalid, match="21"):
        service.edit(world["fr_leader"], message, " ".join(words), 1)


def test_a_task_is_cited_by_its_key(world: World, channel: Channel) -> None:
    board = factories.board(world)
    with transaction():
        column = session().scalars(select(Column).where(Column.board_id == board.id)).first()
        assert column is not None
        task = Task(
            board_id=board.id,
            column_id=column.id,
            party_id=world.parties["fr"].id,
            number=12,
            rank="a",
            title="Freeze the accounts",
            created_by_id=world["fr_leader"].id,
        )
        session().add(task)
    message = say(world, "fr_leader", channel, "Chart is in LAN-12, not LAN-13.")
    html = seen_by(world, "nl_member", message)
    assert f"/tasks/{task.id}" in html
    assert html.count("<a ") == 1


def test_mentions_reach_only_who_hears_the_channel(world: World) -> None:
    wish = ChannelWish("Two", audience=Audience.PEOPLE, user_ids=frozenset({world["nl_leader"].id}))
    opened = channels.open_channel(world["fr_leader"], world.workspace, wish)
    message = say(world, "fr_leader", opened, "@nl_leader and @Fr_Member and @Fr_Leader")
    notices = session().scalars(select(Notice).execution_options(policy=True)).all()
    assert [(notice.user_id, notice.kind) for notice in notices] == [(world["nl_leader"].id, NoticeKind.MENTIONED)]
    html = seen_by(world, "nl_leader", message)
    assert html.count("is-mention") == 2
    assert "@Fr_Member" in html
    assert str(world["fr_member"].id) not in html


def test_an_edit_tells_only_those_who_were_not_told(world: World, channel: Channel) -> None:
    message = say(world, "fr_leader", channel, "@Nl_Leader look")
    service.edit(world["fr_leader"], message, "@Nl_Leader and @Nl_Member look", 1)
    told = session().scalars(select(Notice.user_id).order_by(Notice.created_at).execution_options(policy=True))
    assert list(told) == [world["nl_leader"].id, world["nl_member"].id]
    rows = session().scalars(select(MessageReference.edition)).all()
    assert sorted(rows) == [1, 2, 2]
