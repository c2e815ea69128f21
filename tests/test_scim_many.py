"""Many accounts closed by a directory at once, or little by little: a second person is asked."""

import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.errors import NotFound
from jit_portal.identity import closings
from jit_portal.identity.closings import COUNTED
from jit_portal.identity.models import User
from jit_portal.identity.scim.models import ProposedClosing
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.notices.models import Notice
from jit_portal.vocabulary import Duty, NoticeKind
from tests import factories
from tests.accounts import acts, now_of, post, put
from tests.factories import World, now
from tests.scim import Browse, Directory, directory, french, more_people, refusals, world
from tests.waiting import held_login, record_is_free_while_it_waits

FIXTURES = (directory, french, world)
"""They are asked for by name."""


def test_beyond_a_fifth_a_second_person_is_asked(world: World, french: Directory, browse: Browse) -> None:
    crowd = more_people(world, 6)  # with the leader, the member, the drafter and the administrator: ten
    assert len(french.found()) == 10
    said = [french.turn(each, False).status_code for each in crowd[:5]]
    assert said == [200, 200, 403, 403, 403]
    assert [now_of(each).is_active for each in crowd] == [False, False, True, True, True, True]
    assert refusals() == [("Login FR (SCIM)", "scim.update", "403")] * 3
    french.turn(crowd[2], False)
    waits = session().scalars(select(ProposedClosing.user_id).where(ProposedClosing.decided_at.is_(None))).all()
    assert set(waits) == {each.id for each in crowd[2:5]}
    administrator = world["fr_administrator"]
    told = select(Notice).where(Notice.user_id == administrator.id, Notice.kind == NoticeKind.CLOSINGS_WAIT)
    assert len(session().scalars(told.execution_options(policy=True)).all()) == 1
    client = browse(administrator)
    assert "would close 3 accounts at once" in client.get("/people").text
    decide = ("fr_administrator", "operator", "nl_administrator")
    first_page = re.compile(r'href="/people/closings".*?Decide whether 3 accounts close', re.S)
    assert [bool(first_page.search(browse(world[name]).get("/").text)) for name in decide] == [True, True, False]
    hers = [client.get(f"/people/{each.id}").text for each in (crowd[2], crowd[5])]
    assert ["would close this account" in page for page in hers] == [True, False]
    page = client.get("/people/closings").text
    assert [each.name in page for each in crowd] == [False, False, True, True, True, False]
    assert post(client, "/people/closings/approve", person=str(crowd[2].id)).status_code == 303
    assert post(client, "/people/closings/refuse", person=str(crowd[3].id)).status_code == 303
    assert [now_of(each).is_active for each in crowd[2:5]] == [False, True, True]
    assert acts(crowd[2]) == [
        ("user.closing_proposed", "Login FR (SCIM)"),
        ("user.closing_approved", administrator.name),
        ("user.deactivated", administrator.name),
    ]
    assert acts(crowd[3])[1:] == [("user.closing_refused", administrator.name)]
    assert "Too many" in french.turn(crowd[4], False).text
    assert french.turn(crowd[2], False).status_code == 200


def test_whoever_approves_a_closing_and_waits_has_not_the_record(
    world: World, french: Directory, cluster: Postgres
) -> None:
    crowd = more_people(world, 2)
    assert [french.turn(each, False).status_code for each in crowd] == [200, 403]
    factories.login(crowd[1])
    id = session().scalars(factories.logins_of(crowd[1]).with_only_columns(LoginSession.id)).one()
    administrator = world["fr_administrator"].id

    def approve() -> None:
        closings.approve(session().get_one(User, administrator), [crowd[1].id])

    assert record_is_free_while_it_waits(cluster, approve, held_login(id), told=crowd[1].id)
    assert not now_of(crowd[1]).is_active


def test_many_at_the_very_same_time_are_counted_one_by_one(world: World, french: Directory) -> None:
    crowd = more_people(world, 6)
    with ThreadPoolExecutor(6) as beside:
        said = list(beside.map(lambda each: french.turn(each, False).status_code, crowd))
    assert sorted(said) == [200, 200, 403, 403, 403, 403]


