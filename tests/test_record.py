"""The record's page: who reads which entries, and how they are said."""

import base64
import json
import re
import uuid

from jit_portal.audit import service as audit
from jit_portal.custody import service as custody
from jit_portal.database import session, transaction
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits import releasing
from jit_portal.exhibits.models import Exhibit
from jit_portal.messages import channels
from jit_portal.messages import service as messages
from jit_portal.messages.channels import ChannelWish
from jit_portal.tasks import boards
from jit_portal.tasks import service as tasks
from jit_portal.vocabulary import Audience, Purpose, Role, Sight
from tests import factories
from tests.factories import World
from tests.record import Browse, Look, exhibit, look, numbers, read, rows, take, world
from tests.vault import token_in

FIXTURES = (exhibit, look, take, world)
"""They are asked for by name."""


# --- what an entry says


def test_an_entry_says_who_did_what_to_whom_when_and_how_far(world: World, exhibit: Exhibit, look: Look) -> None:
    leader = world["fr_leader"]
    to = f"party:{world.parties['nl'].id}"
    releasing.release(leader, exhibit, to, Sight.READ, Purpose.JIT_PURPOSE)
    custody_of(world, exhibit, "nl_member")
    exhibit_bytes.open_for_reading(world["fr_leader"], exhibit)
    opened, handed, released = rows(look("fr_leader"))
    assert re.search(r"\d{1,2} \w+ \d{4}, \d\d:\d\d:\d\d (CET|CEST)", released)
    assert re.search(r"\d\d:\d\d:\d\d\.\d{6}\+0[12]:00 Europe/Paris", released)
    for words in ("Fr_Leader", "France", "Police FR", "Exhibit released", "Netherlands", "Read", exhibit.reference):
        assert words in released, words
    assert "The purposes of this JIT" in released
    assert "exhibit.released" in released
    assert "Exhibit handed over Nl_Member" in handed
    assert exhibit.file is not None
    sha256 = str(exhibit.file.sha256)
    assert f"Exhibit previewed {sha256[:4]}…{sha256[-4:]}" in opened
    assert sha256 in opened


def custody_of(world: World, exhibit: Exhibit, to: str) -> None:
    with transaction():
        custody.receive(world["fr_member"], session().merge(exhibit))
    session().refresh(exhibit)
    custody.hand_over(world["fr_member"], exhibit, world[to].id, "For the laboratory.")


def test_what_is_named_and_not_shown_to_the_reader_stays_nameless(world: World, look: Look) -> None:
    channel = factories.channel(world, "Kingfisher", Audience.PEOPLE)
    board = factories.board(world, "Kingfisher", "KFR", Audience.PEOPLE)
    column = session().merge(board).columns[0]
    with transaction():
        audit.record(world["fr_leader"], "message.posted", world.parties["fr"], channel=channel.id)
        audit.record(world["fr_leader"], "task.created", world.parties["fr"], board=board.id, column=column.id)
    on_board, in_channel = rows(look("fr_leader"))
    assert "Channel not shown to you" in in_channel
    assert "Board not shown to you" in on_board
    assert "Column not shown to you" in on_board
    assert "Kingfisher" not in in_channel + on_board


def test_a_refusal_says_what_was_tried(world: World, exhibit: Exhibit, browse: Browse, look: Look) -> None:
    factories.release(world, exhibit, "nl", Sight.SEE)
    client = browse(world["nl_member"])
    assert client.get(f"/exhibits/{exhibit.id}/release", base_url="https://localhost").status_code == 403
    (entry,) = rows(look("fr_leader", outcome="refused"))
    assert "Nl_Member Netherlands , Police NL Release an exhibit Not allowed" in entry
    assert entry.endswith(f"{exhibit.reference} Refused")


def test_whoever_may_not_read_it_is_told_who_may_and_that_is_on_record(world: World, look: Look) -> None:
    page = look("fr_member")
    assert page.status_code == 403
    assert "Fr_Leader" in page.text
    (entry,) = rows(look("fr_leader"))
    assert "Read the record" in entry


