"""Whom a token reaches: the people of its own login, by account or by announcement, and nobody else exists for it.

A person is the subject of an issuer, which is her ``externalId`` here. Whom the directory has not named yet goes by
that, and by the name of her account.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Subquery, and_, case, func, or_, select
from sqlalchemy.orm import aliased

from jit_portal.database import session
from jit_portal.errors import NotFound
from jit_portal.identity.models import User
from jit_portal.identity.scim.models import AnnouncedPerson, ScimToken


@dataclass(frozen=True)
class Known:
    """One person as her directory may know her; ``account_id`` and ``announced_id`` say what there is of her."""

    id: uuid.UUID
    external_id: str | None
    user_name: str
    display_name: str | None
    is_active: bool
    created_at: dt.datetime
    account_id: uuid.UUID | None
    announced_id: uuid.UUID | None


def reached(token: ScimToken) -> Subquery:
    """Every person whom this token reaches, one row each."""
    account = aliased(User, select(User).where(User.provider_id == token.provider_id).subquery(), name="account")
    theirs = select(AnnouncedPerson).where(AnnouncedPerson.provider_id == token.provider_id).subquery()
    said = aliased(AnnouncedPerson, theirs, name="said")
    same = and_(said.issuer == account.issuer, said.subject == account.subject)
    columns = (
        func.coalesce(said.id, account.id).label("id"),
        func.coalesce(account.subject, said.subject).label("external_id"),
        func.coalesce(said.user_name, account.subject).label("user_name"),
        func.coalesce(said.display_name, account.name).label("display_name"),
        case((account.id.is_(None), said.is_active), else_=account.deactivated_at.is_(None)).label("is_active"),
        func.coalesce(said.created_at, account.created_at).label("created_at"),
        account.id.label("account_id"),
        said.id.label("announced_id"),
    )
    both = sa.join(account, said, same, full=True)
    return select(*columns).select_from(both).where(said.deleted_at.is_(None)).subquery("reached")


def find(token: ScimToken, person_id: uuid.UUID) -> Known:
    """One of them, or NotFound."""
    people = reached(token)
    row = session().execute(select(people).where(people.c.id == person_id)).one_or_none()
    if row is None:
        raise NotFound(noun="user", object_id=person_id)
    return Known(*row)


def search(
    token: ScimToken, fitting: Callable[[Subquery], ColumnElement[bool]], start: int, count: int
) -> tuple[int, Sequence[Known]]:
    """So many of those who fit, from the one at ``start`` on, and how many fit."""
    people = reached(token)
    fits = fitting(people)
    total = session().scalar(select(func.count()).select_from(people).where(fits)) or 0
    page = select(people).where(fits).order_by(people.c.created_at, people.c.id).offset(start).limit(count)
    return total, [Known(*row) for row in session().execute(page)]


def taken(token: ScimToken, user_name: str, subject: str | None, besides: uuid.UUID | None) -> bool:
    """Whether somebody other than ``besides`` goes by this name or is this subject."""
    people = reached(token)
    alike = or_(func.lower(people.c.user_name) == func.lower(user_name), people.c.external_id == subject)
    found = select(people.c.id).where(alike)
    if besides is not None:
        found = found.where(people.c.id != besides)
    return session().scalar(found.limit(1)) is not None
