"""Tasks: what is done with them one after another, who is told, what is on record, and how they are found."""

import datetime as dt
import json
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import select

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid
from jit_portal.notices.models import Notice
from jit_portal.tasks import assigning, reading, service
from jit_portal.tasks.models import Task
from jit_portal.vocabulary import NoticeKind, TaskAct
from tests import factories
from tests.boards import NOBODY, TODAY, UNCHECKED, Place, asked_of_nl, columns_of, entries, outcome, place, restricted

FIXTURES = (place,)
"""They are asked for by name."""


def test_asked_and_accepted(place: Place) -> None:
    task = assigning.take(place["fr_member"], place.make().id)
    asked = asked_of_nl(place)(task)
    assert (asked.assignee, asked.asked_party_id) == (None, place.world.parties["nl"].id)
    assert outcome(lambda: assigning.take(place["fr_member"], task.id)) == 409, "the answer comes first"
    done = assigning.accept(place["nl_leader"], task.id, asked.edition, place["nl_member"].id)
    assert (done.party_id, done.asked_party, done.assignee_id) == (
        place.world.parties["nl"].id,
        None,
        place["nl_member"].id,
    )
    assert outcome(lambda: service.delete(place["fr_leader"], task.id)) == 403, "the task is no longer theirs"
    assert outcome(lambda: assigning.accept(place["nl_leader"], task.id, done.edition, place["nl_member"].id)) == 403


def test_asked_and_declined(place: Place) -> None:
    asked = asked_of_nl(place)(place.make())
    assert outcome(lambda: assigning.decline(place["nl_leader"], asked.id, asked.edition, "  ")) == 422
    declined = assigning.decline(place["nl_leader"], asked.id, asked.edition, "Our court is closed.")
    assert told(place)[-1] == ("fr_leader", NoticeKind.ASK_DECLINED, asked.id)
    assert (declined.asked_party, declined.declined_because) == (None, "Our court is closed.")
    assert declined.party_id == place.world.parties["fr"].id
    assert [each.act for each in reading.history(declined)][:2] == [TaskAct.DECLINED, TaskAct.ASKED]
    again = asked_of_nl(place)(declined)
    assert again.declined_because == ""
    assert assigning.stop_asking(place["fr_leader"], again.id, again.edition).asked_party is None


def test_assigning_ones_own_takes_the_question_back(place: Place) -> None:
    asked = asked_of_nl(place)(place.make())
    given = assigning.assign(place["fr_leader"], asked.id, asked.edition, place["fr_member"].id)
    assert given.asked_party is None
    assert outcome(lambda: assigning.decline(place["nl_leader"], asked.id, given.edition, "No")) == 403


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
    assigning.assign(place["fr_leader"], task.id, 1, place["fr_member"].id)
    asked = asked_of_nl(place)(session().merge(task))
    assigning.accept(place["nl_leader"], asked.id, asked.edition, place["nl_member"].id)
    assert told(place) == [
        ("fr_member", NoticeKind.ASSIGNED, task.id),
        ("nl_leader", NoticeKind.ASKED, task.id),
        ("nl_member", NoticeKind.ASSIGNED, task.id),
        ("fr_leader", NoticeKind.ASK_ACCEPTED, task.id),
    ]
    mine = place.make()
    assigning.assign(place["fr_leader"], mine.id, 1, place["fr_leader"].id)
    assert len(told(place)) == 4, "nobody is told what they did themselves"


def test_every_act_is_on_record_by_its_key_and_without_a_word_of_it(place: Place) -> None:
    leader, nl = place["fr_leader"], place["nl_leader"]
    words = ("Sesame title", "Sesame description", "Sesame reason")
    task = service.create_task(leader, place.board.id, place.columns["todo"], words[0], words[1])
    service.edit_task(leader, task.id, 1, words[0] + " again", words[1], TODAY)
    service.move_task(leader, task.id, 2, place.columns["done"])
    assigning.assign(leader, task.id, 3, place["fr_member"].id)
    assigning.give_back(place["fr_member"], task.id, 4)
    assigning.take(leader, task.id)
    answers: list[Callable[[int], object]] = [
        lambda edition: assigning.stop_asking(leader, task.id, edition),
        lambda edition: assigning.decline(nl, task.id, edition, words[2]),
        lambda edition: assigning.accept(nl, task.id, edition, nl.id),
    ]
    for answer in answers:
        edition = session().merge(task).edition
        asked = assigning.ask(leader, task.id, edition, place.world.parties["nl"].id, words[2])
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


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        (" \n blanks   around  and between\t", "blanks around and between"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\u200fתיק 12\u200e (Ωμέγα)", "\u200fתיק 12\u200e (Ωμέγα)"),
        ("👩‍⚖️ é́", "👩‍⚖️ é́"),
        ("x" * 200, "x" * 200),
    ],
)
def test_titles_are_kept_in_any_script(place: Place, title: str, kept: str) -> None:
    assert place.make(title).title == kept


@pytest.mark.parametrize(
    "title",
    ["", " \n\t", "\x00", "x" * 201, "x" * 300, "two\nlines", "תיק \u202eevil", "a\u2066b", "\ud800broken"],
    ids=ascii,
)
def test_titles_that_are_none(place: Place, title: str) -> None:
    with pytest.raises(Invalid) as refusal:
        place.make(title)
    assert refusal.value.field == "title"


def test_a_description_has_a_limit(place: Place) -> None:
    assert len(place.make(description="x" * 20_000).description) == 20_000
    for too_much in ("x" * 20_001, "a\x1b[2Jb"):
        with pytest.raises(Invalid) as refusal:
            place.make(description=too_much)
        assert refusal.value.field == "description"


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
    mine = assigning.take(place["fr_member"], place.make("Mine").id)
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
    assigning.assign(other["fr_leader"], late.id, 1, place["fr_member"].id)
    for title, due in (("Soon", TODAY), ("Never", None)):
        made = service.create_task(place["fr_leader"], place.board.id, place.columns["todo"], title, due_on=due)
        assigning.take(place["fr_member"], made.id)
    finished = assigning.take(place["fr_member"], place.make("Finished").id)
    service.move_task(place["fr_member"], finished.id, finished.edition, place.columns["done"])
    assert [task.title for task in reading.mine(place["fr_member"])] == ["Late", "Soon", "Never"]
    factories.end_membership(other, "fr_member_too")
    assert [task.title for task in reading.mine(place["fr_member"])] == ["Soon", "Never"]
    asked_of_nl(place)(place.make("Asked"))
    assert [task.title for task in reading.asked(place["nl_leader"])] == ["Asked"]
    assert reading.asked(place["nl_member"]) == []
