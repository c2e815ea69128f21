"""One rule for what people type: no field of one line hides a part of itself, and no script or sign is lost."""

import html
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from jit_portal import typed
from jit_portal.custody import service as custody
from jit_portal.custody.models import CustodyEvent
from jit_portal.database import Model, session, transaction
from jit_portal.errors import Invalid
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits import releasing, rules
from jit_portal.exhibits.descriptions import read
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import User
from jit_portal.messages import channels
from jit_portal.messages.models import Channel
from jit_portal.tasks.boards import open_board
from jit_portal.tasks.models import Board, Task
from jit_portal.vocabulary import Audience, Purpose, Sight
from tests import factories
from tests.exhibits import post
from tests.factories import World
from tests.vault import Sender, error_in, exhibit_of, how_many

T = TypeVar("T", bound=Model)
Browse = Callable[[User], FlaskClient]
HIDING = [
    "invoice\u202efdp.exe",
    "a\u2067b",
    "\u202efdp.exe\u202c",
    "\u202aa\u202c b \u202ac\u202c",
    "two\nlines",
    "two\u2028lines",
    "a\x1b[2Jb",
    "a\x85b",
]
IN_ONE_LINE = "Write this in one line, without control or direction characters."
SCRIPTS = {
    "emoji": "👩🏽‍🚀 👨‍👩‍👧‍👦 🇫🇷 ☑️",
    "right to left": "\u200fתיק 12, مرحبا\u200e (می‌خواهم)",
    "combining": "x\u0302 q\u0323\u0307, क्षि, Zoë",
}
every_script = pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.test_request_context():
        yield factories.world()
    session.remove()


def only(model: type[T]) -> T:
    session().expire_all()
    return session().scalars(select(model).execution_options(policy=True)).unique().one()


@pytest.mark.parametrize(
    "text",
    ["\u202a{}\u202c", "\u202b{}\u202c", "\u2066{}\u2069", "\u2067{}\u2069", " \u2068 \u202a{} \u202c\t\u2069 "],
    ids=ascii,
)
def test_direction_marks_around_the_whole_of_a_line_are_taken_off_like_blanks(
    world: World, browse: Browse, text: str
) -> None:
    """As contact lists put them around a number."""
    leader, number = world["fr_leader"], "+352 621 555 017"
    pasted = text.format(number)
    said = read({"title": pasted, "place": pasted, "tags": text.format("bank, phone")})
    assert (said.title, said.place, said.tags) == (number, number, ("bank", "phone"))
    channels.open_channel(leader, world.workspace, channels.ChannelWish(pasted))
    open_board(leader, world.workspace.id, pasted, "NAM", Audience.EVERYONE)
    assert (only(Channel).own_name, only(Board).own_name) == (number, number)
    exhibit = factories.exhibit(world)
    edited = {"title": pasted, "place": pasted, "description": "", "edition": "1"}
    assert post(browse(world["fr_member"]), f"/exhibits/{exhibit.id}/edit", **edited)[0] == 303
    assert (only(Exhibit).title, only(Exhibit).place) == (number, number)
    named = text.format("x" * 60)
    assert post(browse(leader), f"/workspaces/{world.workspace.id}/channels", name=named, audience="everyone")[0] == 303
    assert how_many(Channel) == 2, "what is taken off does not count as long"


@pytest.mark.parametrize(
    "text",
    [
        *("\u202aabc", "abc\u202c", "\u202aabc\u2069", "\u2066abc\u202c", "\u202cabc\u202a", "\u202dabc\u202c"),
        *("\u202a\u202eabc\u202c\u202c", "\u202aa\u202c\u202ab\u202c", "\u202c", "\u2066a\nb\u2069"),
    ],
    ids=ascii,
)
def test_direction_marks_that_are_no_pair_around_it_all_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match=IN_ONE_LINE):
        typed.line(text)


def test_pairs_around_nothing_are_nothing(world: World) -> None:
    assert typed.line("\u202a \u2066\u2069\u202c") == ""
    assert len(typed.line("\u202a" * 500_000 + "a" + "\u202c" * 500_000)) == 1, "however many there are"
    with pytest.raises(Invalid, match="cannot be empty"):
        open_board(world["fr_leader"], world.workspace.id, "\u202a\u202c", "UNS", Audience.EVERYONE)


