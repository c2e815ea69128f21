"""Boards and tasks: who may do what, what two people at once lose (nothing), and what is on record."""

import datetime as dt
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.errors import Invalid, NotFound, Refusal, Refused
from jit_portal.identity.models import User
from jit_portal.notices.models import Notice
from jit_portal.tasks import citations, pages, people, ranks, reading, service
from jit_portal.tasks.boards import open_board
from jit_portal.tasks.models import Board, BoardParty, BoardPerson, Task, TaskChange
from jit_portal.tasks.reasons import ChangedMeanwhile
from jit_portal.vocabulary import Audience, NoticeKind, Role, TaskAct
from tests import factories
from tests.factories import World
from tests.waiting import status_after_the_wait

UNCHECKED = {"policy": True}
NOBODY = uuid.UUID(int=7)
TODAY = dt.date(2026, 11, 23)
OUTSIDE = ("eu_participant", "expert", "auditor", "secretariat", "gone", "stranger")
"""People for whom a board of everyone does not exist."""


@dataclass
class Place:
    """A world with a board of everyone, and its columns by kind."""

    world: World
    board: Board
    columns: dict[str, uuid.UUID]

    def __getitem__(self, name: str) -> User:
        return self.world[name]

    def make(self, title: str = "Trace the lorry", by: str = "fr_leader", description: str = "") -> Task:
        return service.create_task(self[by], self.board.id, self.columns["todo"], title, description)

    def order(self, column: str = "todo", eyes: str = "fr_leader") -> list[str]:
        """Titles in a column, from the top."""
        lanes = reading.lanes(self[eyes], self.board, reading.Chosen(), TODAY)
        return [task.title for lane in lanes if lane.column.id == self.columns[column] for task in lane.cards]


def columns_of(board: Board) -> dict[str, uuid.UUID]:
    return {column.kind.value: column.id for column in session().merge(board).columns}


@pytest.fixture
def place(app: Flask) -> Iterator[Place]:
    with app.test_request_context():
        world = factories.world(slugs=("fr", "nl", "eu", "al"))
        other = factories.world("Kestrel", slugs=("fr", "nl"), providers=world.providers)
        with transaction():
            world.join("expert", "fr", Role.EXPERT)
            world.join("auditor", "fr", Role.AUDITOR)
            world.join("secretariat", "fr", Role.SECRETARIAT)
            world.join("gone", "fr", Role.LEADER)
        factories.end_membership(world, "gone")
        world.people["stranger"] = other["fr_leader"]
        board = factories.board(world, "Work plan", "LAN")
        yield Place(world, board, columns_of(board))


def outcome(act: Callable[[], object]) -> int:
    """200, or the status with which the act is refused; 0 where a refusal does not say why."""
    try:
        act()
    except Refusal as refusal:
        is_said = bool(refusal.reason) or refusal.status == 404
        return refusal.status if is_said else 0
    return 200


def entries(act: str) -> list[LedgerEntry]:
    found = select(LedgerEntry).where(LedgerEntry.act == act).order_by(LedgerEntry.at)
    return list(session().scalars(found, execution_options=UNCHECKED))


def expect(found: dict[str, int], allowed: str, seeing: str) -> None:
    """These people may, those only see, and everyone else does not know of it."""
    wanted = dict.fromkeys(allowed.split(), 200) | dict.fromkeys(seeing.split(), 403) | dict.fromkeys(OUTSIDE, 404)
    assert found == wanted


EVERYONE = ("fr_leader", "fr_member", "nl_leader", "nl_member", "al_leader", "al_member", *OUTSIDE)


def test_who_may_create(place: Place) -> None:
    found = {name: outcome(lambda name=name: place.make(by=name)) for name in EVERYONE}  # type: ignore[misc]
    expect(found, "fr_leader fr_member nl_leader nl_member al_leader al_member", "")


def tried(
    place: Place, act: Callable[[User, Task], object], prepare: Callable[[Task], Task] | None = None
) -> dict[str, int]:
    """How each person fares with a task of France that nobody has changed yet."""

    def fresh() -> Task:
        task = place.make()
        return prepare(task) if prepare else task

    found, task = {}, fresh()
    for name in EVERYONE:
        found[name] = outcome(lambda name=name, task=task: act(place[name], task))  # type: ignore[misc]
        task = fresh() if found[name] == 200 else task
    return found


def test_who_may_move(place: Place) -> None:
    found = tried(place, lambda who, task: service.move_task(who, task.id, task.edition, place.columns["done"]))
    expect(found, "fr_leader fr_member nl_leader nl_member al_leader al_member", "")


