"""The people of a country: who sees what of them, and what becomes of their accounts, by hand and by themselves."""

import datetime as dt
import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from jit_portal.audit.models import LedgerEntry
from jit_portal.background import enqueue
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.errors import NotAllowed, NotFound, Refused
from jit_portal.files import again
from jit_portal.identity import accounts, endings, people, proposals, sessions
from jit_portal.identity.models import Authority, IdentityProvider, LoginSession, User
from jit_portal.identity.people import Wanted
from jit_portal.policy.people import CONFIRMED_FOR, UNUSED_FOR
from jit_portal.vocabulary import Duty, Outcome, Role
from jit_portal.workspaces import service as workspaces
from tests import factories
from tests.factories import World, now
from tests.test_worker import wait_until
from tests.vault import MIB, Sender, do_the_work, token_in
from tests.waiting import until_somebody_waits
from tests.web import Web, running_web

Browse = Callable[[User], FlaskClient]
DAY = dt.timedelta(days=1)
LONG_AGO = 91 * DAY


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    made = factories.world("Lantern", ("fr", "nl", "eu"))
    made.people |= {
        "fr_administrator": factories.administrator(made.providers["fr"]),
        "nl_administrator": factories.administrator(made.providers["nl"]),
        "operator": factories.administrator(made.providers["nl"], Duty.OPERATOR),
    }
    factories.forget_logins_of_verbs()
    yield made
    session.remove()


def now_of(person: User) -> User:
    """The person as in the database now."""
    return session().get_one(User, person.id, populate_existing=True)


def put(person: User, **values: object) -> None:
    with transaction():
        session().execute(update(User).where(User.id == person.id).values(**values))
    now_of(person)


def names(viewer: User, **wanted: object) -> set[str]:
    return {row.person.name for row in people.rows(viewer, Wanted(**wanted)).rows}  # type: ignore[arg-type]


def acts(person: User) -> list[tuple[str, str]]:
    """What is on record as done to this account, and by whom."""
    entries = select(LedgerEntry).where(LedgerEntry.object_id == person.id, LedgerEntry.outcome == Outcome.DONE)
    found = session().scalars(entries.order_by(LedgerEntry.number).execution_options(policy=True))
    return [(entry.act, entry.actor_name) for entry in found]


def post(client: FlaskClient, path: str, **form: str) -> TestResponse:
    token = token_in(client.get("/account").text)
    return client.post(path, data={"csrf_token": token, **form})


def is_live(token: str, app: Flask) -> bool:
    client = app.test_client()
    client.environ_base["wsgi.url_scheme"] = "https"
    client.set_cookie(app.config["SETTINGS"].session_cookie, token, secure=True)
    return bool(client.get("/account").status_code == 200)


# Who sees whom


def test_an_administrator_sees_the_people_of_one_country(world: World) -> None:
    french = {"Fr_Leader", "Fr_Member", "Drafter of Lantern", "National_Administrator FR"}
    assert names(world["fr_administrator"]) == french
    assert not names(world["nl_administrator"]) & french
    assert names(world["operator"]) > french | names(world["nl_administrator"])
    assert names(world["operator"], country="FR") == french
    assert names(world["fr_administrator"], country="NL") == set()
    assert names(world["fr_leader"]) == set()


def test_two_logins_of_a_state_are_one_country_and_bodies_are_each_their_own(world: World) -> None:
    with transaction():
        second = factories.provider("fr-agency")
        second.country = "FR"
        factories.user(second, "From the agency")
        europol = factories.provider("europol")
        europol.kind, europol.country = world.providers["eu"].kind, world.providers["eu"].country
        factories.user(europol, "From Europol")
    eurojust = factories.administrator(world.providers["eu"])
    assert "From the agency" in names(world["fr_administrator"])
    assert names(eurojust) == {"Eu_Participant", eurojust.name}


def test_nobody_else_finds_anything(world: World, browse: Browse) -> None:
    for name in ("fr_leader", "fr_member", "eu_participant"):
        client = browse(world[name])
        assert client.get("/people").status_code == 404
        assert client.get("/people/end-logins").status_code == 404
        assert 'href="/people"' not in client.get("/").text
    home = browse(world["fr_administrator"]).get("/").text
    assert home.count('href="/people"') == 4
    assert "You look after accounts, not cases" in home


