"""A form that is sent twice, as where no script stops a second press, acts once, and the second answer says so.

Here stands every form that the walk of ``tests/browser/test_double.py`` does not come by, and some that it does.
"""

import io
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.identity import registry
from jit_portal.identity.glass import accounts
from jit_portal.identity.models import IdentityProvider, ProviderTest, User
from jit_portal.jits import documents
from jit_portal.jits.models import Agreement
from jit_portal.messages import service as messages
from jit_portal.tasks import assigning
from jit_portal.tasks import service as tasks
from jit_portal.tasks.models import Task
from jit_portal.vocabulary import Assurance, Duty, Outcome
from tests import drafting, factories, glass, hostile, passkeys
from tests.authenticator import SecurityKey
from tests.factories import World
from tests.forms import Form, forms_in
from tests.signing_in import of_xx
from tests.test_custody import offered
from tests.test_routes import let_wait_in_newest_login

Browse = Callable[[User], FlaskClient]
CHANGED_BEFORE = "has changed since you opened it, perhaps by yourself."
ANSWERED_BEFORE = "This took too long, was answered before"


@dataclass
class Stage:
    """A world, how its people come to its pages, and what lasts as long as the test."""

    app: Flask
    browse: Browse
    world: World
    held: ExitStack


@dataclass(frozen=True)
class Press:
    """A form on somebody's page, and what is typed into it: the act that it puts on record, if any, and what is said to
    a second press, with which status; nothing where it is answered as the first.
    """

    by: User | FlaskClient
    page: str
    action: str
    act: str = ""
    refused: int = 0
    why: str = ""
    typed: dict[str, str | bytes] = field(default_factory=dict)


ROWS: dict[str, Callable[[Stage], Press]] = {}
"""By endpoint, how things are brought to where its form stands on a page."""


def row(endpoint: str) -> Callable[[Callable[[Stage], Press]], Callable[[Stage], Press]]:
    def keep(make: Callable[[Stage], Press]) -> Callable[[Stage], Press]:
        ROWS[endpoint] = make
        return make

    return keep


@pytest.fixture
def stage(app: Flask, browse: Browse) -> Iterator[Stage]:
    with ExitStack() as held:
        yield Stage(app, browse, factories.world(slugs=("fr", "nl")), held)


def done() -> list[str]:
    """Every act that was done, from the first."""
    entries = select(LedgerEntry.act).where(LedgerEntry.outcome == Outcome.DONE).order_by(LedgerEntry.at)
    return list(session().scalars(entries.execution_options(policy=True)))


def filled(form: Form, typed: dict[str, str | bytes]) -> dict[str, object]:
    """What the browser sends: every field as it stands or was typed, and what is no text as a PDF."""
    said = {**form.filled(), **typed}
    return {name: (io.BytesIO(each), "a.pdf") if isinstance(each, bytes) else each for name, each in said.items()}


# --- tasks


NOT_ASKED = "Your party is not asked to take this task."


def _task(stage: Stage) -> Task:
    leader, board = stage.world["fr_leader"], factories.board(stage.world)
    return tasks.create_task(leader, board.id, session().merge(board).columns[0].id, "Trace the lorry")


def _at_task(
    stage: Stage, by: str, task: Task, what: str, act: str, refused: int = 0, why: str = "", **typed: str
) -> Press:
    page = f"/tasks/{task.id}"
    return Press(stage.world[by], page, f"{page}/{what}", act, refused, why, {**typed})


def _asked(stage: Stage) -> Task:
    task = _task(stage)
    return assigning.ask(stage.world["fr_leader"], task.id, task.edition, stage.world.parties["nl"].id, "Please")


@row("tasks.take")
def _take(stage: Stage) -> Press:
    return _at_task(stage, "fr_member", _task(stage), "take", "task.taken", 409, "Somebody has this task already.")


@row("tasks.move")
def _move(stage: Stage) -> Press:
    task = _task(stage)
    return _at_task(stage, "fr_member", task, "move", "task.moved", column=str(task.board.columns[1].id))


@row("tasks.ask")
def _ask(stage: Stage) -> Press:
    party = str(stage.world.parties["nl"].id)
    return _at_task(stage, "fr_leader", _task(stage), "ask", "task.asked", party=party, because="It went there.")


@row("tasks.stop_asking")
def _stop_asking(stage: Stage) -> Press:
    return _at_task(stage, "fr_leader", _asked(stage), "stop-asking", "task.unasked", 409, "No party is asked")


@row("tasks.accept")
def _accept_task(stage: Stage) -> Press:
    person = str(stage.world["nl_member"].id)
    return _at_task(stage, "nl_leader", _asked(stage), "accept", "task.accepted", 403, NOT_ASKED, person=person)


@row("tasks.decline")
def _decline_task(stage: Stage) -> Press:
    return _at_task(stage, "nl_leader", _asked(stage), "decline", "task.declined", 403, NOT_ASKED, because="No lorry.")


# --- messages