def test_who_may_edit(place: Place) -> None:
    found = tried(place, lambda who, task: service.edit_task(who, task.id, task.edition, "New", "", None))
    expect(found, "fr_leader fr_member nl_leader nl_member al_leader al_member", "")


def test_who_may_assign(place: Place) -> None:
    member = place["fr_member"].id
    found = tried(place, lambda who, task: service.assign(who, task.id, task.edition, member))
    expect(found, "fr_leader", "fr_member nl_leader nl_member al_leader al_member")


def test_who_may_take(place: Place) -> None:
    found = tried(place, lambda who, task: service.take(who, task.id))
    expect(found, "fr_leader fr_member", "nl_leader nl_member al_leader al_member")


def test_who_may_give_back(place: Place) -> None:
    found = tried(
        place,
        lambda who, task: service.give_back(who, task.id, task.edition),
        lambda task: service.assign(place["fr_leader"], task.id, task.edition, place["fr_member"].id),
    )
    expect(found, "fr_leader fr_member", "nl_leader nl_member al_leader al_member")


def test_who_may_ask(place: Place) -> None:
    nl = place.world.parties["nl"].id
    found = tried(place, lambda who, task: service.ask(who, task.id, task.edition, nl, "Please"))
    expect(found, "fr_leader", "fr_member nl_leader nl_member al_leader al_member")


def asked_of_nl(place: Place) -> Callable[[Task], Task]:
    nl = place.world.parties["nl"].id
    return lambda task: service.ask(place["fr_leader"], task.id, task.edition, nl, "You have the tool.")


def test_who_may_accept(place: Place) -> None:
    member = place["nl_member"].id
    found = tried(place, lambda who, task: service.accept(who, task.id, task.edition, member), asked_of_nl(place))
    expect(found, "nl_leader", "fr_leader fr_member nl_member al_leader al_member")


def test_who_may_decline(place: Place) -> None:
    found = tried(place, lambda who, task: service.decline(who, task.id, task.edition, "No time."), asked_of_nl(place))
    expect(found, "nl_leader", "fr_leader fr_member nl_member al_leader al_member")


def test_who_may_take_the_question_back(place: Place) -> None:
    found = tried(place, lambda who, task: service.stop_asking(who, task.id, task.edition), asked_of_nl(place))
    expect(found, "fr_leader", "fr_member nl_leader nl_member al_leader al_member")


def test_who_may_delete(place: Place) -> None:
    found = tried(place, lambda who, task: service.delete(who, task.id))
    expect(found, "fr_leader", "fr_member nl_leader nl_member al_leader al_member")


def restricted(place: Place, *names: str) -> tuple[Board, dict[str, uuid.UUID]]:
    ids = [place[name].id for name in names]
    board = open_board(place["fr_leader"], place.world.workspace.id, "Covert", "COV", Audience.PEOPLE, person_ids=ids)
    return board, columns_of(board)


def test_an_expert_works_on_what_is_theirs_alone(place: Place) -> None:
    board, columns = restricted(place, "expert")
    theirs = service.create_task(place["fr_leader"], board.id, columns["todo"], "Transcribe")
    other = service.create_task(place["fr_leader"], board.id, columns["todo"], "Something else")
    theirs = service.assign(place["fr_leader"], theirs.id, theirs.edition, place["expert"].id)
    assert service.move_task(place["expert"], theirs.id, theirs.edition, columns["done"]).column.id == columns["done"]
    assert outcome(lambda: service.edit_task(place["expert"], theirs.id, 9, "Transcribed", "", None)) == 200
    assert outcome(lambda: service.move_task(place["expert"], other.id, 1, columns["done"])) == 403
    assert outcome(lambda: service.take(place["expert"], other.id)) == 403
    assert outcome(lambda: service.create_task(place["expert"], board.id, columns["todo"], "Mine")) == 403
    assert outcome(lambda: service.give_back(place["expert"], theirs.id, theirs.edition)) == 200


