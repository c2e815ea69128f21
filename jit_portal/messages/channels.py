"""The verb that opens a channel, and who may be in one."""

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from jit_portal import policy, typed
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.messages.models import Channel, ChannelParty, ChannelPerson
from jit_portal.messages.words import channel_name
from jit_portal.policy.person import live
from jit_portal.vocabulary import Audience, May, Role
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Membership, Workspace
from jit_portal.workspaces.own import own_membership

_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
NEVER_IN_CHANNELS = (Role.SECRETARIAT, Role.AUDITOR)


@dataclass(frozen=True)
class ChannelWish:
    """A channel somebody wants: chosen parties and people count only for the audience that names them."""

    name: str
    purpose: str = ""
    audience: Audience = Audience.EVERYONE
    party_ids: frozenset[uuid.UUID] = field(default_factory=frozenset)
    user_ids: frozenset[uuid.UUID] = field(default_factory=frozenset)


def open_channel(actor: User, workspace: Workspace, wish: ChannelWish) -> Channel:
    """Open a channel for everyone, for parties, or for named people; whoever opens it is always in it."""
    with transaction():
        # Holding the workspace's row: two who open a channel of one name come one after the other.
        workspace = policy.locked(actor, May.OPEN_CHANNEL, workspace)
        name = _name(actor, workspace, wish.name)
        parties = _parties(actor, workspace, wish.party_ids) if wish.audience == Audience.PARTIES else set()
        people = _people(actor, workspace, wish.user_ids) if wish.audience == Audience.PEOPLE else set()
        channel = Channel(
            workspace_id=workspace.id,
            own_name=name,
            purpose=_BLANKS.sub(" ", wish.purpose).strip()[:300],
            audience=wish.audience,
            message_count=0,
            created_by_id=actor.id,
        )
        session().add(channel)
        session().flush()
        session().add_all(ChannelParty(channel_id=channel.id, party_id=id) for id in parties)
        session().add_all(ChannelPerson(channel_id=channel.id, user_id=id) for id in people)
        audit.record(
            actor, "channel.opened", channel, audience=wish.audience, parties=sorted(parties), people=len(people)
        )
    return channel


def possible_parties(actor: User, workspace: Workspace) -> list[Party]:
    """The parties a channel can be opened for."""
    live_now = policy.which(actor, Party).where(
        Party.jit_id == workspace.jit_id, live(Party.live_from, Party.live_until)
    )
    return list(session().scalars(live_now.order_by(Party.name)).unique())


def possible_people(actor: User, workspace: Workspace) -> list[Membership]:
    """The live members a channel can be opened for, besides the one who opens it."""
    members = policy.which(actor, Membership).where(
        Membership.workspace_id == workspace.id,
        Membership.user_id != actor.id,
        Membership.role.not_in(NEVER_IN_CHANNELS),
        live(Membership.live_from, Membership.live_until),
    )
    found = session().scalars(members).unique()
    return sorted(found, key=lambda member: (member.party.name, member.user.name))


def _name(actor: User, workspace: Workspace, wished: str) -> str:
    """The name; refused when it is not one line, or when she already hears a channel of that name."""
    name = " ".join(typed.line(wished.strip(), "name").split()).lstrip("#").strip()
    if not typed.shows(name) or len(name) > 60:
        raise Invalid(gettext("A channel's name has 1 to 60 characters."), field="name")
    heard = policy.which(actor, Channel).where(Channel.workspace_id == workspace.id)
    if name.casefold() in {channel_name(known).casefold() for known in session().scalars(heard)}:
        raise Invalid(gettext("There is a channel of this name already."), field="name")
    return name


def _parties(actor: User, workspace: Workspace, wished: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    known = {party.id for party in possible_parties(actor, workspace)}
    _refuse_unknown(set(wished) - known, "party_ids")
    if not wished:
        raise Invalid(gettext("Choose the parties that this channel is for."), field="party_ids")
    return set(wished) | {own_membership(actor, workspace.id).party_id}


def _people(actor: User, workspace: Workspace, wished: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    known = {member.user_id for member in possible_people(actor, workspace)}
    _refuse_unknown(set(wished) - known - {actor.id}, "user_ids")
    if not set(wished) - {actor.id}:
        raise Invalid(gettext("Choose the people that this channel is for."), field="user_ids")
    return {*wished, actor.id}


def _refuse_unknown(unknown: set[uuid.UUID], field: str) -> None:
    if unknown:
        raise Invalid(gettext("Someone you chose is not in this joint investigation team now."), field=field)