@row("messages.post")
def _post(stage: Stage) -> Press:
    path = f"/channels/{factories.channel(stage.world).id}"
    return Press(stage.world["fr_leader"], path, f"{path}/messages", "message.posted", typed={"text": "Once"})


@row("messages.read")
def _read(stage: Stage) -> Press:
    channel = factories.channel(stage.world)
    messages.post(stage.world["fr_leader"], channel, "Once", uuid.uuid4())
    return Press(stage.world["nl_leader"], f"/channels/{channel.id}", f"/channels/{channel.id}/read")


# --- custody


def _at_offer(stage: Stage, by: str, what: str, act: str, why: str, **typed: str) -> Press:
    page = f"/exhibits/{offered(stage.world).id}"
    return Press(stage.world[by], page, f"{page}/{what}", act, 403, why, {**typed})


@row("custody.accept")
def _accept(stage: Stage) -> Press:
    return _at_offer(stage, "nl_member", "accept", "exhibit.accepted", "It is not offered to you.")


@row("custody.decline")
def _decline(stage: Stage) -> Press:
    return _at_offer(stage, "nl_member", "decline", "exhibit.declined", "It is not offered to you.", reason="Full.")


@row("custody.take_back")
def _take_back(stage: Stage) -> Press:
    return _at_offer(stage, "fr_member", "take-back", "exhibit.taken_back", "It is not being handed over.")


# --- exhibits


@row("exhibits.update")
def _describe(stage: Stage) -> Press:
    page, typed = f"/exhibits/{factories.exhibit(stage.world).id}/edit", {"description": "Of the harbour."}
    return Press(stage.world["fr_member"], page, page, "exhibit.described", 409, CHANGED_BEFORE, {**typed})


# --- agreements


@row("jits.extend")
def _extend(stage: Stage) -> Press:
    path, why = f"/jits/{stage.world.jit.id}", "The next version is being drafted already."
    return Press(stage.world["fr_leader"], f"{path}/agreement", f"{path}/extend", "agreement.drafted", 409, why)


def _draft(stage: Stage) -> tuple[drafting.Desk, Agreement]:
    """A first draft with its document, and who drafts it."""
    people = {f"{slug}_one": stage.world[f"{slug}_leader"] for slug in ("fr", "nl")}
    at = drafting.Desk(stage.world.providers, people)
    draft = at.begin()
    documents.attach(at["fr_one"], draft, "agreement.pdf", io.BytesIO(drafting.PDF), draft.edition)
    return at, draft


def _at_draft(
    draft: Agreement, by: User, what: str, act: str, refused: int = 0, why: str = "", **typed: str | bytes
) -> Press:
    return Press(by, f"/jits/{draft.jit_id}/agreement", f"/agreements/{draft.id}/{what}", act, refused, why, typed)


@row("jits.sign")
def _sign(stage: Stage) -> Press:
    at, draft = _draft(stage)
    typed = {"signed_by": "Somebody", "signed_on": drafting.TODAY.isoformat(), "place": "Paris"}
    act, why = "agreement.signature_recorded", "is recorded already."
    return _at_draft(draft, at["fr_one"], "signatures", act, 409, why, **typed)


@row("jits.attach")
def _attach(stage: Stage) -> Press:
    at, draft = _draft(stage)
    act = "agreement.document_attached"
    return _at_draft(draft, at["fr_one"], "document", act, 409, CHANGED_BEFORE, document=drafting.PDF)


@row("jits.abandon")
def _abandon(stage: Stage) -> Press:
    at, draft = _draft(stage)
    return _at_draft(draft, at["fr_one"], "abandon", "agreement.abandoned", 403, "signed or given up")


@row("jits.remove_signatures")
def _remove_signatures(stage: Stage) -> Press:
    at, draft = _draft(stage)
    drafting.sign_for(at["nl_one"], draft, "nl", at)
    return _at_draft(draft, at["fr_one"], "signatures/remove", "agreement.signatures_removed")


# --- people and logins


@row("people.reactivate")
def _reactivate(stage: Stage) -> Press:
    administrator, closed = factories.administrator(stage.world.providers["fr"]), stage.world["fr_member"]
    with transaction():
        values = {"deactivated_at": factories.now(), "closed_because": "unused"}
        session().execute(update(User).where(User.id == closed.id).values(**values))
    path = f"/people/{closed.id}"
    return Press(administrator, path, f"{path}/reactivate", "user.reactivated", 403, "This account is open.")


@row("providers.reopen")
def _reopen(stage: Stage) -> Press:
    operator, closed = factories.administrator(stage.world.providers["fr"], Duty.OPERATOR), stage.world.providers["nl"]
    with transaction():
        values = {"is_enabled": False, "claim_map": {"name": "/name", "authority": "/office"}}
        session().execute(update(IdentityProvider).where(IdentityProvider.id == closed.id).values(**values))
    path = f"/providers/{closed.id}"
    return Press(operator, path, f"{path}/reopen", "provider.proposed", 409, "A proposal for this login waits")