def test_an_edit_that_came_too_late_is_on_record(world: World, browse: Browse, look: Look) -> None:
    """Though the page answers it with the form, like a slip of the pen."""
    channel = factories.channel(world)
    message = messages.post(world["fr_leader"], channel, "At noon.", uuid.uuid4())
    client = browse(world["fr_leader"])
    address = f"/messages/{message.id}/edit"
    token = token_in(client.get(address, base_url="https://localhost").text)
    answer = client.post(
        address,
        data={"text": "At one.", "edition": "7"},
        headers={"X-CSRFToken": token, "Referer": "https://localhost/"},
        base_url="https://localhost",
    )
    assert answer.status_code == 409
    (entry,) = rows(look("fr_leader", outcome="refused"))
    assert "Edit a message Not possible as things stood" in entry


def test_an_upload_that_is_refused_is_on_the_record_of_its_party(
    world: World, browse: Browse, look: Look, environ: dict[str, str]
) -> None:
    client = browse(world["al_leader"])
    token = token_in(client.get("/", base_url="https://localhost").text)
    said = {"workspace": str(world.workspace.id), "filename": "a.pdf", "title": "Diary", "unclassified": "yes"}
    packed = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Metadata": packed}
    headers = tus | {"X-CSRFToken": token, "Referer": "https://localhost/"}
    answer = client.post("/vault/uploads", headers=headers, base_url="https://localhost")
    assert answer.status_code == 409
    (entry,) = rows(look("al_leader"))
    assert "Upload an exhibit Not possible as things stood" in entry
    assert rows(look("fr_leader")) == []


# --- what does not exist for the reader


def test_restricted_channels_and_boards_are_on_the_record_of_who_opened_them(
    world: World, look: Look, take: Look
) -> None:
    """Not on the others': no act, no reference, and nobody's id."""
    leader, space = world["fr_leader"], world.workspace
    named = world["nl_member"].id
    channel = channels.open_channel(
        leader, space, ChannelWish("Arrests", audience=Audience.PEOPLE, user_ids=frozenset({named}))
    )
    messages.post(leader, channel, "Friday at noon.", uuid.uuid4())
    board = boards.open_board(leader, space.id, "Arrests", "KFR", Audience.PEOPLE, person_ids=[named])
    task = tasks.create_task(leader, board.id, session().merge(board).columns[0].id, "Knock")
    channels.open_channel(leader, space, ChannelWish("Open to all"))
    mine = take("fr_leader").text
    assert f'"{task.key}"' in mine
    assert str(named) not in mine
    for other in ("nl_leader", "al_leader"):
        page, taken = look(other), take(other).text
        assert [entry for entry in rows(page) if "opened" in entry] == [
            entry for entry in rows(page) if "Everyone in this JIT" in entry
        ], other
        assert len(rows(page)) == 1 + taken.count("record.exported")
        for secret in ("KFR", "Arrests", str(board.id), str(channel.id), str(task.id), "message."):
            assert secret not in page.text, (other, secret)
            assert secret not in taken, (other, secret)


def test_whoever_leads_in_two_jits_reads_each_record_by_itself(
    world: World, exhibit: Exhibit, look: Look, take: Look
) -> None:
    other = factories.world("Harbour", ("fr", "nl"), providers=world.providers)
    with transaction():
        other.join("both", "fr", Role.LEADER, person=world["fr_leader"])
    read(other, factories.exhibit(other), 5, by="both")
    read(world, exhibit, 2)
    page = look("fr_leader", act="exhibit.read")
    assert numbers(page) == [2, 1]
    assert [entry["chain"] for entry in json.loads(take("fr_leader", act="exhibit.read").text)] == 2 * [
        str(world.jit.id)
    ]
    assert numbers(look("fr_leader", before=5)) == [3, 2, 1]
