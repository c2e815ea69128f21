"""The people of a country as whoever administers their accounts sees them: no content, and of their teams a number."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, and_, func, select

from jit_portal import policy
from jit_portal.database import session
from jit_portal.identity.models import Authority, IdentityProvider, User
from jit_portal.identity.sessions import is_live
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.policy.closing import CONFIRMED_FOR, minded_since
from jit_portal.policy.people import seats
from jit_portal.policy.person import NOW
from jit_portal.vocabulary import May

PAGE = 100
REMINDED_FOR = dt.timedelta(days=14)
"""So long before an account would close it stands in the list of those that are due."""

DUE, FLAGGED, CLOSED = "due", "flagged", "closed"
_is_open = User.deactivated_at.is_(None)
_reminded = NOW - CONFIRMED_FOR + REMINDED_FOR
_SHOWN = {
    DUE: and_(_is_open, User.duty.is_(None), User.confirmed_at < _reminded, minded_since < _reminded),
    FLAGGED: and_(_is_open, User.flagged.is_not(None)),
    CLOSED: ~_is_open,
}


@dataclass(frozen=True)
class Wanted:
    """What the list is narrowed to: part of a name or an authority, a country, one of the lists above."""

    name: str = ""
    country: str = ""
    show: str = ""
    page: int = 1


@dataclass(frozen=True)
class Row:
    """A person, when she last signed in, and how many logins are live; to whoever reads her account also how many
    teams she is in, and to whoever confirms it when it closes otherwise."""

    person: User
    last_sign_in: dt.datetime | None
    live: int
    seats: int | None
    due_at: dt.datetime | None

    @property
    def is_due(self) -> bool:
        return self.due_at is not None and self.due_at < dt.datetime.now(dt.UTC) + REMINDED_FOR


@dataclass(frozen=True)
class Rows:
    """One page of people by name, and how many stand in each of the shorter lists."""

    rows: list[Row]
    numbers: dict[str, int]
    has_more: bool


def rows(viewer: User, wanted: Wanted) -> Rows:
    """One page of the people whom she sees, in a constant number of queries; short lists are for whoever decides."""
    short = {
        show: _narrowed(policy.which(viewer, User, May.CONFIRM if show == DUE else May.READ), wanted).where(those)
        for show, those in _SHOWN.items()
    }
    found = short.get(wanted.show, _narrowed(policy.which(viewer, User), wanted))
    ordered = found.order_by(User.name, User.id).offset((wanted.page - 1) * PAGE).limit(PAGE + 1)
    people = session().scalars(ordered).unique().all()
    numbers = {show: session().scalar(those.with_only_columns(func.count())) or 0 for show, those in short.items()}
    return Rows(_rows(viewer, people[:PAGE]), numbers, len(people) > PAGE)


def due(viewer: User) -> int:
    """How many accounts will close before long unless she confirms them."""
    theirs = policy.which(viewer, User, May.CONFIRM).where(_SHOWN[DUE])
    return session().scalar(theirs.with_only_columns(func.count())) or 0


def _narrowed(found: Select[User], wanted: Wanted) -> Select[User]:
    if wanted.country:
        found = found.join(IdentityProvider, IdentityProvider.id == User.provider_id)
        found = found.where(IdentityProvider.country == wanted.country)
    if wanted.name:
        alike = User.name.icontains(wanted.name, autoescape=True)
        at = select(Authority.id).where(Authority.name.icontains(wanted.name, autoescape=True))
        found = found.where(alike | User.authority_id.in_(at))
    return found


def row(viewer: User, person: User) -> Row:
    """One of them, for her own page."""
    [found] = _rows(viewer, [person])
    return found


def _rows(viewer: User, people: Sequence[User]) -> list[Row]:
    ids = [person.id for person in people]
    logins = policy.which(viewer, LoginSession, May.END_LOGINS).where(LoginSession.user_id.in_(ids))
    counted = func.count().filter(and_(*is_live()))
    by_person = logins.with_only_columns(LoginSession.user_id, func.max(LoginSession.started_at), counted)
    used = {id: (last, live) for id, last, live in session().execute(by_person.group_by(LoginSession.user_id))}
    read = policy.which(viewer, User, May.READ).where(User.id.in_(ids)).with_only_columns(User.id)
    are_read = set(session().scalars(read))
    confirming = policy.which(viewer, User, May.CONFIRM).where(User.id.in_(ids))
    since: dict[uuid.UUID, dt.datetime | None] = dict(
        session().execute(confirming.with_only_columns(User.id, minded_since)).all()
    )
    teams = dict(session().execute(seats(viewer, ids)).all())
    found = []
    for person in people:
        last, live = used.get(person.id, (None, 0))
        counted_teams = teams.get(person.id, 0) if person.id in are_read else None
        found.append(Row(person, last, live, counted_teams, _due_at(person, since.get(person.id))))
    return found


def _due_at(person: User, since: dt.datetime | None) -> dt.datetime | None:
    if since is None or person.duty is not None or not person.is_active:
        return None
    return max(person.confirmed_at, since) + CONFIRMED_FOR


def confirmed_until(person: User) -> dt.datetime | None:
    """When her account closes unless somebody confirms it; None where nobody does that."""
    return _due_at(person, session().scalar(select(minded_since).where(User.id == person.id)))


def logins_of(viewer: User, person_id: uuid.UUID) -> Sequence[LoginSession]:
    """The logins of a person that are live now, the one last used first."""
    theirs = policy.which(viewer, LoginSession, May.END_LOGINS).where(LoginSession.user_id == person_id, *is_live())
    return session().scalars(theirs.order_by(LoginSession.last_seen_at.desc())).unique().all()


def countries(viewer: User) -> list[IdentityProvider]:
    """One login of each country whose people she sees."""
    seen = policy.which(viewer, User).with_only_columns(User.provider_id)
    found = select(IdentityProvider).where(IdentityProvider.id.in_(seen.execution_options(policy=True)))
    by_country = {each.country: each for each in session().scalars(found.order_by(IdentityProvider.name.desc()))}
    return list(by_country.values())
