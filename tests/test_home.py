"""Home: what is new and what waits for a person in each JIT, and where it leads whoever is in none."""

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.exhibits.models import CountryRule, VaultVisit
from jit_portal.files.models import StoredFile
from jit_portal.identity import proposals
from jit_portal.jits.models import Agreement
from jit_portal.messages.models import Channel, ReadMark
from jit_portal.tasks import assigning
from jit_portal.tasks import service as tasks
from jit_portal.tasks.models import Board
from jit_portal.vocabulary import Audience, ColumnKind, Duty, Integrity, NoticeKind, Sight
from jit_portal.web import home
from jit_portal.workspaces import overview
from jit_portal.workspaces.models import Membership
from tests import factories
from tests.drafting import Desk, desk
from tests.factories import World
from tests.news import TODAY, Browse, message, task, tell, world
from tests.register import ROW
from tests.vault import do_the_work, put

FIXTURES = (world,)
"""They are asked for by name."""


@pytest.fixture
def at(app: Flask) -> Iterator[Desk]:
    with app.test_request_context():
        yield desk()


def test_much_that_is_new_in_one_jit_hides_nothing_of_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "MOST_COUNTED", 2)
    other = factories.world("Kestrel", ("fr", "nl"), world.providers)
    with transaction():
        other.join("both", "fr", person=world["fr_leader"])
    for at, many in ((world, 5), (other, 1)):
        for number in range(many):
            factories.release(at, factories.exhibit(at, "nl", f"Shown {number}"), "fr")
    found = session().execute(overview._fresh_exhibits(), {"asker": world["fr_leader"].id}).all()
    assert dict(found) == {world.workspace.id: 2, other.workspace.id: 1}


def test_each_jit_says_what_is_new_in_it(world: World) -> None:
    heard, restricted = factories.channel(world), factories.channel(world, "others", Audience.PEOPLE)
    for place in (heard, heard, heard, restricted):
        message(world, place)
    with transaction():
        session().add(ReadMark(channel_id=heard.id, user_id=world["fr_leader"].id, number=1))
    hidden = factories.exhibit(world, "nl", "Hidden")
    shown, older = factories.exhibit(world, "nl", "Shown"), factories.exhibit(world, "nl", "Older")
    factories.exhibit(world, "nl", "Meant by a rule", tags=("harbour",))
    factories.release(world, shown, "fr")
    [card] = home.home(world["fr_leader"]).cards
    assert (card.unread, card.fresh_exhibits) == (2, 1)
    assert card.days_left > 300
    assert [party.country for party in card.parties] == ["FR", "NL", "EUROJUST"]
    with transaction():
        session().add(VaultVisit(workspace_id=world.workspace.id, user_id=world["fr_leader"].id))
    [card] = home.home(world["fr_leader"]).cards
    assert card.fresh_exhibits == 0
    to_france = factories.release(world, shown, "fr", Sight.USE, live_from=factories.now()).principal_id
    factories.release(world, hidden, "fr", live_from=factories.now() + dt.timedelta(days=1))
    assert overview.overview(world["fr_leader"], world.workspace).fresh_exhibits == 0
    factories.release(world, older, "fr", live_from=factories.now())
    factories.release(world, older, world["fr_leader"], live_from=factories.now())
    assert overview.overview(world["fr_leader"], world.workspace).fresh_exhibits == 1
    rule = {"workspace_id": world.workspace.id, "party_id": world.parties["nl"].id, "set_by_id": world["nl_leader"].id}
    with transaction():
        session().add(CountryRule(is_forbid=False, tag="harbour", principal_id=to_france, sight=Sight.SEE, **rule))
    [card] = home.home(world["fr_leader"]).cards
    assert card.fresh_exhibits == 2


def test_each_jit_shows_the_flags_of_its_parties(world: World, browse: Browse) -> None:
    others = factories.world("Kestrel", ("fr", "ro"), world.providers)
    with transaction():
        others.join("both", "fr", person=world["fr_leader"])
    page = browse(world["fr_leader"]).get("/").text
    flags = dict(re.findall(r'jit-card".*?<bdi>(.*?)</bdi>.*?class="flags">(.*?)</p>', page, re.DOTALL))
    shown = {name: re.findall(r'/flags/(\w+)\S*" alt="([^"]+)"', text) for name, text in flags.items()}
    france = ("fr", "France")
    assert shown == {"Lantern": [france, ("nl", "Netherlands")], "Kestrel": [france, ("ro", "Romania")]}
    assert '<span class="vh">Login EU</span>' in flags["Lantern"], "a body has no flag"


