"""The verbs of chat: post, edit, withdraw, and how far one has read. The record holds acts and hashes, never a text."""

import hashlib
import uuid

from psycopg.errors import UniqueViolation
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import Thing, session, transaction
from jit_portal.errors import NotAllowed, Refused
from jit_portal.identity.models import User
from jit_portal.messages import references, saying
from jit_portal.messages import text as texts
from jit_portal.messages.models import Channel, Message, MessageEdition, MessageReference, ReadMark
from jit_portal.notices import service as notices
from jit_portal.policy.person import me
from jit_portal.vocabulary import May, NoticeKind
from jit_portal.wording import gettext
from jit_portal.workspaces import seats

WRITES = "channel.writes"
"""Announced, and on no record: that somebody is writing passes."""

_ONCE = "uq_message_channel_id_author_id_token"


def post(actor: User, channel: Channel, text: str, token: uuid.UUID) -> Message:
    """Say ``text`` in the channel. The same ``token`` again says nothing: it answers what was said the first time."""
    return post_in(actor, channel.id, text, token)


def post_in(actor: User, channel_id: uuid.UUID, text: str, token: uuid.UUID) -> Message:
    """As ``post``, where only the channel's id is known: finding it and asking whether she may is one question."""
    channel, party_id = _place(actor, channel_id)
    message = Message(
        id=uuid.uuid4(),
        channel_id=channel.id,
        channel=channel,
        author_id=actor.id,
        author=actor,
        party_id=party_id,
        text=texts.clean(text),
        token=token,
        edition=1,
    )
    found = references.resolve(actor, channel, message)
    try:
        with transaction():
            saying.say(message)
            # Whoever spoke before may have been waited for, and the right to speak have ended meanwhile.
            _require(actor, May.POST, channel)
            _refer(actor, message, found, told=set())
            digest = _digest(message.text)
            audit.record(actor, "message.posted", message, channel=channel.id, sha256=digest)
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation) or error.orig.diag.constraint_name != _ONCE:
            raise
        return _said_with(actor, channel, token)
    return message


def edit(actor: User, message: Message, text: str, edition: int) -> Message:
    """Say it otherwise; what it said before is kept for its author. ``edition`` is the one that was edited."""
    text = texts.clean(text)
    with transaction():
        message = policy.fetch(actor, Message, message.id, lock=True)
        _require(actor, May.EDIT, message)
        _refuse_stale(message, edition)
        if text == message.text:
            return message
        told = _mentioned(message)
        _keep(message)
        message.text, message.edited_at = text, seats.now()
        _refer(actor, message, references.resolve(actor, message.channel, message), told)
        audit.record(actor, "message.edited", message, edition=message.edition, sha256=_digest(text))
    return message


def withdraw(actor: User, message: Message) -> Message:
    """Take back what was said: its words are shown to nobody from now on, and kept for its author."""
    with transaction():
        message = policy.locked(actor, May.WITHDRAW, message)
        if message.withdrawn_at is not None:
            return message
        _keep(message)
        message.text, message.withdrawn_at = "", seats.now()
        audit.record(actor, "message.withdrawn", message, edition=message.edition)
    return message


def tell_of_writing(actor: User, channel: Channel) -> None:
    """Let the others who hear the channel know that she is writing; nothing of it is kept."""
    policy.require(actor, May.POST, channel)
    with transaction():
        audit.announce(policy.noun(Channel), channel.id, WRITES, [actor.id])


def read_until(actor: User, channel: Channel, number: int) -> int:
    """Remember how far she has read the channel, and what told her of it; never backwards. Answers how far that is.

    Not on record: a mark changes nothing for anybody else, and nobody else sees it.
    """
    policy.require(actor, May.SEE, channel)
    with transaction():
        said = select(Channel.message_count).where(Channel.id == channel.id).execution_options(policy=True)
        mark = insert(ReadMark).values(
            channel_id=channel.id, user_id=actor.id, number=min(number, session().scalar(said) or 0)
        )
        mark = mark.on_conflict_do_update(
            index_elements=["channel_id", "user_id"],
            set_={"number": func.greatest(ReadMark.number, mark.excluded.number)},
        )
        until = int(session().execute(mark.returning(ReadMark.number)).scalar_one())
        read = policy.which(actor, Message).where(Message.channel_id == channel.id, Message.number <= until)
        notices.read_about(actor, Message, read.with_only_columns(Message.id).correlate(None))
        return until


def _place(actor: User, channel_id: uuid.UUID) -> tuple[Channel, uuid.UUID]:
    """The channel, and the party for which she may post there."""
    asked = policy.which(actor, Channel, May.POST).where(Channel.id == channel_id).add_columns(me.party_id)
    row = session().execute(asked).first()
    if row is None:
        channel = policy.fetch(actor, Channel, channel_id)
        _require(actor, May.POST, channel)
        raise NotAllowed(may=May.POST, noun="channel", object_id=channel_id, thing=channel)
    return row[0], row[1]


def _require(actor: User, may: May, thing: Thing) -> None:
    """As ``policy.require``, but a refusal for want of an agreement in force says so."""
    try:
        policy.require(actor, may, thing)
    except NotAllowed as refusal:
        unmet = {condition.name for condition in policy.explain(actor, may, thing) if not condition.holds}
        if unmet != {"agreement_in_force"}:
            raise
        reason = gettext(
            "No agreement is in force, so nothing new is said here. What was said can be read, and withdrawn."
        )
        raise NotAllowed(reason, may=may, noun=refusal.noun, object_id=thing.id, thing=thing) from refusal


def _said_with(actor: User, channel: Channel, token: uuid.UUID) -> Message:
    said = policy.which(actor, Message).where(
        Message.channel_id == channel.id, Message.author_id == actor.id, Message.token == token
    )
    return session().scalars(said).one()


def _refuse_stale(message: Message, edition: int) -> None:
    if message.withdrawn_at is not None:
        raise Refused(gettext("This message has been withdrawn."))
    if message.edition != edition:
        raise Refused(gettext("You changed this message elsewhere meanwhile. Look at it again, then edit."))


def _keep(message: Message) -> None:
    """Put what the message says now into its history, and count its next edition."""
    written_at = message.edited_at or message.created_at
    kept = MessageEdition(message_id=message.id, edition=message.edition, text=message.text, written_at=written_at)
    session().add(kept)
    message.edition += 1


def _refer(actor: User, message: Message, found: list[MessageReference], told: set[uuid.UUID]) -> None:
    """Keep what the words point at, and tell the people mentioned who were not ``told`` before."""
    session().add_all(found)
    people = {reference.object_id for reference in found if reference.noun == references.MENTION}
    if people - told:
        notices.tell(NoticeKind.MENTIONED, message, people - told, actor)


def _mentioned(message: Message) -> set[uuid.UUID]:
    kept = select(MessageReference.object_id).where(
        MessageReference.message_id == message.id, MessageReference.noun == references.MENTION
    )
    return set(session().scalars(kept))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
