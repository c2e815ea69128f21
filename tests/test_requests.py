"""What every request passes before a view sees it: size, origin, characters, and for whom its page was made."""

import io
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DataError

from jit_portal.database import session
from tests import factories
from tests.asking import Browse, anybody, world
from tests.factories import World
from tests.test_routes import Doors, make_doors
from tests.vault import BYTES, MIB, Sender, about, token_in

FIXTURES = (anybody, world)
"""They are asked for by name."""

NOBODYS = uuid.UUID(int=7)


class Unread(io.RawIOBase):
    """A body that knows how much of it was asked for at once, and whether that was kept."""

    def __init__(self, size: int, first: bytes = b"") -> None:
        self.left = size
        self.first = first
        self.largest = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.largest = max(self.largest, len(buffer))
        piece = self.first[: len(buffer)] or bytes(min(len(buffer), self.left))
        self.first = self.first[len(piece) :]
        self.left -= len(piece)
        buffer[: len(piece)] = piece
        return len(piece)


# --- size

PART = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/vault/uploads", "multipart/form-data; boundary=x"),
        ("POST", f"/vault/uploads/{NOBODYS}/hash", "application/json"),
        ("PATCH", f"/vault/uploads/{NOBODYS}", "multipart/form-data; boundary=x"),
        ("PATCH", f"/vault/uploads/{NOBODYS}", "application/offset+octet-stream"),
        ("POST", "/jits", "multipart/form-data; boundary=x"),
    ],
)
def test_nobody_fills_the_disk_without_a_login(
    anybody: FlaskClient, monkeypatch: pytest.MonkeyPatch, method: str, path: str, kind: str
) -> None:
    """The body is let go by, never parsed or put into a file."""
    monkeypatch.setattr("werkzeug.formparser.FormDataParser.parse", _never)
    body = Unread(3 * MIB, PART)
    environ = {"wsgi.input": body, "CONTENT_LENGTH": str(3 * MIB), "HTTP_TUS_RESUMABLE": "1.0.0"}
    answer = anybody.open(path, method=method, content_type=kind, environ_overrides=environ)
    assert answer.status_code == 401
    assert body.largest <= MIB


def _never(*_: object, **__: object) -> None:
    pytest.fail("the body was parsed")


def test_what_is_said_of_a_file_is_short(world: World, browse: Browse) -> None:
    """The vault's limit is for the bytes of a file alone, even for somebody with a login."""
    sender = Sender(browse(world["fr_member"]))
    address = sender.begin(world, 5)
    for method, path, kind in (
        ("POST", "/vault/uploads", "multipart/form-data; boundary=x"),
        ("POST", f"{address}/hash", "application/json"),
        ("PATCH", address, "multipart/form-data; boundary=x"),
    ):
        body = Unread(MIB + 1, PART)
        headers = sender.headers | {"Upload-Offset": "0"}
        environ = {"wsgi.input": body, "CONTENT_LENGTH": str(MIB + 1)}
        answer = sender.client.open(path, method=method, headers=headers, content_type=kind, environ_overrides=environ)
        assert answer.status_code == 413, f"{method} {path}"
        answer.close()
        assert body.left == MIB + 1, "nothing of it is read"
    assert sender.patch(address, 0, b"hello").status_code == 204


def test_forms_have_a_limit(world: World, anybody: FlaskClient, browse: Browse) -> None:
    assert anybody.post("/language", data={"language": "x" * 33 * MIB}).status_code == 413
    assert anybody.post("/language", data={"language": "x" * (64 << 10)}).status_code == 413
    client = browse(world["fr_leader"])
    token = token_in(client.get("/").text)
    for size, part in ((3, PART.replace(b'; filename="a"', b"")), (33, PART)):
        body = part + bytes(size * MIB) + b"\r\n--x--\r\n"
        kind = "multipart/form-data; boundary=x"
        answer = client.post("/jits", headers={"X-CSRFToken": token}, data=body, content_type=kind)
        assert answer.status_code == 413, size
        assert "That is too large" in answer.text


# --- origin


@pytest.mark.parametrize(
    "sent",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://localhost"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_nothing_is_changed_from_another_site(app: Flask, browse: Browse, sent: dict[str, str]) -> None:
    doors = make_doors()
    client = browse(doors.world["fr_leader"])
    token = {"X-CSRFToken": token_in(client.get("/").text)}
    asked = 0
    for path, method in _writing(app, doors):
        answer = client.open(path, method=method, headers=sent | token)
        if path.startswith("/sign-in/") and not path.endswith("/callback"):
            assert answer.status_code != 403, "a provider's answers and its word that a login has ended come from there"
            continue
        assert answer.status_code == 403, f"{method} {path}: {answer.status_code}"
        assert "not the portal&#39;s" in answer.text or "not the portal's" in answer.text
        asked += 1
    assert asked > 40
    assert client.get("/", headers=sent).status_code == 200, "a link from elsewhere is followed"


def _writing(app: Flask, doors: Doors) -> Iterator[tuple[str, str]]:
    known = doors.ids | {"slug": "xx", "token": "x", "filename": "x"}
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}:
            with app.test_request_context():
                values: dict[str, Any] = {name: known[name] for name in rule.arguments}
                yield app.url_for(rule.endpoint, **values), method


