"""What is protected is read through the policy only, and without a rule nobody may do anything."""

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, union, update
from sqlalchemy.orm import aliased

from jit_portal import policy
from jit_portal.database import Thing, session
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import Authority, IdentityProvider, ProviderProposal, User
from jit_portal.jits.models import Jit
from jit_portal.policy import UnpolicedRead
from jit_portal.vocabulary import (
    May,
)
from tests.factories import World
from tests.policy_things import world

FIXTURES = (world,)
"""They are asked for by name."""


NOT_GUARDED: dict[type[Thing], str] = {
    User: "whom one sees is known from what she did: her name stands beside it",
    Authority: "where somebody works stands beside her name",
    IdentityProvider: "which national logins there are stands on the page to sign in at, for everybody",
    ProviderProposal: "decided among operators, and read by what opens and closes logins",
}
PROTECTED: list[type[Thing]] = sorted(policy.GROUNDS.keys() - NOT_GUARDED.keys(), key=policy.noun)


@pytest.mark.parametrize("model", PROTECTED, ids=policy.noun)
def test_what_is_protected_is_read_through_the_policy_only(app: Flask, model: type[Thing]) -> None:
    column = model.__table__.c.id
    inner = select(model.id)
    for statement in (
        select(model),
        select(model.id),
        select(model).limit(1),
        select(column),
        select(aliased(model)),
        select(func.count()).select_from(model),
        select(User.id).join(model, model.id == User.id),
        select(inner.subquery()),
        select(inner.cte()),
        select(inner.scalar_subquery()),
        select(User.id).where(User.id.in_(inner)),
        select(User.id).where(inner.exists()),
        union(inner, select(User.id)),
        update(model).values(id=column).returning(column),
        delete(model).returning(model.id),
    ):
        with pytest.raises(UnpolicedRead):
            session().execute(statement)
    session().rollback()
    policed = inner.execution_options(policy=True)
    session().execute(select(model).execution_options(policy=True))
    for _ in range(2):
        session().execute(select(User.id).where(User.id.in_(policed)))
        with pytest.raises(UnpolicedRead):
            session().execute(select(User.id).where(User.id.in_(inner)))


def test_a_thing_without_rules_may_be_nothing(app: Flask, world: World) -> None:
    assert not policy.may(world["fr_leader"], May.DELETE, world.jit)
    assert session().scalars(policy.which(world["fr_leader"], Exhibit, May.POST)).all() == []
    assert policy.explain(world["fr_leader"], May.POST, world.jit) == []


def test_a_rule_without_conditions_lets_nobody_do_anything(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule: tuple[type[Thing], May] = (Jit, May.DELETE)
    monkeypatch.setitem(policy.RULES, rule, {})
    assert not policy.may(world["fr_leader"], May.DELETE, world.jit)
    assert May.DELETE not in policy.allowed(world["fr_leader"], world.jit)
    assert session().scalars(policy.which(world["fr_leader"], Jit, May.DELETE)).all() == []
