"""The ways of asking one rule: which things, whether, who, why.

A rule is a dictionary of named conditions, all of which must hold, over the person (``person``, ``me``, ``my_party``)
and the thing; each is one SQL expression, so that every question is answered by the same text. Making that text takes
longer than asking: it is made once, for whoever asks (``asker``) about whichever thing (``_about``).
"""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql import visitors

from jit_portal.database import Thing, session
from jit_portal.errors import NotAllowed, NotFound
from jit_portal.identity.models import User
from jit_portal.policy.person import GATES, Conditions, asker, has_role, me, membership_live, my_party, person
from jit_portal.policy.stepup import demand
from jit_portal.vocabulary import May, Role


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
Answers = dict[ColumnElement[bool], bool]

_about = bindparam("about", type_=UUID(as_uuid=True))

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


def conditions(model: type[Thing], may: May) -> tuple[ColumnElement[bool], ...]:
    """What must hold; what has no rule is not allowed to anybody."""
    rule = RULES.get((model, may))
    return tuple(rule.values()) if rule else (sa.false(),)


def holds(model: type[Thing], may: May) -> ColumnElement[bool]:
    """The whole rule as one expression."""
    return and_(*conditions(model, may))


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
    return asked(model, may).params(asker=user.id)


def asked(model: type[T], may: May = May.SEE) -> Select[T]:
    """``which`` for whoever will ask: to be made into a statement once, and run with the ``asker``'s id."""
    return _which(model, conditions(model, may))


@cache
def _which(model: type[T], rule: tuple[ColumnElement[bool], ...]) -> Select[T]:
    return joined(select(model), model).where(person.id == asker, *rule).execution_options(policy=True)


def fetch(user: User, model: type[T], id: uuid.UUID, may: May = May.SEE, *, lock: bool = False) -> T:
    """The thing with this id, if she may; otherwise missing, whether it exists or not."""
    statement: Select[T] = _one(model, conditions(model, may))
    if lock:
        # A person can be told of something meanwhile: whoever tells may have what she who locks comes to next.
        locking = statement.with_for_update(of=model, key_share=model is User)
        statement = locking.execution_options(populate_existing=True)
    thing = session().scalar(statement, {"about": id, "asker": user.id})
    if thing is None:
        raise NotFound(may=may, noun=noun(model), object_id=id)
    return thing


@cache
def _one(model: type[T], rule: tuple[ColumnElement[bool], ...]) -> Select[T]:
    return _which(model, rule).where(model.id == _about)


def locked(user: User, what: May, thing: T) -> T:
    """The thing with its row locked, if she may do this to it then: what she might before the wait may have ended."""
    held = fetch(user, type(thing), thing.id, lock=True)
    require(user, what, held)
    return held


def allowed(user: User, thing: Thing) -> frozenset[May]:
    """Everything she may do to this thing: each condition is asked once, however many rules share it."""
    rules = {may: conditions(model, may) for model, may in RULES if model is type(thing)}
    rows = _ask(user, thing, *(each for rule in rules.values() for each in rule))
    return frozenset(may for may, rule in rules.items() if _passes(rows, rule))


def may(user: User, what: May, thing: Thing) -> bool:
    """Whether she may do this one thing."""
    rule = conditions(type(thing), what)
    return _passes(_ask(user, thing, *rule), rule)


def require(user: User, what: May, thing: Thing) -> None:
    """Go on only if she may, and has just proved who she is where the act asks for that: how every verb begins."""
    require_right(user, what, thing)
    demand(user, what, thing)


def require_right(user: User, what: May, thing: Thing) -> None:
    """Go on only if she may: missing if she cannot see it, refused if she only sees it.

    For what shows a form or tries an act out; doing it asks for more.
    """
    model = type(thing)
    see, do = conditions(model, May.SEE), conditions(model, what)
    rows = _ask(user, thing, *see, *do)
    if _passes(rows, do):
        return
    if _passes(rows, see):
        raise NotAllowed(may=what, noun=noun(model), object_id=thing.id, thing=thing)
    raise NotFound(may=what, noun=noun(model), object_id=thing.id)


def who(thing: Thing, may: May = May.SEE) -> Select[User]:
    """Every person who may do this to the thing."""
    model = type(thing)
    return _who(model, conditions(model, may)).params(about=thing.id)