def test_each_jit_says_what_changed_for_one_and_who_joined(world: World, browse: Browse) -> None:
    reader, board = world["fr_member"], factories.board(world)
    mine = task(world, board, "Mine", None, "fr_member")
    task(world, board, "Somebody else's", None)
    asked = assigning.ask(world["fr_leader"], task(world, board, "Asked", None).id, 1, world.parties["nl"].id, "Please")
    with transaction():
        me = session().merge(world.members["fr_member"])
        me.live_from = factories.now() - dt.timedelta(minutes=1)
        for days, name in ((30, "fr_leader"), (0, "nl_leader"), (0, "nl_member"), (0, "eu_participant")):
            session().merge(world.members[name]).live_from = me.live_from - dt.timedelta(days=days)
        world.join("newcomer", "nl")
        world.members["newcomer"].live_from = factories.now() - dt.timedelta(seconds=1)
        session().add(second_version(world))
    [card] = home.home(reader).cards
    assert (card.tasks, card.joined, card.versions) == (1, 1, 1)
    page = browse(reader).get("/").text
    for words in ("1 task new or changed for you", "1 person joined", "1 new version of the agreement"):
        assert words in page
    tasks.edit_task(reader, mine.id, mine.edition, "Mine", "Seen", None)
    [card] = home.home(reader).cards
    assert card.tasks == 0
    [card] = home.home(world["nl_leader"]).cards
    assert card.tasks == 1
    assigning.decline(world["nl_leader"], asked.id, asked.edition, "No time")
    [card] = home.home(world["nl_leader"]).cards
    assert card.tasks == 0


def second_version(world: World) -> Agreement:
    """The next version, signed and to begin tomorrow; the first goes on until then."""
    first = session().merge(world.agreement)
    kept = {column.key: getattr(first, column.key) for column in Agreement.__table__.columns}
    again = {"id": uuid.uuid4(), "version": 2, "in_force_from": factories.now() + dt.timedelta(days=1)}
    return Agreement(**kept | again)


def test_a_jit_one_has_left_is_gone_from_home(world: World) -> None:
    factories.end_membership(world, "fr_member")
    assert home.home(world["fr_member"]).cards == []


def test_tasks_come_by_their_day_the_most_pressing_first(world: World) -> None:
    board, day = factories.board(world), dt.timedelta(days=1)
    for title, due in (
        ("later", TODAY + 30 * day),
        ("undated", None),
        ("week", TODAY + 3 * day),
        ("overdue", TODAY - 3 * day),
        ("older", TODAY - 9 * day),
    ):
        task(world, board, title, due)
    task(world, board, "somebody else's", TODAY, "fr_member")
    done = task(world, board, "done", TODAY)
    with transaction():
        done.column_id = next(column.id for column in session().merge(board).columns if column.kind == ColumnKind.DONE)
    groups = home.home(world["fr_leader"]).tasks
    assert [(group, [each.title for each in tasks]) for group, tasks in groups] == [
        ("overdue", ["older", "overdue"]),
        ("week", ["week"]),
        ("later", ["later"]),
        ("undated", ["undated"]),
    ]


@pytest.mark.parametrize(("days", "group"), [(-1, "overdue"), (0, "today"), (1, "week"), (7, "week"), (8, "later")])
def test_the_day_decides_the_group(days: int, group: str) -> None:
    assert home._group(TODAY + dt.timedelta(days=days), TODAY) == group


