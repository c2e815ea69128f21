"""Chat: what is said, by whom, who reads it and how, and what stays on record."""

import datetime as dt
import hashlib
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotAllowed, NotFound, Refused
from jit_portal.identity.models import User
from jit_portal.messages import channels, reading, references, service, showing
from jit_portal.messages.channels import ChannelWish
from jit_portal.messages.models import Channel, Message, MessageReference
from jit_portal.messages.text import LONGEST, MOST_REFERENCES, clean
from jit_portal.messages.words import channel_name
from jit_portal.notices.models import Notice
from jit_portal.tasks.models import Column, Task
from jit_portal.vocabulary import Audience, May, NoticeKind, Role, Sight
from jit_portal.web.markup import Pointer, render
from jit_portal.web.readers import as_read_by
from jit_portal.workspaces.models import Workspace
from tests import factories
from tests.factories import World

Browse = Callable[[User], FlaskClient]


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    made = factories.world()
    with app.test_request_context():
        yield made


@pytest.fixture
def channel(world: World) -> Channel:
    return factories.channel(world)


def say(world: World, name: str, channel: Channel, text: str, token: uuid.UUID | None = None) -> Message:
    return service.post(world[name], channel, text, token or uuid.uuid4())


def seen_by(world: World, name: str, message: Message) -> str:
    fetched = policy.fetch(world[name], Message, message.id)
    (shown,) = showing.shown_to(world[name], [fetched])
    return str(shown.html)


def ledger(world: World, act: str) -> list[LedgerEntry]:
    entries = select(LedgerEntry).where(LedgerEntry.act == act, LedgerEntry.chain == world.jit.id)
    return list(session().scalars(entries.order_by(LedgerEntry.number).execution_options(policy=True)))


# Saying


def test_numbers_count_up_without_gaps(world: World, channel: Channel) -> None:
    numbers = [say(world, name, channel, name).number for name in ("fr_leader", "nl_member", "fr_leader")]
    assert numbers == [1, 2, 3]


def test_posting_twice_says_it_once(world: World, channel: Channel) -> None:
    token = uuid.uuid4()
    first = say(world, "fr_leader", channel, "Once", token)
    again = say(world, "fr_leader", channel, "Once", token)
    assert again.id == first.id
    assert say(world, "fr_leader", channel, "Next").number == 2
    assert len(ledger(world, "message.posted")) == 2


def test_the_same_token_of_another_person_is_another_message(world: World, channel: Channel) -> None:
    token = uuid.uuid4()
    assert say(world, "fr_leader", channel, "Mine", token).id != say(world, "nl_leader", channel, "Mine", token).id