def test_the_administrator_learns_how_many_teams_and_never_which(world: World, browse: Browse) -> None:
    other = factories.world("Harbour", ("fr", "nl"), providers=world.providers)
    with transaction():
        other.join("both", "fr", person=session().merge(world["fr_member"]))
    client = browse(world["fr_administrator"])
    pages = [client.get(path).text for path in ("/people", f"/people/{world['fr_member'].id}", "/")]
    assert "in 2 teams" in pages[0]
    assert "In 2; which they are is not shown to you." in pages[1]
    for page in pages:
        assert not re.search("(?<!Drafter of )(Lantern|Harbour)", page)
        assert world.jit.reference not in page
        assert str(world.workspace.id) not in page
    factories.end_membership(other, "both")
    assert "in 1 team<" in client.get("/people?name=Fr_Member").text
    factories.end_membership(world, "fr_member")
    assert "in no team<" in client.get("/people?name=Fr_Member").text


def test_an_operator_sees_no_more_than_ending_sign_ins_needs(world: World, browse: Browse) -> None:
    put(world["fr_member"], flagged="name", claimed_name="Someone Else", title="Capitaine")
    client = browse(world["operator"])
    page, one = client.get("/people").text, client.get(f"/people/{world['fr_member'].id}").text
    assert "Fr_Member" in page
    assert not re.search(r"in \d teams?|Details changed|Confirm", page)
    for hidden in ("Someone Else", "Capitaine", "Deactivate", "confirm", "Teams"):
        assert hidden not in one.replace('id="confirm', "").replace("data-confirm", "").replace("confirm-text", "")
    for show in ("due", "flagged", "closed"):
        assert names(world["operator"], show=show) == set()
    for act in ("deactivate", "reactivate", "confirm", "accept"):
        assert post(client, f"/people/{world['fr_member'].id}/{act}").status_code == 403
    assert now_of(world["fr_member"]).is_active


def test_the_list_is_narrowed_and_paged(world: World, browse: Browse, monkeypatch: pytest.MonkeyPatch) -> None:
    administrator = world["fr_administrator"]
    assert names(administrator, name="member") == {"Fr_Member"}
    assert names(administrator, name="police fr") == names(administrator)
    assert names(administrator, name="%") == set()
    monkeypatch.setattr(people, "PAGE", 3)
    first, second = (people.rows(administrator, Wanted(page=page)) for page in (1, 2))
    assert (len(first.rows), first.has_more, len(second.rows), second.has_more) == (3, True, 1, False)
    client = browse(administrator)
    assert 'rel="next"' in client.get("/people").text
    for page in ("0", "-1", "x", "1e3", "99999999999999999999"):
        assert client.get("/people", query_string={"page": page}).status_code == 422, page
    assert client.get("/people?page=2&name=police").status_code == 200


def test_the_list_costs_no_more_for_more_people(world: World, count_queries: Callable[[], int]) -> None:
    def cost() -> int:
        session.remove()
        count_queries()
        people.rows(world["fr_administrator"], Wanted())
        return count_queries()

    before = cost()
    with transaction():
        for number in range(20):
            factories.user(world.providers["fr"], f"More {number}")
    assert cost() == before < 10


def test_last_sign_in_and_devices_are_shown(world: World, browse: Browse) -> None:
    factories.login(world["fr_member"], browser="X11; Linux Firefox/153.0", address="192.0.2.7")
    factories.login(world["fr_member"], browser="Windows Edg/156", strayed_at=now())
    client = browse(world["fr_administrator"])
    row = people.row(world["fr_administrator"], world["fr_member"])
    assert row.live == 2
    assert row.last_sign_in is not None
    page = client.get(f"/people/{world['fr_member'].id}").text
    assert "Firefox, Linux" in page
    assert "Used elsewhere" in page
    assert "192.0.2.7" not in page


# Closing and opening


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


@pytest.fixture(scope="module")
def process(environ: dict[str, str], folder: Path) -> Iterator[Web]:
    with running_web(environ, folder) as web:
        yield web


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


class Trickle(BytesIO):
    """A body that comes a little at a time; after its first pieces the account is closed."""

    def __init__(self, length: int, close: Callable[[], object]) -> None:
        super().__init__(bytes(length))
        self.close_account = close
        self.is_closed = False
        self.pieces = 0

    def readinto(self, buffer: Any, /) -> int:
        came = super().readinto(memoryview(buffer)[:65_536])
        self.pieces += 1
        if not self.is_closed and self.tell() > 4 * 65_536:
            with ThreadPoolExecutor(1) as apart:
                apart.submit(self.close_account).result()
            self.is_closed = True
        time.sleep(0.01)
        return came


