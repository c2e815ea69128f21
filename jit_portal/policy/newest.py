"""The newest exhibits a person sees in a workspace, in milliseconds at a million exhibits; proven equal to ``which``.

Who sees much finds a page among the workspace's newest, in one query. Who sees little is then given the newest by each
way of seeing that she has, unless there are no more: own, held, released, by shelf, by tag. Every branch also carries
the whole rule: it can leave out, but never disclose.

Planning takes longer than answering. So the reader is one row, planned by itself; and for the branches, what never
changes in her membership, and whom she answers to, is given as values, so that the database leaves out of its plan
whatever cannot hold for her.
"""

import datetime as dt
import uuid
from functools import cache
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
from sqlalchemy.orm import aliased, joinedload, lazyload, load_only
from sqlalchemy.sql import visitors

from jit_portal.database import session
from jit_portal.exhibits.models import CountryRule, Exhibit, ExhibitTag, Release, Shelf
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import User
from jit_portal.policy.exhibits import GATES_OF_OWN, own, seen_at_all
from jit_portal.policy.grants import has_code
from jit_portal.policy.person import live, me, my_party, person, there_is
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
_looked_at = bindparam("looked_at", type_=sa.Integer)

_place = sa.tuple_(Exhibit.created_at, Exhibit.id)
_here = Exhibit.workspace_id == _workspace
_older = _place < sa.tuple_(_before_at, _before_id)
_newest_first = (Exhibit.created_at.desc(), Exhibit.id.desc())
_LISTED = (
    *(Exhibit.id, Exhibit.workspace_id, Exhibit.party_id, Exhibit.authority_id, Exhibit.file_id),
    *(Exhibit.reference, Exhibit.title, Exhibit.kind, Exhibit.handling, Exhibit.created_at),
)
_LISTED_OF_FILE = (StoredFile.length, StoredFile.received, StoredFile.integrity, StoredFile.sha256)
"""What a list shows; who asks an exhibit of a page for more is refused, for it would be asked for each by itself."""


