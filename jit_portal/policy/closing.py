"""When the portal closes an account of its own accord: where nobody says that it is still needed, though somebody
could, or where nobody signs in to it.
"""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.policy.people import authority_closed_at, let_in, of_one_country, without_duty
from jit_portal.policy.person import NOW
from jit_portal.vocabulary import Duty

CONFIRMED_FOR = dt.timedelta(days=90)
"""So long an account stays open without anybody saying that it is still needed: its country's administrator; where
there is none, an operator."""
UNUSED_FOR = dt.timedelta(days=90)
"""So long an account stays open that nobody signs in to."""


def _administered_since(someone: Any) -> ColumnElement[Any]:
    """Since when the person's country has had an administrator who could confirm accounts; NULL without one."""
    other, at = aliased(User), aliased(IdentityProvider)
    is_one = and_(other.duty == Duty.NATIONAL_ADMINISTRATOR, of_one_country(other, someone))
    return _able_since(other, at).where(is_one).correlate(someone).scalar_subquery()


def _able_since(other: Any, at: Any) -> Select[Any]:
    """Since when the first of some people has had an open account, and a login that lets her in: then she could act."""
    first = select(func.min(func.greatest(other.opened_at, at.stands_since))).join(at, at.id == other.provider_id)
    return first.where(other.deactivated_at.is_(None), at.is_enabled, authority_closed_at(other).is_(None))


def _operated_since(someone: Any) -> ColumnElement[Any]:
    """Since when operators confirm the person's account, were there no administrator: not before the last one left, or
    was let in no longer.
    """
    other, operator, left, at, own = aliased(User), aliased(User), *(aliased(IdentityProvider) for _ in range(3))
    shut_out = func.least(case((~left.is_enabled, left.stands_since)), authority_closed_at(other))
    gone = func.least(other.deactivated_at, shut_out)
    last = select(func.max(gone)).join(left, left.id == other.provider_id)
    last = last.where(other.duty == Duty.NATIONAL_ADMINISTRATOR, of_one_country(other, someone))
    first = _able_since(operator, at).where(operator.duty == Duty.OPERATOR)
    begun = select(own.stands_since).where(own.id == someone.provider_id).correlate(someone).scalar_subquery()
    operated = first.scalar_subquery()
    return case((operated.is_not(None), func.greatest(begun, last.correlate(someone).scalar_subquery(), operated)))


minded_since = func.coalesce(_administered_since(User), _operated_since(User))
"""Since when somebody could confirm the person's account; NULL where nobody can."""


def _is_unconfirmed() -> ColumnElement[bool]:
    """Nobody stood in for the account in time, though somebody could have."""
    before = NOW - CONFIRMED_FOR
    return and_(User.confirmed_at < before, minded_since < before)


def _is_unused(whose: Any) -> ColumnElement[bool]:
    """For so long nobody signed in to the account, though its login was open all that time."""
    its = aliased(IdentityProvider, name="its")
    open_since = select(its.stands_since).where(its.id == whose.provider_id, its.is_enabled).correlate_except(its)
    used = exists().where(LoginSession.user_id == whose.id, LoginSession.last_seen_at > NOW - UNUSED_FOR)
    could_be = and_(whose.opened_at < NOW - UNUSED_FOR, open_since.scalar_subquery() < NOW - UNUSED_FOR)
    return and_(could_be, ~used.correlate_except(LoginSession))


def _is_shared() -> ColumnElement[bool]:
    """Somebody of the country has the duty and uses the account: nobody is missing when one closes that is unused."""
    other = aliased(User)
    others = exists().where(
        other.duty == User.duty,
        other.deactivated_at.is_(None),
        of_one_country(other, User),
        let_in(other),
        ~_is_unused(other),
    )
    return others.correlate_except(other)


unused = _is_unused(User)
closes_by_itself = and_(
    User.deactivated_at.is_(None),
    or_(and_(without_duty, _is_unconfirmed()), and_(unused, or_(without_duty, _is_shared()))),
)
"""What must hold of an account for the portal to close it of its own accord."""
