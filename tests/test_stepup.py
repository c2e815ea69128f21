"""Every act that moves sight asks for a fresh proof of who acts, waits for it, and is then done once, as sent."""

import datetime as dt
import html
import io
import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from jit_portal import policy
from jit_portal.audit import reading
from jit_portal.audit.models import LedgerEntry
from jit_portal.audit.reading import Wanted
from jit_portal.background import enqueue
from jit_portal.database import Thing, session, transaction
from jit_portal.errors import NotAllowed, NotFound, StepUpNeeded
from jit_portal.exhibits import entrusting, rules, service
from jit_portal.exhibits.descriptions import read
from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit, Release
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.identity import endings, waiting
from jit_portal.identity.models import IdentityProvider, LoginSession, Passkey, PasskeyChallenge, User, WaitingAct
from jit_portal.jits.models import Party
from jit_portal.vocabulary import Assurance, May, PrincipalKind, Purpose, Sight
from jit_portal.web.confirming import WAITING
from jit_portal.workspaces.models import Workspace
from jit_portal.workspaces.principals import principal
from tests import factories
from tests.factories import World, now
from tests.vault import do_the_work, token_in

UNCHECKED = {"policy": True}
TYPED = "Only for the court in Lille"


@dataclass
class Case:
    """A world in which each act that asks for a step-up can be done by France's leader."""

    world: World
    exhibit: Exhibit
    release: Release
    rule: CountryRule
    entrustment: Entrustment

    @property
    def leader(self) -> User:
        return self.world["fr_leader"]


@pytest.fixture
def case(app: Flask) -> Iterator[Case]:
    world = factories.world()
    with transaction():
        world.join("fr_other", "fr")
    exhibit = factories.exhibit(world)
    with transaction():
        meant = principal(world.workspace.id, PrincipalKind.PARTY, party_id=world.parties["nl"].id)
        rule = CountryRule(
            workspace_id=world.workspace.id,
            party_id=world.parties["fr"].id,
            is_forbid=False,
            principal_id=meant.id,
            sight=int(Sight.SEE),
            set_by_id=world["fr_leader"].id,
        )
        session().add(rule)
    release = factories.release(world, exhibit, "nl")
    yield Case(world, exhibit, release, rule, factories.entrustment(world, "fr_member"))
    session.remove()


@dataclass(frozen=True)
class Act:
    """One act of E10: the verb, what a page sends to it, and the rule it stands under."""

    under: tuple[type[Thing], May]
    verb: Callable[[Case, User], object]
    sent: Callable[[Case], tuple[str, dict[str, str]]]


def last_day() -> dt.date:
    return (now() + dt.timedelta(days=5)).date()


def nl(case: Case) -> str:
    return f"party:{case.world.parties['nl'].id}"


def rule_form(case: Case, is_forbid: str) -> tuple[str, dict[str, str]]:
    said = {"is_forbid": is_forbid, "to": nl(case), "sight": "3", "token": str(uuid.uuid4())}
    return f"/workspaces/{case.world.workspace.id}/rules/new", said


def set_rule(case: Case, actor: User, *, is_forbid: bool) -> object:
    said = RuleDescription(is_forbid=is_forbid, to=nl(case), sight=Sight.DOWNLOAD)
    return rules.set_rule(actor, case.world.workspace, case.world.parties["fr"], said)


def entrust(case: Case, actor: User) -> object:
    party, other = case.world.parties["fr"], case.world["fr_other"]
    return entrusting.entrust(actor, case.world.workspace, party, other.id, Sight.READ, last_day())


def sent_release(case: Case) -> tuple[str, dict[str, str]]:
    said = {"to": nl(case), "sight": "3", "purpose": "jit_purpose", "conditions": TYPED, "token": str(uuid.uuid4())}
    return f"/exhibits/{case.exhibit.id}/release", said


