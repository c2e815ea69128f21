"""Every act that moves sight asks for a fresh proof of who acts, waits for it, and is then done once, as sent."""

import uuid

import pytest
from sqlalchemy import select, update

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import Thing, session, transaction
from jit_portal.errors import NotAllowed, NotFound, StepUpNeeded
from jit_portal.exhibits.models import Release
from jit_portal.identity.models import IdentityProvider
from jit_portal.identity.sign_in_models import LoginSession, Passkey
from jit_portal.vocabulary import Assurance, May
from jit_portal.web.confirming import WAITING
from tests import factories
from tests.factories import now
from tests.stepup import (
    ACTS,
    LESS,
    TYPED,
    UNCHECKED,
    Browse,
    Case,
    browse,
    case,
    done,
    entries,
    prove,
    rule_form,
    send,
    told,
    waits,
)

FIXTURES = (browse, case)
"""They are asked for by name."""

OF_HER_ACCOUNT: set[tuple[type[Thing], May]] = {(Passkey, May.DELETE), (LoginSession, May.END_OWN_LOGIN)}
"""Demanded of what is no act of E10, and tried by itself."""


def test_every_rule_that_demands_it_is_tried_here() -> None:
    assert {act.under for act in ACTS.values()} | OF_HER_ACCOUNT == policy.stepup.DEMANDED


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("less", LESS)
def test_no_verb_does_it_for_less(case: Case, act: str, less: str) -> None:
    actor, before = factories.acts_in(case.leader, **LESS[less]), done(case)
    with pytest.raises(StepUpNeeded):
        ACTS[act].verb(case, actor)
    assert done(case) == before
    ACTS[act].verb(case, factories.acts_in(actor))
    assert done(case) == before + 1


def test_who_is_in_no_login_or_in_another_persons_has_proved_nothing(case: Case) -> None:
    """Whoever calls a verb: a command, a job, or a mistake."""
    leader = case.leader
    ended = factories.acts_in(leader).current_login
    with transaction():
        session().execute(update(LoginSession).where(LoginSession.id == ended).values(ended_at=now()))
    for login in (None, uuid.uuid4(), ended, case.world["nl_leader"].current_login):
        leader.current_login = login
        with pytest.raises(StepUpNeeded):
            ACTS["release"].verb(case, leader)
        assert policy.stepup.explain(leader) == {"strong": False, "fresh": False}
        assert not policy.stepup.may_enrol(leader)
        assert not policy.stepup.stands_in(leader)


def test_what_cannot_be_seen_asks_for_nothing(case: Case) -> None:
    """A step-up that is asked for would say that there is something."""
    with transaction():
        stranger = factories.user(case.world.providers["fr"], "Stranger")
    for act in ("release", "set a forbid", "export the record"):
        with pytest.raises(NotFound):
            ACTS[act].verb(case, factories.acts_in(stranger, Assurance.LOW))
    with pytest.raises(NotAllowed):
        ACTS["export the record"].verb(case, factories.acts_in(case.world["eu_participant"], Assurance.LOW))


@pytest.mark.parametrize("levels", [{"low": 1, "substantial": 2}, {"substantial": 2}], ids=["two", "one"])
def test_a_providers_highest_is_enough_where_it_knows_no_more(case: Case, levels: dict[str, int]) -> None:
    with transaction():
        session().execute(update(IdentityProvider).values(acr_levels=levels))
        session().refresh(case.leader.provider)
    with pytest.raises(StepUpNeeded):
        ACTS["release"].verb(case, factories.acts_in(case.leader, Assurance.LOW))
    ACTS["release"].verb(case, factories.acts_in(case.leader, Assurance.SUBSTANTIAL))


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("less", LESS)
def test_every_page_waits_and_goes_on_with_nothing_typed_again(case: Case, browse: Browse, act: str, less: str) -> None:
    client, before = browse(case.leader, **LESS[less]), done(case)
    address, form = ACTS[act].sent(case)
    act_id = waits(send(client, address, form, Referer="http://localhost/somewhere?x=1"))
    assert done(case) == before
    page = client.get(f"/confirm/{act_id}")
    assert page.status_code == 200
    assert "Confirm that it is you" in page.text
    assert f'name="{WAITING}"' not in page.text
    assert "/sign-in/fr?confirm=1" in page.text
    assert TYPED not in page.text

    prove(case.leader)
    page = client.get(f"/confirm/{act_id}")
    assert f'action="{address}"' in page.text
    assert 'href="/somewhere?x=1"' in page.text
    answer = send(client, address, {WAITING: act_id})
    assert answer.status_code == (200 if act == "export the record" else 303), answer.text[-1500:]
    assert done(case) == before + 1
    if act == "release":
        newest = select(Release.conditions).order_by(Release.live_from.desc())
        assert session().scalar(newest.execution_options(**UNCHECKED)) == TYPED
    if act == "export the record":
        assert answer.mimetype == "application/json"

    again = send(client, address, {WAITING: act_id})
    assert (again.status_code, "no longer waits" in again.text) == (409, True)
    assert done(case) == before + 1
    assert client.get(f"/confirm/{act_id}").status_code == 404


