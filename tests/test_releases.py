"""Releases of exhibits: who makes and withdraws them, for whom, and who is told, also of those that begin or end."""

import datetime as dt
import json
import uuid
from collections import Counter

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.service import CHANNEL
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.errors import NotAllowed, NotFound, Refused
from jit_portal.exhibits import releasing, rules, windows
from jit_portal.exhibits.models import Exhibit, Release
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.notices.models import Notice
from jit_portal.vocabulary import May, NoticeKind, Purpose, Role, Sight
from tests import factories
from tests.exhibits import all_acts
from tests.factories import World
from tests.vault import do_the_work


def test_release_and_withdrawal_move_sight_at_once(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    leader, other = world["fr_leader"], world["nl_member"]
    with pytest.raises(NotFound):
        policy.fetch(other, Exhibit, exhibit.id)
    made = releasing.release(
        leader, exhibit, f"party:{world.parties['nl'].id}", Sight.READ, Purpose.JIT_PURPOSE, conditions="No copies."
    )
    assert policy.allowed(other, exhibit) == {May.SEE, May.READ}
    releasing.withdraw(leader, made, "Released by mistake.")
    assert policy.allowed(other, exhibit) == frozenset()
    assert all_acts() == ["exhibit.released", "exhibit.withdrawn"]
    with pytest.raises(Refused):
        releasing.withdraw(leader, made, "Again.")


def test_whoever_is_kept_from_an_exhibit_sees_no_release_of_it(app: Flask) -> None:
    world = factories.world()
    made = factories.release(world, factories.exhibit(world), "nl", Sight.READ)
    assert policy.fetch(world["nl_leader"], Release, made.id).id == made.id
    forbid = RuleDescription(is_forbid=True, to=f"party:{world.parties['nl'].id}", sight=Sight.SEE)
    rules.set_rule(world["fr_leader"], world.workspace, world.parties["fr"], forbid)
    for name in ("nl_leader", "nl_member"):
        with pytest.raises(NotFound):
            policy.fetch(world[name], Release, made.id)
    assert policy.fetch(world["fr_member"], Release, made.id).id == made.id


def test_an_expert_who_signs_in_outside_the_union_is_released_nothing(app: Flask) -> None:
    """For whatever party she is there (E9)."""
    world = factories.world(slugs=("fr", "nl", "al"))
    with transaction():
        expert = world.join("al_expert", "al", Role.EXPERT, as_party="fr")
    exhibit = factories.exhibit(world)
    with pytest.raises(Refused, match="Articles 17 and 18"):
        releasing.release(world["fr_leader"], exhibit, f"person:{expert.id}", Sight.READ, Purpose.JIT_PURPOSE)
    assert policy.allowed(expert, exhibit) == frozenset()


def told_of_releases() -> Counter[uuid.UUID]:
    told = select(Notice.user_id).where(Notice.kind == NoticeKind.RELEASED).execution_options(policy=True)
    return Counter(session().scalars(told))


def test_a_release_is_told_to_all_who_see_further_by_it(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    other, to = world["nl_member"], f"party:{world.parties['nl'].id}"
    factories.release(world, exhibit, other, Sight.READ)
    for sight in (Sight.READ, Sight.READ, Sight.USE):
        releasing.release(world["fr_leader"], exhibit, to, sight, Purpose.JIT_PURPOSE)
    assert told_of_releases() == {other.id: 1, world["nl_leader"].id: 2}


def released_for_later(world: World, exhibit: Exhibit) -> Release:
    """A release to a member who reads it already, and to her leader, who does not; both are to use it in an hour."""
    factories.release(world, exhibit, world["nl_member"], Sight.READ)
    in_an_hour = factories.now() + dt.timedelta(hours=1)
    to = f"party:{world.parties['nl'].id}"
    leader = world["fr_leader"]
    return releasing.release(leader, exhibit, to, Sight.READ, Purpose.JIT_PURPOSE, live_from=in_an_hour)


def let_it_begin(release: Release, cluster: Postgres) -> None:
    """As if the hour had passed."""
    session.remove()
    with psycopg.connect(cluster.url(OWNER), autocommit=True) as connection:
        connection.execute("UPDATE release SET live_from = now() WHERE id = %s", [release.id])
        connection.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")


def test_who_sees_further_by_a_later_release_is_told_when_it_begins(
    app: Flask, cluster: Postgres, environ: dict[str, str]
) -> None:
    world = factories.world()
    made = released_for_later(world, factories.exhibit(world))
    do_the_work(environ)
    releasing.begin(made.id)
    assert told_of_releases() == {}
    let_it_begin(made, cluster)
    do_the_work(environ)
    assert told_of_releases() == {world["nl_leader"].id: 1}
    releasing.begin(made.id)
    assert told_of_releases() == {world["nl_leader"].id: 1}, "a job may run again"


def test_nobody_is_told_of_a_later_release_that_was_withdrawn(app: Flask, environ: dict[str, str]) -> None:
    world = factories.world()
    made = released_for_later(world, factories.exhibit(world))
    releasing.withdraw(world["fr_leader"], made, "Not needed.")
    releasing.begin(made.id)
    assert told_of_releases() == {}


@pytest.mark.parametrize("name", ["fr_member", "nl_leader", "eu_participant"])
def test_only_a_leader_of_the_seizing_party_releases(app: Flask, name: str) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    to = f"party:{world.parties['nl'].id}"
    with pytest.raises((NotAllowed, NotFound)):
        releasing.release(world[name], exhibit, to, Sight.SEE, Purpose.JIT_PURPOSE)
    assert session().scalars(select(Release).execution_options(policy=True)).all() == []


def test_whom_the_agreement_does_not_name_is_refused(app: Flask) -> None:
    world, elsewhere = factories.world(), factories.world("Kestrel", ("ro",))
    exhibit = factories.exhibit(world)
    for stranger in (f"party:{elsewhere.parties['ro'].id}", f"person:{elsewhere['ro_member'].id}", "party:x", ""):
        with pytest.raises(Refused, match="does not name them"):
            releasing.release(world["fr_leader"], exhibit, stranger, Sight.SEE, Purpose.JIT_PURPOSE)


@pytest.mark.parametrize("name", ["al_member", "icc_participant"])
def test_releases_to_third_countries_and_international_bodies_are_refused_with_a_reason(app: Flask, name: str) -> None:
    world = factories.world(slugs=("fr", "nl", "al", "icc"))
    exhibit = factories.exhibit(world)
    party = f"party:{world.members[name].party_id}"
    for target in (party, f"person:{world[name].id}"):
        with pytest.raises(Refused, match="Articles 17 and 18") as refused:
            releasing.release(world["fr_leader"], exhibit, target, Sight.SEE, Purpose.JIT_PURPOSE)
        assert refused.value.status == 409
    with pytest.raises(Refused, match="Articles 17 and 18"):
        rules.set_rule(
            world["fr_leader"], world.workspace, world.parties["fr"], RuleDescription(False, party, Sight.SEE)
        )


def test_nothing_is_released_after_the_agreement_has_ended(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    made = factories.release(world, exhibit, "nl")
    factories.end_agreement(world)
    with pytest.raises(NotAllowed):
        releasing.release(
            world["fr_leader"], exhibit, f"party:{world.parties['nl'].id}", Sight.USE, Purpose.JIT_PURPOSE
        )
    assert May.READ in policy.allowed(world["nl_member"], exhibit)
    releasing.withdraw(world["fr_leader"], made, "The case is over.")
    assert policy.allowed(world["nl_member"], exhibit) == frozenset()


def test_an_expert_sees_only_what_is_released_to_them_by_name(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    expert = world.join("expert", "nl", Role.EXPERT)
    session().commit()
    factories.release(world, exhibit, "nl", Sight.USE)
    assert policy.allowed(expert, exhibit) == frozenset()
    factories.release(world, exhibit, expert, Sight.READ)
    assert policy.allowed(expert, exhibit) == {May.SEE, May.READ}


def test_an_expert_of_the_seizing_party_is_shown_things_by_name(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    with transaction():
        expert = world.join("fr_expert", "fr", Role.EXPERT)
        for role in (Role.SECRETARIAT, Role.AUDITOR):
            world.join(f"fr_{role}", "fr", role)
    assert policy.allowed(expert, exhibit) == frozenset()
    releasing.release(world["fr_leader"], exhibit, f"person:{expert.id}", Sight.READ, Purpose.JIT_PURPOSE)
    assert policy.allowed(expert, exhibit) == {May.SEE, May.READ}
    for name in ("fr_member", "fr_leader", "fr_secretariat", "fr_auditor"):
        to = f"person:{world[name].id}"
        with pytest.raises(Refused, match="does not name them"):
            releasing.release(world["fr_leader"], exhibit, to, Sight.READ, Purpose.JIT_PURPOSE)


def test_what_three_hundred_people_see_can_be_withdrawn_and_all_are_told(app: Flask, cluster: Postgres) -> None:
    world = factories.world()
    with transaction():
        for number in range(300):
            world.join(f"nl_{number}", "nl")
    exhibit = factories.exhibit(world)
    told: set[str] = set()
    wanted = {str(world[f"nl_{number}"].id) for number in range(300)}
    with psycopg.connect(cluster.url(OWNER), autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        made = releasing.release(
            world["fr_leader"], exhibit, f"party:{world.parties['nl'].id}", Sight.READ, Purpose.JIT_PURPOSE
        )
        releasing.withdraw(world["fr_leader"], made, "Too many.")
        for notice in connection.notifies(timeout=20):
            said = json.loads(notice.payload)
            told |= set(said["also"]) if said["act"] == "exhibit.withdrawn" else set()
            if wanted <= told:
                break
    assert wanted <= told
    assert policy.allowed(world["nl_0"], exhibit) == frozenset()


def test_a_window_that_passes_is_told_to_whom_the_release_reaches_now(app: Flask, cluster: Postgres) -> None:
    world = factories.world()
    with transaction():
        world.join("nl_gone", "nl")
        for role in (Role.AUDITOR, Role.SECRETARIAT, Role.EXPERT):
            world.join(f"nl_{role}", "nl", role)
    factories.end_membership(world, "nl_gone")
    factories.release(world, factories.exhibit(world), "nl", live_until=factories.now())
    assert told_by_a_sweep(cluster) == {world[name].id for name in ("nl_leader", "nl_member")}


def told_by_a_sweep(cluster: Postgres) -> set[uuid.UUID]:
    """Who is named in what the sweep says of the one exhibit whose release has begun or ended."""
    with psycopg.connect(cluster.url(OWNER), autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        assert windows.tell_of_changes() == 1
        (notice,) = connection.notifies(timeout=20, stop_after=1)
    return {uuid.UUID(told) for told in json.loads(notice.payload)["also"]}


@pytest.mark.parametrize("passed", ["begun", "ended"])
def test_a_window_that_passes_is_not_told_to_whom_a_forbid_hides_the_exhibit(
    app: Flask, cluster: Postgres, passed: str
) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    hidden = RuleDescription(is_forbid=True, to=f"person:{world['nl_member'].id}", sight=Sight.SEE)
    rules.set_rule(world["fr_leader"], world.workspace, world.parties["fr"], hidden)
    a_moment_ago = factories.now() - dt.timedelta(seconds=5)
    begun, ended = (a_moment_ago, None) if passed == "begun" else (None, a_moment_ago)
    factories.release(world, exhibit, "nl", live_from=begun, live_until=ended)
    assert told_by_a_sweep(cluster) == {world["nl_leader"].id}


def test_a_release_withdrawn_before_it_began_is_told_to_nobody_whom_it_would_have_meant(
    app: Flask, cluster: Postgres
) -> None:
    world = factories.world()
    tomorrow = factories.now() + dt.timedelta(days=1)
    made = factories.release(world, factories.exhibit(world), "nl", live_from=tomorrow)
    releasing.withdraw(world["fr_leader"], made, "Not needed.")
    assert told_by_a_sweep(cluster) == set()


def test_a_window_that_passes_is_not_told_to_third_countries(app: Flask, cluster: Postgres) -> None:
    world = factories.world(slugs=("fr", "nl", "al"))
    factories.release(world, factories.exhibit(world), "al", live_until=factories.now())
    assert told_by_a_sweep(cluster) == set()
