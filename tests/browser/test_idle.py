"""What a page asks by itself, because something was pushed, does not pass for somebody who uses it."""

import datetime as dt
import uuid

from playwright.sync_api import Request, expect
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.messages import service as messages
from jit_portal.tasks import service as tasks
from tests import factories
from tests.browser.conftest import OpenWindow
from tests.factories import now
from tests.web import Web

HEADER = "x-asked-by-page"


def last_seen(someone: User) -> dt.datetime:
    statement = factories.logins_of(someone).with_only_columns(LoginSession.last_seen_at)
    found = session().scalar(statement.execution_options(policy=True))
    session().rollback()
    assert found is not None
    return found


def test_a_screen_that_only_follows_goes_idle(web: Web, window: OpenWindow) -> None:
    world = factories.world()
    board = factories.board(world)
    channel = factories.channel(world)
    reader = world["nl_member"]
    before = now() - dt.timedelta(minutes=20)
    pages = [
        window(reader, f"/workspaces/{world.workspace.id}/board"),
        window(reader, f"/channels/{channel.id}"),
    ]
    asked: list[Request] = []
    for page in pages:
        expect(page.locator("html[data-connected]")).to_be_attached()
        page.wait_for_load_state("networkidle")
        page.on("request", lambda request: asked.append(request))
    with transaction():
        session().execute(update(LoginSession).where(LoginSession.user_id == reader.id).values(last_seen_at=before))
    column = session().merge(board).columns[0].id
    task = tasks.create_task(world["fr_leader"], board.id, column, "Apples")
    expect(pages[0].locator(f"#task-{task.id} .card-title")).to_have_text("Apples")
    for number in range(3):
        messages.post(world["fr_leader"], channel, f"Message {number}", uuid.uuid4())
    expect(pages[1].get_by_text("Message 2")).to_be_visible()
    fetched = [request for request in asked if request.resource_type in ("fetch", "xhr")]
    fetched = [request for request in fetched if "/socket.io/" not in request.url]
    assert any(f"/tasks/{task.id}" in request.url for request in fetched)
    assert [request.url for request in fetched if HEADER not in request.headers] == []
    named = {request.headers.get("x-viewer") for request in fetched}
    assert named == {str(reader.id)}, "and each says for whom its page was made"
    assert last_seen(reader) == before
