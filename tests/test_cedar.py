"""The written policy in Cedar and the portal's rules in SQL answer alike; where they did not, one of them was wrong."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import cedarpy
import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jit_portal import policy
from jit_portal.database import session
from jit_portal.demo.postgres import Postgres
from jit_portal.errors import StepUpNeeded
from jit_portal.exhibits.models import Entrustment, Exhibit
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.policy import entrusting, grants
from jit_portal.policy import exhibits as rules
from jit_portal.policy import person as asking
from jit_portal.policy.person import NOW, leads_party, live, me
from jit_portal.policy.person import person as whoever
from jit_portal.vocabulary import May
from tests import policy_worlds, services
from tests.cedar import oracle
from tests.policy_worlds import PolicyWorld


def answers_of_sql(world: PolicyWorld, may: May) -> oracle.Allowed:
    ids = [exhibit.id for exhibit in world.exhibits]
    return {(pair[0], pair[1]) for pair in session().execute(policy.pairs(Exhibit, may, Exhibit.id.in_(ids)))}


def now() -> dt.datetime:
    moment: dt.datetime = session().scalars(sa.select(sa.func.statement_timestamp())).one()
    return moment


def differences(world: PolicyWorld, by_cedar: dict[May, oracle.Allowed]) -> Iterator[str]:
    """Each pair that only one of the two allows, in words."""
    people = {person.id: person for person in world.people}
    titles = {exhibit.id: exhibit for exhibit in world.exhibits}
    for may, wanted in by_cedar.items():
        got = answers_of_sql(world, may)
        for exhibit, person in sorted(got ^ wanted, key=str):
            by = "SQL" if (exhibit, person) in got else "Cedar"
            said = f"{titles[exhibit].reference} {titles[exhibit].title} {people[person].name}"
            yield f"seed {world.seed}: only {by} allows {may}: {said}"


@pytest.mark.usefixtures("app")
def test_policy_is_valid_under_its_schema() -> None:
    world = policy_worlds.make(1)
    result = cedarpy.validate_policies(oracle.policies(world), oracle.SCHEMA)
    assert result.validation_passed, [str(error) for error in result.errors]


@settings(
    max_examples=12, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_sql_and_cedar_answer_alike(app: Flask, seed: int) -> None:
    world = policy_worlds.make(seed)
    assert list(differences(world, oracle.ask(world, now()))) == []
    session.remove()


# Each fault is a rule gone wrong in one way that reviews have missed before; all answers of the rules below are asked
# again with it. What no fault could change would be tested by nothing.

SIGHTS = tuple(rules.SIGHT_OF)
Fault = Callable[[pytest.MonkeyPatch], None]


def swap(patch: pytest.MonkeyPatch, may: May, **changed: sa.ColumnElement[bool]) -> None:
    """Put other conditions into the rule of one act; ``sa.true()`` leaves a condition out."""
    conditions = policy.RULES[Exhibit, may]
    assert changed.keys() <= conditions.keys(), "the rule has no such condition: this fault tests nothing"
    rule: Any = (Exhibit, may)
    patch.setitem(policy.RULES, rule, {**conditions, **changed})


def say_again(patch: pytest.MonkeyPatch, **reaches: grants.Reaches) -> None:
    """Make the conditions of every sight again, with whatever has been patched in the rules' modules."""
    for may, sight in rules.SIGHT_OF.items():
        swap(patch, may, **rules.sight_conditions(sight, **reaches))


def without(name: str, *mays: May) -> Fault:
    def fault(patch: pytest.MonkeyPatch) -> None:
        for may in mays:
            swap(patch, may, **{name: sa.true()})

    return fault


