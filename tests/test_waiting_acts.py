"""An act that waits for a step-up: whose it is, how long, what it leads back to, and what cannot wait."""

import datetime as dt
import io
import json
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select, update

from jit_portal.audit.models import LedgerEntry
from jit_portal.background import enqueue
from jit_portal.database import session, transaction
from jit_portal.exhibits import service
from jit_portal.identity import endings, waiting
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import PasskeyChallenge, WaitingAct
from jit_portal.vocabulary import Sight
from jit_portal.web.confirming import WAITING
from tests import factories
from tests.factories import now
from tests.stepup import ACTS, TYPED, UNCHECKED, Browse, Case, browse, case, done, prove, send, waits
from tests.vault import do_the_work, token_in

FIXTURES = (browse, case)
"""They are asked for by name."""


def test_what_is_refused_is_said_on_the_form_with_what_was_typed(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=6)
    address, form = ACTS["release"].sent(case)
    act_id = waits(send(client, address, {**form, "live_until": "2020-01-01T10:00"}))
    prove(case.leader)
    answer = send(client, address, {WAITING: act_id})
    assert answer.status_code == 422
    assert "would end before it begins" in answer.text
    assert TYPED in answer.text


def test_what_has_changed_meanwhile_is_still_seen(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=6)
    address, form = ACTS["reclassify"].sent(case)
    act_id = waits(send(client, address, form))
    service.describe(case.leader, case.exhibit, "Another title", "", "", case.exhibit.edition)
    prove(case.leader)
    answer = send(client, address, {WAITING: act_id})
    assert (answer.status_code, "This exhibit has changed" in answer.text) == (409, True)


def test_what_goes_on_unconfirmed_waits_again(case: Case, browse: Browse) -> None:
    client, before = browse(case.leader, minutes=6), done(case)
    address, form = ACTS["release"].sent(case)
    first = waits(send(client, address, form))
    second = waits(send(client, address, {WAITING: first}))
    assert (first != second, done(case)) == (True, before)
    prove(case.leader)
    assert send(client, address, {WAITING: second}).status_code == 303


@pytest.mark.parametrize("who", ["another person", "another login", "another address", "too late", "nonsense"])
def test_what_waits_is_bound_to_its_person_login_address_and_time(case: Case, browse: Browse, who: str) -> None:
    client = browse(case.leader, minutes=6)
    address, form = ACTS["release"].sent(case)
    act_id = waits(send(client, address, form))
    prove(case.leader)
    before = done(case)
    if who == "another person":
        factories.entrustment(case.world, "fr_other", Sight.USE)
        client = browse(case.world["fr_other"])
    elif who == "another login":
        client = browse(case.leader)
    elif who == "another address":
        address = f"/exhibits/{factories.exhibit(case.world, title='Other').id}/release"
    elif who == "too late":
        with transaction():
            session().execute(update(WaitingAct).values(expires_at=now()))
    answer = send(client, address, {WAITING: "x" if who == "nonsense" else act_id})
    assert (answer.status_code, "no longer waits" in answer.text) == (409, True)
    assert done(case) == before
    if who in ("another person", "another login", "too late"):
        assert client.get(f"/confirm/{act_id}").status_code == 404
        assert send(client, f"/confirm/{act_id}/drop", {}).status_code == 404


@pytest.mark.parametrize("how", ["show", "drop", "go on"])
def test_what_is_over_leads_back_to_its_form(case: Case, browse: Browse, how: str) -> None:
    client = browse(case.leader, minutes=6)
    address, form = ACTS["release"].sent(case)
    act_id = waits(send(client, address, form, Referer=f"http://localhost{address}?to=x"))
    with transaction():
        session().execute(update(WaitingAct).values(expires_at=now()))
    if how == "show":
        answer = client.get(f"/confirm/{act_id}")
    elif how == "drop":
        answer = send(client, f"/confirm/{act_id}/drop", {})
    else:
        answer = send(client, address, {WAITING: act_id})
    assert answer.status_code == (409 if how == "go on" else 404)
    assert f'href="{address}?to=x"' in answer.text
    assert '<meta name="waits"' in answer.text
    other = browse(case.world["fr_other"]).get(f"/confirm/{act_id}")
    assert (other.status_code, address in other.text) == (404, False)


def test_what_waits_twice_leads_back_to_where_it_began(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=6)
    address, form = ACTS["release"].sent(case)
    first = waits(send(client, address, form, Referer=f"http://localhost{address}?to=x"))
    second = waits(send(client, address, {WAITING: first}, Referer=f"http://localhost/confirm/{first}"))
    answer = send(client, f"/confirm/{second}/drop", {})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{address}?to=x")


