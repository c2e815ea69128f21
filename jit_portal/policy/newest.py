"""The newest exhibits a person sees in a workspace, in milliseconds at a million exhibits; proven equal to ``which``.

Who sees much finds a page among the workspace's newest. Who sees little is given the newest by each way of seeing: own,
held, released, by shelf, by tag. Every branch also carries the whole rule: it can leave out, but never disclose.
"""

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    SQLColumnExpression,
    and_,
    bindparam,
    func,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import aliased, join

from jit_portal.database import session
from jit_portal.exhibits.models import CountryRule, Exhibit, ExhibitTag, Release, Shelf
from jit_portal.identity.models import User
from jit_portal.policy.exhibits import GATES_OF_OWN, has_code, own, sight_conditions
from jit_portal.policy.person import live, me, my_party, person
from jit_portal.vocabulary import Sight
from jit_portal.workspaces.models import MembershipPrincipal, Workspace

LOOKED_AT = 250
"""Whoever sees one in five finds a page of 50 among so many; for everybody else the look at them comes on top."""
Place = tuple[dt.datetime, uuid.UUID]
THE_END: Place = (dt.datetime(9999, 1, 1, tzinfo=dt.UTC), uuid.UUID(int=2**128 - 1))

_uuid = UUID(as_uuid=True)
_grants = bindparam("grants", type_=ARRAY(_uuid))
_forbids = bindparam("forbids", type_=ARRAY(_uuid))
_workspace = bindparam("workspace", type_=_uuid)
_user = bindparam("user", type_=_uuid)
_before_at = bindparam("before_at", type_=sa.DateTime(timezone=True))
_before_id = bindparam("before_id", type_=_uuid)
_size = bindparam("size", type_=sa.Integer)

_place = sa.tuple_(Exhibit.created_at, Exhibit.id)
_older = _place < sa.tuple_(_before_at, _before_id)
_newest_first = (Exhibit.created_at.desc(), Exhibit.id.desc())