def test_uploads_offers_and_mentions_wait(world: World, browse: Browse, monkeypatch: pytest.MonkeyPatch) -> None:
    offered = factories.exhibit(world, "fr", "Notebook")
    other = factories.exhibit(world, "nl", "Not shown")
    factories.exhibit(world, "fr", "Not offered")
    with transaction():
        for exhibit in (offered, other):
            exhibit.offered_to_id = world["fr_leader"].id
            session().merge(exhibit)
        for name, owner in (("mine.bin", "fr_leader"), ("theirs.bin", "fr_member")):
            session().add(_receiving(world, name, owner))
    said = message(world, factories.channel(world), text="@you")
    tell(NoticeKind.MENTIONED, said, world["fr_leader"], world["nl_leader"])
    found = home.home(world["fr_leader"])
    assert [exhibit.id for exhibit in found.offers] == [offered.id]
    assert [file.name for file in found.uploads] == ["mine.bin"]
    assert [each.notice.object_id for each in found.mentions] == [said.id]
    page = browse(world["fr_leader"]).get("/").text
    for shown in ("Notebook", "mine.bin", "mentioned you in #everyone", "Waiting for you"):
        assert shown in page
    for hidden in ("Not shown", "Not offered", "theirs.bin", " more "):
        assert hidden not in page
    monkeypatch.setattr(home, "FEW", 1)
    with transaction():
        session().add(_receiving(world, "another.bin", "fr_leader"))
        session().merge(factories.exhibit(world, "fr", "Diary")).offered_to_id = world["fr_leader"].id
    for _ in range(2):
        tell(NoticeKind.MENTIONED, said, world["fr_leader"], world["nl_leader"])
    page = browse(world["fr_leader"]).get("/").text
    for words in ("and 1 more exhibit to accept", "and 1 more upload to finish", "and 2 more mentions of you"):
        assert words in page