def test_a_restricted_board_does_not_exist_for_others(place: Place) -> None:
    board, columns = restricted(place, "expert", "fr_member")
    task = service.create_task(place["fr_leader"], board.id, columns["todo"], "Observe the quay")
    workspace_id = place.world.workspace.id
    assert [each.own_name for each in reading.boards(place["fr_member"], workspace_id)] == ["Work plan", "Covert"]
    for name in ("nl_leader", "nl_member", "al_leader", "eu_participant", "secretariat", "auditor", "stranger"):
        assert "Covert" not in [each.own_name for each in reading.boards(place[name], workspace_id)]
        assert outcome(lambda name=name: service.move_task(place[name], task.id, 1, columns["done"])) == 404  # type: ignore[misc]
        assert outcome(lambda name=name: service.create_task(place[name], board.id, columns["todo"], "x")) == 404  # type: ignore[misc]
    with pytest.raises(NotFound):
        reading.board_of(reading.boards(place["nl_leader"], workspace_id), board.id)


def test_parties_named_bring_the_participants_of_a_body(place: Place) -> None:
    eu = place.world.parties["eu"].id
    board = open_board(
        place["fr_leader"], place.world.workspace.id, "Eurojust", "EUJ", Audience.PARTIES, party_ids=[eu]
    )
    task = service.create_task(place["fr_member"], board.id, columns_of(board)["todo"], "Coordinate")
    assert session().scalars(select(BoardParty.party_id).where(BoardParty.board_id == board.id)).all()
    assert [each.own_name for each in reading.boards(place["eu_participant"], place.world.workspace.id)] == ["Eurojust"]
    assert outcome(lambda: service.edit_task(place["eu_participant"], task.id, 1, "x", "", None)) == 403
    assert outcome(lambda: service.edit_task(place["nl_leader"], task.id, 1, "x", "", None)) == 404
    names = {each.name for each in people.candidates(board, place.world.parties["fr"].id)}
    assert names == {place["fr_leader"].name, place["fr_member"].name}


def test_opening_a_board_checks_what_is_named(place: Place) -> None:
    space, leader = place.world.workspace.id, place["fr_leader"]
    with pytest.raises(Invalid, match="name"):
        open_board(leader, space, " work  PLAN ", "ABC", Audience.EVERYONE)
    with pytest.raises(Invalid, match="begin"):
        open_board(leader, space, "Other", "lan", Audience.EVERYONE)
    for prefix in ("", "1AB", "LÄN", "A-B", "ABCDEFGHI", "<b>"):
        with pytest.raises(Invalid):
            open_board(leader, space, "Other", prefix, Audience.EVERYONE)
    foreign = [place["stranger"].id]
    with pytest.raises(Invalid, match="people of this JIT"):
        open_board(leader, space, "Other", "OTH", Audience.PEOPLE, person_ids=foreign)
    with pytest.raises(Invalid, match="people of this JIT"):
        open_board(leader, space, "Other", "OTH", Audience.PEOPLE, person_ids=[place["auditor"].id])
    with pytest.raises(Invalid, match="parties of this JIT"):
        open_board(leader, space, "Other", "OTH", Audience.PARTIES, party_ids=[NOBODY])
    assert outcome(lambda: open_board(place["eu_participant"], space, "Other", "OTH", Audience.EVERYONE)) == 403
    assert outcome(lambda: open_board(place["stranger"], space, "Other", "OTH", Audience.EVERYONE)) == 404
    assert session().scalars(select(BoardPerson)).all() == []


def test_a_taken_name_of_an_unseen_board_is_not_disclosed(place: Place) -> None:
    restricted(place)
    opened = open_board(place["nl_leader"], place.world.workspace.id, "Covert", "COV", Audience.EVERYONE)
    assert opened.own_name == "Covert"


def test_without_an_agreement_everything_is_read_and_nothing_changed(place: Place) -> None:
    task = place.make()
    asked = asked_of_nl(place)(place.make())
    factories.end_agreement(place.world)
    leader, done = place["fr_leader"], place.columns["done"]
    acts: list[Callable[[], object]] = [
        lambda: place.make(),
        lambda: service.edit_task(leader, task.id, 1, "New", "", None),
        lambda: service.move_task(leader, task.id, 1, done),
        lambda: service.assign(leader, task.id, 1, leader.id),
        lambda: service.take(leader, task.id),
        lambda: service.ask(leader, task.id, 1, place.world.parties["nl"].id, ""),
        lambda: service.accept(place["nl_leader"], asked.id, asked.edition, place["nl_member"].id),
        lambda: service.decline(place["nl_leader"], asked.id, asked.edition, "No"),
        lambda: service.delete(leader, task.id),
        lambda: open_board(leader, place.world.workspace.id, "Other", "OTH", Audience.EVERYONE),
    ]
    for act in acts:
        with pytest.raises(Refusal) as refusal:
            act()
        assert refusal.value.status == 403
        assert "agreement is in force" in refusal.value.reason
    assert place.order() == ["Trace the lorry", "Trace the lorry"]


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
    service.assign(place["fr_leader"], task.id, seen, place["fr_member"].id)
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
    service.take(place["fr_member"], task.id)
    with pytest.raises(ChangedMeanwhile) as refusal:
        service.assign(place["fr_leader"], task.id, 1, place["fr_leader"].id)
    assert place["fr_member"].name in refusal.value.reason
    with pytest.raises(Refused) as taken:
        service.take(place["fr_leader"], task.id)
    assert "already" in taken.value.reason


