"""The pages of tasks and their forms: what they answer, to whom, and what of it changes anything."""

import re
import uuid

import pytest
from sqlalchemy import select

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.vocabulary import Outcome, Sight
from tests import factories
from tests.task_desk import NOBODY, UNCHECKED, Desk, desk

FIXTURES = (desk,)
"""They are asked for by name."""


def test_creating_on_a_page(desk: Desk) -> None:
    new = f"/boards/{desk.board.id}/tasks"
    form = desk.get(f"{new}/new?column={desk.columns['doing']}").text
    assert re.search(rf'<option selected value="{desk.columns["doing"]}">', form)
    token = re.findall(r'name="token"[^>]*value="([^"]+)"', form)[0]
    fields = {"title": "Call the bank", "description": "", "column": desk.columns["doing"], "due_on": "2026-12-01"}
    first = desk.post(new, token=token, party="", **fields)
    assert first.status_code == 303
    again = desk.post(new, token=token, party="", **fields)
    assert again.headers["Location"] == first.headers["Location"], "a double click creates once"
    assert desk.get(desk.board_page).text.count("Call the bank") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": "x" * 300},
        {"title": "\x07"},
        {"description": "x" * 20_001},
        {"due_on": "yesterday"},
        {"due_on": "2026-02-30"},
        {"column": "first"},
        {"party": "them"},
    ],
)
def test_a_wrong_form_comes_back_with_what_was_typed(desk: Desk, wrong: dict[str, str]) -> None:
    fields = {
        "title": "Kept title",
        "description": "Kept words",
        "column": desk.columns["todo"],
        "due_on": "",
        "party": "",
    }
    answer = desk.post(f"/boards/{desk.board.id}/tasks", token=str(uuid.uuid4()), **{**fields, **wrong})
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert ("Kept title" if "title" not in wrong else "Kept words") in answer.text


@pytest.mark.parametrize("token", ["", "not-an-id", "7"])
def test_a_broken_token_is_no_failure_of_ours(desk: Desk, token: str) -> None:
    fields = {"title": "A", "description": "", "column": desk.columns["todo"], "due_on": "", "party": ""}
    assert desk.post(f"/boards/{desk.board.id}/tasks", token=token, **fields).status_code in (303, 422)


def test_ids_of_another_jit_in_forms(desk: Desk) -> None:
    other = factories.world("Osprey", slugs=("fr", "nl"), providers=desk.world.providers)
    theirs = factories.board(other, "Theirs", "OSP")
    column = session().merge(theirs).columns[0].id
    session.remove()
    new = {"title": "A", "description": "", "due_on": "", "token": str(uuid.uuid4())}
    post = f"/boards/{desk.board.id}/tasks"
    assert desk.post(post, **new, column=column, party="").status_code == 404
    assert desk.post(post, **new, column=desk.columns["todo"], party=other.parties["nl"].id).status_code == 422
    task = f"/tasks/{desk.task.id}"
    assert desk.post(f"{task}/move", edition=1, column=column).status_code == 404
    assert desk.post(f"{task}/assign", edition=1, person=other["nl_leader"].id).status_code == 422
    assert desk.post(f"{task}/ask", edition=1, party=other.parties["nl"].id, because="").status_code == 422
    assert desk.post(f"/boards/{theirs.id}/tasks", **new, column=column, party="").status_code == 404
    boards = f"/workspaces/{other.workspace.id}/boards"
    assert desk.post(boards, name="A", prefix="A", audience="everyone").status_code == 404


def test_what_is_typed_is_shown_and_never_run(desk: Desk) -> None:
    title = "<img src=x onerror=alert(1)> & “quotes”"
    words = "<script>alert(1)</script> [x](javascript:alert(1)) **bold** \u202eevil"
    desk.post(f"/tasks/{desk.task.id}/edit", edition=1, title=title, description=words, due_on="")
    for address in (f"/tasks/{desk.task.id}", desk.board_page, f"/tasks/{desk.task.id}/edit"):
        page = desk.get(address).text
        assert "<img src=x" not in page
        assert "<script>alert" not in page
        assert 'href="javascript:' not in page
        assert "&lt;img src=x" in page
    assert "<strong>bold</strong>" in desk.get(f"/tasks/{desk.task.id}").text


def test_a_stale_edit_keeps_what_was_typed_and_shows_theirs(desk: Desk) -> None:
    edit = f"/tasks/{desk.task.id}/edit"
    assert desk.post(edit, "nl_member", edition=1, title="Theirs", description="", due_on="").status_code == 303
    answer = desk.post(edit, "fr_member", edition=1, title="Mine", description="My words", due_on="")
    assert answer.status_code == 409
    assert "Theirs" in answer.text
    assert "My words" in answer.text
    assert desk.world["nl_member"].name in answer.text
    edition = re.findall(r'name="edition"[^>]*value="(\d+)"', answer.text)[0]
    assert desk.post(edit, "fr_member", edition=edition, title="Mine", description="", due_on="").status_code == 303
    assert desk.now().title == "Mine"


