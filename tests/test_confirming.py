"""Accounts that nobody confirms or uses close by themselves, and none by surprise."""

import datetime as dt

import pytest
from flask import Flask

from jit_portal.database import session, transaction
from jit_portal.errors import NotAllowed
from jit_portal.identity import accounts, proposals
from jit_portal.identity.models import Authority, IdentityProvider
from jit_portal.policy.closing import CONFIRMED_FOR, UNUSED_FOR
from jit_portal.vocabulary import Duty
from tests import factories
from tests.accounts import DAY, LONG_AGO, Browse, acts, is_live, logins_stand_since, names, now_of, post, put, world
from tests.factories import World, now

__all__ = ["world"]


def test_who_is_due_is_listed_and_confirmed(world: World, browse: Browse) -> None:
    administrator, member = world["fr_administrator"], world["fr_member"]
    logins_stand_since(now() - LONG_AGO)
    put(administrator, opened_at=now() - LONG_AGO)
    put(member, confirmed_at=now() - CONFIRMED_FOR + 13 * DAY)
    put(world["fr_leader"], confirmed_at=now() - CONFIRMED_FOR + 15 * DAY)
    assert names(administrator, show="due") == {member.name}
    client = browse(administrator)
    waits = 'href="/people?show=due"'
    assert [waits in browse(world[each]).get("/").text for each in ("fr_administrator", "nl_administrator")] == [
        True,
        False,
    ]
    page = client.get("/people?show=due").text
    assert "Due: 1" in page
    assert "Confirm by" in page
    answer = post(client, f"/people/{member.id}/confirm", next="due")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/people?show=due")
    assert names(administrator, show="due") == set()
    assert waits not in client.get("/").text
    assert acts(member) == [("user.confirmed", administrator.name)]
    assert "Nobody is due" in client.get("/people?show=due").text


def test_nobody_confirms_herself(world: World) -> None:
    put(world["fr_administrator"], opened_at=now() - LONG_AGO, confirmed_at=now() - LONG_AGO)
    assert names(world["fr_administrator"], show="due") == set()
    with pytest.raises(NotAllowed):
        accounts.confirm(world["fr_administrator"], world["fr_administrator"])


def test_who_was_not_confirmed_in_time_is_closed(world: World, app: Flask) -> None:
    administrator, member, leader = world["fr_administrator"], world["fr_member"], world["fr_leader"]
    logins_stand_since(now() - LONG_AGO)
    put(administrator, opened_at=now() - LONG_AGO, confirmed_at=now() - LONG_AGO)
    for person in (member, world["nl_member"], world["eu_participant"]):
        put(person, confirmed_at=now() - LONG_AGO)
    put(leader, confirmed_at=now() - 89 * DAY)
    token = factories.login(member)
    assert accounts.close_what_is_due() == 1
    closed = now_of(member)
    assert (closed.is_active, closed.closed_because) == (False, "unconfirmed")
    assert not is_live(token, app)
    assert acts(member) == [("user.deactivated", "JIT Portal")]
    for person in (leader, administrator, world["nl_member"], world["eu_participant"]):
        assert now_of(person).is_active, "not due, with a duty, or whoever confirms too new"
    assert accounts.close_what_is_due() == 0


def test_who_has_not_signed_in_for_long_is_closed(world: World) -> None:
    member, leader = world["fr_member"], world["fr_leader"]
    logins_stand_since(now() - LONG_AGO)
    for person in (member, leader, world["fr_administrator"], world["operator"]):
        put(person, opened_at=now() - LONG_AGO)
    factories.login(member, last_seen_at=now() - LONG_AGO)
    factories.login(leader, last_seen_at=now() - 89 * DAY)
    accounts.confirm(world["fr_administrator"], member)
    assert accounts.close_what_is_due() == 1
    assert now_of(member).closed_because == "unused"
    for person in (leader, world["fr_administrator"], world["operator"], world["nl_member"]):
        assert now_of(person).is_active
    assert names(world["fr_administrator"], show="closed") == {member.name}


def the_rule_began(world: World, when: dt.datetime) -> None:
    logins_stand_since(when)
    put(world["operator"], opened_at=when)