@pytest.mark.parametrize("act", ["one", "all others"])
def test_ending_another_sign_in_waits_and_goes_on(case: Case, browse: Browse, act: str) -> None:
    """Or whoever has stolen a cookie could throw its owner out; the sign-in that is used ends at once."""
    client = browse(case.leader, minutes=6, browser="Windows Edg/156")
    other = browse(case.leader, browser="X11; Linux Firefox/153")
    (hers,) = session().scalars(factories.logins_of(case.leader).where(LoginSession.browser.like("%Firefox%")))
    address = f"/account/sign-ins/{hers.id}/end" if act == "one" else "/account/sign-ins/end-others"
    act_id = waits(send(client, address, {}))
    assert other.get("/account").status_code == 200
    page = client.get(f"/confirm/{act_id}").text
    if act == "one":
        assert told(page)["Sign-in"] == "Firefox, Linux"
    proving = update(LoginSession).where(LoginSession.browser.like("%Edg%")).values(proved_at=now())
    with transaction():
        session().execute(proving.execution_options(synchronize_session=False))
    answer = send(client, address, {WAITING: act_id})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account#sign-ins")
    assert other.get("/account").status_code == 302


def test_the_sign_in_that_is_used_ends_without_a_proof(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=600, browser="Windows Edg/156")
    (hers,) = session().scalars(factories.logins_of(case.leader).where(LoginSession.browser.like("%Edg%")))
    assert send(client, f"/account/sign-ins/{hers.id}/end", {}).headers["Location"] == "/signed-out"


@pytest.mark.parametrize("act", ACTS)
def test_who_has_just_proved_it_passes_directly(case: Case, browse: Browse, act: str) -> None:
    before = done(case)
    address, form = ACTS[act].sent(case)
    answer = send(browse(case.leader), address, form)
    assert answer.status_code == (200 if act == "export the record" else 303), answer.text[-1500:]
    assert not answer.headers.get("Location", "").startswith("/confirm/")
    assert done(case) == before + 1
    assert entries("login.step_up_asked") == 0


@pytest.mark.parametrize("path", ["release", "reclassify"])
def test_forms_are_shown_and_tried_without_it(case: Case, browse: Browse, path: str) -> None:
    client = browse(case.leader, minutes=6)
    assert client.get(f"/exhibits/{case.exhibit.id}/{path}").status_code == 200
    form = {"edition": "1", "kind": "image", "handling": "H0", "look": "1"}
    assert send(client, f"/exhibits/{case.exhibit.id}/reclassify", form).status_code == 200
    address, said = rule_form(case, "0")
    assert send(client, address, {**said, "look": "1"}).status_code == 200


def test_a_piece_of_a_page_leads_the_whole_window_there(case: Case, browse: Browse) -> None:
    address, form = ACTS["release"].sent(case)
    answer = send(browse(case.leader, minutes=6), address, form, **{"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer.headers["HX-Redirect"].startswith("/confirm/")
    assert answer.data == b""


def test_who_takes_data_is_told(case: Case, browse: Browse) -> None:
    address, form = ACTS["release"].sent(case)
    answer = send(browse(case.leader, minutes=6), address, form, Accept="application/json")
    assert answer.status_code == 403
    assert "Confirm at your national login" in answer.text


def test_that_it_was_asked_is_on_record_without_what_was_typed(case: Case, browse: Browse) -> None:
    address, form = ACTS["release"].sent(case)
    send(browse(case.leader, minutes=6), address, form)
    asked = select(LedgerEntry).where(LedgerEntry.act == "login.step_up_asked").execution_options(**UNCHECKED)
    entry = session().scalars(asked).one()
    assert entry.actor_id == case.leader.id
    assert str(case.exhibit.id) in entry.details
    assert TYPED not in entry.details
