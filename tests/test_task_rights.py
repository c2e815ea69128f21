"""Boards and tasks: who may do what, and for whom they do not exist."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from jit_portal.database import session
from jit_portal.errors import Invalid, NotFound, Refusal, Refused
from jit_portal.identity.models import User
from jit_portal.tasks import assigning, people, reading, service
from jit_portal.tasks.boards import open_board
from jit_portal.tasks.models import BoardParty, BoardPerson, Task
from jit_portal.vocabulary import Audience
from tests import factories
from tests.boards import NOBODY, OUTSIDE, Place, asked_of_nl, columns_of, outcome, place, restricted

FIXTURES = (place,)
"""They are asked for by name."""


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
    found = tried(place, lambda who, task: assigning.assign(who, task.id, task.edition, member))
    expect(found, "fr_leader", "fr_member nl_leader nl_member al_leader al_member")


def test_who_may_take(place: Place) -> None:
    found = tried(place, lambda who, task: assigning.take(who, task.id))
    expect(found, "fr_leader fr_member", "nl_leader nl_member al_leader al_member")


def test_who_may_give_back(place: Place) -> None:
    found = tried(
        place,
        lambda who, task: assigning.give_back(who, task.id, task.edition),
        lambda task: assigning.assign(place["fr_leader"], task.id, task.edition, place["fr_member"].id),
    )
    expect(found, "fr_leader fr_member", "nl_leader nl_member al_leader al_member")


def test_who_may_ask(place: Place) -> None:
    nl = place.world.parties["nl"].id
    found = tried(place, lambda who, task: assigning.ask(who, task.id, task.edition, nl, "Please"))
    expect(found, "fr_leader", "fr_member nl_leader nl_member al_leader al_member")


def test_who_may_accept(place: Place) -> None:
    member = place["nl_member"].id
    found = tried(place, lambda who, task: assigning.accept(who, task.id, task.edition, member), asked_of_nl(place))
    expect(found, "nl_leader", "fr_leader fr_member nl_member al_leader al_member")


def test_who_may_decline(place: Place) -> None:
    found = tried(
        place, lambda who, task: assigning.decline(who, task.id, task.edition, "No time."), asked_of_nl(place)
    )
    expect(found, "nl_leader", "fr_leader fr_member nl_member al_leader al_member")


def test_who_may_take_the_question_back(place: Place) -> None:
    found = tried(place, lambda who, task: assigning.stop_asking(who, task.id, task.edition), asked_of_nl(place))
    expect(found, "fr_leader", "fr_member nl_leader nl_member al_leader al_member")


def test_who_may_delete(place: Place) -> None:
    found = tried(place, lambda who, task: service.delete(who, task.id))
    expect(found, "fr_leader", "fr_member nl_leader nl_member al_leader al_member")


def test_an_expert_works_on_what_is_theirs_alone(place: Place) -> None:
    board, columns = restricted(place, "expert")
    theirs = service.create_task(place["fr_leader"], board.id, columns["todo"], "Transcribe")
    other = service.create_task(place["fr_leader"], board.id, columns["todo"], "Something else")
    theirs = assigning.assign(place["fr_leader"], theirs.id, theirs.edition, place["expert"].id)
    assert service.move_task(place["expert"], theirs.id, theirs.edition, columns["done"]).column.id == columns["done"]
    assert outcome(lambda: service.edit_task(place["expert"], theirs.id, 9, "Transcribed", "", None)) == 200
    assert outcome(lambda: service.move_task(place["expert"], other.id, 1, columns["done"])) == 403
    assert outcome(lambda: assigning.take(place["expert"], other.id)) == 403
    assert outcome(lambda: service.create_task(place["expert"], board.id, columns["todo"], "Mine")) == 403
    assert outcome(lambda: assigning.give_back(place["expert"], theirs.id, theirs.edition)) == 200


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
        lambda: assigning.assign(leader, task.id, 1, leader.id),
        lambda: assigning.take(leader, task.id),
        lambda: assigning.ask(leader, task.id, 1, place.world.parties["nl"].id, ""),
        lambda: assigning.accept(place["nl_leader"], asked.id, asked.edition, place["nl_member"].id),
        lambda: assigning.decline(place["nl_leader"], asked.id, asked.edition, "No"),
        lambda: service.delete(leader, task.id),
        lambda: open_board(leader, place.world.workspace.id, "Other", "OTH", Audience.EVERYONE),
    ]
    for act in acts:
        with pytest.raises(Refusal) as refusal:
            act()
        assert refusal.value.status == 403
        assert "agreement is in force" in refusal.value.reason
    assert place.order() == ["Trace the lorry", "Trace the lorry"]


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
            lambda t=foreign_task: assigning.assign(leader, t, 1, leader.id),  # type: ignore[misc]
            lambda t=foreign_task: assigning.take(leader, t),  # type: ignore[misc]
            lambda t=foreign_task: assigning.give_back(leader, t, 1),  # type: ignore[misc]
            lambda t=foreign_task: assigning.ask(leader, t, 1, place.world.parties["nl"].id, ""),  # type: ignore[misc]
            lambda t=foreign_task: assigning.stop_asking(leader, t, 1),  # type: ignore[misc]
            lambda t=foreign_task: assigning.accept(leader, t, 1, leader.id),  # type: ignore[misc]
            lambda t=foreign_task: assigning.decline(leader, t, 1, "x"),  # type: ignore[misc]
            lambda t=foreign_task: service.delete(leader, t),  # type: ignore[misc]
        ]
        assert [outcome(act) for act in missing] == [404] * len(missing)
    for person_id in (other["fr_member"].id, place["nl_member"].id, place["auditor"].id, place["gone"].id, NOBODY):
        assert outcome(lambda p=person_id: assigning.assign(leader, task.id, 1, p)) == 422  # type: ignore[misc]
    for party_id in (other.parties["nl"].id, place.world.parties["fr"].id, NOBODY):
        assert outcome(lambda p=party_id: assigning.ask(leader, task.id, 1, p, "")) == 422  # type: ignore[misc]
    assert place.order() == ["Trace the lorry"]


def test_a_party_that_nobody_leads_cannot_be_asked(place: Place) -> None:
    task = place.make()
    with pytest.raises(Refused, match="Nobody who leads"):
        assigning.ask(place["fr_leader"], task.id, 1, place.world.parties["eu"].id, "")
    board, columns = restricted(place, "nl_member")
    covert = service.create_task(place["fr_leader"], board.id, columns["todo"], "Covert")
    with pytest.raises(Refused, match="Nobody who leads"):
        assigning.ask(place["fr_leader"], covert.id, 1, place.world.parties["nl"].id, "")
    askable = [party.country for party in people.askable(place.board, place.world.parties["fr"].id)]
    assert sorted(askable) == ["AL", "NL"]


def test_only_people_of_the_boards_audience_are_assigned(place: Place) -> None:
    board, columns = restricted(place)
    task = service.create_task(place["fr_leader"], board.id, columns["todo"], "Covert")
    with pytest.raises(Invalid):
        assigning.assign(place["fr_leader"], task.id, 1, place["fr_member"].id)
