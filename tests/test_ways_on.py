"""From every refusal somebody goes on: to what it was about, to the page before, or to the same address again."""

import re

from flask import Flask
from werkzeug.test import TestResponse

from jit_portal import database
from jit_portal.database import factory, session
from jit_portal.exhibits.models import Exhibit
from jit_portal.tasks import assigning
from jit_portal.tasks import service as tasks
from jit_portal.vocabulary import Sight
from tests import factories
from tests.exhibits import Browse, exhibit, world
from tests.factories import World
from tests.vault import token_in

NOWHERE = "postgresql://jit_app@127.0.0.1:9/jit"
FIXTURES = (exhibit, world)
"""They are asked for by name."""

BUTTON = re.compile(r'<a class="button( is-primary)?" href="([^"]*)">')


def ways(answer: TestResponse) -> list[str]:
    """Where the buttons of an error page lead, in order; the first of them stands out."""
    found = BUTTON.findall(answer.text.split('id="reason"')[1].split("</div>")[0])
    assert [bool(stands_out) for stands_out, _ in found] == [True] + [False] * (len(found) - 1)
    return [address.replace("&amp;", "&") for _, address in found]


def come_from(app: Flask, path: str) -> dict[str, str]:
    return {"Referer": app.config["SETTINGS"].origin + path}


def test_who_is_refused_goes_on_to_what_it_was_about(
    app: Flask, world: World, browse: Browse, exhibit: Exhibit
) -> None:
    factories.release(world, exhibit, "nl", Sight.SEE)
    client, about = browse(world["nl_member"]), f"/exhibits/{exhibit.id}"
    assert ways(client.get(f"{about}/history")) == [about, "/"]
    vault = f"/workspaces/{world.workspace.id}/vault?q=a&kind=image"
    assert ways(client.get(f"{about}/history", headers=come_from(app, vault))) == [about, vault, "/"]
    assert ways(client.get(f"{about}/history", headers=come_from(app, about))) == [about, "/"]
    rules = client.get(f"/workspaces/{world.workspace.id}/rules/new", headers=come_from(app, "/"))
    assert (rules.status_code, ways(rules)) == (403, [f"/jits/{world.jit.id}", "/"])


def test_what_is_not_shown_leads_back_and_never_to_itself(
    app: Flask, world: World, browse: Browse, exhibit: Exhibit
) -> None:
    client, hidden = browse(world["nl_member"]), f"/exhibits/{exhibit.id}"
    assert ways(client.get(hidden)) == ["/"]
    assert ways(client.get(hidden, headers=come_from(app, "/tasks"))) == ["/tasks", "/"]
    assert ways(client.get(hidden, headers=come_from(app, hidden))) == ["/"]
    assert ways(client.get(hidden, headers={"Referer": "https://evil.test/tasks"})) == ["/"]


def test_what_clashes_leads_to_what_it_was_about_and_to_the_page_before(
    app: Flask, world: World, browse: Browse
) -> None:
    leader, board = world["fr_leader"], factories.board(world)
    task = tasks.create_task(leader, board.id, board.columns[0].id, "Compare both")
    client, board_page = browse(leader), f"/workspaces/{world.workspace.id}/board?whose=mine"
    said = {"csrf_token": token_in(client.get("/").text), "edition": str(task.edition)}
    said["person"] = str(leader.id)
    assigning.take(world["fr_member"], task.id)
    for sent_from, expected in (
        (board_page, [f"/tasks/{task.id}", board_page, "/"]),
        ("/", [f"/tasks/{task.id}", "/"]),
    ):
        answer = client.post(f"/tasks/{task.id}/assign", data=said, headers=come_from(app, sent_from))
        assert (answer.status_code, ways(answer)) == (409, expected)


def test_what_failed_can_be_tried_again(app: Flask, world: World, browse: Browse) -> None:
    client = browse(world["fr_member"])
    said = {"csrf_token": token_in(client.get("/").text), "language": "fr"}
    session.remove()
    database.bind(NOWHERE)
    try:
        looked = client.get("/tasks?kind=a&b=c")
        sent = client.post("/account", data=said, headers=come_from(app, "/account?saved=1"))
    finally:
        session.remove()
        factory.configure(bind=app.extensions["database"])
    assert (looked.status_code, ways(looked)) == (503, ["/tasks?kind=a&b=c", "/"])
    assert (sent.status_code, ways(sent)) == (503, ["/account?saved=1", "/"]), "what was sent is not sent again"
