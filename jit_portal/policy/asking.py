"""The ways of asking one rule: which things, whether, who, why.

A rule is a dictionary of named conditions, all of which must hold, over the person (``person``, ``me``, ``my_party``)
and
the thing; each is one SQL expression, so that every question is answered by the same text.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, and_, func, select, true
from sqlalchemy.orm import InstrumentedAttribute

from jit_portal.database import Thing, session
from jit_portal.errors import NotAllowed, NotFound
from jit_portal.identity.models import User
from jit_portal.policy.person import GATES, Conditions, me, my_party, person
from jit_portal.policy.stepup import demand
from jit_portal.vocabulary import May


@dataclass(frozen=True)
class Ground:
    """How a kind of thing is joined to the person who asks.

    ``path`` leads from the thing to what knows its workspace; ``workspace`` is that id, or None for things outside
    workspaces, which are asked about with the person alone.
    """

    path: tuple[tuple[type[Any], ColumnElement[bool]], ...] = ()
    workspace: InstrumentedAttribute[uuid.UUID] | None = None
    gates: Conditions | None = None


@dataclass(frozen=True)
class Condition:
    """One named condition of a rule, and whether it holds for this person and thing."""

    name: str
    holds: bool


T = TypeVar("T", bound=Thing)

GROUNDS: dict[type[Thing], Ground] = {}
GUARDED: set[type[Thing]] = set()
RULES: dict[tuple[type[Thing], May], Conditions] = {}


def protect(model: type[Thing], ground: Ground, *, is_guarded: bool = True) -> None:
    """From now on, things of this kind are read through the policy only, unless ``is_guarded`` says otherwise."""
    GROUNDS[model] = ground
    if is_guarded:
        GUARDED.add(model)


def rule(model: type[Thing], *mays: May) -> Callable[[Callable[[], Conditions]], Callable[[], Conditions]]:
    """Register what a function returns as the rule for doing any of ``mays`` to a ``model``."""

    def register(function: Callable[[], Conditions]) -> Callable[[], Conditions]:
        ground = GROUNDS[model]
        gates = GATES if ground.gates is None else ground.gates
        for may in mays:
            RULES[model, may] = {**gates, **function()}
        return function

    return register


def holds(model: type[Thing], may: May) -> ColumnElement[bool]:
    """The whole rule as one expression; what has no rule is not allowed to anybody."""
    conditions = RULES.get((model, may))
    return and_(*conditions.values()) if conditions else sa.false()


def joined(statement: Select[*tuple[Any, ...]], model: type[Thing], *, outer: bool = False) -> Select[*tuple[Any, ...]]:
    ground = GROUNDS[model]
    statement = statement.select_from(model)
    for target, on in ground.path:
        statement = statement.join(target, on)
    if ground.workspace is None:
        return statement.join(person, true())
    if outer:
        statement = statement.join(person, true())
        statement = statement.outerjoin(me, and_(me.workspace_id == ground.workspace, me.user_id == person.id))
        return statement.outerjoin(my_party, my_party.id == me.party_id)
    statement = statement.join(me, me.workspace_id == ground.workspace)
    return statement.join(my_party, my_party.id == me.party_id).join(person, person.id == me.user_id)


def which(user: User, model: type[T], may: May = May.SEE) -> Select[T]:
    """Every thing of this kind that she may do this to; order, narrow and page it further."""
    statement = joined(select(model), model).where(person.id == user.id, holds(model, may))
    return statement.execution_options(policy=True)


def fetch(user: User, model: type[T], id: uuid.UUID, may: May = May.SEE, *, lock: bool = False) -> T:
    """The thing with this id, if she may; otherwise missing, whether it exists or not."""
    statement = which(user, model, may).where(model.id == id)
    if lock:
        statement = statement.with_for_update(of=model).execution_options(populate_existing=True)
    thing = session().scalar(statement)
    if thing is None:
        raise NotFound(may=may, noun=noun(model), object_id=id)
    return thing


def locked(user: User, what: May, thing: T) -> T:
    """The thing with its row locked, if she may do this to it then: what she might before the wait may have ended."""
    held = fetch(user, type(thing), thing.id, lock=True)
    require(user, what, held)
    return held


def allowed(user: User, thing: Thing) -> frozenset[May]:
    """Everything she may do to this thing: each condition is asked once, however many rules share it."""
    model = type(thing)
    rules = {may: conditions for (known, may), conditions in RULES.items() if known is model}
    asked = list({id(each): each for conditions in rules.values() for each in conditions.values()}.values())
    place = {id(each): number for number, each in enumerate(asked)}
    rows = session().execute(_about(user, thing, [_plainly(each) for each in asked])).all()
    return frozenset(
        may
        for may, conditions in rules.items()
        if any(all(row[place[id(each)]] for each in conditions.values()) for row in rows)
    )


def may(user: User, what: May, thing: Thing) -> bool:
    """Whether she may do this one thing."""
    rows = session().execute(_about(user, thing, [_plainly(holds(type(thing), what))])).all()
    return any(row[0] for row in rows)


def require(user: User, what: May, thing: Thing) -> None:
    """Go on only if she may, and has just proved who she is where the act asks for that: how every verb begins."""
    require_right(user, what, thing)
    demand(user, what, thing)


def require_right(user: User, what: May, thing: Thing) -> None:
    """Go on only if she may: missing if she cannot see it, refused if she only sees it.

    For what shows a form or tries an act out; doing it asks for more.
    """
    model = type(thing)
    columns = [_plainly(holds(model, May.SEE)).label("see"), _plainly(holds(model, what)).label("do")]
    rows = session().execute(_about(user, thing, columns)).all()
    if any(row.do for row in rows):
        return
    if any(row.see for row in rows):
        raise NotAllowed(may=what, noun=noun(model), object_id=thing.id, thing=thing)
    raise NotFound(may=what, noun=noun(model), object_id=thing.id)


def who(thing: Thing, may: May = May.SEE) -> Select[User]:
    """Every person who may do this to the thing."""
    model = type(thing)
    statement = joined(select(person), model).where(model.id == thing.id, holds(model, may))
    return statement.distinct().execution_options(policy=True)


def pairs(model: type[Thing], may: May, *narrowed: ColumnElement[bool]) -> Select[uuid.UUID, uuid.UUID]:
    """The id of every such thing with the id of every person who may do this to it."""
    statement = joined(select(model.id, person.id), model).where(holds(model, may), *narrowed)
    return statement.execution_options(policy=True)


def explain(user: User, may: May, thing: Thing) -> list[Condition]:
    """Each condition of the rule, and whether it holds. Asking needs ``SEE``: the caller has fetched the thing."""
    conditions = RULES.get((type(thing), may), {})
    columns = [_plainly(condition).label(name) for name, condition in conditions.items()]
    if not columns:
        return []
    model = type(thing)
    statement = joined(select(*columns), model, outer=True).where(model.id == thing.id, person.id == user.id)
    rows = session().execute(statement.execution_options(policy=True)).all()
    best = max(rows, key=lambda row: sum(map(bool, row)), default=None)
    return [Condition(name, bool(best is not None and getattr(best, name))) for name in conditions]


def _plainly(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return func.coalesce(condition, sa.false())


def _about(user: User, thing: Thing, columns: list[Any]) -> Select[*tuple[Any, ...]]:
    """One row per membership that the person has or had there; at most one of them passes the gates."""
    model = type(thing)
    statement = joined(select(*columns), model).where(model.id == thing.id, person.id == user.id)
    return statement.execution_options(policy=True)


def noun(model: type[Thing]) -> str:
    return str(model.__tablename__)
