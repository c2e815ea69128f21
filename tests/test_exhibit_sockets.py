"""What releases, rules and custody change is heard over real sockets by those whose screens change, and nobody else."""

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from flask import Flask

from jit_portal.audit import service as audit
from jit_portal.custody import service as custody
from jit_portal.database import Thing, transaction
from jit_portal.exhibits import entrusting, releasing, rules, service, windows
from jit_portal.exhibits.descriptions import read
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.tasks import assigning
from jit_portal.tasks import service as tasks
from jit_portal.vocabulary import ExhibitKind, Purpose, Sight
from jit_portal.workspaces import service as workspaces
from tests import factories
from tests.boards import columns_of
from tests.factories import World
from tests.vault import put
from tests.web import Ear, Web

FRANCE = {"fr_leader", "fr_member"}
NETHERLANDS = {"nl_leader", "nl_member"}


@dataclass
class Room:
    """An exhibit of France, and a socket of everybody: both countries, Albania, Eurojust, one who left, a stranger."""

    world: World
    exhibit: Exhibit
    ears: dict[str, Ear] = field(default_factory=dict)

    def to(self, slug: str) -> str:
        return f"party:{self.world.parties[slug].id}"

    def hearers(self, act: str, thing: Thing) -> set[str]:
        """Who has heard, up to now, that this, or anything, was done to this thing."""
        end = str(uuid.uuid4())
        with transaction():
            audit.announce("notice", uuid.UUID(end), "notice.end", [ear.signed.person.id for ear in self.ears.values()])
        heard = set()
        for name, ear in self.ears.items():
            while (said := ear.hear("changed"))["id"] != end:
                assert set(said) == {"noun", "id", "act"}, "no content"
                if said["id"] == str(thing.id) and act in ("", said["act"]):
                    heard.add(name)
        return heard

    def release(self, to: str, sight: Sight = Sight.READ) -> Release:
        return releasing.release(self.world["fr_leader"], self.exhibit, to, sight, Purpose.JIT_PURPOSE)

    def rule(self, to: str, **said: object) -> CountryRule:
        wanted = RuleDescription(**{"is_forbid": False, "to": to, "sight": Sight.READ, **said})  # type: ignore[arg-type]
        return rules.set_rule(self.world["fr_leader"], self.world.workspace, self.world.parties["fr"], wanted)


@pytest.fixture
def room(process: Web, app: Flask) -> Iterator[Room]:
    with app.test_request_context():
        world = factories.world(slugs=("fr", "nl", "al", "eu"))
        other = factories.world("Kestrel", slugs=("fr", "nl"), providers=world.providers)
        world.people["stranger"] = other["nl_leader"]
        with transaction():
            world.join("nl_gone", "nl")
        factories.end_membership(world, "nl_gone")
        made = Room(world, factories.exhibit(world))
        for name, someone in world.people.items():
            made.ears[name] = process.sign_in(someone).connect()
        yield made
        for ear in made.ears.values():
            ear.close()


def test_a_release_and_its_withdrawal_are_heard_by_those_it_means(room: Room) -> None:
    made = room.release(room.to("nl"))
    assert room.hearers("exhibit.changed", room.exhibit) == FRANCE | NETHERLANDS
    releasing.withdraw(room.world["fr_leader"], made, "By mistake.")
    assert room.hearers("exhibit.changed", room.exhibit) == FRANCE | NETHERLANDS
    assert room.ears["nl_member"].signed.get(f"/exhibits/{room.exhibit.id}").status_code == 404


def test_a_release_to_one_person_is_heard_by_that_person(room: Room) -> None:
    made = room.release(f"person:{room.world['nl_member'].id}")
    assert room.hearers("exhibit.changed", room.exhibit) == FRANCE | {"nl_member"}
    releasing.withdraw(room.world["fr_leader"], made, "By mistake.")
    assert room.hearers("exhibit.changed", room.exhibit) == FRANCE | {"nl_member"}


def test_what_is_done_to_an_exhibit_is_not_told_to_those_who_see_it(room: Room) -> None:
    """To whom else it is released, and that it changes hands, is for its own party to know."""
    receiver = room.world["nl_member"]
    with transaction():
        custody.receive(room.world["fr_member"], room.exhibit)
    room.release(room.to("nl"), Sight.SEE)
    room.hearers("", room.exhibit)
    releasing.withdraw(room.world["fr_leader"], room.release(room.to("eu")), "By mistake.")
    room.release(f"person:{receiver.id}")
    custody.hand_over(room.world["fr_member"], room.exhibit, receiver.id, "For examination.")
    for _ in range(4):
        assert room.ears["nl_leader"].hear("changed")["act"] == "exhibit.changed"


def test_a_release_to_a_body_is_heard_by_its_participants(room: Room) -> None:
    room.release(room.to("eu"))
    assert room.hearers("exhibit.changed", room.exhibit) == FRANCE | {"eu_participant"}


def test_what_is_described_anew_is_heard_by_those_who_see_it(room: Room) -> None:
    service.describe(room.world["fr_member"], room.exhibit, "Another title", "", "", 1)
    assert room.hearers("exhibit.changed", room.exhibit) == FRANCE


def test_what_is_uploaded_is_heard_by_its_own_party(room: Room) -> None:
    made = put(room.world, b"Minutes of the meeting.")
    assert room.hearers("exhibit.changed", made) == FRANCE