def in_threads(app: Flask, *acts: Callable[[], object]) -> list[int]:
    """What comes of acts that begin at the same moment, each in its own thread with its own session."""
    start = threading.Barrier(len(acts))
    found: list[int] = [0] * len(acts)

    def run(index: int, act: Callable[[], object]) -> None:
        with app.test_request_context():
            start.wait()
            try:
                found[index] = outcome(act)
            finally:
                session.remove()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(found)


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
    assert in_threads(app, lambda: service.take(leader, task_id), lambda: service.take(member, task_id)) == [200, 409]


CHANGES: dict[str, Callable[[Place, Task], object]] = {
    "create": lambda place, _: place.make(),
    "edit": lambda place, task: service.edit_task(place["fr_leader"], task.id, 1, "Otherwise", "", None),
    "move": lambda place, task: service.move_task(place["fr_leader"], task.id, 1, place.columns["done"]),
    "assign": lambda place, task: service.assign(place["fr_leader"], task.id, 1, place["fr_member"].id),
    "take": lambda place, task: service.take(place["fr_leader"], task.id),
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


def test_ids_of_another_jit_and_unknown_ids_are_missing(place: Place) -> None:
    other = factories.world("Osprey", slugs=("fr", "nl"), providers=place.world.providers)
    board = factories.board(other, "Theirs", "OSP")
    theirs = service.create_task(other["fr_leader"], board.id, columns_of(board)["todo"], "Theirs")
    task, leader = place.make(), place["fr_leader"]
    todo = place.columns["todo"]
    for foreign_task, foreign_column in ((theirs.id, theirs.column_id), (NOBODY, NOBODY)):
        missing: list[Callable[[], object]] = [
            lambda t=foreign_task: service.move_task(leader, t, 1, todo),  # type: ignore[misc]
            lambda c=foreign_column: service.move_task(leader, task.id, 1, c),  # type: ignore[misc]
            lambda t=foreign_task: service.move_task(leader, task.id, 1, todo, after_id=t),  # type: ignore[misc]
            lambda t=foreign_task: service.move_task(leader, task.id, 1, todo, before_id=t),  # type: ignore[misc]
            lambda c=foreign_column: service.create_task(leader, place.board.id, c, "x"),  # type: ignore[misc]
            lambda t=foreign_task: service.edit_task(leader, t, 1, "x", "", None),  # type: ignore[misc]
            lambda t=foreign_task: service.assign(leader, t, 1, leader.id),  # type: ignore[misc]
            lambda t=foreign_task: service.take(leader, t),  # type: ignore[misc]
            lambda t=foreign_task: service.give_back(leader, t, 1),  # type: ignore[misc]
            lambda t=foreign_task: service.ask(leader, t, 1, place.world.parties["nl"].id, ""),  # type: ignore[misc]
            lambda t=foreign_task: service.stop_asking(leader, t, 1),  # type: ignore[misc]
            lambda t=foreign_task: service.accept(leader, t, 1, leader.id),  # type: ignore[misc]
            lambda t=foreign_task: service.decline(leader, t, 1, "x"),  # type: ignore[misc]
            lambda t=foreign_task: service.delete(leader, t),  # type: ignore[misc]
        ]
        assert [outcome(act) for act in missing] == [404] * len(missing)
    for person_id in (other["fr_member"].id, place["nl_member"].id, place["auditor"].id, place["gone"].id, NOBODY):
        assert outcome(lambda p=person_id: service.assign(leader, task.id, 1, p)) == 422  # type: ignore[misc]
    for party_id in (other.parties["nl"].id, place.world.parties["fr"].id, NOBODY):
        assert outcome(lambda p=party_id: service.ask(leader, task.id, 1, p, "")) == 422  # type: ignore[misc]
    assert place.order() == ["Trace the lorry"]


def test_a_party_that_nobody_leads_cannot_be_asked(place: Place) -> None:
    task = place.make()
    with pytest.raises(Refused, match="Nobody who leads"):
        service.ask(place["fr_leader"], task.id, 1, place.world.parties["eu"].id, "")
    board, columns = restricted(place, "nl_member")
    covert = service.create_task(place["fr_leader"], board.id, columns["todo"], "Covert")
    with pytest.raises(Refused, match="Nobody who leads"):
        service.ask(place["fr_leader"], covert.id, 1, place.world.parties["nl"].id, "")
    askable = [party.country for party in people.askable(place.board, place.world.parties["fr"].id)]
    assert sorted(askable) == ["AL", "NL"]


def test_only_people_of_the_boards_audience_are_assigned(place: Place) -> None:
    board, columns = restricted(place)
    task = service.create_task(place["fr_leader"], board.id, columns["todo"], "Covert")
    with pytest.raises(Invalid):
        service.assign(place["fr_leader"], task.id, 1, place["fr_member"].id)


def test_asked_and_accepted(place: Place) -> None:
    task = service.take(place["fr_member"], place.make().id)
    asked = asked_of_nl(place)(task)
    assert (asked.assignee, asked.asked_party_id) == (None, place.world.parties["nl"].id)
    assert outcome(lambda: service.take(place["fr_member"], task.id)) == 409, "the answer comes first"
    done = service.accept(place["nl_leader"], task.id, asked.edition, place["nl_member"].id)
    assert (done.party_id, done.asked_party, done.assignee_id) == (
        place.world.parties["nl"].id,
        None,
        place["nl_member"].id,
    )
    assert outcome(lambda: service.delete(place["fr_leader"], task.id)) == 403, "the task is no longer theirs"
    assert outcome(lambda: service.accept(place["nl_leader"], task.id, done.edition, place["nl_member"].id)) == 403


def test_asked_and_declined(place: Place) -> None:
    asked = asked_of_nl(place)(place.make())
    assert outcome(lambda: service.decline(place["nl_leader"], asked.id, asked.edition, "  ")) == 422
    declined = service.decline(place["nl_leader"], asked.id, asked.edition, "Our court is closed.")
    assert told(place)[-1] == ("fr_leader", NoticeKind.ASK_DECLINED, asked.id)
    assert (declined.asked_party, declined.declined_because) == (None, "Our court is closed.")
    assert declined.party_id == place.world.parties["fr"].id
    assert [each.act for each in reading.history(declined)][:2] == [TaskAct.DECLINED, TaskAct.ASKED]
    again = asked_of_nl(place)(declined)
    assert again.declined_because == ""
    assert service.stop_asking(place["fr_leader"], again.id, again.edition).asked_party is None


def test_assigning_ones_own_takes_the_question_back(place: Place) -> None:
    asked = asked_of_nl(place)(place.make())
    given = service.assign(place["fr_leader"], asked.id, asked.edition, place["fr_member"].id)
    assert given.asked_party is None
    assert outcome(lambda: service.decline(place["nl_leader"], asked.id, given.edition, "No")) == 403


def test_creating_for_another_party_asks_it(place: Place) -> None:
    nl = place.world.parties["nl"].id
    task = service.create_task(place["fr_leader"], place.board.id, place.columns["partner"], "Freeze", ask_party_id=nl)
    assert (task.party_id, task.asked_party_id) == (place.world.parties["fr"].id, nl)
    before = len(place.order("partner"))
    refused = outcome(
        lambda: service.create_task(
            place["fr_member"], place.board.id, place.columns["partner"], "Freeze", ask_party_id=nl
        )
    )
    assert refused == 403
    assert len(place.order("partner")) == before, "nothing is created when the question may not be asked"


def told(place: Place) -> list[tuple[str, NoticeKind, uuid.UUID]]:
    names = {person.id: name for name, person in place.world.people.items()}
    found = session().scalars(select(Notice).order_by(Notice.created_at), execution_options=UNCHECKED)
    return [(names[notice.user_id], notice.kind, notice.object_id) for notice in found]


def test_whoever_gets_a_task_or_is_asked_is_told(place: Place) -> None:
    task = place.make()
    service.assign(place["fr_leader"], task.id, 1, place["fr_member"].id)
    asked = asked_of_nl(place)(session().merge(task))
    service.accept(place["nl_leader"], asked.id, asked.edition, place["nl_member"].id)
    assert told(place) == [
        ("fr_member", NoticeKind.ASSIGNED, task.id),
        ("nl_leader", NoticeKind.ASKED, task.id),
        ("nl_member", NoticeKind.ASSIGNED, task.id),
        ("fr_leader", NoticeKind.ASK_ACCEPTED, task.id),
    ]
    mine = place.make()
    service.assign(place["fr_leader"], mine.id, 1, place["fr_leader"].id)
    assert len(told(place)) == 4, "nobody is told what they did themselves"


def test_every_act_is_on_record_by_its_key_and_without_a_word_of_it(place: Place) -> None:
    leader, nl = place["fr_leader"], place["nl_leader"]
    words = ("Sesame title", "Sesame description", "Sesame reason")
    task = service.create_task(leader, place.board.id, place.columns["todo"], words[0], words[1])
    service.edit_task(leader, task.id, 1, words[0] + " again", words[1], TODAY)
    service.move_task(leader, task.id, 2, place.columns["done"])
    service.assign(leader, task.id, 3, place["fr_member"].id)
    service.give_back(place["fr_member"], task.id, 4)
    service.take(leader, task.id)
    answers: list[Callable[[int], object]] = [
        lambda edition: service.stop_asking(leader, task.id, edition),
        lambda edition: service.decline(nl, task.id, edition, words[2]),
        lambda edition: service.accept(nl, task.id, edition, nl.id),
    ]
    for answer in answers:
        edition = session().merge(task).edition
        asked = service.ask(leader, task.id, edition, place.world.parties["nl"].id, words[2])
        answer(asked.edition)
    service.delete(nl, task.id)
    every = session().scalars(select(LedgerEntry).where(LedgerEntry.noun == "task"), execution_options=UNCHECKED).all()
    acts = ["created", "edited", "moved", "assigned", "given_back", "taken", "asked", "unasked", "asked", "declined"]
    acts += ["asked", "accepted", "deleted"]
    ordered = sorted(every, key=lambda entry: entry.number)
    assert [entry.act for entry in ordered] == [f"task.{act}" for act in acts]
    assert {entry.reference for entry in every} == {"LAN-1"}
    for entry in every:
        assert "Sesame" not in json.dumps([entry.details, entry.reference, entry.act])
    moved = json.loads(entries("task.moved")[0].details)
    assert moved["to"] == str(place.columns["done"])


def test_deleting_is_soft_and_complete(place: Place) -> None:
    task = place.make()
    service.delete(place["fr_leader"], task.id)
    assert place.order() == []
    assert outcome(lambda: service.move_task(place["fr_leader"], task.id, 2, place.columns["done"])) == 404
    kept = session().scalars(select(Task).where(Task.id == task.id), execution_options=UNCHECKED).one()
    assert kept.title == "Trace the lorry"
    assert kept.deleted_at is not None


def test_sending_a_form_twice_creates_one_task(app: Flask, place: Place) -> None:
    token = uuid.uuid4()
    who, board_id, todo = place["fr_member"], place.board.id, place.columns["todo"]
    session.remove()
    acts = [lambda: service.create_task(who, board_id, todo, "Once", token=token)] * 3
    assert in_threads(app, *acts) == [200, 200, 200]
    assert place.order() == ["Once"]
    service.create_task(who, board_id, todo, "Another", token=token)
    assert place.order() == ["Another", "Once"], "an old form filled in anew is another task"


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("  two \n lines\t and\x00 a null ", "two lines and a null"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("תיק \u202eevil", "תיק \u202eevil"),
        ("👩‍⚖️ é́", "👩‍⚖️ é́"),
        ("\ud800broken", "broken"),
        ("x" * 200, "x" * 200),
    ],
)
def test_titles_are_kept_in_any_script(place: Place, title: str, kept: str) -> None:
    assert place.make(title).title == kept


