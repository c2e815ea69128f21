"""When a sign-in ends amid a form, what was typed comes back, to its author alone, and overwrites nobody."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select, update

from jit_portal.custody import service as custody
from jit_portal.database import session, transaction
from jit_portal.exhibits import service as exhibits
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.jits import service as jits
from jit_portal.jits.models import Agreement
from jit_portal.tasks import service as tasks
from jit_portal.tasks.models import Task
from jit_portal.vocabulary import Duty, Role, Sight
from tests import factories
from tests.browser.conftest import OpenWindow, settled, sign_in
from tests.drafting import Desk, desk
from tests.factories import World
from tests.web import Web

T = TypeVar("T", Task, Exhibit, Agreement)
SIGNED_OUT = ("401",)
"""The browser itself complains when a form is answered by the page that asks to sign in."""
TYPED = "Seal <b>broken</b> on arrival: صندوق"


@dataclass(frozen=True)
class Case:
    """A form: who writes in it and who else could, where it stands, the field, what else it needs, its button; and the
    link that opens it, where it stands in a dialog.
    """

    person: User
    other: User
    path: str
    field: str
    button: str
    choices: tuple[tuple[str, str], ...] = ()
    opener: str = ""


def found(model: type[T], id: uuid.UUID) -> T:
    """The thing as the database has it now."""
    session.remove()
    return session().scalars(select(model).where(model.id == id).execution_options(policy=True)).unique().one()


def end_sign_in(page: Page, web: Web, person: User) -> None:
    """What this browser carries opens nothing any more; its page, which hears of ended sign-ins, does not know yet."""
    sign_in(page.context, web, person)
    newest = sa.select(sa.func.max(LoginSession.started_at)).where(LoginSession.user_id == person.id)
    over = update(LoginSession).where(
        LoginSession.user_id == person.id, LoginSession.started_at == newest.scalar_subquery()
    )
    with transaction():
        session().execute(over.values(ended_at=factories.now()).execution_options(synchronize_session=False))


def colleague(world: World) -> User:
    with transaction():
        return world.join("fr_other", "fr", Role.LEADER)


def release_form() -> Case:
    world = factories.world()
    exhibit = factories.exhibit(world)
    to = ("To whom", f"party:{world.parties['nl'].id}")
    path = f"/exhibits/{exhibit.id}/release"
    return Case(world["fr_leader"], colleague(world), path, "Conditions", "Release", (to,))


def new_task() -> Case:
    world = factories.world()
    path = f"/boards/{factories.board(world).id}/tasks/new"
    return Case(world["fr_leader"], colleague(world), path, "Title", "Create the task")


def new_task_on_the_board() -> Case:
    world = factories.world()
    factories.board(world)
    path = f"/workspaces/{world.workspace.id}/board"
    return Case(world["fr_leader"], colleague(world), path, "Title", "Create the task", opener="New task")


def task() -> Case:
    world = factories.world()
    path = f"/tasks/{made_task(world).id}/edit"
    return Case(world["fr_leader"], colleague(world), path, "Description", "Save")


def rule() -> Case:
    world = factories.world()
    to = ("Whom", f"party:{world.parties['nl'].id}")
    path = f"/workspaces/{world.workspace.id}/rules/new"
    return Case(world["fr_leader"], colleague(world), path, "Note for your own party", "Set the rule", (to,))


def hand_over() -> Case:
    world = factories.world()
    exhibit = factories.exhibit(world)
    with transaction():
        custody.receive(world["fr_member"], exhibit)
    to = ("To whom", str(world["fr_leader"].id))
    path = f"/exhibits/{exhibit.id}/hand-over"
    return Case(world["fr_member"], colleague(world), path, "Reason", "Hand over", (to,))


def decline() -> Case:
    world = factories.world()
    exhibit = factories.exhibit(world)
    with transaction():
        custody.receive(world["fr_member"], exhibit)
    factories.release(world, exhibit, "nl", Sight.READ)
    custody.hand_over(world["fr_member"], exhibit, world["nl_member"].id, "For examination.")
    return Case(world["nl_member"], world["nl_leader"], f"/exhibits/{exhibit.id}", "Reason", "Decline")


def national_login() -> Case:
    world = factories.world()
    ada, bo = (factories.administrator(world.providers[slug], Duty.OPERATOR) for slug in ("fr", "nl"))
    return Case(ada, bo, f"/providers/{world.providers['fr'].id}/change", "Name", "Propose")


FORMS = (release_form, new_task, new_task_on_the_board, task, rule, hand_over, decline, national_login)


def made_task(world: World) -> Task:
    board = factories.board(world)
    return tasks.create_task(world["fr_leader"], board.id, session().merge(board).columns[0].id, "Trace the lorry")


def box(page: Page, case: Case) -> Locator:
    return page.get_by_label(case.field, exact=False).and_(page.locator("form[data-draft] :is(input, textarea)")).first


def fill(page: Page, case: Case) -> None:
    open_form(page, case)
    for label, value in case.choices:
        page.get_by_label(label, exact=False).first.select_option(value)
    box(page, case).fill(TYPED)


def open_form(page: Page, case: Case) -> None:
    if case.opener:
        settled(page).get_by_role("link", name=case.opener, exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()


def connected(page: Page) -> None:
    """Until the page hears what happens; were its sign-in over by then, it would say so itself."""
    expect(page.locator("html[data-connected]")).to_be_attached()


def send(page: Page, case: Case) -> None:
    page.locator("form[data-draft]").get_by_role("button", name=case.button, exact=True).click()


def asked_to_sign_in(page: Page) -> None:
    """What was sent met the end of the sign-in; the page that says so has noted, too, that the draft waits on."""
    expect(page.get_by_role("heading", name="Sign in to see this")).to_be_visible()
    settled(page)


def send_signed_out(page: Page, web: Web, case: Case) -> None:
    """Send the form once the sign-in has ended; the page that answers leads back to the form after signing in."""
    connected(page)
    end_sign_in(page, web, case.person)
    send(page, case)
    asked_to_sign_in(page)
    there = page.get_by_role("link", name="Sign in").get_attribute("href") or ""
    assert parse_qs(urlsplit(there).query)["next"] == [case.path]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_what_was_typed_comes_back(window: OpenWindow, web: Web, form: Callable[[], Case]) -> None:
    case = form()
    page = window(case.person, case.path, forgives=SIGNED_OUT)
    fill(page, case)
    send_signed_out(page, web, case)
    sign_in(page.context, web, case.person)
    page.goto("/")
    page.goto(case.path)
    open_form(page, case)
    expect(box(page, case)).to_have_value(TYPED)
    send(page, case)
    settled(page)
    expect(page.locator(".error-summary")).to_have_count(0)
    expect(page.locator("#main :is(h1, h2)").first).to_be_visible()
    kept = page.evaluate("Object.entries(sessionStorage).filter(([name, value]) => value.includes('Seal'))")
    assert kept == [], "what arrived is forgotten"


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_nobody_else_finds_it(window: OpenWindow, web: Web, form: Callable[[], Case]) -> None:
    case = form()
    page = window(case.person, case.path, forgives=(*SIGNED_OUT, "403", "404"))
    fill(page, case)
    send_signed_out(page, web, case)
    sign_in(page.context, web, case.other)
    page.goto(case.path)
    assert TYPED not in page.content()
    assert TYPED not in page.evaluate("Object.values(document.querySelectorAll('input, textarea')).map(e => e.value)")
    assert page.evaluate("Object.values(sessionStorage).filter((value) => value.includes('Seal'))") == []
    sign_in(page.context, web, case.person)
    page.goto(case.path)
    expect(box(page, case)).not_to_have_value(TYPED)


# Somebody else was faster


def test_a_task_that_changed_meanwhile_is_not_overwritten(window: OpenWindow, web: Web) -> None:
    world = factories.world()
    made = made_task(world)
    path = f"/tasks/{made.id}/edit"
    page = window(world["fr_leader"], path, forgives=(*SIGNED_OUT, "409"))
    page.get_by_label("Title").fill("Trace the lorry and its trailer")
    connected(page)
    end_sign_in(page, web, world["fr_leader"])
    page.get_by_role("button", name="Save").click()
    asked_to_sign_in(page)
    tasks.edit_task(colleague(world), made.id, 1, "Trace the lorry by Friday", "Plate 1-ABC-23.", None)
    sign_in(page.context, web, world["fr_leader"])
    page.goto(path)
    expect(page.get_by_label("Title")).to_have_value("Trace the lorry and its trailer")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Trace the lorry by Friday")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("Trace the lorry and its trailer")
    assert found(Task, made.id).title == "Trace the lorry by Friday"
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Trace the lorry and its trailer")).to_be_visible()


def test_an_exhibit_that_changed_meanwhile_is_not_overwritten(window: OpenWindow, web: Web) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    path = f"/exhibits/{exhibit.id}/edit"
    page = window(world["fr_leader"], path, forgives=(*SIGNED_OUT, "409"))
    page.get_by_label("Title").fill("Ledger of the carrier")
    connected(page)
    end_sign_in(page, web, world["fr_leader"])
    page.get_by_role("button", name="Save").click()
    asked_to_sign_in(page)
    exhibits.describe(world["fr_member"], exhibit, "Ledger, two volumes", "", "", 1)
    sign_in(page.context, web, world["fr_leader"])
    page.goto(path)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Ledger, two volumes").first).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("Ledger of the carrier")
    assert found(Exhibit, exhibit.id).title == "Ledger, two volumes"


def test_an_agreement_that_changed_meanwhile_is_not_overwritten(window: OpenWindow, web: Web) -> None:
    at: Desk = desk()
    draft = at.begin()
    path = f"/agreements/{draft.id}/edit"
    page = window(at["fr_one"], path, forgives=(*SIGNED_OUT, "409"))
    page.get_by_label("Purpose").fill("Forged residence documents and visas.")
    connected(page)
    end_sign_in(page, web, at["fr_one"])
    page.get_by_role("button", name="Save the draft").click()
    asked_to_sign_in(page)
    jits.edit(at["fr_one"], found(Agreement, draft.id), at.terms(purpose="Forged passports."), 1)
    sign_in(page.context, web, at["fr_one"])
    page.goto(path)
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_text("This draft has changed since you opened it")).to_be_visible()
    expect(page.locator(".changes ins")).to_have_text("Forged passports.")
    expect(page.get_by_label("Purpose")).to_have_value("Forged residence documents and visas.")
    assert found(Agreement, draft.id).purpose == "Forged passports."