def test_a_running_upload_of_a_deactivated_account_ends_before_its_bytes_do(world: World, browse: Browse) -> None:
    administrator, member = world["fr_administrator"], world["fr_member"]
    sender = Sender(browse(member))
    address = sender.begin(world, 80 * MIB)
    body = Trickle(80 * MIB, lambda: accounts.deactivate(administrator, member))
    answer = sender.client.patch(
        address,
        headers=sender.headers | {"Upload-Offset": "0"},
        content_type="application/offset+octet-stream",
        content_length=80 * MIB,
        environ_overrides={"wsgi.input": body},
    )
    assert answer.status_code == 401
    assert body.is_closed
    assert body.pieces < 80 * MIB // 65_536 // 2


def test_withdrawing_a_login_ends_its_sockets_and_running_uploads(process: Web, world: World, browse: Browse) -> None:
    ear = process.sign_in(world["fr_leader"]).connect()
    staying = process.sign_in(world["nl_member"]).connect()
    keeper = factories.administrator(world.providers["nl"], Duty.OPERATOR)
    sender = Sender(browse(world["fr_member"]))
    address = sender.begin(world, 80 * MIB)
    body = Trickle(80 * MIB, lambda: proposals.withdraw(keeper, "fr"))
    answer = sender.client.patch(
        address,
        headers=sender.headers | {"Upload-Offset": "0"},
        content_type="application/offset+octet-stream",
        content_length=80 * MIB,
        environ_overrides={"wsgi.input": body},
    )
    assert (answer.status_code, body.is_closed) == (401, True)
    assert body.pieces < 80 * MIB // 65_536 // 2
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
    address = sender.begin(world, 12 * MIB)
    began = time.monotonic()
    body = Trickle(12 * MIB, lambda: factories.step_up(cookie.value))
    answer = sender.client.patch(
        address,
        headers=sender.headers | {"Upload-Offset": "0"},
        content_type="application/offset+octet-stream",
        content_length=12 * MIB,
        environ_overrides={"wsgi.input": body},
    )
    assert time.monotonic() - began > 2 * again.EVERY_SECONDS, "it was asked amid the bytes"
    assert (answer.status_code, answer.headers.get("Upload-Offset")) == (204, str(12 * MIB))
    assert body.is_closed
    assert sessions.load(cookie.value) is None


# Confirming


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


def logins_stand_since(when: dt.datetime) -> None:
    with transaction():
        session().execute(update(IdentityProvider).values(stands_since=when))


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


# Changed details


@pytest.fixture
def flagged(world: World) -> User:
    """Somebody whose login now gives another name and authority."""
    with transaction():
        customs = Authority(provider_id=world.providers["fr"].id, code="fr-customs", name="Customs FR")
        session().add(customs)
    put(world["fr_member"], flagged="authority,name", claimed_name="Fr Married", claimed_authority_id=customs.id)
    return world["fr_member"]


def test_changed_details_are_taken_over_and_the_person_stays_the_same(
    world: World, flagged: User, browse: Browse
) -> None:
    administrator, before = world["fr_administrator"], (flagged.provider_id, flagged.issuer, flagged.subject)
    client = browse(administrator)
    assert "Details changed: 1" in client.get("/people").text
    page = client.get(f"/people/{flagged.id}").text
    assert "Fr Married" in page
    assert "Customs FR" in page
    answer = post(client, f"/people/{flagged.id}/accept", name="Fr Married", authority="fr-customs")
    assert answer.status_code == 303
    person = now_of(flagged)
    assert (person.name, person.authority.code, person.flagged) == ("Fr Married", "fr-customs", None)
    assert (person.claimed_name, person.claimed_authority_id) == (None, None)
    assert (person.provider_id, person.issuer, person.subject) == before
    assert acts(flagged) == [("user.claims_accepted", administrator.name)]
    member = session().merge(world.members["fr_member"])
    assert member.authority_id != person.authority_id


def accept(world: World) -> None:
    accounts.accept_claims(world["fr_administrator"], now_of(world["fr_member"]), "Fr Married", "fr-customs")