@cache
def _who(model: type[Thing], rule: tuple[ColumnElement[bool], ...]) -> Select[User]:
    statement = joined(select(person), model).where(model.id == _about, *rule)
    return statement.distinct().execution_options(policy=True)


def pairs(model: type[Thing], may: May, *narrowed: ColumnElement[bool]) -> Select[uuid.UUID, uuid.UUID]:
    """The id of every such thing with the id of every person who may do this to it."""
    statement = joined(select(model.id, person.id), model).where(holds(model, may), *narrowed)
    return statement.execution_options(policy=True)


def explain(user: User, may: May, thing: Thing) -> list[Condition]:
    """Each condition of the rule, and whether it holds, by the membership she has rather than by one that ended.

    Asking needs ``SEE``: the caller has fetched the thing.
    """
    rule = RULES.get((type(thing), may), {})
    if not rule:
        return []
    rows = _ask(user, thing, *rule.values(), outer=True)
    is_live = rule.get("membership_live")
    best = max(rows, key=lambda row: (is_live is not None and row[is_live], sum(row.values())), default={})
    return [Condition(name, best.get(condition, False)) for name, condition in rule.items()]


_guest = and_(membership_live, has_role(Role.PARTICIPANT, Role.EXPERT))


def is_guest(user: User, thing: Thing) -> bool:
    """Whether she is a participant or an expert where the thing is, whatever she is in other JITs."""
    return GROUNDS[type(thing)].workspace is not None and _passes(_ask(user, thing, _guest), (_guest,))


def _ask(user: User, thing: Thing, *wanted: ColumnElement[bool], outer: bool = False) -> list[Answers]:
    """Whether each condition holds: one row per membership that the person has or had there; at most one of them
    passes the gates.
    """
    once = tuple(dict.fromkeys(wanted))
    rows = session().execute(_answers(type(thing), once, outer), {"about": thing.id, "asker": user.id})
    return [dict(zip(once, row, strict=True)) for row in rows]


@cache
def _answers(model: type[Thing], wanted: tuple[ColumnElement[bool], ...], outer: bool) -> Select[*tuple[Any, ...]]:
    columns = [func.coalesce(each, sa.false()) for each in wanted]
    statement = answered_once(model, columns, outer=outer).where(model.id == _about, person.id == asker)
    return statement.execution_options(policy=True)


def answered_once(
    model: type[Thing], columns: Sequence[ColumnElement[Any]], *beside: Any, outer: bool = False
) -> Select[*tuple[Any, ...]]:
    """These columns for such things and people, and what is said beside them; what several of them look up is planned
    and looked up once.
    """
    said: dict[sa.ScalarSelect[Any], str] = {}
    times: Counter[str] = Counter()

    def note(element: Any, **_: Any) -> Any:
        if isinstance(element, sa.ScalarSelect):
            if element not in said:
                said[element] = _said(element)
            times[said[element]] += 1
        return element if isinstance(element, (sa.ScalarSelect, sa.Exists)) else None

    for column in columns:
        visitors.replacement_traverse(column, {}, note)
    shared = {text: each for each, text in said.items() if times[text] > 1}
    if not shared:
        return joined(select(*beside, *columns), model, outer=outer)
    # Without an offset, the database would put each back into every column that wants it, and plan it there.
    once = select(*(each.label(f"answer_{number}") for number, each in enumerate(shared.values()))).offset(0).lateral()
    answers = dict(zip(shared, once.c, strict=True))

    def tell(element: Any, **_: Any) -> Any:
        if isinstance(element, sa.ScalarSelect):
            return answers.get(said[element], element)
        return element if isinstance(element, sa.Exists) else None

    told = [visitors.replacement_traverse(column, {}, tell) for column in columns]
    return joined(select(*beside, *told), model, outer=outer).join(once, true())


def _said(lookup: sa.ScalarSelect[Any]) -> str:
    """What tells one subquery from another: its text with its values.

    Every alias in it has a name of its own: two without one would read alike.
    """
    compiled = lookup.compile()
    return f"{compiled} {compiled.params}"


def _passes(rows: list[Answers], rule: tuple[ColumnElement[bool], ...]) -> bool:
    return any(all(row[condition] for condition in rule) for row in rows)


def noun(model: type[Thing]) -> str:
    return str(model.__tablename__)