ACTS: dict[str, Act] = {
    "release": Act(
        (Exhibit, May.RELEASE),
        lambda case, actor: service.release(actor, case.exhibit, nl(case), Sight.USE, Purpose.JIT_PURPOSE),
        sent_release,
    ),
    "withdraw a release": Act(
        (Exhibit, May.WITHDRAW),
        lambda case, actor: service.withdraw(actor, case.release, "Enough."),
        lambda case: (f"/releases/{case.release.id}/withdraw", {"reason": "Enough."}),
    ),
    "reclassify": Act(
        (Exhibit, May.RECLASSIFY),
        lambda case, actor: service.reclassify(
            actor, case.exhibit, read({"kind": "image", "handling": "H0"}), case.exhibit.edition
        ),
        lambda case: (
            f"/exhibits/{case.exhibit.id}/reclassify",
            {"edition": str(case.exhibit.edition), "kind": "image", "handling": "H0"},
        ),
    ),
    "set a standing release": Act(
        (Party, May.SET_RULES),
        lambda case, actor: set_rule(case, actor, is_forbid=False),
        lambda case: rule_form(case, "0"),
    ),
    "set a forbid": Act(
        (Party, May.SET_RULES),
        lambda case, actor: set_rule(case, actor, is_forbid=True),
        lambda case: rule_form(case, "1"),
    ),
    "end a rule": Act(
        (CountryRule, May.WITHDRAW),
        lambda case, actor: rules.close_rule(actor, case.rule),
        lambda case: (f"/rules/{case.rule.id}/close", {}),
    ),
    "entrust": Act(
        (Party, May.ENTRUST),
        entrust,
        lambda case: (
            f"/workspaces/{case.world.workspace.id}/entrustments/new",
            {"person": str(case.world["fr_other"].id), "sight": "2", "last_day": last_day().isoformat()},
        ),
    ),
    "end entrusting": Act(
        (Entrustment, May.WITHDRAW),
        lambda case, actor: entrusting.end_entrustment(actor, case.entrustment),
        lambda case: (f"/entrustments/{case.entrustment.id}/end", {}),
    ),
    "export the record": Act(
        (Workspace, May.EXPORT_RECORD),
        lambda case, actor: list(reading.export(actor, case.world.workspace, Wanted(), "csv")),
        lambda case: (f"/workspaces/{case.world.workspace.id}/record/export?outcome=done", {"format": "json"}),
    ),
}
OF_HER_ACCOUNT: set[tuple[type[Thing], May]] = {(Passkey, May.DELETE), (LoginSession, May.END_OWN_LOGIN)}
"""Demanded of what is no act of E10, and tried by itself."""
LESS: dict[str, dict[str, Any]] = {
    "not strong enough": {"assurance": Assurance.SUBSTANTIAL},
    "six minutes ago": {"minutes": 6},
}


def done(case: Case) -> int:
    """How much has been done in the JIT."""
    here = (LedgerEntry.chain == case.world.jit.id, LedgerEntry.outcome == "done")
    return (
        session().scalar(select(func.count()).select_from(LedgerEntry).where(*here).execution_options(policy=True)) or 0
    )


def entries(act: str) -> int:
    counted = select(func.count()).select_from(LedgerEntry).where(LedgerEntry.act == act)
    return session().scalar(counted.execution_options(policy=True)) or 0


# --- verbs


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


# --- pages

Browse = Callable[..., FlaskClient]


@pytest.fixture
def browse(app: Flask, browse: Browse) -> Browse:
    """A client signed in as somebody, in a login that has proved so much: ``browse(someone, minutes=6)``."""

    def sign_in(someone: User, **proved: Any) -> FlaskClient:
        client = browse(someone)
        cookie = app.config["SETTINGS"].session_cookie
        client.set_cookie(cookie, factories.login(someone, **proved), secure=True)
        return client

    return sign_in


def send(client: FlaskClient, address: str, form: dict[str, str], **headers: str) -> TestResponse:
    token = token_in(client.get("/account").text)
    return client.post(address, data={"csrf_token": token, **form}, headers=headers)


def waits(answer: TestResponse) -> str:
    """The id of the act that waits at the page this answer leads to."""
    assert answer.status_code == 303, answer.text[-1500:]
    place = answer.headers["Location"]
    assert place.startswith("/confirm/"), place
    return place.removeprefix("/confirm/")


