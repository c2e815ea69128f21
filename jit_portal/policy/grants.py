"""What shows an exhibit to a person, a release or a standing release, and the forbid that hides it (E2, E4, E5)."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, SQLColumnExpression, and_, func, or_, select

from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.policy.person import NOW, live, me
from jit_portal.vocabulary import HandlingCode, Sight
from jit_portal.workspaces.models import MembershipPrincipal

Reaches = Callable[[SQLColumnExpression[Any]], ColumnElement[bool]]
Moment = SQLColumnExpression[Any]


def reaches_for_grants(principal_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """The principal of a release or standing release means this membership."""
    return _answers_to(principal_id, MembershipPrincipal.is_for_grants)


def reaches_for_forbids(principal_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """The principal of a forbid means this membership."""
    return _answers_to(principal_id, sa.true())


def _answers_to(principal_id: SQLColumnExpression[Any], condition: SQLColumnExpression[bool]) -> ColumnElement[bool]:
    return (
        select(MembershipPrincipal.principal_id)
        .where(MembershipPrincipal.membership_id == me.id, MembershipPrincipal.principal_id == principal_id, condition)
        .correlate_except(MembershipPrincipal)
        .exists()
    )


def releases_of_it(reaches: Reaches = reaches_for_grants, at: Moment = NOW) -> list[ColumnElement[bool]]:
    """The live releases that show the exhibit to the person (E2, E4)."""
    return [
        Release.exhibit_id == Exhibit.id,
        live(Release.live_from, Release.live_until, at),
        reaches(Release.principal_id),
    ]


def released_sight(reaches: Reaches = reaches_for_grants) -> ColumnElement[int]:
    """How far live releases to the person go; 0 without one."""
    found = select(func.max(Release.sight)).where(*releases_of_it(reaches))
    return func.coalesce(found.correlate_except(Release).scalar_subquery(), 0)


def live_release(sight: Sight, reaches: Reaches = reaches_for_grants) -> ColumnElement[bool]:
    """A live release of at least this sight reaches the person."""
    return released_sight(reaches) >= sight


def has_code(code: SQLColumnExpression[Any], codes: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """The code is one of the codes; where there is none, it counts as H3."""
    return or_(code == func.any(codes), and_(func.cardinality(codes) == 0, code == HandlingCode.H3.value))


def standing_releases(reaches: Reaches = reaches_for_grants, at: Moment = NOW) -> list[ColumnElement[bool]]:
    """The live standing releases that show the exhibit to the person (E5); what is unknown matches none."""
    return [
        *_live_rules(at),
        CountryRule.is_forbid.is_(False),
        reaches(CountryRule.principal_id),
        or_(CountryRule.kind.is_(None), CountryRule.kind == Exhibit.kind),
        or_(CountryRule.handling.is_(None), has_code(CountryRule.handling, Exhibit.handling)),
        or_(CountryRule.authority_id.is_(None), CountryRule.authority_id == Exhibit.authority_id),
        or_(CountryRule.seized_from.is_(None), Exhibit.seized_on >= CountryRule.seized_from),
        or_(CountryRule.seized_until.is_(None), Exhibit.seized_on <= CountryRule.seized_until),
    ]


def forbids(reaches: Reaches = reaches_for_forbids, at: Moment = NOW) -> list[ColumnElement[bool]]:
    """The live forbids that name the person and mean the exhibit (E5); what is unknown matches every one."""
    return [
        *_live_rules(at),
        CountryRule.is_forbid.is_(True),
        reaches(CountryRule.principal_id),
        or_(CountryRule.kind.is_(None), Exhibit.kind.is_(None), CountryRule.kind == Exhibit.kind),
        or_(CountryRule.handling.is_(None), has_code(CountryRule.handling, Exhibit.handling)),
        or_(
            CountryRule.authority_id.is_(None),
            Exhibit.authority_id.is_(None),
            CountryRule.authority_id == Exhibit.authority_id,
        ),
    ]


def _live_rules(at: Moment) -> list[ColumnElement[bool]]:
    return [
        CountryRule.workspace_id == Exhibit.workspace_id,
        CountryRule.party_id == Exhibit.party_id,
        live(CountryRule.live_from, CountryRule.live_until, at),
        or_(CountryRule.tag.is_(None), CountryRule.tag == func.any(Exhibit.tags)),
    ]


def _of_rules(sight: ColumnElement[int], conditions: list[ColumnElement[bool]]) -> sa.ScalarSelect[int]:
    return select(sight).where(*conditions).correlate_except(CountryRule).scalar_subquery()


def standing_sight(reaches: Reaches = reaches_for_grants) -> ColumnElement[int]:
    """How far standing releases to the person go; 0 without one."""
    return func.coalesce(_of_rules(func.max(CountryRule.sight), standing_releases(reaches)), 0)


def standing_release(sight: Sight, reaches: Reaches = reaches_for_grants) -> ColumnElement[bool]:
    """A standing release of at least this sight reaches the person."""
    return standing_sight(reaches) >= sight


def forbidden(sight: Sight, reaches: Reaches = reaches_for_forbids) -> ColumnElement[bool]:
    """A forbid takes this sight, or one below it, away from the person."""
    return func.coalesce(_of_rules(func.min(CountryRule.sight), forbids(reaches)) <= sight, sa.false())