@pytest.mark.parametrize(
    "sender", ["https://evil.example/x", "http://localhost//evil.example/x", "http://localhost.evil.example/x", "no"]
)
def test_what_was_not_sent_from_a_page_of_the_portal_leads_home(case: Case, browse: Browse, sender: str) -> None:
    client = browse(case.leader, minutes=6)
    address, form = ACTS["release"].sent(case)
    origin = {"Origin": "http://localhost"}
    act_id = waits(send(client, address, form, Referer=sender, **origin))
    assert send(client, f"/confirm/{act_id}/drop", {}).headers["Location"] == "/"


def test_what_waits_can_be_left_undone(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=6)
    address, form = ACTS["release"].sent(case)
    act_id = waits(send(client, address, form, Referer=f"http://localhost{address}"))
    answer = send(client, f"/confirm/{act_id}/drop", {})
    assert (answer.status_code, answer.headers["Location"]) == (303, address)
    assert client.get(f"/confirm/{act_id}").status_code == 404


def test_files_and_long_forms_do_not_wait(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=6)
    address, form = ACTS["release"].sent(case)
    token = token_in(client.get("/account").text)
    file = {"csrf_token": token, **form, "more": (io.BytesIO(b"x"), "a.txt")}
    assert client.post(address, data=file, content_type="multipart/form-data").status_code == 403
    assert send(client, address, {**form, "more": "x" * waiting.LARGEST}).status_code == 409
    assert session().scalar(select(func.count()).select_from(WaitingAct).execution_options(**UNCHECKED)) == 0


@pytest.mark.parametrize("how", ["takes data", "has a file"])
def test_what_cannot_wait_is_on_record_each_time(case: Case, browse: Browse, how: str) -> None:
    """A program with a stolen cookie, which never waits, leaves as many entries as it tries."""
    client = browse(case.leader, minutes=6)
    address, form = ACTS["release"].sent(case)
    for _ in range(3):
        said: dict[str, Any] = {"csrf_token": token_in(client.get("/account").text), **form}
        if how == "has a file":
            said["more"] = (io.BytesIO(b"x"), "a.txt")
        takes = "application/json" if how == "takes data" else "text/html"
        answer = client.post(address, data=said, headers={"Accept": takes})
        assert answer.status_code == 403
    asked = select(LedgerEntry).where(LedgerEntry.act == "login.step_up_asked").execution_options(**UNCHECKED)
    found = session().scalars(asked).all()
    assert len(found) == 3
    for entry in found:
        assert entry.actor_id == case.leader.id
        assert json.loads(entry.details) == {
            "of": "exhibits.release_submit",
            "noun": "exhibit",
            "object": str(case.exhibit.id),
        }


def under_way() -> list[uuid.UUID]:
    """The logins in which something is under way."""
    session().rollback()
    found = [
        session().scalars(select(model.login_id).execution_options(**UNCHECKED)).all()
        for model in (WaitingAct, PasskeyChallenge)
    ]
    return [each for ids in found for each in ids]


def left_under_way(someone: User) -> uuid.UUID:
    """A login of hers in which an act waits and a passkey is asked for."""
    login_id = factories.acts_in(someone).current_login
    assert login_id is not None
    with transaction():
        factories.waiting_act(someone)
        challenge = PasskeyChallenge(
            user_id=someone.id,
            login_id=login_id,
            challenge=login_id.bytes,
            is_enrolment=True,
            expires_at=now() + dt.timedelta(minutes=5),
        )
        session().add(challenge)
    return login_id


def test_what_is_under_way_ends_with_its_login(case: Case) -> None:
    ended, other = left_under_way(case.leader), left_under_way(case.leader)
    endings.end_one(case.leader, ended)
    assert under_way() == [other, other]


def test_the_worker_forgets_what_is_over(case: Case, environ: dict[str, str]) -> None:
    over, other = left_under_way(case.leader), left_under_way(case.leader)
    with transaction():
        for model in (WaitingAct, PasskeyChallenge):
            session().execute(update(model).where(model.login_id == over).values(expires_at=now()))
        enqueue("identity:forget", timestamp=0)
    do_the_work(environ)
    assert under_way() == [other, other]


def test_only_so_many_acts_wait_in_a_login(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=6)
    address, form = ACTS["release"].sent(case)
    kept = [waits(send(client, address, form)) for _ in range(waiting.MOST + 2)]
    left = set(session().scalars(select(WaitingAct.id).execution_options(**UNCHECKED)))
    assert left == {uuid.UUID(each) for each in kept[2:]}