@pytest.mark.parametrize("title", ["", " \n\t", "\x00", "x" * 201, "x" * 300])
def test_titles_that_are_none(place: Place, title: str) -> None:
    with pytest.raises(Invalid) as refusal:
        place.make(title)
    assert refusal.value.field == "title"


def test_a_description_has_a_limit(place: Place) -> None:
    assert len(place.make(description="x" * 20_000).description) == 20_000
    with pytest.raises(Invalid) as refusal:
        place.make(description="x" * 20_001)
    assert refusal.value.field == "description"


def test_what_is_cited_is_shown_as_the_exhibits_rules_allow(place: Place) -> None:
    exhibit = factories.exhibit(place.world, "fr", "Ledger of the carrier")
    unseen = factories.exhibit(place.world, "nl", "Dutch secret")
    task = place.make(description=f"See #{exhibit.reference} and #{unseen.reference}, then LAN-1.")
    word = f"#{exhibit.reference}"
    own, other = citations.of(place["fr_member"], task), citations.of(place["nl_member"], task)
    assert [(each.word, each.thing is not None) for each in own] == [(word, True), ("LAN-1", True)]
    assert [(each.word, each.thing is not None) for each in other] == [(word, False), ("LAN-1", True)]
    factories.release(place.world, exhibit, "nl")
    assert citations.of(place["nl_member"], task)[0].thing is not None