def test_own_pages_and_clients_without_a_browser_may_write(world: World, browse: Browse) -> None:
    client = browse(world["fr_leader"])
    token = token_in(client.get("/").text)
    for sent in ({}, {"Origin": "http://localhost"}, {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}):
        answer = client.post("/language", headers=sent, data={"csrf_token": token, "language": "fr"})
        assert answer.status_code == 303, sent
    assert client.post("/language", data={"language": "fr"}).status_code == 400, "the token counts all the same"


# --- characters


@pytest.mark.parametrize(
    "path",
    ["/sign-in/a%00b", "/invitations/%00", "/jits?q=%00", "/jits?%00=1", "/no/such/%00", "/channels/%00/messages"],
)
def test_the_character_nul_is_refused_in_addresses(world: World, browse: Browse, path: str) -> None:
    answer = browse(world["fr_leader"]).get(path)
    assert answer.status_code == 422, answer.status
    assert "the character NUL" in answer.text


def test_the_character_nul_is_refused_in_every_form(app: Flask, browse: Browse) -> None:
    doors = make_doors()
    client = browse(doors.world["fr_leader"])
    token = {"X-CSRFToken": token_in(client.get("/").text)}
    for path, method in _writing(app, doors):
        if method == "POST" and not path.startswith("/vault/"):
            for form in ({"title": "a\0b"}, {"\0": "a"}):
                answer = client.post(path, headers=token, data=form)
                assert answer.status_code == 422, f"{path}: {answer.status_code}"
    file = {"document": (io.BytesIO(b"x"), "a\0b.pdf")}
    assert client.post("/jits", headers=token, data=file, content_type="multipart/form-data").status_code == 422


def test_the_character_nul_is_refused_in_what_is_said_of_a_file(world: World, browse: Browse) -> None:
    sender = Sender(browse(world["fr_member"]))
    for said in ({"title": "a\0b"}, {"description": "\0"}, {"a\0": "b"}):
        assert sender.create(world, 5, **said).status_code in (400, 422), said


def test_a_value_that_the_database_does_not_take_is_refused_in_words(app: Flask) -> None:
    with app.test_request_context("/"):
        app.preprocess_request()
        with pytest.raises(DataError) as refused:
            session().execute(text("SELECT CAST(:typed AS integer)"), {"typed": "7000000000 secret"})
        answer = app.make_response(app.handle_user_exception(refused.value))
    assert answer.status_code == 422
    assert "a text that can be kept" in answer.get_data(as_text=True)
    assert "secret" not in answer.get_data(as_text=True)


# --- for whom the page was made

PAGE = {"X-Requested-With": "fetch"}


def test_a_page_of_somebody_else_asks_nothing_in_her_name(world: World, browse: Browse) -> None:
    """Another person has signed in in the same browser: by the page's word, nobody is signed in."""
    own, former = world["nl_member"], world["fr_leader"]
    sender = Sender(browse(own))
    address = sender.begin(world, 5)
    board = factories.board(world)
    for named, statuses in ((own, (200, 200, 303, 201, 200, 204)), (former, (401,) * 6)):
        headers = {"X-Viewer": str(named.id)}
        sent = sender.headers | headers
        client = sender.client
        about_file = {"Upload-Length": "5", "Upload-Metadata": about(world)}
        task = {"title": f"By a page of {named.name}", "column": str(board.columns[0].id), "token": str(uuid.uuid4())}
        asked = (
            client.get("/account", headers=headers | PAGE),
            client.get("/vault/uploads/token", headers=headers | PAGE),
            client.post(f"/boards/{board.id}/tasks", headers=sent, data=task),
            client.post("/vault/uploads", headers=sent | about_file),
            client.head(address, headers=sent),
            client.patch(address, headers=sent | {"Upload-Offset": "0"}, content_type=BYTES, data=b"hello"),
        )
        assert tuple(answer.status_code for answer in asked) == statuses


@pytest.mark.parametrize("named", ["", "nobody", "0"], ids=["nothing", "a word", "a number"])
def test_what_names_nobody_is_nobodys(world: World, browse: Browse, named: str) -> None:
    assert browse(world["nl_member"]).get("/account", headers=PAGE | {"X-Viewer": named}).status_code == 401
