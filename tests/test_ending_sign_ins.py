"""An administrator ends the sign-ins of one person or of everybody."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal.audit.models import LedgerEntry
from jit_portal.background import enqueue
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.errors import Refused
from jit_portal.identity import accounts, endings, proposals, sessions
from jit_portal.identity.models import Authority, User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.policy.closing import UNUSED_FOR
from tests import factories
from tests.accounts import DAY, LONG_AGO, Browse, is_live, logins_stand_since, now_of, post, put, world
from tests.factories import World, now
from tests.test_worker import wait_until
from tests.vault import do_the_work
from tests.waiting import held_login, record_is_free_while_it_waits, until_somebody_waits

__all__ = ["world"]


@pytest.mark.parametrize("name", ["fr_administrator", "operator"])
def test_the_sign_ins_of_one_person_are_ended(world: World, app: Flask, browse: Browse, name: str) -> None:
    tokens = [factories.login(world["fr_member"]), factories.login(world["fr_member"])]
    staying = factories.login(world["fr_leader"])
    answer = post(browse(world[name]), f"/people/{world['fr_member'].id}/end-logins")
    assert answer.status_code == 303
    assert [is_live(token, app) for token in (*tokens, staying)] == [False, False, True]
    entries = session().scalars(
        select(LedgerEntry).where(LedgerEntry.act == "login.ended").execution_options(policy=True)
    ).all()  # fmt: skip
    assert [(entry.actor_name, json.loads(entry.details)) for entry in entries] == [
        (world[name].name, {"because": "ended_by_administrator"})
    ] * 2
    assert now_of(world["fr_member"]).is_active


@pytest.mark.parametrize(("name", "form"), [("fr_administrator", {"country": "NL"}), ("operator", {"country": "FR"})])
def test_the_sign_ins_of_a_country_are_ended(
    world: World, app: Flask, browse: Browse, name: str, form: dict[str, str]
) -> None:
    """An administrator's country is her own, whatever the form says."""
    french = [factories.login(world["fr_member"]), factories.login(world["fr_leader"])]
    dutch = factories.login(world["nl_member"])
    client = browse(world[name])
    page = client.get("/people/end-logins", query_string=form).text
    assert "2 sign-ins of France are live now" in page
    assert post(client, "/people/end-logins", **form).status_code == 303
    assert [is_live(token, app) for token in (*french, dutch)] == [False, False, True]
    assert client.get("/account").status_code == 200
    assert "0 sign-ins of France" in client.get("/people/end-logins", query_string=form).text
    recorded = select(LedgerEntry.object_id).where(LedgerEntry.act == "provider.logins_ended")
    found = session().scalars(recorded.execution_options(policy=True)).all()
    assert found == [world.providers["fr"].id]


@pytest.mark.parametrize("country", ["XX", "fr", "NLNLNLNLNLNLNLNLNL"])
def test_a_country_that_is_none_ends_nothing(world: World, app: Flask, browse: Browse, country: str) -> None:
    token = factories.login(world["fr_member"])
    client = browse(world["operator"])
    assert client.get("/people/end-logins", query_string={"country": country}).status_code == 422
    post(client, "/people/end-logins", country=country, everywhere="yes")
    assert is_live(token, app)


def test_an_operator_ends_the_sign_ins_of_every_country(world: World, app: Flask, browse: Browse) -> None:
    tokens = [factories.login(world[name]) for name in ("fr_member", "nl_leader", "fr_administrator", "operator")]
    client = browse(world["operator"])
    assert "4 sign-ins of all countries are live now" in client.get("/people/end-logins").text
    assert post(client, "/people/end-logins").status_code == 422
    assert all(is_live(token, app) for token in tokens), "unless it is confirmed"
    assert post(client, "/people/end-logins", everywhere="yes").status_code == 303
    assert not any(is_live(token, app) for token in tokens)
    assert client.get("/account").status_code == 200
    recorded = select(LedgerEntry.object_id).where(LedgerEntry.act == "provider.logins_ended")
    found = session().scalars(recorded.execution_options(policy=True)).all()
    assert (len(found), set(found)) == (3, {each.id for each in world.providers.values()})


@pytest.fixture
def held(cluster: Postgres) -> Iterator[Callable[[LoginSession], psycopg.Connection]]:
    """Lets somebody else hold the row of a login, until it is let go of or the test is over."""
    with ExitStack() as lines:

        def hold(login: LoginSession) -> psycopg.Connection:
            line = lines.enter_context(psycopg.connect(cluster.url(OWNER)))
            line.execute("SELECT 1 FROM login_session WHERE id = %s FOR UPDATE", [login.id])
            return line

        yield hold


def logins_in_order(person: User) -> list[LoginSession]:
    found = factories.logins_of(person).order_by(LoginSession.id).execution_options(populate_existing=True)
    return list(session().scalars(found).unique())


def test_many_sign_ins_end_a_few_at_a_time(
    app: Flask,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    held: Callable[[LoginSession], psycopg.Connection],
) -> None:
    """The first have ended, and are on record, while the rest wait; whoever signs in meanwhile stays."""
    tokens = [factories.login(world["fr_member"]) for _ in range(5)]
    later = factories.login(world["fr_leader"], started_at=now() + DAY)
    operator, waits = world["operator"].id, held(logins_in_order(world["fr_member"])[-1])
    monkeypatch.setattr(endings, "AT_A_TIME", 2)

    def end() -> int:
        with app.app_context():
            return accounts.end_everybodys(session().get_one(User, operator), "FR")

    def live() -> int:
        return sum(is_live(token, app) for token in tokens)

    with ThreadPoolExecutor(1) as beside:
        ending = beside.submit(end)
        wait_until(lambda: live() == 1)
        ended = select(LedgerEntry).where(LedgerEntry.act == "login.ended").execution_options(policy=True)
        assert len(session().scalars(ended).all()) == 4
        waits.rollback()
        assert ending.result() == 5
    assert (live(), is_live(later, app)) == (0, True)