def test_leaders_of_her_party_are_told_of_a_new_authority(world: World, flagged: User, browse: Browse) -> None:
    other, elsewhere = (factories.world(name, ("fr", "nl"), world.providers) for name in ("Harbour", "Heron"))
    with transaction():
        for team in (other, elsewhere):
            team.join("both", "fr", person=session().merge(flagged))
    factories.end_membership(elsewhere, "both")
    leaders = {"Lantern": browse(world["fr_leader"]), "Harbour": browse(other["fr_leader"])}
    accept(world)
    for name, client in leaders.items():
        team = world if name == "Lantern" else other
        page = client.get("/notices").text
        member = team.members["fr_member" if name == "Lantern" else "both"]
        assert page.count("Fr Married is of another authority now: Customs FR") == 1
        assert "The membership still stands on Police FR." in page
        assert f'href="/workspaces/{team.workspace.id}/people#member-{member.id}"' in page
        people_page = client.get(f"/workspaces/{team.workspace.id}/people").text
        assert f'id="member-{member.id}"' in people_page
        assert people_page.count("Another authority now") == 1
    for someone in (world["nl_leader"], flagged, elsewhere["fr_leader"], world["fr_administrator"]):
        assert "another authority now" not in browse(someone).get("/notices").text.lower()
    dutch = browse(other["nl_leader"]).get(f"/workspaces/{other.workspace.id}/people").text
    assert "Another authority now" not in dutch


def test_a_membership_begun_anew_stands_on_the_new_authority(world: World, flagged: User, browse: Browse) -> None:
    accept(world)
    leader, before = world["fr_leader"], session().merge(world.members["fr_member"])
    workspaces.end(leader, before, "Of another authority now")
    workspaces.enrol(leader, world.workspace, now_of(flagged), world.parties["fr"], Role.MEMBER)
    client = browse(leader)
    assert "Another authority now" not in client.get(f"/workspaces/{world.workspace.id}/people").text
    page = client.get("/notices").text
    assert "is of another authority now" in page
    assert "still stands on" not in page


def test_a_new_name_alone_tells_nobody(world: World, flagged: User, browse: Browse) -> None:
    accept(world)
    put(world["fr_member"], flagged="name", claimed_name="Fr Divorced")
    accounts.accept_claims(world["fr_administrator"], now_of(world["fr_member"]), "Fr Divorced", "")
    assert browse(world["fr_leader"]).get("/notices").text.count("is of another authority now") == 1


def test_where_nobody_else_leads_her_party_those_who_may_end_it_are_told(world: World, browse: Browse) -> None:
    """The one Dutch leader moves: the space administrator, who is French, can act."""
    with transaction():
        customs = Authority(provider_id=world.providers["nl"].id, code="nl-customs", name="Douane NL")
        session().add(customs)
    put(world["nl_leader"], flagged="authority", claimed_authority_id=customs.id)
    accounts.accept_claims(world["nl_administrator"], now_of(world["nl_leader"]), "", "nl-customs")
    assert "is of another authority now: Douane NL" in browse(world["fr_leader"]).get("/notices").text
    assert "is of another authority now" not in browse(world["nl_leader"]).get("/notices").text


@pytest.mark.parametrize(
    ("name", "authority"), [("Fr Other", "fr-customs"), ("Fr Married", ""), ("", ""), ("Fr Married", "fr-police")]
)
def test_only_what_was_read_is_taken_over(world: World, flagged: User, name: str, authority: str) -> None:
    with pytest.raises(Refused):
        accounts.accept_claims(world["fr_administrator"], flagged, name, authority)
    assert now_of(flagged).flagged == "authority,name"


def test_nobody_takes_over_her_own_details(world: World) -> None:
    put(world["fr_administrator"], flagged="name", claimed_name="The Minister")
    with pytest.raises(NotAllowed):
        accounts.accept_claims(world["fr_administrator"], world["fr_administrator"], "The Minister", "")
    second = factories.administrator(world.providers["fr"])
    accounts.accept_claims(second, world["fr_administrator"], "The Minister", "")
    assert now_of(world["fr_administrator"]).name == "The Minister"


def test_details_that_came_back_are_settled(world: World) -> None:
    put(world["fr_member"], flagged="name")
    accounts.accept_claims(world["fr_administrator"], world["fr_member"], "", "")
    person = now_of(world["fr_member"])
    assert (person.name, person.flagged) == ("Fr_Member", None)


# Ending sign-ins


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
                user.current_login = factories._login(user, "x" * 43).id
                act(user)

    with ThreadPoolExecutor(1) as beside, psycopg.connect(cluster.url(OWNER)) as look:
        ending = beside.submit(end)
        until_somebody_waits(cluster)
        for login in logins[1:]:
            look.execute("SELECT 1 FROM login_session WHERE id = %s FOR UPDATE NOWAIT", [login.id])
        look.rollback()
        waits.rollback()
        ending.result()


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
