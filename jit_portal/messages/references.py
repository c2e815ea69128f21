"""What the words of a message stand for: found once for its author, shown to each reader as the rules allow."""

import uuid

from sqlalchemy import String, cast, func, or_, select

from jit_portal import policy
from jit_portal.database import session
from jit_portal.errors import Invalid
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.messages import text as texts
from jit_portal.messages.models import Channel, Message, MessageReference
from jit_portal.policy.person import person
from jit_portal.tasks.models import Board, Task
from jit_portal.wording import gettext

MENTION, EXHIBIT, TASK = "user", "exhibit", "task"


def resolve(author: User, channel: Channel, message: Message) -> list[MessageReference]:
    """What the words of this message point at: exhibits and tasks that its author sees, people who hear the channel.

    A word that points at nothing its author may see stays a word, whether the thing exists or not; what the message
    cited before it was edited stays cited, though its author may have lost sight of it. Invalid above
    ``MOST_REFERENCES``: what is not kept as cited would be shown to everybody.
    """
    cited = [
        *_exhibits(author, channel, texts.hashed_words(message.text)),
        *_tasks(author, channel, texts.keyed_words(message.text)),
    ]
    if len(cited) > texts.MOST_REFERENCES:
        counted = {"most": texts.MOST_REFERENCES, "has": len(cited)}
        raise Invalid(
            gettext("A message cites at most %(most)s things; this one cites %(has)s.", **counted), field="text"
        )
    found = [*cited, *_cited_before(message, {word for _, word, _ in cited}), *_people(channel, message.text)]
    return [
        MessageReference(message_id=message.id, edition=message.edition, word=word, object_id=id, noun=noun)
        for noun, word, id in found
    ]


def hearers(channel: Channel) -> list[tuple[uuid.UUID, str]]:
    """Id and name of everybody who hears the channel."""
    heard = policy.who(channel).with_only_columns(person.id, person.name).order_by(person.name)
    return [(row.id, row.name) for row in session().execute(heard)]


def _exhibits(author: User, channel: Channel, words: list[str]) -> list[tuple[str, str, uuid.UUID]]:
    if not words:
        return []
    seen = policy.which(author, Exhibit).where(
        Exhibit.workspace_id == channel.workspace_id, func.upper(Exhibit.reference).in_(words)
    )
    rows = session().execute(seen.with_only_columns(Exhibit.id, Exhibit.reference))
    return [(EXHIBIT, f"#{reference}", id) for id, reference in rows]


def _tasks(author: User, channel: Channel, words: list[str]) -> list[tuple[str, str, uuid.UUID]]:
    if not words:
        return []
    key = Board.prefix + "-" + cast(Task.number, String)
    numbers = [int(word.rpartition("-")[2]) for word in words]
    seen = policy.which(author, Task).where(
        Board.workspace_id == channel.workspace_id, Task.number.in_(numbers), key.in_(words)
    )
    return [(TASK, word, id) for id, word in session().execute(seen.with_only_columns(Task.id, key))]


def _cited_before(message: Message, known: set[str]) -> list[tuple[str, str, uuid.UUID]]:
    """What earlier editions cited by words that still stand in the text and are not ``known`` to point elsewhere."""
    if message.edition == 1:
        return []
    kept = select(MessageReference.noun, MessageReference.word, MessageReference.object_id).where(
        MessageReference.message_id == message.id, MessageReference.noun != MENTION
    )
    words = {word.removeprefix("#") for word in known}
    return [
        (noun, word, id)
        for noun, word, id in session().execute(kept.distinct())
        if word.removeprefix("#") not in words and texts.place_of(word, message.text) is not None
    ]


def _people(channel: Channel, text: str) -> list[tuple[str, str, uuid.UUID]]:
    if "@" not in text:
        return []
    people = hearers(channel)
    named = texts.mentioned(text, (name for _, name in people))
    return [(MENTION, f"@{name}", id) for id, name in people if name in named][: texts.MOST_REFERENCES]


def of_messages(messages: list[Message]) -> dict[uuid.UUID, list[MessageReference]]:
    """What the words of these messages, as they stand now, point at."""
    # What an edited message cited before, it cites by any form of the word.
    may_point = [each for each in messages if each.edition > 1 or texts.may_point(each.text)]
    pairs = [(message.id, message.edition) for message in may_point]
    made: dict[uuid.UUID, list[MessageReference]] = {message.id: [] for message in messages}
    if pairs:
        is_now = or_(
            *((MessageReference.message_id == id) & (MessageReference.edition == edition) for id, edition in pairs)
        )
        for reference in session().scalars(select(MessageReference).where(is_now).order_by(MessageReference.word)):
            made[reference.message_id].append(reference)
    return made


def of_editions(message: Message) -> dict[int, list[MessageReference]]:
    """What the words of each edition of this message point at."""
    made: dict[int, list[MessageReference]] = {}
    for reference in session().scalars(select(MessageReference).where(MessageReference.message_id == message.id)):
        made.setdefault(reference.edition, []).append(reference)
    return made