@pytest.mark.parametrize(
    "act", [endings.end_others, lambda user: endings.end_oldest(user, 0)], ids=["others", "oldest"]
)
def test_whoever_ends_several_waits_for_the_first_and_holds_none(
    app: Flask,
    world: World,
    cluster: Postgres,
    held: Callable[[LoginSession], psycopg.Connection],
    act: Callable[[User], object],
) -> None:
    """Or two who do would wait for each other: by whichever order they come upon them, they take them by their id."""
    member = world["fr_member"]
    for _ in range(3):
        factories.login(member)
    logins = logins_in_order(member)
    with transaction():
        for age, login in enumerate(reversed(logins)):
            login.last_seen_at = login.started_at = now() - age * dt.timedelta(minutes=1)
    waits = held(logins[0])

    def end() -> None:
        with app.app_context():
            user = session().get_one(User, member.id)
            with transaction():
                user.current_login = factories.added_login(user, "x" * 43).id
                act(user)

    with ThreadPoolExecutor(1) as beside, psycopg.connect(cluster.url(OWNER)) as look:
        ending = beside.submit(end)
        until_somebody_waits(cluster)
        for login in logins[1:]:
            look.execute("SELECT 1 FROM login_session WHERE id = %s FOR UPDATE NOWAIT", [login.id])
        look.rollback()
        waits.rollback()
        ending.result()


@pytest.mark.parametrize("name", ["fr_leader", "fr_member"])
def test_what_closes_several_accounts_and_waits_has_not_the_record(world: World, cluster: Postgres, name: str) -> None:
    """Whichever of them it comes to last."""
    logins_stand_since(now() - LONG_AGO)
    put(world["fr_administrator"], opened_at=now() - LONG_AGO)
    for each in ("fr_leader", "fr_member"):
        put(world[each], confirmed_at=now() - LONG_AGO)
        factories.login(world[each])
    closed: list[int] = []
    held = held_login(logins_in_order(world[name])[0].id)

    def close() -> None:
        closed.append(accounts.close_what_is_due())

    assert record_is_free_while_it_waits(cluster, close, held, told=world[name].id)
    assert closed == [2]


def test_what_is_over_is_left_to_whoever_ends_it_already(
    world: World, held: Callable[[LoginSession], psycopg.Connection]
) -> None:
    """The worker waits for nobody, and says of no sign-in a second time that it has ended."""
    factories.login(world["fr_member"], last_seen_at=now() - DAY)
    line = held(logins_in_order(world["fr_member"])[0])
    assert endings.end_what_is_over() == 0
    line.rollback()
    assert endings.end_what_is_over() == 1


def test_whoever_is_closed_can_be_told_of_something_meanwhile(world: World, cluster: Postgres) -> None:
    member, administrator = world["fr_member"], world["fr_administrator"]
    factories.login(member)
    held = held_login(logins_in_order(member)[0].id)

    def close() -> None:
        accounts.deactivate(session().merge(administrator), session().merge(member))

    assert record_is_free_while_it_waits(cluster, close, held, told=member.id)
    assert not now_of(member).is_active


def test_a_withdrawal_that_did_not_come_to_all_is_said_again(world: World, app: Flask) -> None:
    """Until then nobody is signed in by the login all the same."""
    token, keeper = factories.login(world["fr_member"]), world["operator"]
    with transaction():
        session().merge(world.providers["fr"]).is_enabled = False
    assert not is_live(token, app)
    assert sessions.live_among([logins_in_order(world["fr_member"])[0].id]) == {}
    assert proposals.withdraw(session().merge(keeper), "fr") == 1
    with pytest.raises(Refused):
        proposals.withdraw(keeper, "fr")


@pytest.mark.parametrize("is_whole", [True, False], ids=["login", "authority"])
def test_what_was_left_of_a_closed_login_ends_by_itself(world: World, app: Flask, is_whole: bool) -> None:
    theirs, staying = factories.login(world["fr_member"]), factories.login(world["nl_member"])
    with transaction():
        if is_whole:
            session().merge(world.providers["fr"]).is_enabled = False
        else:
            session().get_one(Authority, world["fr_member"].authority_id).closed_at = now()
    ids = [logins_in_order(world[name])[0].id for name in ("fr_member", "nl_member")]
    assert [is_live(token, app) for token in (theirs, staying)] == [False, True], "nobody waits for the ends"
    assert list(sessions.live_among(ids)) == ids[1:]
    assert endings.end_what_is_over() == 1
    assert [is_live(token, app) for token in (theirs, staying)] == [False, True]


def test_the_worker_closes_what_is_due(world: World, environ: dict[str, str]) -> None:
    logins_stand_since(now() - UNUSED_FOR - DAY)
    put(world["fr_member"], opened_at=now() - UNUSED_FOR - DAY)
    with transaction():
        enqueue("identity:close", timestamp=0)
    do_the_work(environ)
    assert not now_of(world["fr_member"]).is_active
