"""How far each person sees an exhibit, and through what: for lists, and for the panel *who can see this, and why*."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, case, func, select
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import lazyload

from jit_portal.database import session
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.identity.models import User
from jit_portal.policy.asking import answered_once, holds
from jit_portal.policy.exhibits import (
    SIGHT_OF,
    forbids,
    own,
    reaches_for_grants,
    standing_releases,
)
from jit_portal.policy.person import GATES, asker, live, me, my_party, person
from jit_portal.vocabulary import Sight
from jit_portal.workspaces.models import Membership

_SIGHT = case(
    *((holds(Exhibit, may), int(sight)) for may, sight in sorted(SIGHT_OF.items(), key=lambda pair: -pair[1])),
    else_=0,
)


_SIGHTS = (
    answered_once(Exhibit, [_SIGHT.label("sight")], Exhibit.id)
    .where(Exhibit.id == func.any(bindparam("exhibits", type_=ARRAY(UUID(as_uuid=True)))), person.id == asker)
    .execution_options(policy=True)
)


_EVERYONES = (
    answered_once(Exhibit, [_SIGHT], Exhibit.id, person.id)
    .where(Exhibit.id == func.any(bindparam("exhibits", type_=ARRAY(UUID(as_uuid=True)))))
    .execution_options(policy=True)
)


@dataclass(frozen=True)
class Seer:
    """A person and how far they see one exhibit: through their own party, through releases, through rules, less
    forbids.
    """

    membership: Membership
    sight: Sight | None
    is_own: bool
    releases: list[uuid.UUID]
    rules: list[uuid.UUID]
    forbids: list[uuid.UUID]


def sights(user: User, exhibits: Iterable[Exhibit]) -> dict[uuid.UUID, Sight]:
    """How far she sees each of these exhibits, in one query; what she does not see is left out."""
    ids = [exhibit.id for exhibit in exhibits]
    rows = session().execute(_SIGHTS, {"exhibits": ids, "asker": user.id})
    return {row.id: Sight(row.sight) for row in rows if row.sight}


def everyones_sights(
    exhibits: Iterable[uuid.UUID], people: Iterable[uuid.UUID] | None = None
) -> dict[tuple[uuid.UUID, uuid.UUID], Sight]:
    """How far each of these people, or everyone, sees each of these exhibits, by the ids of both, in one query.

    For whoever may try out what moves sight: the caller has required that right.
    """
    wanted = _EVERYONES if people is None else _EVERYONES.where(person.id.in_(list(people)))
    rows = session().execute(wanted, {"exhibits": list(exhibits)})
    return {(exhibit, someone): Sight(sight) for exhibit, someone, sight in rows if sight}


def _rules(*conditions: ColumnElement[bool]) -> ScalarSelect[list[uuid.UUID]]:
    return select(func.array_agg(CountryRule.id)).where(*conditions).correlate_except(CountryRule).scalar_subquery()


_RELEASES = (
    select(func.array_agg(Release.id))
    .where(
        Release.exhibit_id == Exhibit.id,
        live(Release.live_from, Release.live_until),
        reaches_for_grants(Release.principal_id),
    )
    .correlate_except(Release)
    .scalar_subquery()
)


_SEERS = (
    answered_once(Exhibit, [_SIGHT, own], me, _RELEASES, _rules(*standing_releases()), _rules(*forbids()))
    .where(Exhibit.id == bindparam("exhibit", type_=UUID(as_uuid=True)), *GATES.values())
    .order_by(my_party.name, person.name)
    .options(lazyload(me.workspace))
    .execution_options(policy=True)
)


def seers(exhibit: Exhibit) -> list[Seer]:
    """Every live member of the workspace and how far, and through what, they see the exhibit, in one query.

    For the seizing party's eyes: the caller has required ``May.SEE_AUDIENCE``.
    """
    rows = session().execute(_SEERS, {"exhibit": exhibit.id}).all()
    return [
        Seer(member, Sight(sight) if sight else None, bool(is_own), releases or [], rules or [], refused or [])
        for member, releases, rules, refused, sight, is_own in rows
    ]
