"""The same journeys of signing in and out with a portal that really runs, at logins by two independent authors."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urljoin

import pytest
import requests
from flask import Flask
from sqlalchemy import select

from jit_portal.database import session, transaction
from jit_portal.identity import oidc, ourselves, registry
from jit_portal.identity.models import ProviderTest, User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.notices.models import Notice
from jit_portal.vocabulary import Assurance, Duty, NoticeKind, Role
from jit_portal.workspaces.models import Membership
from tests import factories
from tests.providers.logins import Certified, Demo, Login
from tests.providers.simplesaml import Simplesaml
from tests.providers.visiting import (
    TYPED,
    Visitor,
    age,
    authority,
    invited,
    led,
    login,
    now_known,
    on_record,
    person,
    releases,
    running,
    send_release,
    still_waits,
    visitor,
    web,
)
from tests.signing_in import UNCHECKED, ledger
from tests.signing_in import logins as kept
from tests.web import PATIENCE, Signed, Web

FIXTURES = (login, running, visitor, web)
"""They are asked for by name."""


def test_a_known_person_signs_in(login: Login, visitor: Visitor) -> None:
    user = person(login)
    answer = visitor.sign_in(login)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    (made,) = kept(user)
    assert (made.assurance, made.provider_session is not None) == (login.assurance, True)
    assert made.acr in login.row().acr_levels
    assert visitor.is_signed_in()
    session().expire_all()
    said = session().get_one(User, user.id, execution_options=UNCHECKED)
    assert said.flagged == "name", "what it says of her name reached the portal"


def test_who_nobody_invited_is_refused_kindly_and_on_record(login: Login, visitor: Visitor) -> None:
    person(login)
    answer = visitor.sign_in(login, login.stranger)
    assert (answer.status_code, 'id="reason"' in answer.text) == (403, True)
    assert (kept(), ledger("login.refused")) == ([], [{"person": None, "why": "unknown"}])
    assert not visitor.is_signed_in()


def test_a_newcomer_is_seated_by_her_invitation_and_not_without_it(login: Login, visitor: Visitor) -> None:
    world, token = invited(login)
    assert visitor.sign_in(login, login.stranger).status_code == 403
    page = visitor.ask("GET", f"/invitations/{token}").text
    assert f"/sign-in/{login.slug}?invitation={token}" in page

    newcomer = Visitor(visitor.web)
    answer = newcomer.sign_in(login, login.stranger, invitation=token)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    made = now_known(login)
    assert (made.issuer, made.authority_id) == (login.row().issuer, authority(login).id)
    assert made.name not in ("", "As invited"), "the login says who she is"
    seat = select(Membership).where(Membership.user_id == made.id).execution_options(**UNCHECKED)
    member = session().scalars(seat).one()
    assert (member.party_id, member.role) == (world.parties[login.slug].id, Role.MEMBER)
    assert newcomer.ask("GET", f"/workspaces/{world.workspace.id}").status_code == 200
    assert ledger("invitation.accepted") == [{}]

    again = Visitor(visitor.web).ask("GET", f"/sign-in/{login.slug}?invitation={token}")
    assert (again.status_code, "cannot be used" in again.text) == (403, True)
    assert [each["why"] for each in ledger("login.refused")] == ["unknown", "invitation"]


def test_another_authority_flags_her_account_and_binds_it_to_none(login: Login, visitor: Visitor) -> None:
    world, token = invited(login)
    administrator = factories.administrator(world.providers[login.slug])
    visitor.sign_in(login, login.stranger, invitation=token)
    before = now_known(login)
    assert before.flagged is None
    kept_of = (before.id, before.name, authority(login).id)

    moved = Visitor(visitor.web)
    assert moved.sign_in(login, login.stranger, authority(login, 1).code).status_code == 303
    made = now_known(login)
    assert (made.id, made.name, made.authority_id) == kept_of, "one person, of the authority that invited her"
    assert (made.flagged, made.claimed_authority_id) == ("authority", authority(login, 1).id)
    assert ledger("user.flagged") == [{"claims": ["authority"]}]
    told = select(Notice.kind).where(Notice.user_id == administrator.id).execution_options(**UNCHECKED)
    assert list(session().scalars(told)) == [NoticeKind.FLAGGED]

    assert Visitor(visitor.web).sign_in(login, login.stranger, "Z").status_code == 403
    assert [each["why"] for each in ledger("login.refused")] == ["authority"]
    assert now_known(login).authority_id == authority(login).id


def test_a_release_waits_for_a_proof_anew_and_goes_on_with_nothing_typed_again(login: Login, visitor: Visitor) -> None:
    world, leader = led(login)
    visitor.sign_in(login)
    age()
    page = send_release(visitor, login, world)
    offered = visitor.ask("GET", page).text
    assert f'href="/sign-in/{login.slug}?confirm=1&amp;next={page}"' in offered
    assert 'name="waiting-act"' not in offered
    before = visitor.cookies[visitor.web.cookie]
    assert not login.knows(visitor.providers, visitor.begin(login, confirm="1", next=page)), "she is asked anew"

    answer = visitor.sign_in(login, confirm="1", next=page)
    assert (answer.status_code, answer.headers["Location"], releases()) == (303, page, [])
    assert not Visitor(visitor.web, {visitor.web.cookie: before}).is_signed_in()
    going_on = re.search(
        r'action="(/exhibits/[^"]+)".* name="waiting-act" value="([^"]+)"', visitor.ask("GET", page).text
    )
    assert going_on
    answer = visitor.send(going_on[1], **{"waiting-act": going_on[2]})
    assert (answer.status_code, releases()) == (303, [TYPED])
    assert visitor.ask("GET", page).status_code == 404, "once"
    assert on_record(leader)[-3:] == ["login.step_up_asked", "login.stepped_up", "exhibit.released"]
    assert ledger("login.stepped_up") == [{"by": "provider", "assurance": Assurance.HIGH}]


def test_somebody_elses_proof_confirms_nothing(login: Login, visitor: Visitor) -> None:
    world, _ = led(login)
    visitor.sign_in(login)
    age()
    page = send_release(visitor, login, world)
    visitor.providers = requests.Session()
    answer = visitor.sign_in(login, login.stranger, confirm="1", next=page)
    assert still_waits(visitor, page, answer, "other_person")


@pytest.mark.parametrize("login", ["demo", "certified-es"], indirect=True)
def test_a_proof_that_is_weaker_than_the_login_can_give_confirms_nothing(login: Login, visitor: Visitor) -> None:
    """The others give none: one would rather ask again, the other knows people strongly or not at all."""
    if isinstance(login, Demo):
        login = replace(login, someone="fr-0006")
    elif isinstance(login, Certified):
        login = replace(login, assurance=Assurance.SUBSTANTIAL)
    world, _ = led(login)
    visitor.sign_in(login)
    page = send_release(visitor, login, world)
    assert still_waits(visitor, page, visitor.sign_in(login, confirm="1", next=page), "too_weak")


@pytest.mark.parametrize("login", ["certified-lz"], indirect=True)
def test_a_login_that_asks_nobody_anew_confirms_nothing_and_a_passkey_takes_its_place(
    login: Certified, visitor: Visitor
) -> None:
    world, _ = led(login)
    query = login.choose(visitor.providers, visitor.begin(login), login.someone, minutes_ago=6)
    assert visitor.come_back(login, query).status_code == 303
    page = send_release(visitor, login, world)

    back = login.pass_through(visitor.providers, visitor.begin(login, confirm="1", next=page))
    answer = visitor.come_back(login, back)
    assert still_waits(visitor, page, answer, "not_asked_again")
    assert "did not ask you again" in answer.text
    assert "use a passkey" in answer.text
    offer = "A passkey can take its place"
    assert offer not in visitor.ask("GET", page).text, "as far as its row says, it can"
    registry.ensure_providers([replace(login.row(), proves_anew=False)])
    waits = visitor.ask("GET", page).text
    assert (offer in waits, 'name="waiting-act"' in waits, releases()) == (True, False, [])


def test_signing_out_ends_the_login_here_and_there(login: Login, visitor: Visitor) -> None:
    person(login)
    visitor.sign_in(login)
    assert login.knows(visitor.providers, visitor.begin(login)), "one is signed in there too"
    answer = visitor.sign_out()
    onward = answer.headers["Refresh"].removeprefix("0; url=")
    back = login.say_goodbye(visitor.providers, onward)
    if isinstance(login, Simplesaml):
        back = urljoin(back, visitor.ask("GET", back.removeprefix(visitor.web.origin)).headers["Location"])
    assert back == f"{visitor.web.origin}/signed-out", "and the login confirms it"
    assert not visitor.is_signed_in()
    assert not login.knows(visitor.providers, visitor.begin(login))
    assert visitor.sign_in(login).status_code == 303


def test_signing_out_at_the_provider_ends_the_login_and_its_socket(login: Login, visitor: Visitor) -> None:
    user = person(login)
    visitor.sign_in(login)
    other = Visitor(visitor.web)
    other.sign_in(login)
    ear = Signed(visitor.web, user, visitor.cookies[visitor.web.cookie]).connect()
    try:
        login.leave(visitor.providers)
        ear.hear("disconnect")
    finally:
        ear.close()
    assert (visitor.is_signed_in(), other.is_signed_in()) == (False, True)
    ended = select(LoginSession.ended_because).order_by(LoginSession.started_at).execution_options(**UNCHECKED)
    assert list(session().scalars(ended)) == ["signed_out_at_provider", None]


def test_a_callback_works_once_and_in_its_own_browser(login: Login, visitor: Visitor) -> None:
    person(login)
    query = login.choose(visitor.providers, visitor.begin(login), login.someone)
    other = Visitor(visitor.web)
    other.begin(login)
    assert other.come_back(login, query).status_code == 400
    assert visitor.come_back(login, query).status_code == 303
    assert visitor.come_back(login, query).status_code == 400
    assert [each["why"] for each in ledger("login.refused")] == ["over", "over"]


def test_ten_tabs_sign_in_at_once(login: Login, visitor: Visitor) -> None:
    user = person(login)
    addresses = [visitor.begin(login) for _ in range(10)]

    def in_a_tab(address: str) -> int:
        tab = Visitor(visitor.web, dict(visitor.cookies))
        return tab.come_back(login, login.choose(tab.providers, address, login.someone)).status_code

    with ThreadPoolExecutor(10) as tabs:
        assert list(tabs.map(in_a_tab, addresses)) == [303] * 10
    assert len(kept(user)) == 10


@pytest.mark.parametrize("login", ["certified-rs", "certified-es"], indirect=True)
def test_a_strong_and_recent_sign_in_is_asked_in_the_providers_own_words(login: Certified, app: Flask) -> None:
    settings = app.config["SETTINGS"]
    ourselves.use(settings)
    client = oidc.client(registry.provider(login.slug))
    given = {"state": "s", "nonce": "n" * 43, "code_verifier": "v" * 43}
    back = f"{login.origin}/sign-in/{login.slug}/callback"
    address = client.address(back, **given, assurance=Assurance.HIGH, max_age=300)
    asked = login.asked(requests.Session(), address)
    (highest,) = login.words[2:]
    claims = json.loads(asked["claims"])["id_token"]
    assert asked["max_age"] == "300"
    assert (asked.get("acr_values"), claims["acr"]) in (
        (None, {"essential": True, "values": [highest]}),
        (highest, None),
    )


def test_an_operator_tests_the_login_and_is_signed_in_by_none_of_it(login: Login, web: Web, app: Flask) -> None:
    provider = registry.provider(login.slug)
    with transaction():
        home = factories.provider("home")
    operator = factories.administrator(home, Duty.OPERATOR)
    visitor = Visitor(web, {web.cookie: factories.login(operator)})
    logins_before = len(kept())
    at = f"/providers/{provider.id}/test"

    def press(what: str = "") -> requests.Response:
        return visitor.send(at + what)

    def findings() -> dict[str, str]:
        session().expire_all()
        tests = select(ProviderTest).execution_options(populate_existing=True, **UNCHECKED)
        return {each["check"]: f"{each['result']} {each['why']}" for each in session().scalars(tests).one().findings}

    assert press().status_code == 303
    wrong = {check: found for check, found in findings().items() if found.startswith("wrong")}
    unused = {"par": "wrong par_unused"} if not provider.uses_par else {}
    assert wrong == unused
    onward = press("/sign-in").headers["Refresh"].removeprefix("0; url=")
    answer = visitor.come_back(login, login.choose(visitor.providers, onward, login.someone))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{at}#sign-in")
    found = findings()
    assert (found["sign_in"], found["level"]) == ("passed sign_in", "passed level")
    assert found["authority"].startswith("passed")
    assert found["proved"] == "passed proved"
    onward = press("/sign-out").headers["Refresh"].removeprefix("0; url=")
    back = login.say_goodbye(visitor.providers, onward)
    answer = visitor.ask("GET", back.removeprefix(web.origin))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{at}#sign-in")
    assert findings()["left"] == f"passed left{'_confirmed' if isinstance(login, Simplesaml) else ''}"
    if isinstance(login, Simplesaml):
        # It tells everybody but the one who asked.
        onward = press("/sign-in").headers["Refresh"].removeprefix("0; url=")
        visitor.come_back(login, login.choose(visitor.providers, onward, login.someone))
        login.leave(visitor.providers)
    until = time.monotonic() + 2 * PATIENCE
    while findings()["told"] != "passed told":
        assert time.monotonic() < until, "no word came"
        time.sleep(0.05)
    assert len(kept()) == logins_before
    assert visitor.is_signed_in()
