"""Channels, what is said in them, and how far each person has read."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from jit_portal.database import Created, Model, Thing, words
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.vocabulary import Audience
from jit_portal.workspaces.models import Workspace


class Channel(Thing):
    """A place to talk, for everyone in the workspace, for chosen parties, or for named people.

    The one that a workspace opens with has no name of its own: every reader finds it in her language.
    Names are not unique in the database: a name that is taken would tell of a channel that is not shown.
    """

    __tablename__ = "channel"
    __table_args__ = (sa.Index("ix_channel_workspace_id", "workspace_id"),)
    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspace.id"))
    own_name: Mapped[str | None] = mapped_column("name", sa.String(60))
    purpose: Mapped[str] = mapped_column(default="")
    audience: Mapped[Audience] = mapped_column(words(Audience))
    message_count: Mapped[int] = mapped_column(default=0)
    last_message_at: Mapped[dt.datetime | None]
    created_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[Created]
    workspace: Mapped[Workspace] = relationship(lazy="joined", innerjoin=True)


class ChannelParty(Model):
    __tablename__ = "channel_party"
    channel_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    party_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("party.id"), primary_key=True)


class ChannelPerson(Model):
    __tablename__ = "channel_person"
    channel_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"), primary_key=True)


class Message(Thing):
    """One thing said. ``number`` counts up within its channel without gaps; ``text`` is empty once it is withdrawn.

    ``token`` is its author's own, so that sending twice says it once.
    """

    __tablename__ = "message"
    __table_args__ = (
        sa.UniqueConstraint("channel_id", "number"),
        sa.UniqueConstraint("channel_id", "author_id", "token"),
        sa.CheckConstraint("char_length(text) <= 10000", name="length"),
    )
    channel_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("channel.id"))
    number: Mapped[int]
    author_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    party_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("party.id"))
    text: Mapped[str]
    token: Mapped[uuid.UUID]
    edition: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[Created]
    edited_at: Mapped[dt.datetime | None]
    withdrawn_at: Mapped[dt.datetime | None]
    author: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    party: Mapped[Party] = relationship(lazy="select")
    channel: Mapped[Channel] = relationship(lazy="select")

    @property
    def workspace_id(self) -> uuid.UUID:
        return self.channel.workspace_id


class MessageEdition(Model):
    """What a message said before it was edited or withdrawn."""

    __tablename__ = "message_edition"
    message_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("message.id"), primary_key=True)
    edition: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    written_at: Mapped[dt.datetime]


class MessageReference(Model):
    """What a word in one edition of a message stands for: a person mentioned, or an exhibit or task cited.

    ``word`` stands in the text as it is here, but for case; ``noun`` is ``user``, ``exhibit`` or ``task``.
    """

    __tablename__ = "message_reference"
    message_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("message.id"), primary_key=True)
    edition: Mapped[int] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(primary_key=True)
    object_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    noun: Mapped[str] = mapped_column(sa.String(12))


class ReadMark(Model):
    """How far a person has read a channel."""

    __tablename__ = "read_mark"
    channel_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"), primary_key=True)
    number: Mapped[int] = mapped_column(default=0)
