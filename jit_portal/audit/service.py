"""Putting acts on record: the last step of every verb, and of every refusal."""

import json
import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Text, bindparam, func, insert, select

from jit_portal.audit.models import PORTAL_CHAIN, LedgerEntry
from jit_portal.audit.places import Place, place_of
from jit_portal.database import Thing, session, transaction
from jit_portal.errors import NotFound, Refusal
from jit_portal.identity.scim.models import Actor
from jit_portal.policy.asking import noun
from jit_portal.policy.person import live
from jit_portal.vocabulary import Outcome
from jit_portal.workspaces.models import Membership, Workspace

CHANNEL = "jit_portal"
"""The database's notification channel on which committed acts are announced, without content."""

MOST_TOLD = 150
"""People in one announcement: the database takes none of 8,000 bytes or more, and each person takes 40."""

_entries = LedgerEntry.metadata.tables["ledger_entry"]
_GIVEN = (
    *("id", "chain", "zone", "actor_id", "actor_name", "actor_country", "actor_authority", "login_session_id", "act"),
    *("outcome", "noun", "object_id", "object_party_id", "reference", "details"),
)
_given = {name: bindparam(f"its_{name}", type_=_entries.c[name].type) for name in _GIVEN}
_actors_party = (
    select(Membership.party_id)
    .join(Workspace, Workspace.id == Membership.workspace_id)
    .where(
        Workspace.jit_id == _given["chain"],
        Membership.user_id == _given["actor_id"],
        live(Membership.live_from, Membership.live_until),
    )
    .limit(1)
    .scalar_subquery()
)
_ENTRY = insert(_entries).values(**_given, actor_party_id=_actors_party)
_written = _ENTRY.returning(_entries.c.id).cte("written")
_told = select(func.pg_notify(CHANNEL, bindparam("announced", type_=Text))).select_from(_written)
_ENTRY_ANNOUNCED = _told.execution_options(policy=True, writes=True)
"""The entry and its announcement in one statement: both end every verb, and each would be a way to the database."""


def record(
    actor: Actor | None,
    act: str,
    thing: Thing,
    *,
    also: Iterable[uuid.UUID] = (),
    quietly: bool = False,
    **details: Any,
) -> None:
    """Put ``act`` on record and announce it after commit to those who may see ``thing``, and to ``also``.

    ``actor`` None is the portal itself, or nobody whom it knows. ``details`` are ids, numbers and words of the
    vocabulary: never content. ``quietly`` announces nothing, for acts that change nothing on anybody's screen.
    """
    session().flush()
    announced = [] if quietly else _announcements(noun(type(thing)), thing.id, act, also)
    _append(actor, act, thing, place_of(thing), Outcome.DONE, details, announced=announced[0] if announced else None)
    _tell(announced[1:])


def refused(actor: Actor | None, act: str, thing: Thing | None, error: Refusal) -> None:
    """Put a refusal on record, in a transaction of its own.

    What cannot be seen is recorded alike whether it exists or not: on the portal's own chain, with the id that was
    asked for.
    """
    with transaction():
        if thing is not None and not isinstance(error, NotFound):
            _append(actor, act, thing, place_of(thing), Outcome.REFUSED, {"status": error.status, "may": error.may})
        else:
            missing = Place(PORTAL_CHAIN, None, "")
            details = {"status": error.status, "may": error.may, "noun": error.noun}
            _append(actor, act, None, missing, Outcome.REFUSED, details, object_id=error.object_id)


def announce(noun: str, id: uuid.UUID, act: str, also: Iterable[uuid.UUID] = ()) -> None:
    """Tell the processes that hold sockets, once this transaction has committed."""
    _tell(_announcements(noun, id, act, also))


def _tell(announcements: Iterable[str]) -> None:
    for announced in announcements:
        session().execute(select(func.pg_notify(CHANNEL, announced)))


def _announcements(noun: str, id: uuid.UUID, act: str, also: Iterable[uuid.UUID]) -> list[str]:
    """One announcement, or as many as the people to be told need: each is the same act to others of them."""
    told = [str(user_id) for user_id in also]
    slices = [told[start : start + MOST_TOLD] for start in range(0, len(told), MOST_TOLD)] or [[]]
    return [json.dumps({"noun": noun, "id": str(id), "act": act, "also": some}) for some in slices]


def _append(
    actor: Actor | None,
    act: str,
    thing: Thing | None,
    place: Place,
    outcome: Outcome,
    details: dict[str, Any],
    *,
    object_id: Any = None,
    announced: str | None = None,
) -> None:
    entry = {
        "id": uuid.uuid4(),
        "chain": place.chain,
        "zone": actor.time_zone if actor else "UTC",
        "actor_id": actor.id if actor else None,
        "actor_name": actor.name if actor else "JIT Portal",
        "actor_country": actor.country if actor else "",
        "actor_authority": actor.authority.name if actor and actor.authority else "",
        "login_session_id": actor.current_login if actor else None,
        "act": act,
        "outcome": outcome,
        "noun": noun(type(thing)) if thing is not None else str(details.get("noun", "")),
        "object_id": thing.id if thing is not None else object_id,
        "object_party_id": place.party_id,
        "reference": place.reference,
        "details": json.dumps(details, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str),
    }
    given = {f"its_{name}": value for name, value in entry.items()}
    if announced is None:
        session().execute(_ENTRY, given)
    else:
        session().execute(_ENTRY_ANNOUNCED, given | {"announced": announced})
