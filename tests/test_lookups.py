"""What several columns look up is asked of the database once, and told apart by its values."""

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import _anonymous_label

from jit_portal import policy
from jit_portal.database import Thing, session
from jit_portal.exhibits import rules
from jit_portal.exhibits.models import Exhibit, Release
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.policy.asking import answered_once
from jit_portal.vocabulary import Sight
from tests import factories


def releases_of(sight: Sight) -> ColumnElement[int]:
    counted = select(func.count(Release.id)).where(Release.exhibit_id == Exhibit.id, Release.sight == sight)
    return counted.correlate_except(Release).scalar_subquery()


def test_lookups_alike_are_one_and_others_are_not(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    factories.release(world, exhibit, "nl", Sight.READ)
    wanted = [releases_of(sight) > 0 for sight in (Sight.READ, Sight.USE, Sight.READ, Sight.USE)]
    statement = answered_once(Exhibit, wanted).where(Exhibit.id == exhibit.id).execution_options(policy=True)
    assert set(session().execute(statement)) == {(True, False, True, False)}
    assert str(statement).count("FROM release") == 2


MODELS: list[type[Thing]] = sorted({model for model, _ in policy.RULES}, key=policy.noun)


@pytest.mark.parametrize("model", MODELS, ids=policy.noun)
def test_every_alias_in_a_lookup_of_a_rule_has_a_name(model: type[Thing]) -> None:
    """Two without one would read alike, and the answer of one would stand for both."""
    rules = [rule for (of, _), rule in policy.RULES.items() if of is model]
    lookups = [
        each
        for rule in rules
        for condition in rule.values()
        for each in visitors.iterate(condition)
        if isinstance(each, sa.ScalarSelect)
    ]
    aliases = [each for lookup in lookups for each in visitors.iterate(lookup) if isinstance(each, sa.Alias)]
    assert {str(alias.element) for alias in aliases if isinstance(alias.name, _anonymous_label)} == set()


def test_what_is_looked_up_once_stays_where_it_is(app: Flask) -> None:
    statement = answered_once(Exhibit, [releases_of(Sight.READ) > 0, sa.true()])
    assert "LATERAL" not in str(statement)


def test_of_two_standing_releases_the_higher_counts(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    for sight in (Sight.DOWNLOAD, Sight.SEE):
        said = RuleDescription(is_forbid=False, to=f"party:{world.parties['nl'].id}", sight=sight, kind=None, tag=None)
        rules.set_rule(world["fr_leader"], world.workspace, world.parties["fr"], said)
    assert policy.sights(world["nl_member"], [exhibit]) == {exhibit.id: Sight.DOWNLOAD}
