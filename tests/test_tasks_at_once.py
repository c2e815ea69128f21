"""What two people who work on one board at once lose: nothing."""

import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal.database import session
from jit_portal.demo.postgres import Postgres
from jit_portal.errors import Refused
from jit_portal.tasks import assigning, ranks, service
from jit_portal.tasks.models import Task, TaskChange
from jit_portal.tasks.reasons import ChangedMeanwhile
from jit_portal.vocabulary import TaskAct
from tests.boards import UNCHECKED, Place, in_threads, place
from tests.waiting import status_after_the_wait

FIXTURES = (place,)
"""They are asked for by name."""


def test_a_second_move_of_the_same_card_is_refused_and_says_who_was_first(place: Place) -> None:
    task = place.make()
    seen = task.edition
    service.move_task(place["nl_member"], task.id, seen, place.columns["doing"])
    with pytest.raises(ChangedMeanwhile) as refusal:
        service.move_task(place["fr_member"], task.id, seen, place.columns["done"])
    assert place["nl_member"].name in refusal.value.reason
    assert "In progress" in refusal.value.reason
    assert "LAN-1" in refusal.value.reason
    assert place.order("doing") == ["Trace the lorry"]
    assert place.order("done") == []


def test_two_who_bring_a_card_to_the_same_column_agree(place: Place) -> None:
    task = place.make()
    seen = task.edition
    service.move_task(place["nl_member"], task.id, seen, place.columns["done"])
    again = service.move_task(place["fr_member"], task.id, seen, place.columns["done"])
    assert again.edition == seen + 1, "nothing was left to change"


def test_changes_of_different_kinds_merge(place: Place) -> None:
    task = place.make()
    seen = task.edition
    service.edit_task(place["nl_member"], task.id, seen, "Trace both lorries", "", None)
    assigning.assign(place["fr_leader"], task.id, seen, place["fr_member"].id)
    moved = service.move_task(place["fr_member"], task.id, seen, place.columns["doing"])
    assert (moved.title, moved.column.id, moved.assignee_id) == (
        "Trace both lorries",
        place.columns["doing"],
        place["fr_member"].id,
    )


def test_one_person_may_move_faster_than_the_screen(place: Place) -> None:
    task = place.make()
    for kind in ("doing", "partner", "done"):
        service.move_task(place["fr_member"], task.id, 1, place.columns[kind])
    assert place.order("done") == ["Trace the lorry"]


def test_a_second_edit_is_refused_and_nothing_written_is_lost(place: Place) -> None:
    task = place.make(description="First words")
    service.edit_task(place["nl_member"], task.id, 1, "Second", "Second words", None)
    with pytest.raises(ChangedMeanwhile) as refusal:
        service.edit_task(place["fr_member"], task.id, 1, "Third", "", None)
    assert place["nl_member"].name in refusal.value.reason
    kept = session().scalars(select(TaskChange).where(TaskChange.act == TaskAct.EDITED)).one()
    assert (kept.title, kept.description) == ("Trace the lorry", "First words")


def test_a_stale_assignment_is_refused(place: Place) -> None:
    task = place.make()
    assigning.take(place["fr_member"], task.id)
    with pytest.raises(ChangedMeanwhile) as refusal:
        assigning.assign(place["fr_leader"], task.id, 1, place["fr_leader"].id)
    assert place["fr_member"].name in refusal.value.reason
    with pytest.raises(Refused) as taken:
        assigning.take(place["fr_leader"], task.id)
    assert "already" in taken.value.reason


def test_of_two_moves_at_the_same_moment_one_wins(app: Flask, place: Place) -> None:
    task_id = place.make().id
    fr, nl = place["fr_member"], place["nl_member"]
    doing, done = place.columns["doing"], place.columns["done"]
    session.remove()
    found = in_threads(
        app, lambda: service.move_task(fr, task_id, 1, doing), lambda: service.move_task(nl, task_id, 1, done)
    )
    assert found == [200, 409]
    assert len(place.order("doing") + place.order("done")) == 1


def test_cards_moved_to_one_spot_at_the_same_moment_all_arrive(app: Flask, place: Place) -> None:
    ids = [place.make(f"Task {number}").id for number in range(6)]
    who, done = place["fr_member"], place.columns["done"]
    session.remove()
    acts = [lambda id=id: service.move_task(who, id, 1, done) for id in ids]
    assert in_threads(app, *acts) == [200] * 6
    assert sorted(place.order("done")) == [f"Task {number}" for number in range(6)]
    found = session().scalars(select(Task.rank).where(Task.column_id == done), execution_options=UNCHECKED).all()
    assert len(set(found)) == 6