def test_where_a_country_has_no_administrator_operators_confirm(world: World, browse: Browse) -> None:
    operator, alone = world["operator"], world["eu_participant"]
    the_rule_began(world, now() - LONG_AGO)
    for person in (alone, world["fr_member"]):
        put(person, confirmed_at=now() - CONFIRMED_FOR + 13 * DAY)
    client = browse(operator)
    page = client.get("/people?show=due").text
    assert "Due: 1" in page
    assert names(operator, show="due") == {alone.name}
    assert "in 1 team" not in page, "an operator learns nothing of teams"
    assert post(client, f"/people/{alone.id}/confirm", next="due").status_code == 303
    assert names(operator, show="due") == set()
    for act in ("deactivate", "reactivate"):
        assert post(client, f"/people/{alone.id}/{act}").status_code == 303
    assert acts(alone) == [(act, operator.name) for act in ("user.confirmed", "user.deactivated", "user.reactivated")]
    factories.administrator(world.providers["eu"])
    for verb in (accounts.confirm, accounts.deactivate):
        with pytest.raises(NotAllowed):
            verb(operator, now_of(alone))


def test_nobody_is_closed_by_surprise_where_operators_confirm(world: World) -> None:
    """Counted from when the rule began, her login opened, its last administrator left, or the first operator came."""
    alone = world["eu_participant"]
    put(alone, confirmed_at=now() - 9 * LONG_AGO)
    assert accounts.close_what_is_due() == 0, "the rule is new"
    the_rule_began(world, now() - LONG_AGO)
    put(world["operator"], opened_at=now() - DAY)
    assert accounts.close_what_is_due() == 0, "nobody could have confirmed"
    the_rule_began(world, now() - LONG_AGO)
    left = factories.administrator(world.providers["eu"])
    put(left, deactivated_at=now() - CONFIRMED_FOR + DAY)
    assert accounts.close_what_is_due() == 0, "an administrator could have"
    put(left, deactivated_at=now() - LONG_AGO)
    put(world["operator"], deactivated_at=now())
    assert accounts.close_what_is_due() == 0, "there is nobody who confirms"
    put(world["operator"], deactivated_at=None)
    stands(world.providers["eu"], is_open=True, since=now() - CONFIRMED_FOR + DAY)
    assert accounts.close_what_is_due() == 0, "her login is new"
    stands(world.providers["eu"], is_open=True, since=now() - LONG_AGO)
    assert accounts.close_what_is_due() == 1
    assert now_of(alone).closed_because == "unconfirmed"


def stands(login: IdentityProvider, *, is_open: bool, since: dt.datetime) -> None:
    with transaction():
        row = session().merge(login)
        row.is_enabled, row.stands_since = is_open, since


def test_an_administrator_whose_login_is_closed_is_none(world: World) -> None:
    """Operators confirm in her place, from then on; and when it opens again she does, from then on."""
    operator, administrator, member = world["operator"], world["fr_administrator"], world["fr_member"]
    with transaction():
        agency = factories.provider("fr-agency")
        agency.country = "FR"
    put(administrator, provider_id=agency.id, opened_at=now() - LONG_AGO)
    the_rule_began(world, now() - LONG_AGO)
    put(member, confirmed_at=now() - LONG_AGO)
    with pytest.raises(NotAllowed):
        accounts.confirm(operator, member)
    stands(agency, is_open=False, since=now() - CONFIRMED_FOR + DAY)
    assert accounts.close_what_is_due() == 0, "she could have until then"
    assert names(operator, show="due") >= {member.name}
    accounts.confirm(operator, now_of(member))
    put(member, confirmed_at=now() - LONG_AGO)
    stands(agency, is_open=True, since=now() - CONFIRMED_FOR + DAY)
    assert accounts.close_what_is_due() == 0, "she has not had the time"
    with pytest.raises(NotAllowed):
        accounts.confirm(operator, now_of(member))
    stands(world.providers["nl"], is_open=False, since=now() - LONG_AGO)
    stands(agency, is_open=False, since=now() - LONG_AGO)
    assert accounts.close_what_is_due() == 0, "no operator can sign in either"
    stands(world.providers["nl"], is_open=True, since=now() - CONFIRMED_FOR + DAY)
    assert accounts.close_what_is_due() == 0, "nor has had the time"
    stands(world.providers["nl"], is_open=True, since=now() - LONG_AGO)
    assert accounts.close_what_is_due() == 1
    assert now_of(member).closed_because == "unconfirmed"