def shown_to(place: Place, name: str, task: Task) -> str:
    """All that this person's page and form say of the task's description."""
    task = policy.fetch(place[name], Task, task.id)
    cited = citations.of(place[name], task)
    return f"{pages._html(task, cited)} {citations.masked(task, cited)}"


def test_editing_does_not_disclose_what_is_cited_nor_lose_it(place: Place) -> None:
    exhibit = factories.exhibit(place.world, "fr", "Ledger")
    task = place.make(description=f"Compare #{exhibit.reference} with {exhibit.reference} soon.")
    shown = citations.masked(task, citations.of(place["nl_member"], task))
    assert shown == "Compare #cited-1 with #cited-1 soon."
    edited = service.edit_task(place["nl_member"], task.id, 1, task.title, shown.replace("soon", "now"), None)
    assert edited.description == f"Compare #{exhibit.reference} with #{exhibit.reference} now."
    assert citations.of(place["fr_member"], edited)[0].thing is not None
    assert citations.of(place["nl_member"], edited)[0].thing is None


@pytest.mark.parametrize(
    "typed",
    [
        "cited-1 cited-2",
        "/#cited-1 /#cited-2",
        "/cited-1 -cited-2",
        "##cited-1 @cited-2",
        "x#cited-1 x#cited-2",
        "&cited-1 .cited-2",
        "cited-1-x #cited-2-1",
        "&#x41;cited-1 &#65;#cited-2",
        "cited-1&#x41; cited-2&Aacute;",
        "cited-1\\_x cited-2\\_",
        "https://example.org/cited-1 <https://example.org/#cited-2>",
        "`cited-1` [cited-2](https://example.org/cited-2)",
        "**A**cited-1 *A*cited-2*A*",
        " ".join(f"#XX-{number}" for number in range(60)) + " #cited-1 #cited-2",
    ],
)
def test_no_way_to_write_a_mask_shows_what_it_stands_for(place: Place, typed: str) -> None:
    board, columns = restricted(place, "fr_member")
    hidden = service.create_task(place["fr_leader"], board.id, columns["todo"], "Covert")
    exhibit = factories.exhibit(place.world, "fr", "Ledger")
    task = place.make(description=f"#{exhibit.reference}, then {hidden.key}.")
    task = service.edit_task(place["nl_member"], task.id, 1, task.title, typed, None)
    for name in ("nl_member", "nl_leader", "al_member"):
        for word in (exhibit.reference, hidden.key):
            assert word not in shown_to(place, name, task)
    assert f"/exhibits/{exhibit.id}" in shown_to(place, "fr_member", task) or "http" in typed or "`" in typed
    # Whoever edits it next neither loses nor learns what it cites.
    again = citations.masked(task, citations.of(place["nl_member"], task))
    task = service.edit_task(place["nl_member"], task.id, task.edition, "Otherwise", again, None)
    assert {each.noun for each in citations.of(place["fr_leader"], task)} == {"exhibit", "task"}
    assert citations.masked(task, citations.of(place["nl_member"], task)) == again


