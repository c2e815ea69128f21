"""The record as a page shows it: details by name, and whom or what an id stands for as far as the reader sees it."""

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit import words
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.exhibits.forms import KINDS, PURPOSES
from jit_portal.identity.models import Authority, User
from jit_portal.jits.models import Party
from jit_portal.jits.words import ROLES
from jit_portal.messages.models import Channel
from jit_portal.messages.words import channel_name
from jit_portal.tasks.models import Board, Column
from jit_portal.tasks.words import board_name, column_name
from jit_portal.vocabulary import Audience
from jit_portal.workspaces.models import Membership, Principal, Workspace

# In the order in which they are read: to whom, how far, which hash, and the rest.
NAMES = {
    "principal": _("To whom"),
    "to": _("To"),
    "person": _("Person"),
    "party": _("Party"),
    "parties": _("Parties"),
    "people": _("People named"),
    "role": _("Role"),
    "asking": _("Asked by"),
    "sight": _("Sight"),
    "sha256": _("SHA-256"),
    "declared": _("SHA-256 as declared"),
    "channel": _("Channel"),
    "board": _("Board"),
    "left": _("From column"),
    "column": _("Column"),
    "audience": _("Audience"),
    "purpose": _("Purpose"),
    "begins": _("From"),
    "until": _("Until"),
    "changed": _("Changed"),
    "kind": _("Kind"),
    "handling": _("Handling code"),
    "authority": _("Seizing authority"),
    "has_tag": _("By tag"),
    "tags": _("Tags"),
    "seized_on": _("Date of seizure"),
    "seized_from": _("Seized from"),
    "seized_until": _("Seized until"),
    "administers": _("Space administrator"),
    "length": _("Size"),
    "received": _("Received"),
    "version": _("Version"),
    "edition": _("Edition"),
    "step": _("Link of custody"),
    "format": _("Format"),
    "status": _("Why"),
}
FOR_MACHINES = {"file", "invitation", "key", "may", "noun", "object", "release"}
"""Ids of rows and words of the code: they stand in the export, and tell a reader nothing."""
NO_LONGER_SAID = {"entries"}
"""What only older entries say, and no page repeats: how much of the record somebody took away is how much they see."""
BRIEF = ("principal", "to", "person", "party", "sight", "role", "sha256", "status")
"""What stands in the line itself; the rest opens below it."""

_SIGHTS = {"see": _("See"), "read": _("Read"), "download": _("Download"), "use": _("Use")}
_AUDIENCES = {
    Audience.EVERYONE: _("Everyone in this JIT"),
    Audience.PARTIES: _("Chosen parties"),
    Audience.PEOPLE: _("Named people"),
}
_FIELDS = {
    "title": _("Title"),
    "description": _("Description"),
    "place": _("Place of seizure"),
    "due_on": _("Due date"),
}
_REASONS = {
    403: _("Not allowed"),
    404: _("Not shown"),
    409: _("Not possible as things stood"),
    410: _("Ended"),
    413: _("That is too large"),
    422: _("Something of that cannot be taken"),
    423: _("Sent from another window as well"),
    429: _("Too many attempts"),
    460: _("Arrived damaged"),
    503: _("This is not available just now"),
    507: _("There is no room left"),
}
_WORDS: dict[str, dict[Any, Any]] = {
    "sight": _SIGHTS,
    "audience": _AUDIENCES,
    "purpose": PURPOSES,
    "kind": KINDS,
    "role": ROLES,
    "changed": _FIELDS,
    "status": _REASONS,
}
_THINGS = {"principal", "to", "person", "party", "parties", "asking", "channel", "board", "left", "column", "authority"}
_LOOKS = {"sha256": "hash", "declared": "hash", "length": "size", "received": "size"}


@dataclass(frozen=True)
class Fact:
    """One detail: ``look`` says what ``value`` is: word, hash, size, moment, date, person, party, principal, unseen."""

    key: str
    name: str
    look: str
    value: Any


