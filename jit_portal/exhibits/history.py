"""The history of an exhibit, as the record tells it to the seizing party."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit import words
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.vocabulary import May, Sight
from jit_portal.workspaces.models import Principal

PAGE = 50


@dataclass(frozen=True)
class Event:
    """One act on the exhibit; ``meant`` is whom a release named, up to ``sight``, ``receiver`` who was offered it."""

    entry: LedgerEntry
    meant: Principal | None
    sight: Sight | None
    receiver: User | None

    @property
    def what(self) -> str:
        """What was done, or tried, in the reader's words."""
        return words.label(self.entry.act)


@dataclass(frozen=True)
class History:
    """Acts, newest first; ``older`` is the number of the last one where there are more."""

    events: list[Event]
    older: int | None


def of(person: User, exhibit: Exhibit, size: int = PAGE, before: int | None = None) -> History:
    """The newest acts on this exhibit, or those before an entry, in three queries however many there are."""
    policy.require(person, May.SEE_AUDIENCE, exhibit)
    ours = policy.which(person, LedgerEntry).where(LedgerEntry.object_id == exhibit.id)
    if before is not None:
        ours = ours.where(LedgerEntry.number < before)
    found = session().scalars(ours.order_by(LedgerEntry.number.desc()).limit(size + 1)).all()
    entries = found[:size]
    return History(_told(entries), entries[-1].number if len(found) > size else None)


def _told(entries: Iterable[LedgerEntry]) -> list[Event]:
    said = [(entry, json.loads(entry.details)) for entry in entries]
    principals = _by_id(Principal, [details.get("principal") for _, details in said])
    people = _by_id(
        User, [details.get("to") if entry.act == "exhibit.handed_over" else None for entry, details in said]
    )
    return [
        Event(
            entry,
            principals.get(details.get("principal")),
            Sight[details["sight"].upper()] if "sight" in details else None,
            people.get(details.get("to")),
        )
        for entry, details in said
    ]


def _by_id(model: Any, ids: Iterable[str | None]) -> dict[str | None, Any]:
    wanted = {uuid.UUID(id) for id in ids if id}
    found = session().scalars(select(model).where(model.id.in_(wanted))).unique() if wanted else ()
    return {str(each.id): each for each in found}