@every_script
def test_every_script_survives_in_what_is_said_of_an_exhibit(world: World, text: str) -> None:
    details = {"title": text, "description": f"{text}\n{text}", "place": text, "tags": text}
    details |= {"kind": "document", "handling": "H0", "unclassified": "yes"}
    sent = exhibit_bytes.Sent(f"{text}.txt", 1)
    made = exhibit_of(exhibit_bytes.receive(world["fr_member"], world.workspace, details, sent))
    assert (made.title, made.description, made.place) == (text, f"{text}\n{text}", text)
    assert ", ".join(sorted(made.tags)) == ", ".join(sorted(text.casefold().split(", ")))


@every_script
def test_every_script_survives_in_conditions_reasons_and_notes(world: World, text: str) -> None:
    leader, exhibit, to = world["fr_leader"], factories.exhibit(world), f"party:{world.parties['nl'].id}"
    releasing.release(leader, exhibit, to, Sight.READ, Purpose.JIT_PURPOSE, conditions=text)
    rules.set_rule(
        leader, world.workspace, world.parties["fr"], rules.RuleDescription(False, to, Sight.SEE, tag=text, note=text)
    )
    with transaction():
        custody.receive(world["fr_member"], exhibit)
    custody.hand_over(world["fr_member"], exhibit, world["nl_member"].id, text)
    assert only(Release).conditions == text
    assert (only(CountryRule).tag, only(CountryRule).note) == (text, text)
    reasons = select(CustodyEvent.reason).execution_options(policy=True)
    assert set(session().scalars(reasons)) == {"", text}


@every_script
def test_every_script_survives_in_the_names_of_channels_and_boards(world: World, text: str) -> None:
    channels.open_channel(world["fr_leader"], world.workspace, channels.ChannelWish(text))
    open_board(world["fr_leader"], world.workspace.id, text, "NAM", Audience.EVERYONE)
    assert (only(Channel).own_name, only(Board).own_name) == (text, text)


@pytest.mark.parametrize("text", HIDING, ids=ascii)
def test_a_line_that_hides_something_is_refused_by_every_verb(world: World, text: str) -> None:
    leader, workspace = world["fr_leader"], world.workspace
    wishes: dict[str, Callable[[], object]] = {
        "title": lambda: read({"title": text}),
        "place": lambda: read({"place": text}),
        "tags": lambda: read({"tags": f"bank, {text}"}),
        "name": lambda: channels.open_channel(leader, workspace, channels.ChannelWish(text)),
    }
    for field, wish in wishes.items():
        with pytest.raises(Invalid, match=IN_ONE_LINE) as refusal:
            wish()
        assert refusal.value.field == field
    with pytest.raises(Invalid, match=IN_ONE_LINE):
        open_board(leader, workspace.id, text, "NAM", Audience.EVERYONE)
    assert (how_many(Channel), how_many(Board)) == (0, 0)


def test_tabs_of_a_table_are_blanks_and_what_shows_nothing_is_no_title(world: World) -> None:
    leader, unseen = world["fr_leader"], "\u200b\u2060"
    open_board(leader, world.workspace.id, "Two\tcells", "NAM", Audience.EVERYONE)
    channels.open_channel(leader, world.workspace, channels.ChannelWish("Two\tcells"))
    assert (only(Board).own_name, only(Channel).own_name) == ("Two cells", "Two cells")
    assert read({"title": "Two\tcells"}).title == "Two cells"
    assert read({"title": unseen}, "scan.pdf").title == "scan.pdf"
    with pytest.raises(Invalid, match="cannot be empty"):
        open_board(leader, world.workspace.id, unseen, "UNS", Audience.EVERYONE)
    with pytest.raises(Invalid, match="1 to 60"):
        channels.open_channel(leader, world.workspace, channels.ChannelWish(unseen))


def test_longer_text_has_lines_and_every_direction_but_no_control_characters() -> None:
    kept = "first\n\tsecond \u202bשלום\u202c"
    assert typed.lines(kept.replace("\n", "\r\n")) == kept
    assert read({"description": kept}).description == kept
    assert typed.lines("a\x0bb\x0cc\x85d") == "a\nb\nc\nd"
    for control in ("\x1b[2J", "\x7f", "\ud800"):
        with pytest.raises(Invalid, match="control characters") as refusal:
            read({"description": f"a{control}b"})
        assert refusal.value.field == "description"