def test_what_was_held_back_changes_nothing_else(world: World, french: Directory) -> None:
    first, second = more_people(world, 2)
    french.turn(first, False)
    both = {"op": "replace", "value": {"active": False, "displayName": "Other", "userName": "other"}}
    assert french.patch(second.id, both).status_code == 403
    assert french.ask("DELETE", f"/{second.id}").status_code == 403
    assert (now_of(second).is_active, now_of(second).flagged) == (True, None)
    assert [each["userName"] for each in french.found(filter=f'id eq "{second.id}"')] == [second.subject]


def test_one_account_is_no_mass(world: World, french: Directory) -> None:
    """A week later the next is the only one again."""
    assert french.turn(world["fr_member"], False).status_code == 200
    assert french.turn(world["fr_leader"], False).status_code == 403
    put(world["fr_member"], deactivated_at=now() - COUNTED)
    assert french.turn(world["fr_leader"], False).status_code == 200


@pytest.mark.parametrize(("more", "allowed"), [(3, 1), (6, 2), (26, 6)])
def test_little_by_little_is_many_too(world: World, french: Directory, more: int, allowed: int) -> None:
    """Never more than a fifth of seven, ten or thirty people in a week, however it is spread over that week."""
    crowd, said = more_people(world, more), []
    for number, person in enumerate([*crowd, world["fr_member"], world["fr_leader"]]):
        said.append(french.turn(person, False).status_code)
        for each in crowd[: number + 1]:
            if not now_of(each).is_active:
                put(each, deactivated_at=now() - COUNTED + dt.timedelta(minutes=1))
    assert said == [200] * allowed + [403] * (more + 2 - allowed)
    for each in crowd[:allowed]:
        put(each, deactivated_at=now() - COUNTED)
    assert french.turn(world["fr_leader"], False).status_code == 200, "a week later it is forgotten"


def test_whoever_has_a_duty_is_closed_by_no_directory_alone(world: World, french: Directory) -> None:
    """An operator decides, as of every account with a duty, and never that none is left."""
    one, administrator = factories.administrator(world.providers["fr"], Duty.OPERATOR), world["fr_administrator"]
    answer = french.turn(one, False)
    assert (answer.status_code, "has a duty" in answer.text) == (403, True)
    assert now_of(one).is_active
    assert closings.waiting(administrator) == []
    with pytest.raises(NotFound):
        closings.approve(administrator, [one.id])
    for is_enabled, waiting in ((False, []), (True, [one.id])):
        with transaction():
            session().merge(world.providers["nl"]).is_enabled = is_enabled
        assert [each.id for each in closings.waiting(world["operator"])] == waiting
    assert closings.approve(world["operator"], [one.id]) == 1
    assert not now_of(one).is_active
    assert french.turn(one, True).status_code == 409, "nor does it open one"
    assert not now_of(one).is_active


def test_a_closing_that_waits_is_taken_back_by_saying_so(world: World, french: Directory) -> None:
    french.turn(world["fr_member"], False)
    leader = world["fr_leader"]
    assert french.turn(leader, False).status_code == 403
    french.patch(leader.id, {"op": "replace", "path": "displayName", "value": leader.name})
    assert [each.id for each in closings.waiting(world["fr_administrator"])] == [leader.id]
    assert french.turn(leader, True).status_code == 200
    assert acts(leader)[-1] == ("user.closing_taken_back", "Login FR (SCIM)")
    assert closings.waiting(world["fr_administrator"]) == []
    with pytest.raises(NotFound):
        closings.approve(world["fr_administrator"], [leader.id])


def test_who_decides_about_closings(world: World, french: Directory) -> None:
    administrator, leader = world["fr_administrator"], world["fr_leader"]
    french.turn(world["fr_member"], False)
    french.turn(leader, False)
    french.turn(administrator, False)
    for name in ("nl_administrator", "fr_leader", "nl_leader"):
        assert closings.waiting(world[name]) == []
        with pytest.raises(NotFound):
            closings.approve(world[name], [leader.id, administrator.id])
    assert [each.id for each in closings.waiting(administrator)] == [leader.id]
    with pytest.raises(NotFound):
        closings.approve(administrator, [administrator.id])
    assert closings.approve(world["operator"], [leader.id, administrator.id]) == 2
    assert not now_of(administrator).is_active
