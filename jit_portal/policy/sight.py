"""How far each person sees an exhibit, and through what: for lists, and for the panel *who can see this, and why*."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, case, func, not_, select, true
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import lazyload

from jit_portal.database import session
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.identity.models import User
from jit_portal.policy.asking import answered_once, holds, joined
from jit_portal.policy.exhibits import SIGHT_OF, own
from jit_portal.policy.grants import (
    forbidden,
    forbids,
    released_sight,
    releases_of_it,
    standing_release,
    standing_releases,
    standing_sight,
)
from jit_portal.policy.person import GATES, asker, me, my_party, person
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
    forbids. ``granted`` is how far releases and rules go, before any forbid.
    """

    membership: Membership
    sight: Sight | None
    is_own: bool
    granted: int
    releases: list[uuid.UUID]
    rules: list[uuid.UUID]
    forbids: list[uuid.UUID]

    @property
    def is_limited(self) -> bool:
        """A forbid takes away something that was granted."""
        return not self.is_own and self.granted > (self.sight or 0)


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


# What is granted to third countries and international bodies is never live (E9).
_is_reachable = not_(me.is_outside_union)


def _ids(of: type[Release] | type[CountryRule], *conditions: ColumnElement[bool]) -> ScalarSelect[list[uuid.UUID]]:
    return select(func.array_agg(of.id)).where(*conditions).correlate_except(of).scalar_subquery()


_GRANTED = case((_is_reachable, func.greatest(released_sight(), standing_sight())), else_=0)

_SEERS = (
    answered_once(
        Exhibit,
        [_SIGHT, own, _GRANTED],
        me,
        _ids(Release, *releases_of_it(), _is_reachable),
        _ids(CountryRule, *standing_releases(), _is_reachable),
        _ids(CountryRule, *forbids()),
    )
    .where(Exhibit.id == bindparam("exhibit", type_=UUID(as_uuid=True)), *GATES.values())
    .order_by(my_party.name, person.name)
    .options(lazyload(me.workspace))
    .execution_options(policy=True)
)

_BY_STANDING_RELEASE = (
    joined(select(true()), Exhibit)
    .where(Exhibit.id == bindparam("exhibit", type_=UUID(as_uuid=True)), person.id == asker, *GATES.values())
    .where(_is_reachable, standing_release(Sight.SEE), not_(forbidden(Sight.SEE)))
    .execution_options(policy=True)
)


def is_shown_by_rule(user: User, exhibit: Exhibit) -> bool:
    """Whether a standing release shows her the exhibit; which one it is, is for the seizing party to know."""
    return bool(session().scalar(_BY_STANDING_RELEASE, {"exhibit": exhibit.id, "asker": user.id}))


def seers(exhibit: Exhibit) -> list[Seer]:
    """Every live member of the workspace and how far, and through what, they see the exhibit, in one query.

    For the seizing party's eyes: the caller has required ``May.SEE_AUDIENCE``.
    """
    rows = session().execute(_SEERS, {"exhibit": exhibit.id}).all()
    return [
        Seer(member, Sight(sight) if sight else None, bool(is_own), granted, releases or [], rules or [], refused or [])
        for member, releases, rules, refused, sight, is_own, granted in rows
    ]
