"""Card moves over real sockets to a real web process: heard by those who see the card, refused like everything else."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal.audit import service as audit
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.tasks import service
from jit_portal.tasks.boards import open_board
from jit_portal.tasks.models import Board, Task
from jit_portal.vocabulary import Audience, Outcome, Role
from tests import factories
from tests.factories import World
from tests.web import Ear, Web

UNCHECKED = {"policy": True}
NOBODY = str(uuid.UUID(int=7))


@dataclass
class Room:
    """A board, a card of France on it, and sockets of people."""

    web: Web
    world: World
    board: Board
    columns: dict[str, uuid.UUID]
    task: Task
    ears: list[Ear]

    def listen(self, *names: str) -> list[Ear]:
        """Sockets of these people; what was done before has been told by then, and is heard no more."""
        made = [self.web.sign_in(self.world[name]).connect() for name in names]
        self.ears += made
        mark = uuid.uuid4()
        with transaction():
            audit.announce("notice", mark, "notice.mark", [self.world[name].id for name in names])
        for ear in made:
            while ear.hear("changed")["id"] != str(mark):
                pass
        return made

    def move(self, ear: Ear, column: str, **more: Any) -> dict[str, Any]:
        said = {"task": str(self.task.id), "edition": 1, "column": str(self.columns[column]), **more}
        return ear.ask("task:move", said)


@pytest.fixture
def room(process: Web, app: Flask) -> Iterator[Room]:
    with app.test_request_context():
        world = factories.world()
        other = factories.world("Kestrel", slugs=("fr", "nl"), providers=world.providers)
        world.people["stranger"] = other["nl_leader"]
        board = factories.board(world)
        columns = {column.kind.value: column.id for column in session().merge(board).columns}
        task = service.create_task(world["fr_leader"], board.id, columns["todo"], "Trace the lorry")
        made = Room(process, world, board, columns, task, [])
        yield made
        for ear in made.ears:
            ear.close()


def test_a_move_is_seen_by_the_other_country(room: Room) -> None:
    french, dutch = room.listen("fr_member", "nl_member")
    answer = room.move(french, "doing")
    assert answer["ok"] is True
    place = answer["place"]
    assert (place["column"], place["edition"], place["is_done"]) == (str(room.columns["doing"]), 2, False)
    heard = dutch.hear("task_moved")
    by = room.world["fr_member"]
    assert heard == {**place, "by": by.name, "by_id": str(by.id)}, "the place and the mover, and no content"


def test_every_screen_puts_cards_in_the_same_order(room: Room) -> None:
    second = service.create_task(room.world["fr_leader"], room.board.id, room.columns["todo"], "Second")
    french, dutch = room.listen("fr_member", "nl_member")
    answer = room.move(french, "todo", before=str(second.id))
    assert answer["place"]["rank"] < second.rank
    assert dutch.hear("task_moved")["rank"] == answer["place"]["rank"]
    last = room.move(dutch, "todo", edition=2, after=str(second.id))
    assert last["place"]["rank"] > second.rank


def test_a_move_by_page_or_command_is_seen_too(room: Room) -> None:
    (dutch,) = room.listen("nl_member")
    service.move_task(room.world["fr_member"], room.task.id, 1, room.columns["done"])
    assert dutch.hear("task_moved")["is_done"] is True


def test_who_does_not_see_the_card_hears_nothing(room: Room) -> None:
    with transaction():
        room.world.join("expert", "fr", Role.EXPERT)
        room.world.join("auditor", "nl", Role.AUDITOR)
    french, *others = room.listen("fr_member", "eu_participant", "stranger", "expert", "auditor")
    assert room.move(french, "doing")["ok"]
    french.hear("task_moved")
    for ear in others:
        assert ear.hears_nothing_of("task_moved", 0.2)
        assert ear.hears_nothing_of("changed", 0.1)


def test_a_restricted_board_is_silent_for_others(room: Room) -> None:
    board = open_board(
        room.world["fr_leader"],
        room.world.workspace.id,
        "Covert",
        "COV",
        Audience.PEOPLE,
        person_ids=[room.world["nl_member"].id],
    )
    columns = [column.id for column in board.columns]
    leader, named, unnamed = room.listen("fr_leader", "nl_member", "nl_leader")
    task = service.create_task(room.world["fr_leader"], board.id, columns[0], "Observe")
    said = {"task": str(task.id), "edition": 1, "column": str(columns[1])}
    assert unnamed.ask("task:move", said)["status"] == 404
    assert leader.ask("task:move", said)["ok"]
    assert named.hear("task_moved")["id"] == str(task.id)
    assert unnamed.hears_nothing_of("task_moved")
    assert unnamed.hears_nothing_of("changed", 0.1)


def test_the_second_of_two_moves_hears_who_was_first(room: Room) -> None:
    french, dutch = room.listen("fr_member", "nl_member")
    assert room.move(dutch, "doing")["ok"]
    answer = room.move(french, "done")
    assert (answer["ok"], answer["status"]) == (False, 409)
    assert room.world["nl_member"].name in answer["reason"]
    assert "In progress" in answer["reason"]


def test_other_changes_are_told_without_content(room: Room) -> None:
    (dutch,) = room.listen("nl_member")
    leader = room.world["fr_leader"]
    made = service.create_task(leader, room.board.id, room.columns["todo"], "Secret title")
    assert dutch.hear("changed") == {"noun": "task", "id": str(made.id), "act": "task.created"}
    service.edit_task(leader, made.id, 1, "Other title", "", None)
    assert dutch.hear("changed") == {"noun": "task", "id": str(made.id), "act": "task.edited"}
    assert dutch.hears_nothing_of("task_moved", 0.2)


def test_a_deleted_card_is_taken_from_every_screen(room: Room) -> None:
    dutch, participant = room.listen("nl_member", "eu_participant")
    service.delete(room.world["fr_leader"], room.task.id)
    assert dutch.hear("changed") == {"noun": "task", "id": str(room.task.id), "act": "task.deleted"}
    assert dutch.signed.get(f"/tasks/{room.task.id}/card").status_code == 404
    assert participant.hears_nothing_of("changed")


def test_a_membership_that_ended_moves_and_hears_nothing_more(room: Room) -> None:
    french, dutch = room.listen("fr_member", "nl_member")
    factories.end_membership(room.world, "nl_member")
    assert room.move(dutch, "doing")["status"] == 404
    assert room.move(french, "doing")["ok"]
    assert dutch.hears_nothing_of("task_moved")


def test_without_an_agreement_a_move_says_why_not(room: Room) -> None:
    (french,) = room.listen("fr_member")
    factories.end_agreement(room.world)
    answer = room.move(french, "doing")
    assert answer["status"] == 403
    assert "agreement is in force" in answer["reason"]


WRONG: list[Any] = [
    {},
    {"task": None},
    {"task": 7},
    {"task": []},
    {"task": "first"},
    {"task": "' OR 1=1"},
    {"edition": None},
    {"edition": "two"},
    {"edition": 1.5},
    {"edition": True},
    {"edition": [1]},
    {"edition": 0},
    {"edition": -1},
    {"edition": 10**30},
    {"column": None},
    {"column": {"id": "x"}},
    {"column": "todo"},
    {"column": "\x00"},
    {"before": "last"},
    {"before": 5},
    {"after": ["a"]},
]


def test_wrong_types_are_refused_and_change_nothing(room: Room) -> None:
    (french,) = room.listen("fr_member")
    right = {"task": str(room.task.id), "edition": 1, "column": str(room.columns["done"])}
    found = {str(wrong): french.ask("task:move", {**right, **wrong} if wrong else {})["status"] for wrong in WRONG}
    assert found == {str(wrong): 422 for wrong in WRONG}
    for payload in ("move", 7, [right], None):
        assert french.ask("task:move", payload)["status"] == 422
    assert session().scalars(select(Task.edition), execution_options=UNCHECKED).all() == [1]
    assert french.ask("task:move", right)["ok"], "and the socket still works"


def test_ids_of_another_jit_are_missing_and_on_record(room: Room) -> None:
    other = factories.world("Osprey", slugs=("fr", "nl"), providers=room.world.providers)
    board = factories.board(other, "Theirs", "OSP")
    column = session().merge(board).columns[0].id
    theirs = service.create_task(other["fr_leader"], board.id, column, "Theirs")
    (french,) = room.listen("fr_member")
    right = {"task": str(room.task.id), "edition": 1, "column": str(room.columns["done"])}
    for wrong in (
        {"task": str(theirs.id)},
        {"task": NOBODY},
        {"column": str(column)},
        {"column": NOBODY},
        {"before": str(theirs.id)},
        {"after": NOBODY},
    ):
        assert french.ask("task:move", {**right, **wrong})["status"] == 404, wrong
    refused = select(LedgerEntry.object_id).where(LedgerEntry.outcome == Outcome.REFUSED)
    recorded = session().scalars(refused, execution_options=UNCHECKED).all()
    assert theirs.id in recorded
    assert len(recorded) == 6


def test_a_card_shows_the_menu_to_whoever_may_move_it(room: Room) -> None:
    card = f"/tasks/{room.task.id}/card"
    (dutch,) = room.listen("nl_member")
    assert 'name="column"' in dutch.signed.get(card).text
    factories.end_agreement(room.world)
    shown = dutch.signed.get(card)
    assert shown.status_code == 200
    assert 'name="column"' not in shown.text
