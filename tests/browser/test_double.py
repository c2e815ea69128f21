"""A form whose button is pressed twice is sent once; whoever goes back finds the button usable.

The walk finds the forms itself, on every page of the URL map: one that comes anew is walked without being named. What
stands on no page that it comes by is sent twice in ``tests/test_twice.py``.
"""

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pprint import pformat
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, Request, expect

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import Model, session, transaction
from jit_portal.identity.entering import written
from jit_portal.identity.models import IdentityProvider, ProviderProposal, User
from jit_portal.identity.provider_forms import typed
from jit_portal.identity.provider_rows import row_of
from jit_portal.identity.provider_words import CLAIMS
from jit_portal.identity.scim.models import ProposedClosing, ScimToken
from jit_portal.notices.models import Notice
from jit_portal.vocabulary import Outcome
from tests import factories
from tests.browser.conftest import OpenWindow, settled, sign_in, with_authenticator
from tests.browser.test_pages import DUTIES, TODAY, WALKERS, furnished, places_of
from tests.drafting import PDF
from tests.forms import forms_in
from tests.test_routes import ENDINGS, Doors, let_wait_in_newest_login
from tests.test_twice import ROWS
from tests.web import Signed, Web

BY_SOCKET = {"messages.post", "tasks.move"}
"""Sent another way where JavaScript runs."""

NEW_LOGIN = {
    "name": "Twice",
    "slug": "twice",
    "issuer": "https://login.twice.test",
    "hosts": "",
    "algorithms": "ES256",
}
PRESSERS = [name for name in WALKERS if name != "nobody"]
EVERYWHERE = "fr_leader"
"""Who is walked to every page; whoever has a duty, to the pages of that duty."""

NO_FORMS = {
    "scim.": "directories, with a token (tests/test_scim.py)",
    "uploads.": "a script, by tus (tests/test_uploads.py)",
    "saml.": "the page of a national login, whose answer counts once (tests/test_saml_unsound.py)",
    "identity.farewell": "a national login, whose word counts once (tests/test_signing_out.py)",
    "passkeys.new": "a script, for a challenge",
    "passkeys.ask": "a script, for a challenge",
    "glass.ask_": "a script, for a challenge",
}
"""What is sent there comes from no form of a page, but from this."""

NOT_ON_RECORD = {"messages.read", "notices.read", "notices.read_all", "pages.language"}
ONLY_LOOKS = "look"
"""The name of buttons that show what would come of it."""

_FIND = """const of = (button) => button.hasAttribute("formaction") ? button.formAction : button.form.action;
  const button = [...document.querySelectorAll("form[method=post] button:not([type=button])")].find((one) =>
    new URL(of(one)).pathname === action && one.name === name && one.value === value);"""

FILL = f"""([action, name, value, said]) => {{
  {_FIND}
  if (!button) return null;
  document.documentElement.dataset.before = "";
  for (let around = button; around; around = around.parentElement) {{
    if (around.localName === "details") around.open = true;
    if (around.localName === "dialog" && !around.open) around.showModal();
    if (around.popover && !around.matches(":popover-open")) around.showPopover();
  }}
  const fields = [...button.form.elements];
  const isAll = (field) => fields.every((other) => other === field || ["hidden", "submit"].includes(other.type));
  for (const field of fields) {{
    if (said[field.name] === null) continue;
    if (field.name in said && field.type === "checkbox") field.checked = said[field.name] === field.value;
    else if (field.name in said) field.value = said[field.name];
    else if (field.type === "radio")
      field.checked ||= !fields.some((other) => other.name === field.name && other.checked);
    else if (field.type === "checkbox") field.checked ||= field.required;
    else if (field.localName === "select" && (field.required || isAll(field)))
      field.value = [...field.options].findLast((option) => option.value && !option.disabled).value;
    else if (field.type === "date") field.value ||= new Date(Date.now() + 864e5).toISOString().slice(0, 10);
    else if (field.type === "textarea" && !field.readOnly) field.value += " More.";
    else if (field.type === "text") field.value ||= "TWICE";
  }}
  return {{ asks: "confirm" in button.dataset || "confirm" in button.form.dataset }};
}}"""

TWICE = "(button) => { button.click(); button.click(); }"
"""Before any answer can come, however slow or fast the machine is."""

BUTTON = f"""([action, name, value]) => {{
  {_FIND}
  return button;
}}"""


@dataclass(frozen=True)
class Sending:
    """A form on a page, by its address and its button."""

    endpoint: str
    path: str
    action: str
    name: str
    value: str