def patched(module: ModuleType, name: str, value: object) -> Fault:
    def fault(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(module, name, value)
        say_again(patch)

    return fault


def experts_reached_by_groups(patch: pytest.MonkeyPatch) -> None:
    say_again(patch, grants=grants.reaches_for_forbids)


def forbids_do_not_reach_the_login(patch: pytest.MonkeyPatch) -> None:
    say_again(patch, refuses=grants.reaches_for_grants)


def third_countries_are_reached(patch: pytest.MonkeyPatch) -> None:
    for may, sight in rules.SIGHT_OF.items():
        mine = sa.or_(rules.own, rules.holder) if may == May.SEE else rules.own
        shown = sa.or_(mine, grants.live_release(sight), grants.standing_release(sight))
        swap(patch, may, own_or_shown=shown)


def forbids_touch_the_seizing_party(patch: pytest.MonkeyPatch) -> None:
    for may, sight in rules.SIGHT_OF.items():
        swap(patch, may, not_forbidden=sa.not_(grants.forbidden(sight)))


def everyone_of_the_party_owns(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "own", me.party_id == Exhibit.party_id)
    say_again(patch)


def holder_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "holder", sa.false())
    say_again(patch)


def auditors_keep_what_they_hold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "holder", Exhibit.holder_id == asking.person.id)
    say_again(patch)


def started_is_live(start: sa.SQLColumnExpression[object], *_: object) -> object:
    return start <= NOW


def open_is_live(_: object, end: sa.SQLColumnExpression[object], *__: object) -> object:
    return sa.or_(end.is_(None), end > NOW)


def entrusted_only(holds: sa.ColumnElement[bool], *, by_any_party: bool = False) -> Fault:
    """Somebody is entrusted in other cases than the written policy says."""

    def fault(patch: pytest.MonkeyPatch) -> None:
        of_party = sa.true() if by_any_party else Entrustment.party_id == Exhibit.party_id
        found = sa.exists().where(of_party, Entrustment.user_id == whoever.id, holds).correlate_except(Entrustment)
        for may in (May.RELEASE, May.RECLASSIFY):
            swap(patch, may, leader_or_entrusted=sa.or_(leads_party, found))

    return fault


def proved(**said: int | None) -> dict[str, int]:
    return {name: value for name, value in {"assurance": 3, "highest": 3, **said}.items() if value is not None}


LOGINS: dict[str, dict[str, int]] = {
    "just proved": proved(provedAgo=10),
    "proved before": proved(provedAgo=310),
    "never said when": proved(),
    "too weak": proved(assurance=2, provedAgo=10),
    "as strong as there is": proved(assurance=2, highest=2, provedAgo=10),
    "weaker than there is": proved(assurance=1, highest=2, provedAgo=10),
    "strong, before": proved(assurance=2, highest=2, provedAgo=310),
    "by passkey": proved(assurance=2, provedAgo=310, confirmedAgo=10),
    "by passkey, before": proved(assurance=2, provedAgo=10, confirmedAgo=310),
}


def login_that(person: User, said: dict[str, int]) -> LoginSession:
    """A login of this person that has proved this much."""

    def ago(name: str) -> dt.datetime | None:
        return now() - dt.timedelta(seconds=said[name]) if name in said else None

    person.provider.acr_levels = {"best": said["highest"]}
    made = LoginSession(
        token_hash=uuid.uuid4().bytes,
        user_id=person.id,
        assurance=said["assurance"],
        authenticated_at=now(),
        proved_at=ago("provedAgo"),
        confirmed_at=ago("confirmedAgo"),
        ends_at=now() + dt.timedelta(hours=1),
    )
    session().add(made)
    session().flush()
    return made


@pytest.mark.parametrize("said", LOGINS)
def test_what_a_login_must_have_proved_is_said_alike(
    said: str, worlds: list[tuple[PolicyWorld, dict[May, oracle.Allowed]]]
) -> None:
    world, by_right = worlds[0]
    acts = (May.RELEASE, May.WITHDRAW, May.RECLASSIFY, May.DESCRIBE)
    some = {may: set(sorted(by_right[may], key=str)[:3]) for may in acts}
    by_cedar = oracle.ask(world, now(), LOGINS[said], some)
    people = {person.id: person for person in world.people}
    exhibits = {exhibit.id: exhibit for exhibit in world.exhibits}
    for may, pairs in some.items():
        assert pairs
        for exhibit_id, person_id in pairs:
            person = people[person_id]
            person.current_login = login_that(person, LOGINS[said]).id
            try:
                policy.require(person, may, exhibits[exhibit_id])
                does = True
            except StepUpNeeded:
                does = False
            assert does == ((exhibit_id, person_id) in by_cedar[may]), may
            person.current_login = None
    session().rollback()


