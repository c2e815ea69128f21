"""A watch over the session, for tests and development: protected things are read through the policy or not at all."""

from functools import cache
from typing import Any

from sqlalchemy import Table, event
from sqlalchemy.orm import ORMExecuteState, Session, sessionmaker
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import ColumnClause

from jit_portal.policy.asking import GUARDED


class UnpolicedRead(AssertionError):
    """A statement selects a protected thing and did not come from the policy."""


def watch(maker: sessionmaker[Session]) -> None:
    """Refuse, from now on, every such statement of this factory's sessions."""
    event.listen(maker, "do_orm_execute", _refuse)


def _refuse(state: ORMExecuteState) -> None:
    if state.execution_options.get("policy") or state.is_relationship_load or state.is_column_load:
        return
    statement: Any = state.statement
    key = statement._generate_cache_key()
    if key is not None and key.key in _harmless:
        return
    read, is_partly_policed = _read_by(statement)
    if read:
        raise UnpolicedRead(f"{read} read without the policy")
    # What the policy asked in part reads alike without it: the key says nothing of that.
    if key is not None and not is_partly_policed:
        _harmless.add(key.key)


_harmless: set[Any] = set()


@cache
def _guarded() -> dict[Any, str]:
    return {model.__table__: model.__name__ for model in GUARDED}


def _read_by(statement: Any) -> tuple[set[str], bool]:
    """Which protected things it reads, wherever in it they stand; and whether parts of it came from the policy.

    What changes rows reads only what it gives back.
    """
    read, policed, seen = set(), False, set()
    left = list(statement._returning) if isinstance(statement, UpdateBase) else [statement]
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, Table):
            read |= {_guarded()[each]} if each in _guarded() else set()
        elif isinstance(each, ColumnClause):
            left += [] if each.table is None else [each.table]
        elif getattr(each, "_execution_options", {}).get("policy"):
            policed = True
        else:
            left += each.get_children()
    return read, policed
