"""A watch over the session, for tests and development: protected things are read through the policy or not at all."""

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, sessionmaker

from jit_portal.policy.asking import GUARDED


class UnpolicedRead(AssertionError):
    """A statement selects a protected thing and did not come from the policy."""


def watch(maker: sessionmaker[Session]) -> None:
    """Refuse, from now on, every such statement of this factory's sessions."""
    event.listen(maker, "do_orm_execute", _refuse)


def _refuse(state: ORMExecuteState) -> None:
    if not state.is_select or state.is_relationship_load or state.is_column_load:
        return
    if state.execution_options.get("policy"):
        return
    read = {description.get("entity") for description in getattr(state.statement, "column_descriptions", ())}
    unpoliced = read & GUARDED
    if unpoliced:
        raise UnpolicedRead(f"{unpoliced} read without the policy")