def _granted_to(principal_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    return principal_id == func.any(_grants)


def _forbidden_to(principal_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    return principal_id == func.any(_forbids)


_RULE = and_(
    *GATES_OF_OWN.values(),
    *sight_conditions(Sight.SEE, _granted_to, _forbidden_to).values(),
)


def _asked_by(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The person's side, one row: her membership, her party and herself."""
    return statement.where(
        me.workspace_id == _workspace, me.user_id == _user, my_party.id == me.party_id, person.id == me.user_id
    )


def window(looked_at: int = LOOKED_AT) -> Select[Exhibit]:
    """What she sees among the newest so many of the workspace."""
    newest = select(Exhibit.created_at).where(Exhibit.workspace_id == _workspace, _older).order_by(*_newest_first)
    last = newest.offset(looked_at - 1).limit(1).correlate(None).scalar_subquery()
    since = func.coalesce(last, sa.cast("-infinity", sa.DateTime(timezone=True)))
    in_window = (Exhibit.workspace_id == _workspace, _older, Exhibit.created_at >= since, _RULE)
    return _these(_asked_by(select(Exhibit.id).where(*in_window)).order_by(*_newest_first).limit(_size))


def _these(found: Select[uuid.UUID]) -> Select[Exhibit]:
    """The exhibits that were found, newest first; what belongs to them is joined to no more than these."""
    ids = found.subquery("found")
    these = select(Exhibit).join(ids, ids.c.id == Exhibit.id).order_by(*_newest_first)
    return these.execution_options(policy=True)


def _some(*narrowed: ColumnElement[bool], correlated: tuple[Any, ...] = ()) -> FromClause:
    """The newest that fit, with the whole rule, for one row of what stands before it."""
    found = select(Exhibit.id, Exhibit.created_at).where(*narrowed, _older, _RULE)
    found = found.order_by(*_newest_first).limit(_size).correlate(me, my_party, person, *correlated)
    return found.lateral()


def _by(found: FromClause, *sources: Any, where: tuple[ColumnElement[bool], ...] = ()) -> Select[*tuple[Any, ...]]:
    side: Any = join(me, my_party, my_party.id == me.party_id)
    for each, on in ((person, person.id == me.user_id), *((source, true()) for source in sources), (found, true())):
        side = join(side, each, on)
    newest = select(found.c.id, found.c.created_at).select_from(side)
    return newest.where(me.workspace_id == _workspace, me.user_id == _user, *where)


def _released() -> Select[*tuple[Any, ...]]:
    mine = func.unnest(_grants).table_valued("principal_id", name="mine").render_derived()
    found = (
        select(Exhibit.id, Exhibit.created_at)
        .join(Release, Release.exhibit_id == Exhibit.id)
        .where(
            Release.principal_id == mine.c.principal_id,
            live(Release.live_from, Release.live_until),
            Exhibit.workspace_id == _workspace,
            sa.tuple_(Release.exhibit_created_at, Release.exhibit_id) < sa.tuple_(_before_at, _before_id),
            _RULE,
        )
        .order_by(Release.exhibit_created_at.desc(), Release.exhibit_id.desc())
        .limit(_size)
        .correlate(me, my_party, person, mine)
        .lateral()
    )
    return _by(found, mine)


def _standing(*conditions: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    return (
        CountryRule.workspace_id == _workspace,
        CountryRule.is_forbid.is_(False),
        _granted_to(CountryRule.principal_id),
        live(CountryRule.live_from, CountryRule.live_until),
        *conditions,
    )


def _fits_shelf(rule: type[CountryRule]) -> ColumnElement[bool]:
    return and_(
        rule.party_id == Shelf.party_id,
        or_(rule.kind.is_(None), rule.kind == Shelf.kind),
        or_(rule.handling.is_(None), has_code(rule.handling, Shelf.handling)),
        or_(rule.authority_id.is_(None), rule.authority_id == Shelf.authority_id),
    )


def _by_shelf() -> Select[*tuple[Any, ...]]:
    """Shelves that a standing release without a tag shows, less those that a forbid without a tag hides whole."""
    shown = select(CountryRule.id).where(*_standing(CountryRule.tag.is_(None), _fits_shelf(CountryRule)))
    hiding = aliased(CountryRule, name="hiding")
    hidden = select(hiding.id).where(
        hiding.workspace_id == _workspace,
        hiding.is_forbid.is_(True),
        hiding.tag.is_(None),
        hiding.sight <= int(Sight.SEE),
        _forbidden_to(hiding.principal_id),
        live(hiding.live_from, hiding.live_until),
        _fits_shelf(hiding),
    )
    visible = (
        Shelf.workspace_id == _workspace,
        shown.correlate(Shelf).exists(),
        not_(hidden.correlate(Shelf).exists()),
    )
    return _by(_some(Exhibit.shelf_id == Shelf.id, correlated=(Shelf,)), Shelf, where=visible)


def _by_tag() -> Select[*tuple[Any, ...]]:
    found = (
        select(Exhibit.id, Exhibit.created_at)
        .join(ExhibitTag, ExhibitTag.exhibit_id == Exhibit.id)
        .where(
            ExhibitTag.workspace_id == _workspace,
            ExhibitTag.tag == CountryRule.tag,
            sa.tuple_(ExhibitTag.exhibit_created_at, ExhibitTag.exhibit_id) < sa.tuple_(_before_at, _before_id),
            Exhibit.party_id == CountryRule.party_id,
            _RULE,
        )
        .order_by(ExhibitTag.exhibit_created_at.desc(), ExhibitTag.exhibit_id.desc())
        .limit(_size)
        .correlate(me, my_party, person, CountryRule)
        .lateral()
    )
    return _by(found, CountryRule, where=_standing(CountryRule.tag.is_not(None)))


def _branches() -> Select[Exhibit]:
    """The newest that she sees by any way of seeing."""
    ours = _by(_some(Exhibit.workspace_id == _workspace, Exhibit.party_id == me.party_id, own))
    held = _by(_some(Exhibit.workspace_id == _workspace, Exhibit.holder_id == _user))
    every = sa.union(ours, held, _released(), _by_shelf(), _by_tag()).subquery("every")
    return _these(select(every.c.id).order_by(every.c.created_at.desc(), every.c.id.desc()).limit(_size))


def _ties() -> Select[uuid.UUID, bool]:
    """The principals that mean her: for forbids all of them, for grants those that say so."""
    tied = me.id == MembershipPrincipal.membership_id
    ties = select(MembershipPrincipal.principal_id, MembershipPrincipal.is_for_grants).join(me, tied)
    return ties.where(me.user_id == _user, me.workspace_id == _workspace, live(me.live_from, me.live_until))


_TIES = _ties()
_WINDOW = window()
_BRANCHES = _branches()


def newest(user: User, workspace: Workspace, size: int = 50, before: Place = THE_END) -> list[Exhibit]:
    """The newest ``size`` exhibits of the workspace that she sees, older than ``before``: ``which`` in order."""
    values: dict[str, Any] = {"workspace": workspace.id, "user": user.id, "size": size}
    values |= {"before_at": before[0], "before_id": before[1]}
    ties = session().execute(_TIES, values).all()
    values |= {"grants": [tie.principal_id for tie in ties if tie.is_for_grants]}
    values |= {"forbids": [tie.principal_id for tie in ties]}
    found = session().scalars(_WINDOW, values).all()
    return list(found if len(found) == size else session().scalars(_BRANCHES, values))
