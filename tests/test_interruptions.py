"""What chat and boards do while the store is away: they go on."""

from pathlib import Path

from flask import Flask

from jit_portal.database import session
from jit_portal.tasks import service as tasks
from tests import factories
from tests.web import running_web


def test_chat_and_boards_go_on_without_the_store(app: Flask, environ: dict[str, str], folder: Path) -> None:
    with app.test_request_context(), running_web(environ | {"JIT_STORE_ENDPOINT": "127.0.0.1:9"}, folder) as web:
        world = factories.world()
        channel, board = factories.channel(world), session().merge(factories.board(world))
        cited = factories.exhibit(world, "fr", "Ledger")
        task = tasks.create_task(world["fr_leader"], board.id, board.columns[0].id, "Trace the lorry")
        french, dutch = (web.sign_in(world[name]).connect() for name in ("fr_leader", "nl_leader"))
        try:
            assert french.post(channel.id, f"See #{cited.reference}")["ok"]
            assert "an exhibit not released to you" in dutch.hear("message")["html"]
            moved = {"task": str(task.id), "edition": 1, "column": str(board.columns[1].id)}
            assert dutch.ask("task:move", moved)["ok"]
            assert french.hear("task_moved")["edition"] == 2
            space = f"/workspaces/{world.workspace.id}"
            for path in ("/", f"{space}/chat", f"{space}/board", f"/tasks/{task.id}", f"/exhibits/{cited.id}"):
                assert french.signed.get(path).status_code == 200, path
        finally:
            french.close()
            dutch.close()