def test_the_form_hides_what_its_reader_may_not_read(desk: Desk) -> None:
    with desk.app.test_request_context():
        exhibit = factories.exhibit(desk.world, "fr", "Ledger of the carrier")
    edit = f"/tasks/{desk.task.id}/edit"
    desk.post(edit, edition=1, title="T", description=f"See #{exhibit.reference}", due_on="")
    show = f"/tasks/{desk.task.id}"
    assert exhibit.reference in desk.get(show).text
    for address in (show, edit, desk.board_page, f"{show}/card"):
        page = desk.get(address, "nl_member").text
        assert exhibit.reference not in page
        assert "Ledger of the carrier" not in page
    assert "an exhibit not released to you" in desk.get(show, "nl_member").text
    with desk.app.test_request_context():
        factories.release(desk.world, exhibit, "nl", Sight.SEE)
    page = desk.get(show, "nl_member").text
    assert "Ledger of the carrier" in page
    assert "1.0 kB" not in page, "seeing shows no size"


def test_moving_by_a_plain_form(desk: Desk) -> None:
    move = f"/tasks/{desk.task.id}/move"
    assert desk.post(move, "nl_member", edition=1, column=desk.columns["doing"]).status_code == 303
    stale = desk.post(move, "fr_member", edition=1, column=desk.columns["done"])
    assert stale.status_code == 409
    assert "In progress" in stale.text
    assert desk.now().column_id == desk.columns["doing"]


@pytest.mark.parametrize("edition", ["", "one", "0", "-1", "99999999999999999999", "1.5"])
def test_an_edition_that_is_none(desk: Desk, edition: str) -> None:
    for verb, fields in (("move", {"column": desk.columns["done"]}), ("give-back", {}), ("assign", {"person": NOBODY})):
        answer = desk.post(f"/tasks/{desk.task.id}/{verb}", edition=edition, **fields)
        assert answer.status_code == 422, verb


def test_a_form_without_its_token_changes_nothing(desk: Desk) -> None:
    answer = desk.client("fr_leader").post(f"/tasks/{desk.task.id}/delete", data={"edition": 1})
    assert answer.status_code == 400
    assert desk.now().deleted_at is None


def test_the_buttons_are_those_of_the_reader(desk: Desk) -> None:
    show = f"/tasks/{desk.task.id}"
    verbs = ("move", "take", "assign", "ask", "delete")
    leader, member, dutch = (desk.get(show, name).text for name in ("fr_leader", "fr_member", "nl_leader"))
    assert [verb for verb in verbs if f"{show}/{verb}" in leader] == list(verbs)
    assert [verb for verb in verbs if f"{show}/{verb}" in member] == ["move", "take"]
    assert [verb for verb in verbs if f"{show}/{verb}" in dutch] == ["move"]
    desk.post(f"{show}/ask", edition=1, party=desk.world.parties["nl"].id, because="Please")
    dutch = desk.get(show, "nl_leader").text
    assert f"{show}/accept" in dutch
    assert f"{show}/decline" in dutch
    desk.end_agreement()
    assert "Nothing" not in desk.get(show).text
    assert f"{show}/" not in desk.get(show).text, "nothing to press when nothing can be changed"


def test_a_whole_question_by_plain_forms(desk: Desk) -> None:
    show = f"/tasks/{desk.task.id}"
    asked = {"edition": 1, "party": desk.world.parties["nl"].id, "because": "You have the tool."}
    assert desk.post(f"{show}/ask", **asked).status_code == 303
    assert (
        "You have the tool." in desk.get("/tasks", "nl_leader").text or "Trace" in desk.get("/tasks", "nl_leader").text
    )
    assert desk.post(f"{show}/decline", "nl_leader", edition=2, because="").status_code == 422
    assert desk.post(f"{show}/decline", "nl_leader", edition=2, because="No time.").status_code == 303
    assert "No time." in desk.get(show).text
    assert desk.post(f"{show}/ask", **{**asked, "edition": 3}).status_code == 303
    taken = desk.post(f"{show}/accept", "nl_leader", edition=4, person=desk.world["nl_member"].id)
    assert taken.status_code == 303
    assert "Trace the lorry" in desk.get("/tasks", "nl_member").text
    assert desk.post(f"{show}/delete").status_code == 403
    assert desk.post(f"{show}/delete", "nl_leader").status_code == 303
    assert desk.get(show).status_code == 404


def test_a_refusal_says_why_and_is_on_record(desk: Desk) -> None:
    answer = desk.post(f"/tasks/{desk.task.id}/delete", "nl_leader")
    assert answer.status_code == 403
    assert desk.world["fr_leader"].name in answer.text, "who can do it instead"
    refused = select(LedgerEntry).where(LedgerEntry.outcome == Outcome.REFUSED)
    entry = session().scalars(refused, execution_options=UNCHECKED).one()
    assert entry.actor_id == desk.world["nl_leader"].id