def test_an_administrator_of_a_closed_authority_is_none(world: World) -> None:
    operator, administrator, member = world["operator"], world["fr_administrator"], world["fr_member"]
    with transaction():
        agency = Authority(provider_id=administrator.provider_id, code="fr-agency", name="Agency FR")
        session().add(agency)
    put(administrator, claimed_authority_id=agency.id, opened_at=now() - LONG_AGO)
    the_rule_began(world, now() - LONG_AGO)
    put(member, confirmed_at=now() - LONG_AGO)

    def close(when: dt.datetime) -> None:
        with transaction():
            session().merge(agency).closed_at = when

    close(now() - CONFIRMED_FOR + DAY)
    assert accounts.close_what_is_due() == 0, "she could have confirmed until then"
    accounts.confirm(operator, now_of(member))
    put(member, confirmed_at=now() - LONG_AGO)
    close(now() - LONG_AGO)
    assert accounts.close_what_is_due() == 1
    assert now_of(member).closed_because == "unconfirmed"


def test_an_operator_of_a_closed_authority_is_none(world: World) -> None:
    operator, other = world["operator"], factories.administrator(world.providers["fr"], Duty.OPERATOR)
    with transaction():
        session().get_one(Authority, other.authority_id).closed_at = now()
    assert proposals.left_without(session().merge(world.providers["nl"])) == 0
    with pytest.raises(NotAllowed):
        accounts.deactivate(factories.glass_account(), operator)


def test_an_administrator_is_gone_at_the_first_of_both(world: World) -> None:
    administrator, member = world["fr_administrator"], world["fr_member"]
    the_rule_began(world, now() - LONG_AGO)
    put(member, confirmed_at=now() - LONG_AGO)
    with transaction():
        agency = factories.provider("fr-agency")
        agency.country = "FR"
    put(administrator, provider_id=agency.id, deactivated_at=now() - LONG_AGO)
    stands(agency, is_open=False, since=now())
    assert accounts.close_what_is_due() == 1


def test_nobody_is_unused_whose_login_was_closed(world: World) -> None:
    put(world["fr_member"], opened_at=now() - UNUSED_FOR - DAY)
    stands(world.providers["fr"], is_open=False, since=now() - UNUSED_FOR - DAY)
    assert accounts.close_what_is_due() == 0
    stands(world.providers["fr"], is_open=True, since=now() - UNUSED_FOR + DAY)
    assert accounts.close_what_is_due() == 0
    stands(world.providers["fr"], is_open=True, since=now() - UNUSED_FOR - DAY)
    assert accounts.close_what_is_due() == 1


@pytest.mark.parametrize("duty", [Duty.NATIONAL_ADMINISTRATOR, Duty.OPERATOR])
def test_whoever_has_a_duty_is_closed_unused_as_long_as_another_uses_hers(world: World, duty: Duty) -> None:
    first, second = (factories.administrator(world.providers["fr"], duty) for _ in range(2))
    factories.forget_logins_of_verbs()
    logins_stand_since(now() - UNUSED_FOR - DAY)
    for person in (first, second, world["fr_administrator"], world["operator"]):
        put(person, opened_at=now() - UNUSED_FOR - DAY)
    assert accounts.close_what_is_due() == 0, "nobody of the country uses the duty"
    factories.login(second, last_seen_at=now() - DAY)
    put(second, deactivated_at=now())
    assert accounts.close_what_is_due() == 0, "who used it is closed out"
    put(second, deactivated_at=None)
    with transaction():
        agency = factories.provider("fr-agency")
        agency.country = "FR"
    put(second, provider_id=agency.id)
    stands(agency, is_open=False, since=now())
    assert accounts.close_what_is_due() == 0, "or can sign in no more"
    stands(agency, is_open=True, since=now())
    closes = {first, world["fr_administrator"]} if duty == Duty.NATIONAL_ADMINISTRATOR else {first}
    assert accounts.close_what_is_due() == len(closes)
    assert {person for person in closes if now_of(person).closed_because == "unused"} == closes
    for person in (second, world["operator"], world["nl_administrator"]):
        assert now_of(person).is_active, "used, the last of the country, or too new"
    assert accounts.close_what_is_due() == 0


def test_what_is_for_when_the_logins_are_down_is_never_unused(world: World) -> None:
    first, second = factories.glass_account("First"), factories.glass_account("Second")
    factories.login(second, last_seen_at=now() - DAY)
    put(first, opened_at=now() - UNUSED_FOR - DAY)
    assert accounts.close_what_is_due() == 0
    assert now_of(first).is_active
    assert now_of(second).is_active


def test_the_account_page_says_until_when_it_is_confirmed(world: World, browse: Browse) -> None:
    assert "Closes unless confirmed by" in browse(world["fr_member"]).get("/account").text
    assert "Closes unless confirmed by" in browse(world["eu_participant"]).get("/account").text
    assert "Closes unless confirmed by" not in browse(world["fr_administrator"]).get("/account").text