def _granted_to(principal_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    return principal_id == func.any(_grants)


def _forbidden_to(principal_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    return principal_id == func.any(_forbids)


_RULE = and_(*GATES_OF_OWN.values(), seen_at_all(_granted_to, _forbidden_to))

Known = dict[Any, ColumnElement[Any]]


def _knowing(known: Known, expression: ColumnElement[bool]) -> ColumnElement[bool]:
    """The same expression, with what is known of the reader in the place of her own columns."""

    def tell(element: Any, **_: Any) -> Any:
        return known.get(element)

    return visitors.replacement_traverse(expression, {}, tell)


_asked_about = [each for each in visitors.iterate(_RULE) if isinstance(each, sa.Column)]
_hers = {each.id.expression.table for each in (me, my_party, person)}
_named = {each: f"{each.table.name}_{each.key}" for each in (me.id.expression, *_asked_about) if each.table in _hers}
"""Every column of her membership, her party and herself that the rule asks about."""


def _one_reader() -> FromClause:
    """Whoever asks, one row; with an offset, by which the database plans it by itself."""
    tied = select(func.array_agg(MembershipPrincipal.principal_id)).where(MembershipPrincipal.membership_id == me.id)
    grants, forbids = tied.where(MembershipPrincipal.is_for_grants).scalar_subquery(), tied.scalar_subquery()
    columns = [column.label(name) for column, name in _named.items()]
    reader = select(*columns, grants.label("grants"), forbids.label("forbids"))
    reader = reader.join_from(me, my_party, my_party.id == me.party_id).join(person, person.id == me.user_id)
    theirs = (me.workspace_id == _workspace, me.user_id == _user, live(me.live_from, me.live_until))
    return reader.where(*theirs).offset(0).subquery("reader")


_reader = _one_reader()
_IN_ROW: Known = {column: _reader.c[name] for column, name in _named.items()}
_IN_ROW |= {_grants: _reader.c.grants, _forbids: _reader.c.forbids}
_never_change = (me.id, me.party_id, me.role, me.is_outside_union, my_party.kind)
_VALUES: dict[Any, sa.BindParameter[Any]] = {
    column.expression: bindparam(f"my_{column.key}", type_=column.type) for column in _never_change
}
_VALUES |= {_grants: _grants, _forbids: _forbids}
_BY_VALUES: Known = _IN_ROW | _VALUES
_ITS_RULE = _knowing(_BY_VALUES, _RULE)


def _window(*older: ColumnElement[bool]) -> Select[Exhibit]:
    """What she sees among the newest so many of the workspace."""
    since = func.coalesce(_oldest_looked_at(*older), sa.cast("-infinity", sa.DateTime(timezone=True)))
    found = select(*_LISTED).where(_here, *older, Exhibit.created_at >= since, _knowing(_IN_ROW, _RULE))
    seen = aliased(Exhibit, found.order_by(*_newest_first).limit(_size).subquery("seen"))
    return _as_listed(select(seen), seen)


def _oldest_looked_at(*older: ColumnElement[bool]) -> sa.ScalarSelect[dt.datetime]:
    """When the oldest of so many came; nothing where there are fewer, which have then all been looked at."""
    newest = select(Exhibit.created_at).where(_here, *older).order_by(*_newest_first)
    return newest.offset(_looked_at - 1).limit(1).correlate(None).scalar_subquery()


def _these(found: Select[uuid.UUID]) -> Select[Exhibit]:
    """The exhibits that were found; what belongs to them is joined to no more than these."""
    ids = found.subquery("found")
    return _as_listed(select(Exhibit).join(ids, ids.c.id == Exhibit.id), Exhibit)


def _as_listed(these: Select[Exhibit], exhibit: type[Exhibit]) -> Select[Exhibit]:
    """Newest first, with what a list shows of them and of what belongs to them, but for their parties.

    Those are few, and whoever shows a page of the workspace has all that are party to it now.
    """
    listed = load_only(*(getattr(exhibit, each.key) for each in _LISTED), raiseload=True)
    of_file = joinedload(exhibit.file).load_only(*_LISTED_OF_FILE, raiseload=True)
    these = these.order_by(exhibit.created_at.desc(), exhibit.id.desc())
    return these.options(listed, of_file, lazyload(exhibit.seizing_party)).execution_options(policy=True)


def _newest_of(*narrowed: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """The newest that fit, with the whole rule."""
    found = select(Exhibit.id, Exhibit.created_at).where(*narrowed, _ITS_RULE)
    return found.order_by(*_newest_first).limit(_size).correlate(_reader)


def _of_each(source: Any, found: Select[*tuple[Any, ...]], *where: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """The newest that were found for each row of a source, each once."""
    some = found.correlate(_reader, source).lateral()
    every = select(some.c.id, some.c.created_at).join_from(source, some, true()).where(*where)
    return every.distinct().correlate(_reader)


def _owned() -> Select[*tuple[Any, ...]]:
    return _newest_of(_here, _older, _knowing(_BY_VALUES, and_(Exhibit.party_id == me.party_id, own)))


def _held() -> Select[*tuple[Any, ...]]:
    return _newest_of(_here, _older, Exhibit.holder_id == _user)


def _released() -> Select[*tuple[Any, ...]]:
    mine = func.unnest(_grants).table_valued("principal_id", name="mine").render_derived()
    # Each once before they are counted: an exhibit may be released to her twice.
    found = (
        select(Release.exhibit_id.label("id"), Release.exhibit_created_at.label("created_at"))
        .distinct()
        .join(Exhibit, Exhibit.id == Release.exhibit_id)
        .where(
            Release.principal_id == mine.c.principal_id,
            live(Release.live_from, Release.live_until),
            _here,
            sa.tuple_(Release.exhibit_created_at, Release.exhibit_id) < sa.tuple_(_before_at, _before_id),
            _ITS_RULE,
        )
        .order_by(Release.exhibit_created_at.desc(), Release.exhibit_id.desc())
        .limit(_size)
    )
    return _of_each(mine, found)


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
    return _of_each(Shelf, _newest_of(Exhibit.shelf_id == Shelf.id, _older), *visible)


def _by_tag() -> Select[*tuple[Any, ...]]:
    found = (
        select(Exhibit.id, Exhibit.created_at)
        .join(ExhibitTag, ExhibitTag.exhibit_id == Exhibit.id)
        .where(
            ExhibitTag.workspace_id == _workspace,
            ExhibitTag.tag == CountryRule.tag,
            sa.tuple_(ExhibitTag.exhibit_created_at, ExhibitTag.exhibit_id) < sa.tuple_(_before_at, _before_id),
            Exhibit.party_id == CountryRule.party_id,
            _ITS_RULE,
        )
        .order_by(ExhibitTag.exhibit_created_at.desc(), ExhibitTag.exhibit_id.desc())
        .limit(_size)
    )
    return _of_each(CountryRule, found, *_standing(CountryRule.tag.is_not(None)))


_ALL = "were_all"
_OWNED, _HELD, _RELEASED, _SHELF, _TAG = "owned", "held", "released", "by_shelf", "by_tag"
_WAYS = {_OWNED: _owned(), _HELD: _held(), _RELEASED: _released(), _SHELF: _by_shelf(), _TAG: _by_tag()}
"""The ways of seeing, with the newest that each shows."""


def _is_held() -> ColumnElement[bool]:
    held = select(true()).where(Exhibit.holder_id == _user).order_by(*_newest_first).limit(1)
    return held.scalar_subquery().is_(true())


def _is_released() -> ColumnElement[bool]:
    mine = func.unnest(_grants).table_valued("principal_id", name="mine").render_derived()
    released = select(Release.id).where(Release.principal_id == mine.c.principal_id)
    one = released.order_by(Release.exhibit_created_at.desc(), Release.exhibit_id.desc()).limit(1).correlate(mine)
    return select(true()).select_from(mine).join(one.lateral(), true()).exists()


def _what_is_known() -> Select[*tuple[Any, ...]]:
    """What never changes in her membership, and for each way of seeing, whether there is what it begins with.

    Each is looked up in its index or in a table of few rows: in the order of an index, or the database would read all.
    """
    begins = {
        _OWNED: there_is(Shelf, Shelf.workspace_id == _workspace, Shelf.party_id == me.party_id),
        _HELD: _is_held(),
        _RELEASED: _is_released(),
        _SHELF: there_is(CountryRule, *_standing(CountryRule.tag.is_(None))),
        _TAG: there_is(CountryRule, *_standing(CountryRule.tag.is_not(None))),
    }
    known = [_IN_ROW[each].label(value.key) for each, value in _VALUES.items()]
    known.append(_oldest_looked_at(_older).is_(None).label(_ALL))
    known += [_knowing(_IN_ROW, each).label(name) for name, each in begins.items()]
    return select(*known).select_from(_reader).execution_options(policy=True)


@cache
def _branches(*ways: str) -> Select[Exhibit]:
    """The newest that she sees by any of these ways, while she has the membership that is known."""
    every = sa.union(*(_WAYS[way] for way in ways)).lateral("every")
    newest = select(every.c.id).join_from(_reader, every, true())
    newest = newest.where(_knowing(_IN_ROW, me.id == _VALUES[me.id.expression]))
    return _these(newest.order_by(every.c.created_at.desc(), every.c.id.desc()).limit(_size))


# The first page is asked for most, and sooner found where nothing need be older than another.
_FIRST_WINDOW, _WINDOW = _window(), _window(_older)
_KNOWN = _what_is_known()


def newest(user: User, workspace: Workspace, size: int = 50, before: Place = THE_END) -> list[Exhibit]:
    """The newest ``size`` exhibits of the workspace that she sees, older than ``before``: ``which`` in order."""
    values: dict[str, Any] = {"workspace": workspace.id, "user": user.id, "size": size, "looked_at": LOOKED_AT}
    values |= {"before_at": before[0], "before_id": before[1]}
    found = session().scalars(_FIRST_WINDOW if before == THE_END else _WINDOW, values).all()
    if len(found) == size:
        return list(found)
    known = dict(session().execute(_KNOWN, values).mappings().one_or_none() or {})
    if known.pop(_ALL, False):
        return list(found)
    ways = [way for way in _WAYS if known.get(way)]
    return list(session().scalars(_branches(*ways), values | known)) if ways else []