def test_many_at_once_are_numbered_without_gaps_and_doubles(app: Flask, world: World, channel: Channel) -> None:
    tokens = [uuid.uuid4() for _ in range(8)]
    people = [world[name].id for name in ("fr_leader", "nl_leader")]

    def talk(user_id: uuid.UUID) -> None:
        with app.app_context():
            person = session().get(User, user_id)
            assert person is not None
            for token in (*tokens, *tokens):
                service.post(person, policy.fetch(person, Channel, channel.id), "At once", token)

    threads = [threading.Thread(target=talk, args=[id]) for id in people for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session().rollback()
    said = reading.newest(world["fr_member"], policy.fetch(world["fr_member"], Channel, channel.id))
    assert [message.number for message in said] == list(range(1, 17))


@pytest.mark.parametrize("typed", ["", "  \n\t ", "\u200b\u200d\ufeff", "\x00\x07", "\u2028"])
def test_nothing_visible_is_refused(world: World, channel: Channel, typed: str) -> None:
    with pytest.raises(Invalid):
        say(world, "fr_leader", channel, typed)


def test_ten_thousand_characters_and_not_one_more(world: World, channel: Channel) -> None:
    assert len(say(world, "fr_leader", channel, "é" * LONGEST).text) == LONGEST
    assert len(say(world, "fr_leader", channel, "🕵" * LONGEST).text) == LONGEST
    with pytest.raises(Invalid, match="10,001"):
        say(world, "fr_leader", channel, "a" * (LONGEST + 1))


def test_half_a_character_is_refused(world: World, channel: Channel) -> None:
    with pytest.raises(Invalid, match="damaged"):
        say(world, "fr_leader", channel, "broken \ud83d")


@pytest.mark.parametrize(
    "typed",
    [
        "👩🏽‍🚀 👨‍👩‍👧‍👦 🇫🇷 ☑️",
        "שלום עולם, مرحبا بالعالم",
        "Constanța, Zoë, a\u0308 ö o\u0308, \u1e9b\u0323",
        "Ταύτα 你好 ｆｕｌｌ ﬁ ½",
        "\u202eevil\u202c \u2067ab\u2069",
        "two\nlines\tand a tab",
    ],
)
def test_every_script_survives_to_the_byte(world: World, channel: Channel, typed: str) -> None:
    message = say(world, "fr_leader", channel, typed)
    session().expire_all()
    fetched = policy.fetch(world["nl_member"], Message, message.id)
    assert fetched.text.encode() == typed.encode()


def test_control_characters_go_and_line_ends_become_one_kind() -> None:
    assert clean("  a\r\nb\rc\x00\x1b[31md\u2028e \n") == "a\nb\nc[31md\ne"


def test_the_record_holds_the_hash_and_never_the_text(world: World, channel: Channel) -> None:
    secret = "The raid is on Friday at five."
    message = say(world, "fr_leader", channel, secret)
    service.edit(world["fr_leader"], message, secret + " Or six.", 1)
    service.withdraw(world["fr_leader"], message)
    (posted,) = ledger(world, "message.posted")
    assert json.loads(posted.details)["sha256"] == hashlib.sha256(secret.encode()).hexdigest()
    everything = select(LedgerEntry).execution_options(policy=True)
    for entry in session().scalars(everything):
        assert "raid" not in "".join(map(str, vars(entry).values()))


# Who may


def test_after_the_agreement_one_reads_and_withdraws_and_says_nothing(world: World, channel: Channel) -> None:
    message = say(world, "fr_leader", channel, "While it lasts")
    factories.end_agreement(world)
    with pytest.raises(NotAllowed, match="No agreement is in force"):
        say(world, "fr_leader", channel, "Too late")
    with pytest.raises(NotAllowed, match="No agreement is in force"):
        service.edit(world["fr_leader"], message, "Otherwise", 1)
    assert "While it lasts" in seen_by(world, "nl_member", message)
    assert service.read_until(world["nl_member"], channel, 1) == 1
    assert service.withdraw(world["fr_leader"], message).withdrawn_at


@pytest.mark.parametrize("role", [Role.EXPERT, Role.SECRETARIAT, Role.AUDITOR, Role.PARTICIPANT])
def test_everyone_means_leaders_and_members(world: World, channel: Channel, role: Role) -> None:
    someone = world.join(f"fr_{role}", "fr", role)
    session().commit()
    assert reading.channels(someone, world.workspace) == []
    with pytest.raises(NotFound):
        service.post(someone, channel, "Hello", uuid.uuid4())


def test_a_member_of_another_jit_finds_nothing(world: World, channel: Channel) -> None:
    message = say(world, "fr_leader", channel, "Ours")
    stranger = factories.world("Kestrel", ("ro",))["ro_leader"]
    for model, id in ((Channel, channel.id), (Message, message.id)):
        with pytest.raises(NotFound):
            policy.fetch(stranger, model, id)
    for act in (
        lambda: service.post(stranger, channel, "Hello", uuid.uuid4()),
        lambda: service.edit(stranger, message, "Mine", 1),
        lambda: service.withdraw(stranger, message),
        lambda: service.read_until(stranger, channel, 1),
    ):
        with pytest.raises(NotFound):
            act()


def test_an_ended_membership_hears_nothing(world: World, channel: Channel) -> None:
    factories.end_membership(world, "nl_member")
    assert world["nl_member"].id not in {id for id, _ in references.hearers(channel)}
    with pytest.raises(NotFound):
        say(world, "nl_member", channel, "Still here?")


def test_a_restricted_channel_does_not_exist_for_others(world: World) -> None:
    wish = ChannelWish("Arrests", audience=Audience.PEOPLE, user_ids=frozenset({world["nl_leader"].id}))
    hidden = channels.open_channel(world["fr_leader"], world.workspace, wish)
    say(world, "fr_leader", hidden, "Friday")
    assert {name for _, name in references.hearers(hidden)} == {"Fr_Leader", "Nl_Leader"}
    assert [channel_name(line.channel) for line in reading.channels(world["nl_leader"], world.workspace)] == ["Arrests"]
    assert reading.channels(world["fr_member"], world.workspace) == []
    with pytest.raises(NotFound):
        policy.fetch(world["fr_member"], Channel, hidden.id)
    # Its name is not taken for those who do not hear it, and is for those who do.
    assert channels.open_channel(world["fr_member"], world.workspace, ChannelWish("Arrests")).own_name == "Arrests"
    with pytest.raises(Invalid, match="already"):
        channels.open_channel(world["nl_leader"], world.workspace, ChannelWish("arrests "))


def test_a_channel_of_parties_is_heard_by_their_people(world: World) -> None:
    wish = ChannelWish("With Eurojust", audience=Audience.PARTIES, party_ids=frozenset({world.parties["eu"].id}))
    opened = channels.open_channel(world["fr_member"], world.workspace, wish)
    assert {name for _, name in references.hearers(opened)} == {"Fr_Leader", "Fr_Member", "Eu_Participant"}
    (entry,) = ledger(world, "channel.opened")
    assert "Eurojust" not in entry.details + entry.reference


@pytest.mark.parametrize(
    "wish",
    [
        ChannelWish(""),
        ChannelWish("#\n "),
        ChannelWish("x" * 61),
        ChannelWish("Parties", audience=Audience.PARTIES),
        ChannelWish("Unknown", audience=Audience.PARTIES, party_ids=frozenset({uuid.uuid4()})),
        ChannelWish("People", audience=Audience.PEOPLE),
        ChannelWish("Unknown", audience=Audience.PEOPLE, user_ids=frozenset({uuid.uuid4()})),
    ],
)
def test_a_senseless_channel_is_refused(world: World, wish: ChannelWish) -> None:
    with pytest.raises(Invalid):
        channels.open_channel(world["fr_leader"], world.workspace, wish)


def test_two_at_once_open_one_channel_of_a_name(app: Flask, world: World) -> None:
    ids, outcomes = [world[name].id for name in ("fr_leader", "nl_leader")], []
    together = threading.Barrier(len(ids))

    def open_one(user_id: uuid.UUID) -> None:
        with app.test_request_context():
            person = session().get(User, user_id)
            assert person is not None
            workspace = policy.fetch(person, Workspace, world.workspace.id)
            together.wait()
            try:
                channels.open_channel(person, workspace, ChannelWish("Arrests"))
                outcomes.append("open")
            except Invalid as refusal:
                outcomes.append(refusal.reason)
            session.remove()

    for round in range(5):
        threads = [threading.Thread(target=open_one, args=[id]) for id in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes.count("open") == 1, round
    assert set(outcomes) == {"open", "There is a channel of this name already."}
    assert [channel_name(line.channel) for line in reading.channels(world["fr_member"], world.workspace)] == ["Arrests"]


def test_people_of_another_jit_cannot_be_put_into_a_channel(world: World) -> None:
    other = factories.world("Kestrel", ("ro",))
    for wish in (
        ChannelWish("A", audience=Audience.PEOPLE, user_ids=frozenset({other["ro_leader"].id})),
        ChannelWish("B", audience=Audience.PARTIES, party_ids=frozenset({other.parties["ro"].id})),
    ):
        with pytest.raises(Invalid, match="not in this joint investigation team"):
            channels.open_channel(world["fr_leader"], world.workspace, wish)


def test_only_investigators_open_channels_and_only_under_an_agreement(world: World) -> None:
    with pytest.raises(NotAllowed):
        channels.open_channel(world["eu_participant"], world.workspace, ChannelWish("Mine"))
    factories.end_agreement(world)
    with pytest.raises(NotAllowed):
        channels.open_channel(world["fr_leader"], world.workspace, ChannelWish("Late"))


# Changing


def test_an_edit_keeps_what_was_said_for_its_author(world: World, channel: Channel) -> None:
    message = say(world, "fr_leader", channel, "First")
    edited = service.edit(world["fr_leader"], message, "Second", 1)
    assert (edited.text, edited.edition) == ("Second", 2)
    assert edited.edited_at
    assert [kept.text for kept in reading.editions(edited)] == ["First"]
    assert policy.may(world["fr_leader"], May.READ, edited)
    assert not policy.may(world["fr_member"], May.READ, edited)


def test_the_same_text_again_is_no_edit(world: World, channel: Channel) -> None:
    message = say(world, "fr_leader", channel, "Same")
    assert service.edit(world["fr_leader"], message, " Same ", 1).edition == 1
    assert ledger(world, "message.edited") == []


def test_an_edit_of_an_older_edition_is_refused(world: World, channel: Channel) -> None:
    message = say(world, "fr_leader", channel, "First")
    service.edit(world["fr_leader"], message, "Second", 1)
    with pytest.raises(Refused, match="meanwhile"):
        service.edit(world["fr_leader"], message, "Third", 1)


def test_nobody_changes_what_another_said(world: World, channel: Channel) -> None:
    message = say(world, "fr_leader", channel, "Mine")
    for name in ("fr_member", "nl_leader"):
        with pytest.raises(NotAllowed):
            service.edit(world[name], message, "Yours", 1)
        with pytest.raises(NotAllowed):
            service.withdraw(world[name], message)


def test_what_is_withdrawn_is_gone_from_every_reader(world: World, channel: Channel) -> None:
    message = say(world, "fr_leader", channel, "A slip of the tongue")
    service.withdraw(world["fr_leader"], message)
    service.withdraw(world["fr_leader"], message)
    assert "slip" not in seen_by(world, "nl_member", message)
    assert [kept.text for kept in reading.editions(message)] == ["A slip of the tongue"]
    assert len(ledger(world, "message.withdrawn")) == 1
    with pytest.raises(Refused, match="withdrawn"):
        service.edit(world["fr_leader"], message, "Back", 2)


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
    message = say(world, "fr_member", channel, f"See #{exhibit.reference} @Nl_Leader")
    pointed = references.of_messages([message])[message.id]
    hearers = {id: ("en", "UTC") for id, _ in references.hearers(channel)}
    kinds = showing.kinds_of_readers(message, pointed, hearers)
    assert sorted(id for people in kinds.values() for id in people) == sorted(hearers)
    names = {person.id: name for name, person in world.people.items()}
    for kind, people in kinds.items():
        sights = showing.sights_at(pointed, kind.levels)
        for user_id in people:
            html = str(showing.text_as_seen(message.text, pointed, sights))
            assert html == seen_by(world, names[user_id], message)


def test_one_cites_only_what_one_sees(world: World, channel: Channel) -> None:
    hidden = factories.exhibit(world, "fr", "Not for them")
    message = say(world, "nl_member", channel, f"Guessing #{hidden.reference} and #FR-999999999")
    assert references.of_messages([message])[message.id] == []
    other = factories.world("Kestrel", ("fr",), {"fr": world.providers["fr"]})
    elsewhere = factories.exhibit(other, "fr", "Elsewhere")
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


# Markup


@pytest.mark.parametrize(
    "typed",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://example.org/track.png)",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&colon;alert(1))",
        "[x](data:text/html,<script>1</script>)",
        "[x](/sign-out)",
        "[x](//example.org)",
        "[x](http://example.org)",
        "<javascript:alert(1)>",
        '[x](https://example.org "onmouseover=alert(1)")',
        "<svg/onload=alert(1)>",
        "[x]: javascript:alert(1)\n\n[x]",
        '<a href="https://example.org" onclick="x()">x</a>',
        "&lt;script&gt;",
        "\\<b onclick=1>",
    ],
)
def test_hostile_markup_is_text(typed: str) -> None:
    html = str(render(typed))
    tags = {piece.split(">")[0].split()[0].strip("/") for piece in html.split("<")[1:]}
    assert tags <= {"p", "a", "br"}
    for link in html.split("<a ")[1:]:
        assert link.startswith(('href="https://example.org" rel=', 'href="https://example.org/'))
        assert "title" not in link.split(">")[0]
        assert "onclick" not in link.split(">")[0]


def test_plain_marks_work_and_headings_do_not() -> None:
    assert "<strong>b</strong>" in render("**b**")
    assert "<li>one</li>" in render("- one")
    assert "<h1" not in render("# Title")
    assert '<a href="https://example.org/a" rel="noopener noreferrer nofollow">' in render("see https://example.org/a.")
    assert '<a href="mailto:a@b.example"' in render("<a@b.example>")
    assert "one<br>" in render("one\ntwo")


def test_a_hidden_word_is_hidden_everywhere() -> None:
    pointers = {"#FR-0012": Pointer("hidden", is_unseen=True), "FR-0012": Pointer("hidden", is_unseen=True)}
    places = "#FR-0012 fr-0012 `#FR-0012` [#FR-0012](https://example.org/FR-0012) https://example.org/#FR-0012"
    assert "0012" not in render(f"{places}\n\n    #FR-0012", pointers)


def test_ten_thousand_brackets_are_rendered_at_once() -> None:
    assert render("[" * LONGEST).count("[") == LONGEST


# Pages


def token_in(page: str) -> str:
    return page.split('name="csrf-token" content="')[1].split('"')[0]


def test_a_channel_works_without_javascript(browse: Browse, world: World, channel: Channel) -> None:
    client = browse(world["fr_leader"])
    page = client.get(f"/channels/{channel.id}").text
    token = str(uuid.uuid4())
    sent = {"csrf_token": token_in(page), "token": token, "text": "By form <b>&"}
    answer = client.post(f"/channels/{channel.id}/messages", data=sent)
    assert (answer.status_code, answer.location) == (303, f"/channels/{channel.id}#message-1")
    assert client.post(f"/channels/{channel.id}/messages", data=sent).status_code == 303
    page = browse(world["nl_member"]).get(f"/channels/{channel.id}").text
    assert page.count("By form &lt;b&gt;&amp;") == 1
    (message,) = reading.newest(world["fr_leader"], channel)
    edit = {"csrf_token": sent["csrf_token"], "text": "Otherwise", "edition": "1"}
    assert client.post(f"/messages/{message.id}/edit", data=edit).status_code == 303
    stale = client.post(f"/messages/{message.id}/edit", data=edit | {"text": "Stale"})
    assert stale.status_code == 422
    assert "Stale" in stale.text
    history = client.get(f"/messages/{message.id}/edit").text
    assert "By form" in history
    assert client.post(f"/messages/{message.id}/withdraw", data=edit).status_code == 303
    page = browse(world["nl_member"]).get(f"/channels/{channel.id}").text
    assert "Withdrawn by its author." in page
    assert "Otherwise" not in page


@pytest.mark.parametrize("sent", [{}, {"text": "", "edition": "1"}, {"text": "Mine", "edition": "x"}, {"text": "Mine"}])
def test_what_was_said_before_is_for_its_author_alone(
    browse: Browse, world: World, channel: Channel, sent: dict[str, str]
) -> None:
    edited, withdrawn = (say(world, "fr_leader", channel, f"The raid is on {day}") for day in ("Friday", "Sunday"))
    edited = service.edit(world["fr_leader"], edited, "Never mind", 1)
    withdrawn = service.withdraw(world["fr_leader"], withdrawn)
    for name in ("fr_member", "nl_leader"):
        client = browse(world[name])
        token = token_in(client.get(f"/channels/{channel.id}").text)
        for message in (edited, withdrawn):
            answer = client.post(f"/messages/{message.id}/edit", data={"csrf_token": token, **sent})
            assert answer.status_code == 403
            assert "The raid" not in answer.text
            assert client.get(f"/messages/{message.id}/edit").status_code == 403
            with pytest.raises(NotAllowed):
                showing.history_of(world[name], message)
    author = browse(world["fr_leader"])
    token = token_in(author.get(f"/channels/{channel.id}").text)
    answer = author.post(f"/messages/{edited.id}/edit", data={"csrf_token": token, **sent})
    assert answer.status_code == 422
    assert "The raid is on Friday" in answer.text


def test_a_refused_message_stays_in_the_form(browse: Browse, world: World, channel: Channel) -> None:
    client = browse(world["fr_leader"])
    token = token_in(client.get(f"/channels/{channel.id}").text)
    text = "long " * 2001
    answer = client.post(
        f"/channels/{channel.id}/messages", data={"csrf_token": token, "token": str(uuid.uuid4()), "text": text}
    )
    assert answer.status_code == 422
    assert text.strip() in answer.text
    assert "10,000" in answer.text


def test_pages_of_others_are_missing(browse: Browse, world: World) -> None:
    wish = ChannelWish("Hidden", audience=Audience.PEOPLE, user_ids=frozenset({world["nl_leader"].id}))
    hidden = channels.open_channel(world["fr_leader"], world.workspace, wish)
    message = say(world, "fr_leader", hidden, "Secret")
    stranger = factories.world("Kestrel", ("ro",))["ro_leader"]
    for person in (world["fr_member"], world["eu_participant"], stranger):
        client = browse(person)
        for address in (
            f"/channels/{hidden.id}",
            f"/channels/{hidden.id}/messages",
            f"/channels/{hidden.id}/suggestions?q=@",
            f"/messages/{message.id}",
            f"/messages/{message.id}/edit",
            f"/messages/{message.id}/source",
        ):
            answer = client.get(address)
            assert answer.status_code == 404, address
            assert "Secret" not in answer.text
    lists = browse(world["fr_member"]).get(f"/workspaces/{world.workspace.id}/chat").text
    assert "Hidden" not in lists
    assert browse(stranger).get(f"/workspaces/{world.workspace.id}/chat").status_code == 404


def test_only_the_author_reads_the_source_and_history(browse: Browse, world: World, channel: Channel) -> None:
    message = say(world, "fr_leader", channel, "Mine")
    assert browse(world["fr_leader"]).get(f"/messages/{message.id}/source").json == {"text": "Mine", "edition": 1}
    for part in ("source", "edit"):
        assert browse(world["nl_leader"]).get(f"/messages/{message.id}/{part}").status_code == 403


def test_suggestions_are_people_who_hear_and_exhibits_one_sees(browse: Browse, world: World) -> None:
    wish = ChannelWish("Two", audience=Audience.PEOPLE, user_ids=frozenset({world["nl_leader"].id}))
    opened = channels.open_channel(world["fr_leader"], world.workspace, wish)
    exhibit = factories.exhibit(world, "fr", "Carrier ledger")
    french, dutch = browse(world["fr_leader"]), browse(world["nl_leader"])
    people = french.get(f"/channels/{opened.id}/suggestions?q=@l").text
    assert "@Nl_Leader" in people
    assert "Fr_Member" not in people
    assert exhibit.reference in french.get(f"/channels/{opened.id}/suggestions?q=%23carrier").text
    assert exhibit.reference not in dutch.get(f"/channels/{opened.id}/suggestions?q=%23").text


def test_a_channel_is_opened_by_form(browse: Browse, world: World) -> None:
    client = browse(world["fr_leader"])
    address = f"/workspaces/{world.workspace.id}/channels"
    page = client.get(f"{address}/new").text
    typed = {"csrf_token": token_in(page), "name": "Case strategy", "audience": "parties", "purpose": ""}
    refused = client.post(address, data=typed)
    assert refused.status_code == 422
    assert "Choose the parties" in refused.text
    answer = client.post(address, data=typed | {"party_ids": str(world.parties["nl"].id)})
    assert answer.status_code == 303
    assert "Case strategy" in browse(world["nl_member"]).get(answer.location).text
    assert browse(world["eu_participant"]).get(f"{address}/new").status_code == 403


def test_an_empty_workspace_teaches(browse: Browse, world: World) -> None:
    page = browse(world["fr_leader"]).get(f"/workspaces/{world.workspace.id}/chat").text
    assert "Open a channel" in page
