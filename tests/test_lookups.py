"""What several columns look up is asked of the database once, and told apart by its values."""

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import ColumnElement, func, select

from jit_portal import policy
from jit_portal.database import session
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