class TestForms:
    """What is refused comes back as it was typed, with the reason, and nothing of it is kept."""

    @pytest.mark.parametrize("field", ["title", "place"])
    @pytest.mark.parametrize("text", HIDING, ids=ascii)
    def test_of_one_line(self, world: World, browse: Browse, field: str, text: str) -> None:
        exhibit = factories.exhibit(world, title="Ledger")
        fields = {"title": "Ledger", "place": "Lyon", "description": "", "edition": "1", field: text}
        status, page = post(browse(world["fr_member"]), f"/exhibits/{exhibit.id}/edit", **fields)
        assert (status, IN_ONE_LINE in page, text in html.unescape(page)) == (422, True, True)
        assert (only(Exhibit).title, only(Exhibit).edition) == ("Ledger", 1)

    @pytest.mark.parametrize("text", HIDING, ids=ascii)
    def test_of_a_task_a_board_a_rule_and_tags(self, world: World, browse: Browse, text: str) -> None:
        exhibit, board, client = factories.exhibit(world), factories.board(world), browse(world["fr_leader"])
        workspace, to = f"/workspaces/{world.workspace.id}", f"party:{world.parties['nl'].id}"
        column = str(session().merge(board).columns[0].id)
        for path, fields in (
            (f"/boards/{board.id}/tasks", {"title": text, "column": column}),
            (f"{workspace}/boards", {"name": text, "prefix": "NAM", "audience": "everyone"}),
            (f"{workspace}/rules/new", {"is_forbid": "0", "to": to, "sight": "2", "tag": text}),
            (f"/exhibits/{exhibit.id}/reclassify", {"handling": "H0", "tags": text, "edition": "1"}),
        ):
            status, page = post(client, path, **fields)
            assert (status, IN_ONE_LINE in page, text in html.unescape(page)) == (422, True, True), path
        assert (how_many(Task), how_many(Board), how_many(CountryRule), only(Exhibit).tags) == (0, 1, 0, [])

    def test_of_longer_text(self, world: World, browse: Browse) -> None:
        leader, text = world["fr_leader"], "Wiped \x1b[2J here"
        exhibit, client = factories.exhibit(world, by=leader), browse(leader)
        with transaction():
            custody.receive(leader, exhibit)
        made, to = factories.release(world, exhibit, "nl", Sight.READ), f"party:{world.parties['nl'].id}"
        for path, fields in (
            (f"/exhibits/{exhibit.id}/release", {"to": to, "purpose": "jit_purpose", "conditions": text}),
            (f"/exhibits/{exhibit.id}/hand-over", {"to": str(world["nl_member"].id), "reason": text}),
            (f"/exhibits/{exhibit.id}/edit", {"title": "Ledger", "description": text, "edition": "1"}),
            (f"/releases/{made.id}/withdraw", {"reason": text}),
            (f"/workspaces/{world.workspace.id}/rules/new", {"is_forbid": "0", "to": to, "sight": "2", "note": text}),
        ):
            status, page = post(client, path, **fields)
            assert (status, "control characters" in page, text in html.unescape(page)) == (422, True, True), path
        assert (how_many(Release), how_many(CountryRule), only(Exhibit).edition) == (1, 0, 1)

    def test_of_who_declines_an_exhibit(self, world: World, browse: Browse) -> None:
        exhibit = factories.exhibit(world)
        with transaction():
            custody.receive(world["fr_member"], exhibit)
        factories.release(world, exhibit, "nl", Sight.READ)
        custody.hand_over(world["fr_member"], exhibit, world["nl_member"].id, "For examination.")
        client, path = browse(world["nl_member"]), f"/exhibits/{exhibit.id}/decline"
        for reason, why in (("\x1b[2J", "control characters"), ("", "Say why you decline it."), ("x" * 2001, "2000")):
            status, page = post(client, path, reason=reason)
            assert (status, why in page) == (422, True)


@pytest.mark.parametrize("text", HIDING, ids=ascii)
@pytest.mark.parametrize(
    ("field", "named"), [("title", "Title or path"), ("place", "Place of seizure"), ("tags", "Tags")]
)
def test_an_upload_that_hides_something_is_refused_and_nothing_begun(
    world: World, browse: Browse, field: str, named: str, text: str
) -> None:
    answer = Sender(browse(world["fr_member"])).create(world, 5, **{field: text})
    assert (answer.status_code, error_in(answer)) == (422, f"{named}: {IN_ONE_LINE}")
    assert (how_many(StoredFile), how_many(Exhibit)) == (0, 0)