def test_no_citation_is_too_much_to_be_hidden(place: Place) -> None:
    exhibits = [factories.exhibit(place.world, "fr", f"Thing {number}") for number in range(citations.MOST + 1)]
    words = [f"#{exhibit.reference}" for exhibit in exhibits]
    noise = [f"ZZ-{number}" for number in range(100)]
    task = place.make(description=" ".join([*noise, *words[:-1]]))
    assert len(citations.of(place["nl_member"], task)) == citations.MOST
    for exhibit in exhibits:
        assert exhibit.reference not in shown_to(place, "nl_member", task)
    with pytest.raises(Invalid, match="51") as refusal:
        service.edit_task(place["fr_member"], task.id, 1, task.title, " ".join(words), None)
    assert refusal.value.field == "description"
    with pytest.raises(Invalid, match="51"):
        place.make(description=" ".join(words))


def test_a_restored_word_may_make_a_description_too_long(place: Place) -> None:
    exhibit = factories.exhibit(place.world, "fr", "Ledger")
    with transaction():
        session().merge(exhibit).reference = "FRANCE-000001"
    task = place.make(description="#FRANCE-000001")
    with pytest.raises(Invalid) as refusal:
        service.edit_task(place["nl_member"], task.id, 1, task.title, "#cited-1 " * 2_000, None)
    assert refusal.value.field == "description"


