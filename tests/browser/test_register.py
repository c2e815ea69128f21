"""Operators at the register: two screens, with scripts and without; and a test that goes to a login and back."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from jit_portal.database import transaction
from jit_portal.identity import proposals, registry
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.provider_rows import row_of
from jit_portal.vocabulary import Duty
from tests import factories, hostile
from tests.browser.conftest import PHONE, Faults, OpenWindow, connected
from tests.hostile import Hostile
from tests.signing_in import of_xx
from tests.web import Web


@pytest.fixture
def operators(web: Web) -> list[User]:
    with transaction():
        home = factories.provider("fr")
    return [factories.administrator(home, Duty.OPERATOR) for _ in range(2)]


@pytest.fixture
def liar(web: Web) -> Iterator[Hostile]:
    with hostile.running() as issuer:
        yield issuer


@pytest.fixture
def login(liar: Hostile, operators: list[User]) -> IdentityProvider:
    [made] = registry.ensure_providers([of_xx(liar)])
    return made


def test_what_one_proposes_appears_on_the_others_open_list(
    window: OpenWindow, operators: list[User], login: IdentityProvider
) -> None:
    ada, bo = operators
    page = window(ada, "/")
    page.get_by_role("navigation", name="Personal").get_by_role("link", name="National logins").click()
    expect(page).to_have_url(re.compile("/providers$"))
    connected(page)
    row = row_of(login)
    proposals.propose(bo, replace(row, leeway=5))
    page.get_by_role("link", name="A change waits").click()
    expect(page.get_by_role("cell", name="5 seconds", exact=True)).to_be_visible()
    connected(page)
    proposals.refuse(bo, login.slug)
    expect(page.get_by_text("Taken back by")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)


def test_on_a_phone_what_changes_stands_above_its_two_values(
    window: OpenWindow, operators: list[User], login: IdentityProvider, faults: Faults
) -> None:
    ada, bo = operators
    proposal = proposals.propose(bo, replace(row_of(login), leeway=5))
    page = window(ada, f"/providers/proposals/{proposal.id}", PHONE)
    what = page.get_by_role("rowheader", name="Leeway of clocks").bounding_box()
    values = [page.get_by_role("cell", name=said, exact=True).bounding_box() for said in ("60 seconds", "5 seconds")]
    assert what is not None
    assert [box["y"] >= what["y"] + what["height"] for box in values if box] == [True, True]
    assert faults(page) == {}


def test_everything_works_without_scripts(
    window: OpenWindow, operators: list[User], login: IdentityProvider, liar: Hostile
) -> None:
    ada, bo = operators
    page = window(ada, "/providers/new", java_script_enabled=False)
    page.get_by_label("What is known of", exact=True).select_option("tara")
    page.get_by_role("button", name="Fill in").click()
    page.get_by_label("Issuer", exact=True).fill("https://tara.example")
    page.get_by_label("Short name in addresses").fill("ee")
    page.get_by_label("Name", exact=True).first.fill("TARA")
    page.get_by_label("Name of the portal there").fill("jit")
    page.get_by_label("Allowed authorities", exact=True).fill("EE-1 = Politsei")
    page.get_by_role("button", name="Propose").click()
    expect(page.get_by_role("heading", name="New login: TARA")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    other = window(bo, "/providers", java_script_enabled=False)
    other.get_by_role("link", name="TARA").click()
    other.get_by_role("button", name="Approve").click()
    expect(other.get_by_role("heading", name="TARA")).to_be_visible()
    expect(other.locator(".badge", has_text="Closed")).to_be_visible()


def test_a_sign_in_for_a_test_goes_there_and_back(
    window: OpenWindow, operators: list[User], login: IdentityProvider, liar: Hostile, web: Web
) -> None:
    def choose(address: str) -> str:
        return f"{web.origin}/sign-in/xx/callback?{liar.callback(address)}"

    page = window(operators[0], f"/providers/{login.id}/test")
    page.get_by_role("button", name="Run the checks").click()
    expect(page.get_by_text("It was reached and reads well.")).to_be_visible()
    page.route(
        f"{liar.issuer}/authorize?*",
        lambda there: there.fulfill(status=302, headers={"Location": choose(there.request.url)}),
    )
    page.get_by_role("button", name="Sign in for the test").click()
    expect(page.get_by_text("Xenia Xylander")).to_be_visible()
    expect(page.get_by_text("It says XX-1, which is allowed.")).to_be_visible()
    connected(page)
    page.request.post("/sign-in/xx/logout", form={"logout_token": liar.logout_token()})
    expect(page.get_by_text("Word came that this sign-in is over, and it was sound.")).to_be_visible()