def prove(someone: User) -> None:
    """She has just come back from her provider."""
    newest = factories.logins_of(someone).order_by(LoginSession.started_at.desc()).limit(1)
    ids = newest.with_only_columns(LoginSession.id).scalar_subquery()
    with transaction():
        values = {"proved_at": now(), "assurance": Assurance.HIGH}
        proving = update(LoginSession).where(LoginSession.id == ids).values(**values)
        session().execute(proving.execution_options(synchronize_session=False))


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


def told(page: str) -> dict[str, str]:
    """What a page says in its lists of terms, as plain text."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page, re.DOTALL)
    return {term: html.unescape(re.sub(r"<[^>]*>", "", value)).strip() for term, value in pairs}


def expected(case: Case) -> dict[str, dict[str, str]]:
    """What the page must say of each act, so that it is taken for no other."""
    exhibit, netherlands = f"{case.exhibit.reference} · {case.exhibit.title}", "Netherlands"
    return {
        "release": {"Exhibit": exhibit, "To": netherlands, "Sight": "Download"},
        "withdraw a release": {"Exhibit": exhibit, "To whom": netherlands, "Sight": "Read"},
        "reclassify": {"Exhibit": exhibit},
        "set a standing release": {"Party": "France", "What it does": "Standing release", "To": netherlands},
        "set a forbid": {"Party": "France", "What it does": "Forbid", "To": netherlands, "Sight": "Download"},
        "end a rule": {"What it does": "Standing release", "To whom": netherlands, "Sight": "See"},
        "entrust": {"Party": "France", "Person": case.world["fr_other"].name, "Sight": "Read"},
        "end entrusting": {"Person": case.world["fr_member"].name},
        "export the record": {"Workspace": case.world.workspace.name},
    }


@pytest.mark.parametrize("act", ACTS)
def test_the_page_says_what_is_confirmed(case: Case, browse: Browse, act: str) -> None:
    client = browse(case.leader, minutes=6)
    address, form = ACTS[act].sent(case)
    said = told(client.get(f"/confirm/{waits(send(client, address, form))}").text)
    assert expected(case)[act].items() <= said.items(), said


def test_what_she_does_not_see_any_more_is_not_named(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=6)
    address, form = ACTS["release"].sent(case)
    act_id = waits(send(client, address, form))
    factories.end_membership(case.world, "fr_leader")
    page = client.get(f"/confirm/{act_id}").text
    assert told(page)["About"] == "not shown to you"
    assert case.exhibit.title not in page


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


def test_every_sign_in_that_is_to_end_is_named(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=6)
    for browser in ("Firefox/153.0 (X11; Linux)", "Edg/156.0 (Windows NT 10.0)", "Version/20 Safari/605 (iPhone)"):
        factories.login(case.leader, browser=browser)
    page = client.get(f"/confirm/{waits(send(client, '/account/sign-ins/end-others', {}))}").text
    assert all(device in page for device in ("Firefox, Linux", "Edge, Windows", "Safari, iPhone"))


def test_the_sign_in_that_is_used_ends_without_a_proof(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=600, browser="Windows Edg/156")
    (hers,) = session().scalars(factories.logins_of(case.leader).where(LoginSession.browser.like("%Edg%")))
    assert send(client, f"/account/sign-ins/{hers.id}/end", {}).headers["Location"] == "/signed-out"


def test_a_passkey_that_is_to_go_is_named(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=6)
    with transaction():
        passkey = factories.passkey(case.leader, "Old <b>laptop</b>")
    act_id = waits(send(client, f"/account/passkeys/{passkey.id}/remove", {}))
    assert told(client.get(f"/confirm/{act_id}").text)["Passkey"] == "Old <b>laptop</b>"


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


def test_that_it_was_asked_is_on_record_without_what_was_typed(case: Case, browse: Browse) -> None:
    address, form = ACTS["release"].sent(case)
    send(browse(case.leader, minutes=6), address, form)
    asked = select(LedgerEntry).where(LedgerEntry.act == "login.step_up_asked").execution_options(**UNCHECKED)
    entry = session().scalars(asked).one()
    assert entry.actor_id == case.leader.id
    assert str(case.exhibit.id) in entry.details
    assert TYPED not in entry.details
