"""What a person reads: her channels with what is new in them, and their messages, page by page."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select

from jit_portal import policy
from jit_portal.database import session
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.messages.models import Channel, Message, MessageEdition, ReadMark
from jit_portal.workspaces.models import Workspace

PAGE = 50
FEW = 8


@dataclass(frozen=True)
class ChannelLine:
    """A channel in her list, and how many messages in it she has not read."""

    channel: Channel
    unread: int


def channels(person: User, workspace: Workspace) -> list[ChannelLine]:
    """The channels she hears: the one that the workspace opened with, then by name."""
    heard = policy.which(person, Channel).where(Channel.workspace_id == workspace.id)
    heard = heard.outerjoin(ReadMark, (ReadMark.channel_id == Channel.id) & (ReadMark.user_id == person.id))
    unread = Channel.message_count - func.coalesce(ReadMark.number, 0)
    rows = session().execute(heard.add_columns(unread).order_by(func.lower(Channel.own_name).nulls_first(), Channel.id))
    return [ChannelLine(channel, int(behind)) for channel, behind in rows.unique()]


def first_choice(lines: list[ChannelLine]) -> Channel | None:
    """The channel to show when none was asked for: where something was said last, those with news first."""
    ordered = sorted(lines, key=lambda line: (line.unread > 0, line.channel.last_message_at or line.channel.created_at))
    return ordered[-1].channel if ordered else None


def newest(person: User, channel: Channel, before: int | None = None) -> list[Message]:
    """A page of messages, oldest first: the newest, or those before a number."""
    said = policy.which(person, Message).where(Message.channel_id == channel.id)
    if before is not None:
        said = said.where(Message.number < before)
    return list(session().scalars(said.order_by(Message.number.desc()).limit(PAGE)).unique())[::-1]


def since(person: User, channel: Channel, after: int, first: int | None = None) -> list[Message]:
    """A page of what was said after a number, oldest first, and what was changed from ``first`` up to it."""
    said = policy.which(person, Message).where(Message.channel_id == channel.id)
    later = list(session().scalars(said.where(Message.number > after).order_by(Message.number).limit(PAGE)).unique())
    if first is None:
        return later
    changed = said.where(Message.number.between(first, after), Message.edition > 1).order_by(Message.number)
    return [*session().scalars(changed).unique(), *later]


def these(person: User, channel: Channel, numbers: Iterable[int]) -> list[Message]:
    """The messages with these numbers, oldest first; at most a page."""
    said = policy.which(person, Message).where(Message.channel_id == channel.id, Message.number.in_(numbers))
    return list(session().scalars(said.order_by(Message.number).limit(PAGE)).unique())


def read_mark(person: User, channel: Channel) -> int:
    """The number of the last message she has read in this channel."""
    mark = select(ReadMark.number).where(ReadMark.channel_id == channel.id, ReadMark.user_id == person.id)
    return session().scalar(mark) or 0


def people_like(channel: Channel, typed: str) -> list[User]:
    """Those who hear the channel and whose name contains what was typed, a few of them by name."""
    heard = policy.who(channel).where(policy.person.person.name.icontains(typed, autoescape=True))
    return list(session().scalars(heard.order_by(policy.person.person.name).limit(FEW)).unique())


def exhibits_like(person: User, channel: Channel, typed: str) -> list[Exhibit]:
    """The exhibits of the channel's workspace that she sees and whose reference or title contains it, newest first."""
    seen = policy.which(person, Exhibit).where(
        Exhibit.workspace_id == channel.workspace_id,
        Exhibit.reference.icontains(typed, autoescape=True) | Exhibit.title.icontains(typed, autoescape=True),
    )
    return list(session().scalars(seen.order_by(Exhibit.created_at.desc()).limit(FEW)).unique())


def editions(message: Message) -> list[MessageEdition]:
    """What the message said before, oldest first; the caller has required ``READ``."""
    kept = select(MessageEdition).where(MessageEdition.message_id == message.id).order_by(MessageEdition.edition)
    return list(session().scalars(kept))
