"""An account is closed and opened again: who may, and what ends with it at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal.database import session, transaction
from jit_portal.errors import NotAllowed, NotFound
from jit_portal.files import again
from jit_portal.identity import accounts, endings, proposals, sessions
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.vocabulary import Duty
from tests import factories
from tests.accounts import DAY, LONG_AGO, Browse, acts, is_live, now_of, post, put, world
from tests.factories import World, now
from tests.vault import MIB, Sender
from tests.web import Web

__all__ = ["world"]


def test_a_deactivated_account_is_over_at_once(world: World, app: Flask, browse: Browse) -> None:
    member, administrator = world["fr_member"], world["fr_administrator"]
    tokens = [factories.login(member), factories.login(member)]
    assert post(browse(administrator), f"/people/{member.id}/deactivate").status_code == 303
    assert [is_live(token, app) for token in tokens] == [False, False]
    assert acts(member) == [("user.deactivated", administrator.name)]
    closed = now_of(member)
    assert (closed.is_active, closed.closed_because) == (False, "by_administrator")
    page = browse(administrator).get(f"/people/{member.id}").text
    assert "This account is closed." in page
    assert "Open the account again" in page


def test_an_opened_account_begins_anew(world: World) -> None:
    member = world["fr_member"]
    put(
        member, deactivated_at=now(), closed_because="unused", opened_at=now() - LONG_AGO, confirmed_at=now() - LONG_AGO
    )
    accounts.reactivate(world["fr_administrator"], now_of(member))
    opened = now_of(member)
    assert (opened.is_active, opened.closed_because) == (True, None)
    assert now() - opened.opened_at < DAY
    assert now() - opened.confirmed_at < DAY
    assert accounts.close_what_is_due() == 0
    assert acts(member) == [("user.reactivated", world["fr_administrator"].name)]


@pytest.mark.parametrize("act", [accounts.deactivate, accounts.confirm, accounts.end_logins])
def test_nobody_of_another_country_or_without_a_duty_does_it(world: World, act: Callable[[User, User], object]) -> None:
    for name in ("nl_administrator", "fr_leader", "fr_member"):
        with pytest.raises(NotFound):
            act(world[name], world["fr_member"])
    assert acts(world["fr_member"]) == []


def test_what_is_so_already_is_not_done_again(world: World) -> None:
    administrator, member = world["fr_administrator"], world["fr_member"]
    with pytest.raises(NotAllowed):
        accounts.reactivate(administrator, member)
    accounts.deactivate(administrator, member)
    for act in (accounts.deactivate, accounts.confirm):
        with pytest.raises(NotAllowed):
            act(administrator, now_of(member))
    assert len(acts(member)) == 1


def test_whoever_has_a_duty_is_not_deactivated_here(world: World) -> None:
    second = factories.administrator(world.providers["fr"])
    for person in (second, world["fr_administrator"]):
        with pytest.raises(NotAllowed):
            accounts.deactivate(world["fr_administrator"], person)


def test_an_operator_closes_whoever_has_a_duty_and_opens_the_account_again(
    world: World, app: Flask, browse: Browse
) -> None:
    operator = world["operator"]
    for person in (world["fr_administrator"], factories.administrator(world.providers["fr"], Duty.OPERATOR)):
        token, client = factories.login(person), browse(operator)
        assert "Deactivate" in client.get(f"/people/{person.id}").text
        assert post(client, f"/people/{person.id}/deactivate").status_code == 303
        assert not is_live(token, app)
        assert (now_of(person).is_active, now_of(person).closed_because) == (False, "by_operator")
        assert "This account is closed." in client.get(f"/people/{person.id}").text
        assert post(client, f"/people/{person.id}/reactivate").status_code == 303
        assert now_of(person).is_active
        assert acts(person) == [("user.deactivated", operator.name), ("user.reactivated", operator.name)]


def test_no_operator_closes_herself_or_what_is_for_when_there_is_none(world: World) -> None:
    """Who breaks the glass closes an operator as long as another is left who signs in."""
    operator, glass = world["operator"], factories.glass_account()
    for closing, closed in ((operator, operator), (glass, glass), (operator, glass), (glass, operator)):
        with pytest.raises(NotAllowed):
            accounts.deactivate(closing, closed)
        assert now_of(closed).is_active
    put(glass, deactivated_at=now(), closed_because="by_command")
    with pytest.raises(NotAllowed):
        accounts.reactivate(operator, now_of(glass))
    put(glass, deactivated_at=None, closed_because=None)
    other = factories.administrator(world.providers["nl"], Duty.OPERATOR)
    for is_enabled, closed_at in ((False, None), (True, now()), (True, None)):
        with transaction():
            session().merge(world.providers["nl"]).is_enabled = is_enabled
        put(other, deactivated_at=closed_at)
        if closed_at or not is_enabled:
            with pytest.raises(NotAllowed):
                accounts.deactivate(now_of(glass), operator)
    with pytest.raises(NotAllowed):
        accounts.deactivate(operator, operator)
    accounts.deactivate(now_of(glass), operator)
    assert not now_of(operator).is_active


def test_whoever_breaks_the_glass_opens_no_operators_account_while_another_can(world: World) -> None:
    operator, glass = world["operator"], factories.glass_account()
    former = factories.administrator(world.providers["fr"], Duty.OPERATOR)
    put(former, deactivated_at=now())
    with pytest.raises(NotAllowed):
        accounts.reactivate(glass, now_of(former))
    with transaction():
        session().merge(world.providers["nl"]).is_enabled = False
    accounts.reactivate(now_of(glass), now_of(former))
    assert now_of(former).is_active
    put(former, deactivated_at=now())
    accounts.reactivate(operator, now_of(former))
    assert now_of(former).is_active


def test_of_two_operators_who_close_each_other_at_once_one_stays(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = world["operator"].id, factories.administrator(world.providers["fr"], Duty.OPERATOR).id
    close = accounts.close

    def slowly(*closing: Any) -> None:
        time.sleep(0.5)
        close(*closing)

    monkeypatch.setattr(accounts, "close", slowly)

    def closes(pair: tuple[Any, Any]) -> bool:
        with app.app_context():
            try:
                accounts.deactivate(*(session().get_one(User, each) for each in pair))
            except (NotFound, NotAllowed):
                return False
            return True

    with ThreadPoolExecutor(2) as beside:
        assert sorted(beside.map(closes, ((one, two), (two, one)))) == [False, True]


def test_an_administrator_whose_account_is_closed_administers_nothing(world: World) -> None:
    """Operators do it in her place."""
    with pytest.raises(NotAllowed):
        accounts.deactivate(world["operator"], world["fr_member"])
    put(world["fr_administrator"], deactivated_at=now())
    with pytest.raises(NotFound):
        accounts.deactivate(now_of(world["fr_administrator"]), world["fr_member"])
    accounts.deactivate(world["operator"], world["fr_member"])
    assert not now_of(world["fr_member"]).is_active


def test_the_sockets_of_a_deactivated_account_are_cut_at_once(process: Web, world: World) -> None:
    ear = process.sign_in(world["fr_member"]).connect()
    staying = process.sign_in(world["fr_leader"]).connect()
    accounts.deactivate(world["fr_administrator"], world["fr_member"])
    ear.hear("signed_out")
    ear.hear("disconnect")
    assert staying.client.connected
    ear.close()
    staying.close()


def test_the_socket_of_another_browser_is_cut_at_once(process: Web, world: World) -> None:
    member = world["fr_member"]
    ear, staying = process.sign_in(member).connect(), process.sign_in(member).connect()
    first = session().scalars(
        select(LoginSession.id).where(LoginSession.user_id == member.id).order_by(LoginSession.started_at)
        .execution_options(policy=True)
    ).first()  # fmt: skip
    assert first is not None
    endings.end_one(factories.acts_in(member), first)
    ear.hear("signed_out")
    ear.hear("disconnect")
    assert staying.client.connected
    ear.close()
    staying.close()


def test_other_administrators_pages_look_again(process: Web, world: World) -> None:
    second = factories.administrator(world.providers["fr"])
    hers, theirs = process.sign_in(second).connect(), process.sign_in(world["nl_administrator"]).connect()
    accounts.deactivate(world["fr_administrator"], world["fr_member"])
    heard = hers.hear("changed")
    assert (heard["noun"], heard["id"]) == ("user", str(world["fr_member"].id))
    assert theirs.hears_nothing_of("changed", 0.3)
    hers.close()
    theirs.close()


def test_a_running_upload_of_a_deactivated_account_ends_before_its_bytes_do(world: World, browse: Browse) -> None:
    administrator, member = world["fr_administrator"], world["fr_member"]
    sender = Sender(browse(member))
    assert sender.cut_short_by(world, lambda: accounts.deactivate(administrator, member)) == 401


def test_withdrawing_a_login_ends_its_sockets_and_running_uploads(process: Web, world: World, browse: Browse) -> None:
    ear = process.sign_in(world["fr_leader"]).connect()
    staying = process.sign_in(world["nl_member"]).connect()
    keeper = factories.administrator(world.providers["nl"], Duty.OPERATOR)
    sender = Sender(browse(world["fr_member"]))
    assert sender.cut_short_by(world, lambda: proposals.withdraw(keeper, "fr")) == 401
    ear.hear("signed_out")
    ear.hear("disconnect")
    assert staying.client.connected
    ear.close()
    staying.close()


def test_a_running_upload_goes_on_while_its_person_proves_anew_who_she_is(
    app: Flask, world: World, browse: Browse
) -> None:
    client = browse(world["fr_member"])
    sender, cookie = Sender(client), client.get_cookie(app.config["SETTINGS"].session_cookie)
    assert cookie is not None
    began = time.monotonic()
    answer, _ = sender.trickle(world, 12 * MIB, lambda: factories.step_up(cookie.value))
    assert time.monotonic() - began > 2 * again.EVERY_SECONDS, "it was asked amid the bytes"
    assert (answer.status_code, answer.headers.get("Upload-Offset")) == (204, str(12 * MIB))
    assert sessions.load(cookie.value) is None