@dataclass(frozen=True)
class Shown:
    """One entry, what was done in words, and its details."""

    entry: LedgerEntry
    what: str
    facts: list[Fact]

    @property
    def brief(self) -> list[Fact]:
        return [fact for fact in self.facts if fact.key in BRIEF]


def show(reader: User, workspace: Workspace, entries: Iterable[LedgerEntry]) -> list[Shown]:
    """These entries of the workspace's record, in a constant number of queries."""
    said = [(entry, json.loads(entry.details)) for entry in entries]
    ids = {found for _, details in said for value in details.values() for found in _ids(value)}
    known = _known(reader, workspace, ids) if ids else {}
    return [Shown(entry, words.label(entry.act), list(_facts(details, known))) for entry, details in said]


def _ids(value: Any) -> Iterator[uuid.UUID]:
    for each in value if isinstance(value, list) else [value]:
        try:
            yield uuid.UUID(each)
        except (ValueError, TypeError, AttributeError):
            continue


Known = dict[uuid.UUID, tuple[str, Any]]


def _known(reader: User, workspace: Workspace, ids: set[uuid.UUID]) -> Known:
    """What these ids stand for, and how it looks; what the reader may not see is not among them."""
    people = policy.which(reader, Membership).where(
        Membership.workspace_id == workspace.id, Membership.user_id.in_(ids)
    )
    parties = policy.which(reader, Party).where(Party.jit_id == workspace.jit_id, Party.id.in_(ids))
    channels = policy.which(reader, Channel).where(Channel.id.in_(ids))
    boards = policy.which(reader, Board)
    columns = select(Column).where(
        Column.id.in_(ids), Column.board_id.in_(boards.with_only_columns(Board.id).execution_options(policy=True))
    )
    meant = select(Principal).where(Principal.workspace_id == workspace.id, Principal.id.in_(ids))
    found: Known = {member.user_id: ("person", member.user) for member in session().scalars(people).unique()}
    found |= {party.id: ("party", party) for party in session().scalars(parties).unique()}
    found |= {each.id: ("word", f"#{channel_name(each)}") for each in session().scalars(channels).unique()}
    named = session().scalars(boards.where(Board.id.in_(ids))).unique()
    found |= {each.id: ("word", board_name(each)) for each in named}
    found |= {each.id: ("word", column_name(each)) for each in session().scalars(columns)}
    found |= {each.id: ("principal", each) for each in session().scalars(meant).unique()}
    authorities = session().scalars(select(Authority).where(Authority.id.in_(ids)))
    return found | {each.id: ("word", each.name) for each in authorities}


def _facts(details: dict[str, Any], known: Known) -> Iterator[Fact]:
    ordered = sorted(details.keys() - FOR_MACHINES - NO_LONGER_SAID, key=lambda key: (_place(key), key))
    for key in ordered:
        value = details[key]
        if value in (None, "", [], False) or (key == "to" and "principal" in details):
            continue
        for each in value if isinstance(value, list) else [value]:
            look, shown = _look(key, each, known)
            yield Fact(key, str(NAMES.get(key, key)), look, shown)


def _place(key: str) -> int:
    return list(NAMES).index(key) if key in NAMES else len(NAMES)


def _look(key: str, value: Any, known: Known) -> tuple[str, Any]:
    if key in _THINGS:
        return next((known[each] for each in _ids(value) if each in known), ("unseen", None))
    if key in _WORDS:
        return "word", _WORDS[key].get(value, value)
    if value is True:
        return "word", _("Yes")
    if key in _LOOKS:
        return _LOOKS[key], value
    return next(_times(value), ("word", value))


def _times(value: Any) -> Iterator[tuple[str, dt.date]]:
    readings: tuple[tuple[str, Callable[[str], dt.date]], ...] = (
        ("date", dt.date.fromisoformat),
        ("moment", dt.datetime.fromisoformat),
    )
    for look, reading in readings if isinstance(value, str) else ():
        try:
            yield look, reading(value)
        except ValueError:
            continue
