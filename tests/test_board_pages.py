"""The pages of boards: which cards they show, to whom, what may be done there, and with how many queries."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event

from jit_portal.database import session
from jit_portal.tasks import assigning, service
from jit_portal.tasks.boards import open_board
from jit_portal.tasks.models import Board, Task
from jit_portal.vocabulary import Audience
from tests import factories
from tests.task_desk import NOBODY, Desk, desk

FIXTURES = (desk,)
"""They are asked for by name."""


def test_the_board_shows_its_cards(desk: Desk) -> None:
    page = desk.get(desk.board_page).text
    assert "Trace the lorry" in page
    assert f'id="task-{desk.task.id}"' in page
    assert page.count('class="column"') == 4
    assert desk.get(desk.board_page, "stranger").status_code == 404
    assert desk.get(desk.board_page + f"?board={NOBODY}").status_code == 404
    for wrong in ("?board=7", "?person=x", "?party='", "?whose=them", "?due=never"):
        assert desk.get(desk.board_page + wrong).status_code == 422, wrong


def test_the_board_fetched_again_is_the_board_alone(desk: Desk) -> None:
    fragment = desk.get(desk.board_page, **{"HX-Request": "true"}).text
    assert fragment.lstrip().startswith("<jit-board")
    assert "<html" not in fragment


def test_a_participant_sees_no_board_of_everyone(desk: Desk) -> None:
    page = desk.get(desk.board_page, "eu_participant")
    assert page.status_code == 200
    assert "No board yet" in page.text
    assert "Work plan" not in page.text


def test_a_restricted_board_is_on_no_page_of_others(desk: Desk) -> None:
    space = desk.world.workspace.id

    def make() -> tuple[Board, Task]:
        board = open_board(desk.world["fr_leader"], space, "Covert", "COV", Audience.PEOPLE)
        return board, service.create_task(desk.world["fr_leader"], board.id, board.columns[0].id, "Observe the quay")

    board, task = desk.run(make)
    assert "Covert" in desk.get(desk.board_page).text
    for name in ("nl_leader", "fr_member", "eu_participant"):
        assert "Covert" not in desk.get(desk.board_page, name).text
        for address in (
            f"{desk.board_page}?board={board.id}",
            f"/tasks/{task.id}",
            f"/tasks/{task.id}/card",
            f"/tasks/{task.id}/edit",
            f"/boards/{board.id}/tasks/new",
        ):
            assert desk.get(address, name).status_code == 404, address
        assert desk.post(f"/tasks/{task.id}/move", name, edition=1, column=board.columns[1].id).status_code == 404


def test_opening_a_board_on_a_page(desk: Desk) -> None:
    new = f"/workspaces/{desk.world.workspace.id}/boards"
    assert desk.get(f"{new}/new").status_code == 200
    wrong = desk.post(new, name="Work plan", prefix="OTH", audience="everyone")
    assert wrong.status_code == 422
    assert "Another board has this name." in wrong.text
    for wrongly in ({"audience": "nobody"}, {"audience": ""}, {"audience": "people", "people": "x"}, {"prefix": "ÄÖ"}):
        fields = {"name": "Money", "prefix": "MON", "audience": "everyone", **wrongly}
        assert desk.post(new, **fields).status_code == 422, wrongly
    fields = {"name": "Money", "prefix": "mon", "audience": "people", "people": str(desk.world["nl_member"].id)}
    assert desk.post(new, **fields).status_code == 303
    assert "Money" in desk.get(desk.board_page, "nl_member").text
    assert "Money" not in desk.get(desk.board_page, "nl_leader").text


def test_a_finished_column_shows_the_newest_first_and_the_rest_on_demand(desk: Desk) -> None:
    def fill() -> None:
        for number in range(53):
            title = f"Finished number {number}."
            service.create_task(desk.world["fr_leader"], desk.board.id, desk.columns["done"], title)

    desk.run(fill)
    page = desk.get(desk.board_page).text
    assert page.count("Finished number") == 50
    assert "Show 3 more" in page
    assert "Finished number 0." not in page
    assert desk.get(desk.board_page + "?done=all").text.count("Finished number") == 53


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """The statements that the application sends meanwhile."""
    said: list[str] = []
    engine: sa.Engine = app.extensions["database"]

    def hear(_c: Any, _u: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", hear)


def test_queries_do_not_grow_with_the_cards(desk: Desk) -> None:
    def more(count: int) -> None:
        leader = desk.world["fr_leader"]
        for number in range(count):
            made = service.create_task(
                leader, desk.board.id, desk.columns["todo"], f"Task {number}", due_on=dt.date(2026, 1, 1)
            )
            who = desk.world["fr_member" if number % 2 else "fr_leader"]
            assigning.assign(leader, made.id, made.edition, who.id)

    def queries(address: str) -> int:
        session.remove()
        with counted(desk.app) as said:
            assert desk.get(address).status_code == 200
        return len(said)

    desk.run(lambda: more(2))
    desk.get(desk.board_page)
    few = [queries(address) for address in (desk.board_page, "/tasks")]
    desk.run(lambda: more(20))
    many = [queries(address) for address in (desk.board_page, "/tasks")]
    assert many == few
    assert few[0] <= 19


def test_a_board_offers_each_reader_what_is_hers_to_do(desk: Desk) -> None:
    leader, member = desk.get(desk.board_page).text, desk.get(desk.board_page, "fr_member").text
    assert f'value="{desk.world.parties["nl"].id}">Ask ' in leader
    assert ">Ask " not in member, "only a leader asks other parties"
    assert f'value="{desk.world.parties["eu"].id}">Ask ' not in leader, "nobody leads there who could be asked"
    assert "Move a card:" in leader
    assert "Move a card:" not in desk.get(desk.board_page, "eu_participant").text
    assert "data-panel" not in leader, "no channel to hear yet"
    desk.run(lambda: factories.channel(desk.world))
    assert "data-panel" in desk.get(desk.board_page).text
