"""What is on record is what is pushed: after commit, without content, to those who may see the thing.

Every process announces its committed acts on the database's notification channel; each web process listens and tells
the people who have a page open on it. A noun may carry more than its id (chat, card moves): its package registers how.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func

from jit_portal import policy
from jit_portal.custody.models import CustodyEvent
from jit_portal.database import Thing, session
from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit, Release
from jit_portal.extensions import socketio
from jit_portal.identity import sessions
from jit_portal.messages.models import Channel, Message
from jit_portal.policy import Work
from jit_portal.tasks.models import Board, Task
from jit_portal.vocabulary import May
from jit_portal.workspaces.models import Membership, Workspace

log = logging.getLogger(__name__)

PUSHED: dict[str, type[Thing]] = {
    policy.noun(model): model
    for model in (
        *(Exhibit, Release, CustodyEvent, CountryRule, Entrustment),
        *(Channel, Message, Board, Task, Membership, Workspace),
    )
}
connected: Counter[uuid.UUID] = Counter()
"""How many sockets each person has open on this process."""
Opened = tuple[uuid.UUID, bytes]
"""A login, and the hash of the token by which a socket came into it."""
logins: Counter[Opened] = Counter()
"""How many of them each login has open, by token."""
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


@dataclass(frozen=True)
class Carrying:
    """How things of a noun are pushed with more than their id; ``says_all`` when that tells of the change too."""

    carrier: Carrier
    says_all: bool


CARRIERS: dict[str, Carrying] = {}
_RULE = policy.noun(CountryRule)
_NEUTRAL = {_RULE: "country_rule.changed", policy.noun(Exhibit): "exhibit.changed"}
"""Pushed instead of the act: those who see an exhibit are not to learn that it was released to others, or is being
handed over.
"""


def carry(noun: str, *, says_all: bool = False) -> Callable[[Carrier], Carrier]:
    """Register how things of this noun are pushed with more than their id; it gets the thing and who hears.

    Where it ``says_all``, they hear of the change through it alone, once and not twice.
    """

    def register(carrier: Carrier) -> Carrier:
        CARRIERS[noun] = Carrying(carrier, says_all)
        return carrier

    return register


Passing = Callable[[Any, Said, set[uuid.UUID]], None]
PASSING: dict[str, Passing] = {}


def passing(act: str) -> Callable[[Passing], Passing]:
    """Register how an act is told that is on no record and passes; it gets the thing and who may see it here."""

    def register(tell_of: Passing) -> Passing:
        PASSING[act] = tell_of
        return tell_of

    return register


def deliver(said: Said) -> None:
    """Tell everyone connected here who may see the thing now, and those named in ``also``."""
    thing, hearers = _thing_and_audience(said)
    if said.act in PASSING:
        if hearers:
            PASSING[said.act](thing, said, hearers)
        return
    to_all = hearers | (said.also & set(connected))
    if said.noun in ("membership", "workspace"):
        # What she sees anywhere may have changed, not only where people are listed.
        tell(set(said.also) & set(connected), "look_again", {})
    if said.noun == _RULE:
        # Whom it names may see more or less from now on; that there is such a rule is its own party's to know.
        tell(to_all - hearers, "look_again", {})
        to_all = hearers
    carrying = CARRIERS.get(said.noun)
    if carrying and hearers:
        carrying.carrier(thing, said, sorted(hearers))
        if carrying.says_all:
            to_all -= hearers
    tell(to_all, "changed", {"noun": said.noun, "id": str(said.id), "act": _NEUTRAL.get(said.noun, said.act)})


def tell(people: set[uuid.UUID] | list[uuid.UUID], event: str, payload: dict[str, Any]) -> None:
    """Send one event to every open page of these people."""
    if people:
        # To nobody would mean to everybody.
        socketio.emit(event, payload, to=[f"user:{user_id}" for user_id in people])


def _thing_and_audience(said: Said) -> tuple[Thing | None, set[uuid.UUID]]:
    """The thing, and those connected here who may see it: one question, since every push waits for the answer."""
    model = PUSHED.get(said.noun)
    if model is None or not connected:
        return None, set()
    seen = policy.who(model(id=said.id), May.SEE).with_only_columns(func.array_agg(policy.person.person.id))
    pushed = policy.portal_which(Work.PUSHING, model).where(model.id == said.id)
    row = session().execute(pushed.add_columns(seen.correlate(None).scalar_subquery())).unique().first()
    if row is None:
        return None, set()
    return row[0], set(row[1] or ()) & set(connected)


def end_login(login_id: uuid.UUID) -> None:
    """Cut every socket of a login that has ended."""
    socketio.emit("signed_out", {}, to=f"login:{login_id}")
    for sid in list(_sids(f"login:{login_id}")):
        socketio.server.disconnect(sid)


def renew_login(login_id: uuid.UUID) -> None:
    """Break the sockets that came into this login with a token of before; cut them all if it has ended."""
    _ask_again({opened for opened in logins if opened[0] == login_id})


def end_dead_logins() -> None:
    """Cut the sockets of logins that ended without a word: idle, too old, of somebody deactivated, or unheard.

    Those are broken whose login goes on under a token that they did not come with.
    """
    _ask_again(set(logins))


def _ask_again(asked: set[Opened]) -> None:
    token_hashes = sessions.live_among({login_id for login_id, _ in asked}) if asked else {}
    for login_id, token_hash in asked:
        if login_id not in token_hashes:
            end_login(login_id)
        elif token_hashes[login_id] != token_hash:
            _renew(opened_room(login_id, token_hash))


def _renew(room: str) -> None:
    """Break the connections under these sockets: a page makes another by itself, with the cookie that it has by then.

    Nobody is signed out: a page that is refused because its new cookie is still on its way tries again.
    """
    socketio.emit("renewed", {}, to=room)
    for sid in _sids(room):
        line = socketio.server.eio.sockets.get(socketio.server.manager.eio_sid_from_sid(sid, "/"))
        if line is not None:
            # To wait until all is sent would be to wait for ever for a client that does not read.
            line.close(wait=False)


def opened_room(login_id: uuid.UUID, token_hash: bytes) -> str:
    """The room of the sockets that came into this login by the token of this hash."""
    return f"login:{login_id}:{token_hash.hex()}"


def _sids(room: str) -> list[str]:
    return [sid for sid, _ in socketio.server.manager.get_participants("/", room)]