@pytest.mark.parametrize("is_forbid", [False, True], ids=["standing release", "forbid"])
def test_a_rule_and_its_end_are_heard_by_those_it_names(room: Room, is_forbid: bool) -> None:
    """Those it names do not learn that it is a rule: they look again at all that their pages show."""
    rule = room.rule(room.to("nl"), is_forbid=is_forbid)
    for name in NETHERLANDS:
        room.ears[name].hear("look_again")
    assert room.hearers("country_rule.changed", rule) == FRANCE
    rules.close_rule(room.world["fr_leader"], rule)
    for name in NETHERLANDS:
        room.ears[name].hear("look_again")
    assert room.hearers("country_rule.changed", rule) == FRANCE


def test_classifying_anew_is_heard_by_those_who_gain_and_who_lose(room: Room) -> None:
    room.rule(room.to("nl"), kind=ExhibitKind.IMAGE)
    said = {"title": "Ledger", "handling": "H0", "unclassified": "yes"}
    leader = room.world["fr_leader"]
    for edition, kind in enumerate(("image", "document"), 1):
        service.reclassify(leader, room.exhibit, read({**said, "kind": kind}), edition)
        assert room.hearers("exhibit.changed", room.exhibit) == FRANCE | NETHERLANDS, kind
    service.reclassify(leader, room.exhibit, read({**said, "kind": "video"}), 3)
    assert room.hearers("exhibit.changed", room.exhibit) == FRANCE, "to the others it has not been there"


def test_custody_is_heard_by_both_hands(room: Room) -> None:
    holder, receiver = room.world["fr_member"], room.world["nl_member"]
    with transaction():
        custody.receive(holder, room.exhibit)
    room.release(f"person:{receiver.id}")
    custody.hand_over(holder, room.exhibit, receiver.id, "For examination.")
    assert room.hearers("exhibit.changed", room.exhibit) == FRANCE | {"nl_member"}
    custody.decline(receiver, room.exhibit, "The bag is open.")
    assert room.hearers("exhibit.changed", room.exhibit) == FRANCE | {"nl_member"}
    custody.hand_over(holder, room.exhibit, receiver.id, "Sealed anew.")
    custody.accept(receiver, room.exhibit)
    assert room.hearers("exhibit.changed", room.exhibit) == FRANCE | {"nl_member"}


@pytest.mark.parametrize("answer", ["taken back", "declined"])
def test_the_end_of_an_offer_is_not_heard_by_who_sees_the_exhibit_no_more(room: Room, answer: str) -> None:
    """Not as a notice either: it would stand nowhere."""
    holder, receiver = room.world["fr_member"], room.world["nl_member"]
    with transaction():
        custody.receive(holder, room.exhibit)
    shown = room.release(f"person:{receiver.id}")
    custody.hand_over(holder, room.exhibit, receiver.id, "For examination.")
    if answer == "taken back":
        releasing.withdraw(room.world["fr_leader"], shown, "Too early.")
        room.hearers("", room.exhibit)
        custody.take_back(holder, room.exhibit)
        assert room.hearers("", room.exhibit) == FRANCE
    else:
        factories.end_membership(room.world, "fr_member")
        room.hearers("", room.exhibit)
        custody.decline(receiver, room.exhibit, "The bag is open.")
        assert room.hearers("", room.exhibit) == {"fr_leader", "nl_member"}


def test_the_answer_to_a_question_is_not_heard_by_an_asker_who_has_left(room: Room) -> None:
    world = room.world
    board = factories.board(world)
    task = tasks.create_task(world["fr_leader"], board.id, columns_of(board)["todo"], "Trace the lorry")
    assigning.ask(world["fr_leader"], task.id, task.edition, world.parties["nl"].id, "You have the tool.")
    factories.end_membership(world, "fr_leader")
    room.hearers("", task)
    assigning.decline(world["nl_leader"], task.id, task.edition, "We have not.")
    assert room.hearers("", task) == {"fr_member", *NETHERLANDS, "al_leader", "al_member"}


@pytest.mark.parametrize("how", ["by a leader", "by the clock"])
def test_the_end_of_what_was_entrusted_is_not_heard_by_who_has_left(room: Room, how: str) -> None:
    world = room.world
    ends = factories.now() - dt.timedelta(seconds=1) if how == "by the clock" else None
    made = factories.entrustment(world, "fr_member", live_until=ends)
    factories.end_membership(world, "fr_member")
    if ends is None:
        entrusting.end_entrustment(world["fr_leader"], made)
    else:
        assert windows.tell_of_changes() == 1
    assert room.hearers("", made) == {"fr_leader"}


def test_a_membership_that_ends_is_heard_by_whom_it_shuts_out(room: Room) -> None:
    room.release(room.to("nl"))
    member = room.world.members["nl_member"]
    workspaces.end(room.world["nl_leader"], member, "Moved to another unit.")
    heard = room.hearers("membership.ended", member)
    assert heard >= FRANCE | NETHERLANDS
    assert not heard & {"stranger", "nl_gone"}
    service.describe(room.world["fr_member"], room.exhibit, "Another title", "", "", 1)
    assert room.hearers("exhibit.changed", room.exhibit) == FRANCE | {"nl_leader"}
