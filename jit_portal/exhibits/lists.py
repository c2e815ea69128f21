"""The vault's list: what a person sees, newest first, narrowed by what she asks for, a page at a time."""

import datetime as dt
import uuid
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Select, or_

from jit_portal import policy
from jit_portal.database import session
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.vocabulary import ExhibitKind, May, Sight
from jit_portal.workspaces.models import Workspace

PAGE = 50


@dataclass(frozen=True)
class Wanted:
    """What the list is narrowed to; ``before`` is the last row of the page before."""

    text: str = ""
    party_id: uuid.UUID | None = None
    kind: ExhibitKind | None = None
    tag: str = ""
    before: tuple[dt.datetime, uuid.UUID] | None = None

    @property
    def is_everything(self) -> bool:
        return not (self.text or self.party_id or self.kind or self.tag)


@dataclass(frozen=True)
class Page:
    """One page of exhibits with how far the reader sees each; ``older`` points at the next page."""

    exhibits: list[Exhibit]
    sights: dict[uuid.UUID, Sight]
    older: tuple[dt.datetime, uuid.UUID] | None


def page(person: User, workspace: Workspace, wanted: Wanted, size: int = PAGE) -> Page:
    """The newest exhibits she sees in this workspace, in three queries however many there are, and one for each party
    of theirs that has left.
    """
    if wanted.is_everything:
        found = policy.newest(person, workspace, size + 1, wanted.before or policy.THE_END)
    else:
        # Who finds an exhibit by its tag knows the tag, which is shown to those who read it.
        found_among = policy.which(person, Exhibit, May.READ if wanted.tag else May.SEE)
        statement = _narrowed(found_among.where(Exhibit.workspace_id == workspace.id), wanted)
        ordered = statement.order_by(Exhibit.created_at.desc(), Exhibit.id.desc()).limit(size + 1)
        found = list(session().scalars(ordered))
    rows, last = found[:size], found[size - 1 : size]
    older = (last[0].created_at, last[0].id) if len(found) > size else None
    return Page(rows, policy.sights(person, rows), older)


def _narrowed(statement: Select[Exhibit], wanted: Wanted) -> Select[Exhibit]:
    if wanted.text:
        columns = (Exhibit.title, Exhibit.reference)
        statement = statement.where(or_(*(each.icontains(wanted.text, autoescape=True) for each in columns)))
    if wanted.party_id is not None:
        statement = statement.where(Exhibit.party_id == wanted.party_id)
    if wanted.kind is not None:
        statement = statement.where(Exhibit.kind == wanted.kind)
    if wanted.tag:
        statement = statement.where(sa.literal(wanted.tag) == sa.func.any(Exhibit.tags))
    if wanted.before is not None:
        statement = statement.where(sa.tuple_(Exhibit.created_at, Exhibit.id) < sa.tuple_(*wanted.before))
    return statement
