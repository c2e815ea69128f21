"""What is on record is what is pushed: after commit, without content, to those who may see the thing.

Every process announces its committed acts on the database's notification channel; each web process listens and tells
the
people who have a page open on it. A noun may carry more than its id (chat, card moves): its package registers how.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jit_portal import policy
from jit_portal.custody.models import CustodyEvent
from jit_portal.database import Thing, session
from jit_portal.errors import NotFound
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.extensions import socketio
from jit_portal.messages.models import Channel, Message
from jit_portal.policy import Work
from jit_portal.tasks.models import Board, Task
from jit_portal.vocabulary import May
from jit_portal.workspaces.models import Membership, Workspace

log = logging.getLogger(__name__)

PUSHED: dict[str, type[Thing]] = {
    policy.noun(model): model
    for model in (Exhibit, Release, CustodyEvent, CountryRule, Channel, Message, Board, Task, Membership, Workspace)
}
connected: Counter[uuid.UUID] = Counter()
"""How many sockets each person has open on this process."""
readers: dict[uuid.UUID, tuple[str, str]] = {}
"""Language and time zone of each of them, as they were when a socket was last opened; every page opens its own."""


@dataclass(frozen=True)
class Said:
    """One committed act: what kind of thing, which, what was done, and who else is to hear of it."""

    noun: str
    id: uuid.UUID
    act: str
    also: frozenset[uuid.UUID]


Carrier = Callable[[Any, Said, list[uuid.UUID]], None]
CARRIERS: dict[str, Carrier] = {}


def carry(noun: str) -> Callable[[Carrier], Carrier]:
    """Register how things of this noun are pushed with more than their id; it gets the thing and who hears."""

    def register(carrier: Carrier) -> Carrier:
        CARRIERS[noun] = carrier
        return carrier

    return register


def deliver(said: Said) -> None:
    """Tell everyone connected here who may see the thing now, and those named in ``also``."""
    thing = _thing(said)
    hearers = _audience(thing)
    to_all = hearers | (said.also & set(connected))
    if said.noun in CARRIERS and hearers:
        CARRIERS[said.noun](thing, said, sorted(hearers))
    tell(to_all, "changed", {"noun": said.noun, "id": str(said.id), "act": said.act})


def tell(people: set[uuid.UUID] | list[uuid.UUID], event: str, payload: dict[str, Any]) -> None:
    """Send one event to every open page of these people."""
    if people:
        # To nobody would mean to everybody.
        socketio.emit(event, payload, to=[f"user:{user_id}" for user_id in people])


def _thing(said: Said) -> Thing | None:
    model = PUSHED.get(said.noun)
    if model is None or not connected:
        return None
    try:
        return policy.portal_fetch(Work.PUSHING, model, said.id)
    except NotFound:
        return None


def _audience(thing: Thing | None) -> set[uuid.UUID]:
    if thing is None:
        return set()
    seen = policy.who(thing, May.SEE).with_only_columns(policy.person.person.id)
    return set(session().scalars(seen)) & set(connected)


def end_login(login_id: uuid.UUID) -> None:
    """Cut every socket of a login that has ended."""
    socketio.emit("signed_out", {}, to=f"login:{login_id}")
    for sid in list(_sids(f"login:{login_id}")):
        socketio.server.disconnect(sid)


def _sids(room: str) -> list[str]:
    return [sid for sid, _ in socketio.server.manager.get_participants("/", room)]