def ready() -> Doors:
    """The pages that are walked, with what some of their forms need."""
    doors = furnished()
    with transaction():
        doors.world.join("fr_other", "fr")
        sound = {"claim_map": {"name": "/name", "authority": "/office"}}
        session().execute(sa.update(IdentityProvider).where(IdentityProvider.slug == "nl").values(**sound))
    factories.provider_test(doors.world["fr_operator"], doors.world.providers["nl"])
    return doors


def sendings(app: Flask, name: str, doors: Doors, reader: Signed | FlaskClient) -> list[Sending]:
    """One form of every kind on a person's pages; what ends something comes last."""
    found: dict[tuple[str, str], Sending] = {}
    addresses = app.url_map.bind("localhost")
    for place in places_of(name, app, doors):
        page = reader.get(place.path)
        # What waits goes on by itself in a login that has just been proved.
        if "<html" not in page.text or place.endpoint == "confirm.show":
            continue
        forms = [
            (urlsplit(form.action).path, *each) for form in forms_in(place.path, page.text) for each in form.buttons
        ]
        for action, button, value in forms:
            endpoint, _ = addresses.match(action, method="POST")
            if name == EVERYWHERE or endpoint.startswith(DUTIES[name]):
                found.setdefault((endpoint, button), Sending(endpoint, place.path, action, button, value))
    wanted = [each for each in found.values() if each.endpoint not in BY_SOCKET]
    return sorted(wanted, key=lambda sending: sending.endpoint.split(".")[-1] in ENDINGS)


class Record:
    """What has come to stand on the record and in the tables since it was last asked."""

    def __init__(self) -> None:
        self._acts = self._rows = Counter[str]()
        self.news()

    def news(self) -> tuple[Counter[str], Counter[str]]:
        """What was done to what since, but for looking; and how many rows more the tables of things have."""
        session().rollback()
        done = sa.select(LedgerEntry.act, LedgerEntry.object_id).where(LedgerEntry.outcome == Outcome.DONE)
        done = done.where(LedgerEntry.act != "exhibit.opened").execution_options(policy=True)
        acts = Counter(f"{act} {thing}" for act, thing in session().execute(done))
        things = [table for table in Model.metadata.sorted_tables if table.name in THINGS]
        counts = sa.select(*(sa.select(sa.func.count()).select_from(table).scalar_subquery() for table in things))
        counted = session().execute(counts.execution_options(policy=True)).one()
        rows = Counter({table.name: count for table, count in zip(things, counted, strict=True)})
        new, more = acts - self._acts, rows - self._rows
        self._acts, self._rows = acts, rows
        return new, more


THINGS = {
    *("agreement", "board", "channel", "country_rule", "custody_event", "entrustment", "exhibit", "invitation"),
    *("jit", "membership", "message", "passkey", "provider_proposal", "release", "task", "task_change"),
}


def test_every_form_is_pressed_or_stands_in_the_table(app: Flask, browse: Callable[[User], FlaskClient]) -> None:
    with app.test_request_context():
        doors = ready()
    pressed = set[str]()
    for name in PRESSERS:
        client = browse(doors.world[name])
        let_wait_in_newest_login(doors.world[name])
        pressed |= {sending.endpoint for sending in sendings(app, name, doors, client)}
    taking = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert pressed | ROWS.keys() == {endpoint for endpoint in taking if not endpoint.startswith(tuple(NO_FORMS))}
    assert all(any(endpoint.startswith(start) for endpoint in taking) for start in NO_FORMS)


@pytest.mark.parametrize("name", PRESSERS)
def test_every_form_that_is_sent_twice_acts_once(app: Flask, web: Web, window: OpenWindow, name: str) -> None:
    doors = ready()
    person = doors.world[name]
    page = with_authenticator(window(person, "/", forgives=("404", "409", "403", "422")))
    record, found = Record(), {}
    wanted = sendings(app, name, doors, web.sign_in(person))
    for sending in wanted:
        prepare(page, web, person)
        sending = on_the_desk(doors, sending)
        page.goto(sending.path)
        settled(page)
        record.news()
        said = press_twice(page, sending, typed_at(doors, sending.endpoint))
        acts, rows = record.news()
        is_done = sending.endpoint not in NOT_ON_RECORD and sending.name != ONLY_LOOKS
        if bool(acts) != is_done or any(times > 1 for times in acts.values()):
            said.append(f"on record: {acts}")
        said += [f"more rows: {dict(rows)}"] if any(more > 1 for more in rows.values()) else []
        if said:
            found[f"{sending.endpoint} {sending.name} at {sending.path}"] = said
    assert not found, pformat(found)
    assert len(wanted) > (30 if name == EVERYWHERE else 5)