def test_of_two_who_take_at_the_same_moment_one_has_it(app: Flask, place: Place) -> None:
    task_id = place.make().id
    leader, member = place["fr_leader"], place["fr_member"]
    session.remove()
    assert in_threads(app, lambda: assigning.take(leader, task_id), lambda: assigning.take(member, task_id)) == [
        200,
        409,
    ]


CHANGES: dict[str, Callable[[Place, Task], object]] = {
    "create": lambda place, _: place.make(),
    "edit": lambda place, task: service.edit_task(place["fr_leader"], task.id, 1, "Otherwise", "", None),
    "move": lambda place, task: service.move_task(place["fr_leader"], task.id, 1, place.columns["done"]),
    "assign": lambda place, task: assigning.assign(place["fr_leader"], task.id, 1, place["fr_member"].id),
    "take": lambda place, task: assigning.take(place["fr_leader"], task.id),
    "delete": lambda place, task: service.delete(place["fr_leader"], task.id),
}


@pytest.mark.parametrize("verb", CHANGES)
def test_the_right_is_asked_again_after_the_wait_for_the_board(place: Place, cluster: Postgres, verb: str) -> None:
    """The agreement ends while her act waits for whoever holds the board."""
    task = place.make()
    before = (task.edition, len(place.order()))
    status = status_after_the_wait(
        cluster,
        lambda: CHANGES[verb](place, task),
        held=("SELECT FROM board WHERE id = %s FOR UPDATE", [place.board.id]),
        meanwhile=("UPDATE agreement SET in_force_until = clock_timestamp()", []),
    )
    assert status == 403
    session.remove()
    now = session().scalars(select(Task).where(Task.id == task.id).execution_options(policy=True)).unique().one()
    assert (now.edition, len(place.order())) == before


def test_places_before_and_after_other_cards(place: Place) -> None:
    a, b, c = (place.make(name) for name in "CBA")
    assert place.order() == ["A", "B", "C"]
    todo, leader = place.columns["todo"], place["fr_leader"]
    service.move_task(leader, c.id, c.edition, todo, after_id=b.id)
    assert place.order() == ["B", "A", "C"]
    service.move_task(leader, a.id, a.edition, todo, before_id=b.id)
    assert place.order() == ["C", "B", "A"]
    service.move_task(leader, b.id, b.edition, todo, after_id=c.id)
    assert place.order() == ["C", "A", "B"]
    service.move_task(leader, b.id, b.edition, todo, after_id=b.id)
    assert place.order() == ["B", "C", "A"], "a card is no neighbour of itself: it goes on top"


def test_a_neighbour_that_left_the_column_no_longer_counts(place: Place) -> None:
    card, neighbour = place.make("Card"), place.make("Neighbour")
    service.move_task(place["nl_member"], neighbour.id, 1, place.columns["done"])
    service.move_task(place["fr_member"], card.id, 1, place.columns["doing"], after_id=neighbour.id)
    assert place.order("doing") == ["Card"]


@pytest.mark.parametrize("side", ["before_id", "after_id"])
def test_nor_does_one_that_was_deleted(place: Place, side: str) -> None:
    leader, card, neighbour = place["fr_leader"], place.make("Card"), place.make("Neighbour")
    service.delete(leader, neighbour.id)
    moved = service.move_task(leader, card.id, 1, place.columns["doing"], **{side: neighbour.id})
    assert moved.column_id == place.columns["doing"]


def test_ranks_keep_any_order_for_ever() -> None:
    made = [ranks.between(None, None)]
    for turn in range(400):
        at = (turn * 7) % (len(made) + 1)
        made.insert(at, ranks.between(made[at - 1] if at else None, made[at] if at < len(made) else None))
    assert made == sorted(set(made))
    high = made[1]
    for _ in range(200):
        high = ranks.between(made[0], high)
        assert made[0] < high < made[1]


def test_sending_a_form_twice_creates_one_task(app: Flask, place: Place) -> None:
    token = uuid.uuid4()
    who, board_id, todo = place["fr_member"], place.board.id, place.columns["todo"]
    session.remove()
    acts = [lambda: service.create_task(who, board_id, todo, "Once", token=token)] * 3
    assert in_threads(app, *acts) == [200, 200, 200]
    assert place.order() == ["Once"]
    service.create_task(who, board_id, todo, "Another", token=token)
    assert place.order() == ["Another", "Once"], "an old form filled in anew is another task"
