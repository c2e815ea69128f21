"""Chat: what is said, and changed or withdrawn by whom, and what stays on record."""

import hashlib
import json
import threading
import uuid

import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.errors import Invalid, NotAllowed, Refused
from jit_portal.identity.models import User
from jit_portal.messages import reading, service
from jit_portal.messages.models import Channel, Message
from jit_portal.messages.text import LONGEST, clean
from jit_portal.vocabulary import May
from tests.chat import channel, ledger, say, seen_by, world
from tests.factories import World

FIXTURES = (channel, world)
"""They are asked for by name."""


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