FAULTS: dict[str, Fault] = {
    "no forbids": without("not_forbidden", *SIGHTS),
    "forbids touch E1": forbids_touch_the_seizing_party,
    "forbids miss logins": forbids_do_not_reach_the_login,
    "experts by groups": experts_reached_by_groups,
    "third countries": third_countries_are_reached,
    "ended is live": patched(grants, "live", started_is_live),
    "future is live": patched(grants, "live", open_is_live),
    "any role owns": everyone_of_the_party_owns,
    "holder forgotten": holder_is_forgotten,
    "no standing release": patched(rules, "standing_release", lambda *_: sa.false()),
    "no release": patched(rules, "live_release", lambda *_: sa.false()),
    "codes ignored": patched(grants, "has_code", lambda *_: sa.true()),
    "inactive accounts": without("account_active", *SIGHTS),
    "ended memberships": without("membership_live", *SIGHTS),
    "parties that left": without("party_live", *SIGHTS),
    "members release": without("leader_or_entrusted", May.RELEASE),
    "leaders release others'": without("own_party", May.RELEASE),
    "release after the end": without("agreement_in_force", May.RELEASE),
    "describe after the end": without("agreement_in_force", May.DESCRIBE),
    "others describe": without("own_party", May.DESCRIBE),
    "auditors keep what they hold": auditors_keep_what_they_hold,
    "members withdraw": without("leader_or_entrusted", May.WITHDRAW),
    "leaders withdraw others'": without("own_party", May.WITHDRAW),
    "nobody is entrusted": entrusted_only(sa.false()),
    "entrusting never ends": entrusted_only(me.live_from <= Entrustment.live_from),
    "entrusting returns": entrusted_only(live(Entrustment.live_from, Entrustment.live_until)),
    "entrusted by any party": entrusted_only(entrusting.still_holds(), by_any_party=True),
    "entrusted without a leader": without("has_leader", May.RELEASE),
    "entrusted classify without one": without("has_leader", May.RECLASSIFY),
}


@pytest.fixture(scope="module")
def worlds(portal: Flask, cluster: Postgres) -> Iterator[list[tuple[PolicyWorld, dict[May, oracle.Allowed]]]]:
    """Some worlds that every fault is tried on, with what Cedar says of them."""
    services.forget_everything(cluster)
    stories = [*["in force"] * 3, *["renewed"] * 4, *["over"] * 2]
    made = [policy_worlds.make(seed, people=20, exhibits=12, story=story) for seed, story in enumerate(stories)]
    # Two in which somebody is entrusted by a party that has a leader, or was before coming back.
    made += [policy_worlds.make(seed, people=26, exhibits=6, story="in force") for seed in (10, 15)]
    yield [(world, oracle.ask(world, now())) for world in made]
    session.remove()


def test_without_a_fault_there_is_no_difference(worlds: list[tuple[PolicyWorld, dict[May, oracle.Allowed]]]) -> None:
    assert [found for world, by_cedar in worlds for found in differences(world, by_cedar)] == []
    for may in oracle.ASKED:
        assert any(by_cedar[may] for _, by_cedar in worlds), f"nobody may {may}: the worlds are too poor"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_seeded_fault_is_caught(
    fault: str, worlds: list[tuple[PolicyWorld, dict[May, oracle.Allowed]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    FAULTS[fault](monkeypatch)
    assert any(found for world, by_cedar in worlds for found in differences(world, by_cedar))