def test_searching_does_not_tell_what_is_cited(place: Place) -> None:
    exhibit = factories.exhibit(place.world, "fr", "Ledger")
    place.make("Cites", description=f"See #{exhibit.reference}")
    place.make("Plain", description="See the ledger")
    lanes = reading.lanes(place["nl_member"], place.board, reading.Chosen(text=exhibit.reference), TODAY)
    assert [task.title for lane in lanes for task in lane.cards] == []
    lanes = reading.lanes(place["nl_member"], place.board, reading.Chosen(text="THE LEDGER"), TODAY)
    assert [task.title for lane in lanes for task in lane.cards] == ["Plain"]


def test_searching_does_not_tell_of_a_restricted_board(place: Place) -> None:
    board, columns = restricted(place, "fr_member")
    hidden = service.create_task(place["fr_leader"], board.id, columns["todo"], "Covert")
    place.make("Cites", description=f"After {hidden.key}")
    place.make("Cites a plain one", description="After LAN-1")

    def found(name: str, words: str) -> list[str]:
        lanes = reading.lanes(place[name], place.board, reading.Chosen(text=words), TODAY)
        return [task.title for lane in lanes for task in lane.cards]

    for words in (hidden.key, "COV", "After COV"):
        assert found("nl_member", words) == []
        assert found("fr_member", words) == ["Cites"]
    assert found("nl_member", "After LAN-1") == ["Cites a plain one"]


def test_filters(place: Place) -> None:
    mine = service.take(place["fr_member"], place.make("Mine").id)
    service.edit_task(place["fr_member"], mine.id, mine.edition, "Mine", "", TODAY - dt.timedelta(days=1))
    asked_of_nl(place)(place.make("Asked"))
    place.make("Dutch 100%", by="nl_leader")

    def shown(**chosen: object) -> list[str]:
        lanes = reading.lanes(place["fr_member"], place.board, reading.Chosen(**chosen), TODAY)  # type: ignore[arg-type]
        return sorted(task.title for lane in lanes for task in lane.cards)

    assert shown() == ["Asked", "Dutch 100%", "Mine"]
    assert shown(whose="mine") == ["Mine"]
    assert shown(whose="party") == ["Asked", "Mine"]
    assert shown(party_id=place.world.parties["nl"].id) == ["Dutch 100%"]
    assert shown(person_id=place["fr_member"].id) == ["Mine"]
    assert shown(person_id=NOBODY) == []
    assert shown(due="overdue") == ["Mine"]
    assert shown(due="week") == []
    assert shown(due="none") == ["Asked", "Dutch 100%"]
    assert shown(text="0%") == ["Dutch 100%"]
    assert shown(text="lan-2") == ["Asked"]


def test_my_tasks_over_all_jits(place: Place) -> None:
    other = factories.world("Osprey", slugs=("fr", "nl"), providers=place.world.providers)
    with transaction():
        other.join("fr_member_too", "fr", person=place["fr_member"])
    board = factories.board(other, "Theirs", "OSP")
    columns = columns_of(board)
    late = service.create_task(other["fr_leader"], board.id, columns["todo"], "Late", due_on=TODAY - dt.timedelta(9))
    service.assign(other["fr_leader"], late.id, 1, place["fr_member"].id)
    for title, due in (("Soon", TODAY), ("Never", None)):
        made = service.create_task(place["fr_leader"], place.board.id, place.columns["todo"], title, due_on=due)
        service.take(place["fr_member"], made.id)
    finished = service.take(place["fr_member"], place.make("Finished").id)
    service.move_task(place["fr_member"], finished.id, finished.edition, place.columns["done"])
    assert [task.title for task in reading.mine(place["fr_member"])] == ["Late", "Soon", "Never"]
    factories.end_membership(other, "fr_member_too")
    assert [task.title for task in reading.mine(place["fr_member"])] == ["Soon", "Never"]
    asked_of_nl(place)(place.make("Asked"))
    assert [task.title for task in reading.asked(place["nl_leader"])] == ["Asked"]
    assert reading.asked(place["nl_member"]) == []