def test_a_file_whose_hash_was_never_said_waits_for_whoever_sent_it_while_she_sees_its_exhibit(
    world: World, browse: Browse, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    exhibit = put(world, b"hello", "silent.bin", is_declared=False)
    put(world, b"hello", "said.bin")
    assert home.home(world["fr_member"]).uploads == []
    do_the_work(environ)
    reader, words = browse(world["fr_member"]), "All bytes are here: choose the file once more"
    page = reader.get("/").text
    assert page.count(words) == 1
    assert f'href="/exhibits/{exhibit.id}#compare"' in page
    assert "silent.bin" in page
    assert "said.bin" not in page
    for other in ("fr_leader", "nl_leader"):
        assert words not in browse(world[other]).get("/").text
    monkeypatch.setattr(home, "FEW", 1)
    with transaction():
        session().add(_receiving(world, "begun.bin", "fr_member"))
    assert "and 1 more upload to finish" in reader.get("/").text
    with transaction():
        hers = update(Membership).where(Membership.user_id == world["fr_member"].id)
        session().execute(hers.values(party_id=world.parties["nl"].id))
    page = reader.get("/").text
    assert "silent.bin" not in page
    assert "more upload" not in page


def _receiving(world: World, name: str, owner: str) -> StoredFile:
    return StoredFile(
        jit_id=world.jit.id,
        workspace_id=world.workspace.id,
        party_id=world.parties["fr"].id,
        uploaded_by_id=world[owner].id,
        name=name,
        length=10,
        received=4,
        object_name=uuid.uuid4().hex,
        key_name="test",
        wrapped_key=b"",
        integrity=Integrity.RECEIVING,
        expires_at=factories.now() + dt.timedelta(days=7),
    )


def test_a_draft_waits_for_whoever_may_record_a_signature(app: Flask, at: Desk, browse: Browse) -> None:
    agreement = at.begin("fr", "nl")
    waiting = home.home(at["nl_one"])
    assert [(draft.id, [named.party.country for named in parties]) for draft, parties in waiting.drafts] == [
        (agreement.id, ["NL"])
    ]
    assert home.home(at["ro_one"]).drafts == []
    assert "Finish version 1 of Heron" in browse(at["nl_one"]).get("/").text
    at.sign(agreement)
    assert home.home(at["nl_one"]).drafts == []


def test_a_jit_that_begins_later_says_when(app: Flask, at: Desk, browse: Browse) -> None:
    agreement = at.in_force(starts_on=TODAY + dt.timedelta(days=5))
    [card] = home.home(at["nl_one"]).cards
    assert card.begins_at == agreement.in_force_from
    assert card.member is None
    page = browse(at["nl_one"]).get("/").text
    assert "It opens:" in page
    assert browse(at["nl_one"]).get(f"/jits/{agreement.jit_id}/agreement").status_code == 200


def test_who_is_nowhere_yet_is_told_how_it_begins(world: World, browse: Browse) -> None:
    with transaction():
        states = factories.user(world.providers["nl"], "Newcomer")
        body = factories.user(world.providers["eu"], "Body")
    page = browse(states).get("/").text
    assert "You are in no JIT yet" in page
    assert "Draft a JIT" in page
    assert "No task is yours" in page
    page = browse(body).get("/").text
    assert "You are in no JIT yet" in page
    assert "/jits/new" not in page


def test_nobody_gets_home_without_signing_in(app: Flask) -> None:
    client = app.test_client()
    for path in ("/", "/notices"):
        answer = client.get(path, base_url="https://localhost")
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/sign-in")
    for path in ("/notices/read", f"/notices/{uuid.uuid4()}/read"):
        assert client.post(path, base_url="https://localhost").status_code in (400, 401)


def test_home_takes_as_many_queries_for_much_as_for_little(
    world: World, browse: Browse, count_queries: Callable[[], int]
) -> None:
    reader = browse(world["fr_leader"])
    board, channel = factories.board(world), factories.channel(world)

    def more(each: World, its_board: Board, its_channel: Channel, number: int) -> None:
        task(each, its_board, f"Task {number}", TODAY + dt.timedelta(days=number))
        said = message(each, its_channel)
        for kind in NoticeKind:
            tell(kind, said, world["fr_leader"], each["nl_leader"])
        tell(NoticeKind.ASSIGNED, task(each, its_board, "T", None), world["fr_leader"], each["nl_leader"])
        factories.release(each, factories.exhibit(each, "nl", f"Thing {number}"), "fr")
        with transaction():
            session().add(_receiving(each, f"{number}.bin", "fr_leader"))

    def cost(path: str) -> int:
        session().rollback()
        count_queries()
        assert reader.get(path).status_code == 200
        return count_queries()

    more(world, board, channel, 0)
    reader.get("/")
    few = {path: cost(path) for path in ("/", "/notices")}
    for number in range(1, 4):
        more(world, board, channel, number)
    for name in ("Kestrel", "Heron"):
        other = factories.world(name, providers=world.providers)
        with transaction():
            other.join("me", "fr", person=world["fr_leader"])
        other.people["fr_leader"] = world["fr_leader"]
        other.members["fr_leader"] = other.members["me"]
        more(other, factories.board(other), factories.channel(other), 9)
    assert {path: cost(path) for path in few} == few
    assert few["/"] <= 16
    assert few["/notices"] <= 24


def test_a_proposal_waits_for_another_operator(world: World, browse: Browse) -> None:
    one, other = (factories.administrator(world.providers["fr"], Duty.OPERATOR) for _ in range(2))
    proposal = proposals.propose(one, replace(ROW, name="Login of Belgium"))
    address = f'href="/providers/proposals/{proposal.id}"'
    assert [address in browse(each).get("/").text for each in (one, other)] == [False, True]
    for each in (factories.administrator(world.providers["fr"]), world["fr_leader"]):
        assert "Login of Belgium" not in browse(each).get("/").text
    proposals.refuse(other, "be", proposal.id)
    assert address not in browse(other).get("/").text


@pytest.mark.parametrize(
    ("duty", "leads"), [(Duty.NATIONAL_ADMINISTRATOR, ["/people"]), (Duty.OPERATOR, ["/people", "/providers"])]
)
def test_who_looks_after_accounts_is_led_to_them_and_to_no_tasks(
    world: World, browse: Browse, duty: Duty, leads: list[str]
) -> None:
    page = browse(factories.administrator(world.providers["fr"], duty)).get("/").text
    dock = page[page.index('<nav class="dock"') :]
    dock = dock[: dock.index("</nav>")]
    assert re.findall(r'<a href="([^"]+)"', dock) == ["/", *leads, "/notices"]
    content = page[page.index("<main") : page.index("</main>")]
    assert [path for path in ("/people", "/providers") if f'href="{path}"' in content] == leads
    assert 'href="/tasks"' not in page