def prepare(page: Page, web: Web, person: User) -> None:
    """What the walk has used up is there again: a sign-in, and what one has not been told of."""
    sign_in(page.context, web, person)
    with transaction():
        session().execute(sa.update(Notice).values(read_at=None))


def on_the_desk(doors: Doors, sending: Sending) -> Sending:
    """The same form while nothing waits of what was proposed before; what is decided there, and was, is another."""
    if sending.endpoint == "people.refuse_closings":
        with transaction():
            (token,) = session().scalars(sa.select(ScimToken)).unique()
            session().add(ProposedClosing(user_id=doors.world["fr_other"].id, proposed_by_id=token.id))
    if not sending.endpoint.startswith("providers."):
        return sending
    proposal, operator = doors.ids["proposal_id"], doors.world["fr_operator"]
    waiting = sa.update(ProviderProposal).where(ProviderProposal.decided_at.is_(None), ProviderProposal.slug != "fr")
    with transaction():
        session().execute(waiting.values(decided_at=factories.now(), decided_by_id=operator.id, is_approved=False))
        login = session().scalars(sa.select(IdentityProvider).where(IdentityProvider.slug == "fr")).one()
        is_open = session().get_one(ProviderProposal, uuid.UUID(proposal), populate_existing=True).decided_at is None
    if is_open or proposal not in sending.path:
        return sending
    doors.ids["proposal_id"] = anew = str(factories.proposal(login).id)
    return replace(sending, path=sending.path.replace(proposal, anew), action=sending.action.replace(proposal, anew))


def typed_at(doors: Doors, endpoint: str) -> dict[str, str | None]:
    """What is typed where not any words will do, None where nothing is: into a login, or one that is not there yet."""
    claims: dict[str, str | None] = dict.fromkeys((f"claim_{name}" for name in CLAIMS), "")
    claims |= {"claim_name": "/name", "claim_authority": "/office"}
    lists = ("hosts", "acr_levels", "authorities")
    if endpoint == "providers.change_submit":
        return {**claims, **dict.fromkeys(lists), "leeway": "45"}
    if endpoint != "providers.create":
        return {"signed_on": TODAY.isoformat()} if endpoint == "jits.sign" else {}
    row = typed(written(row_of(doors.world.providers["nl"])))
    return claims | {name: str(row[name]) for name in ("country", "client_id", "scope", *lists)} | NEW_LOGIN


def press_twice(page: Page, sending: Sending, filled: dict[str, str | None]) -> list[str]:
    """Fill in what the form needs and press its button twice; what went otherwise than it should, in words."""
    sent = Counter[str]()

    def is_it(request: Request) -> bool:
        return request.method == "POST" and urlsplit(request.url).path == sending.action

    def hear(request: Request) -> None:
        if request.method == "POST" and not urlsplit(request.url).path.startswith("/socket.io"):
            sent[urlsplit(request.url).path] += 1

    where = [sending.action, sending.name, sending.value]
    if not (found := page.evaluate(FILL, [*where, filled])):
        return ["it is gone"]
    button = page.evaluate_handle(BUTTON, where).as_element()
    assert button is not None
    page.on("request", hear)
    for file in page.locator('form[method="post"] input[type="file"]').all():
        file.set_input_files({"name": "a.pdf", "mimeType": "application/pdf", "buffer": PDF})
    with page.expect_response(lambda answer: is_it(answer.request)) as response:
        if found["asks"]:
            button.click()
            page.locator("#confirm").get_by_role("button").first.evaluate(TWICE)
        else:
            button.evaluate(TWICE)
    answer = response.value
    if "content-disposition" not in answer.headers:
        expect(page.locator("html:not([data-before]) body")).to_be_attached()
        settled(page)
    page.remove_listener("request", hear)
    wrong = page.locator(".wrong, .error-summary").all_inner_texts()
    said = [] if sent[sending.action] == 1 and max(sent.values()) == 1 else [f"sent: {sent}"]
    return said + wrong + ([f"answered {answer.status}"] if answer.status not in (200, 201, 303) else [])


def test_a_button_works_again_after_going_back(window: OpenWindow, web: Web) -> None:
    world = factories.world()
    path = f"/boards/{factories.board(world).id}/tasks/new"
    page = window(world["fr_leader"], path)
    for title in ("Trace the lorry", "Trace the trailer"):
        page.get_by_label("Title").fill(title)
        page.get_by_role("button", name="Create the task").click()
        expect(page.get_by_text(title)).to_be_visible()
        page.go_back()
        page.wait_for_url(f"**{path}")
        expect(page.locator("form[aria-busy], [aria-disabled]")).to_have_count(0)