def _at_test(stage: Stage, what: str) -> Press:
    """An operator who has just tested a login, and signed in there."""
    operator = factories.administrator(stage.world.providers["fr"], Duty.OPERATOR)
    issuer = stage.held.enter_context(hostile.running())
    [tested] = registry.ensure_providers([of_xx(issuer)])
    factories.provider_test(operator, tested)
    with transaction():
        session().execute(update(ProviderTest).values(id_token="of a test"))
    path = f"/providers/{tested.id}/test"
    return Press(operator, path, f"{path}/{what}")


@row("providers.test_sign_in")
def _test_sign_in(stage: Stage) -> Press:
    return _at_test(stage, "sign-in")


@row("providers.test_sign_out")
def _test_sign_out(stage: Stage) -> Press:
    return _at_test(stage, "sign-out")


# --- what a person confirms


def _waiting(stage: Stage, client: FlaskClient | None = None) -> tuple[FlaskClient, str]:
    """Somebody whose act waits in the login in which she signed in an hour ago: her browser, and its page."""
    leader = stage.world["fr_leader"]
    client = client or stage.browse(leader)
    with transaction():
        act = factories.waiting_act(leader)
    let_wait_in_newest_login(leader)
    passkeys.age(leader)
    return client, f"/confirm/{act.id}"


@row("confirm.drop")
def _drop(stage: Stage) -> Press:
    client, page = _waiting(stage)
    return Press(client, page, f"{page}/drop", refused=404, why="It was done already, was left undone")


@row("passkeys.confirm")
def _confirm(stage: Stage) -> Press:
    leader, key = stage.world["fr_leader"], SecurityKey(passkeys.ORIGIN, passkeys.HOST)
    with transaction():
        session().execute(update(IdentityProvider).values(acr_levels={"substantial": 2}))
    client = stage.browse(leader)
    client.set_cookie(passkeys.cookie(stage.app), factories.login(leader, Assurance.SUBSTANTIAL), secure=True)
    assert passkeys.enrol(client, key.create(passkeys.ask(client, "new"))).status_code == 303
    client, page = _waiting(stage, client)
    said = key.get(passkeys.ask(client, "ask"))
    why = "Your sign-in has ended"
    return Press(client, page, "/account/passkeys/confirm", "login.stepped_up", 401, why, {"credential": said})


# --- breaking the glass


def _glass(stage: Stage) -> tuple[glass.Window, str, list[SecurityKey]]:
    """A browser, the link where an account's keys are enrolled, and these."""
    _, token = accounts.make(None, glass.NAME)
    keys = [SecurityKey(glass.ORIGIN, glass.HOST) for _ in range(2)]
    return glass.Window(stage.app), f"/break-glass/keys/{token}", keys


@row("glass.keys_submit")
def _enrol(stage: Stage) -> Press:
    window, link, (key, _) = _glass(stage)
    typed = {"credential": key.create(window.ask(f"{link}/ask"))}
    return Press(window.client, link, link, "passkey.enrolled", 403, ANSWERED_BEFORE, {**typed})


def _enrolled(stage: Stage) -> tuple[glass.Window, list[SecurityKey]]:
    window, link, keys = _glass(stage)
    for key in keys:
        assert window.enrol(link, key).status_code == 303
    return window, keys


@row("glass.first_submit")
def _first(stage: Stage) -> Press:
    window, keys = _enrolled(stage)
    typed = {"credential": keys[0].get(window.ask("/break-glass/ask")), "reason": glass.REASON}
    return Press(window.client, "/break-glass", "/break-glass", "", 403, ANSWERED_BEFORE, {**typed})


@row("glass.second_submit")
def _second(stage: Stage) -> Press:
    window, keys = _enrolled(stage)
    assert window.first(keys[0]).status_code == 303
    path, typed = "/break-glass/second", {"credential": keys[1].get(window.ask("/break-glass/second/ask"))}
    return Press(window.client, path, path, "break_glass.opened", 403, ANSWERED_BEFORE, {**typed})


@pytest.mark.parametrize("endpoint", ROWS)
def test_a_form_that_is_sent_twice_acts_once(stage: Stage, endpoint: str) -> None:
    press = ROWS[endpoint](stage)
    client = stage.browse(press.by) if isinstance(press.by, User) else press.by
    [form] = [each for each in forms_in(press.page, client.get(press.page).text) if each.action == press.action][:1]
    # Both are on their way before the first is answered: with the same cookies.
    before, cookies = done(), dict(client._cookies or {})
    first = client.post(press.action, data=filled(form, press.typed))
    once = done()
    client._cookies = cookies
    second = client.post(press.action, data=filled(form, press.typed))
    assert first.status_code in (200, 303), first.text[-800:]
    assert once[len(before) :] == [press.act] * bool(press.act)
    assert done() == once
    if press.refused:
        assert (second.status_code, press.why in second.text) == (press.refused, True), second.text[-800:]
    else:
        assert (second.status_code, second.location) == (first.status_code, first.location)
    assert stage.app.url_map.bind("localhost").match(press.action, "POST")[0] == endpoint
