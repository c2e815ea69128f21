"""What every request passes before a view sees it: size, origin, characters, pace; and the headers of every answer."""

import io
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, render_template
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DataError
from werkzeug.test import TestResponse

from jit_portal.config import Settings
from jit_portal.database import session
from jit_portal.extensions import REQUESTS, WRITES
from jit_portal.identity.models import User
from tests import factories
from tests.factories import World
from tests.test_routes import Doors, make_doors
from tests.vault import BYTES, Sender, about, token_in

MIB = 1 << 20
NOBODYS = uuid.UUID(int=7)
JSON = {"Accept": "application/json"}
Browse = Callable[[User], FlaskClient]


@pytest.fixture
def world(app: Flask) -> World:
    return factories.world()


@pytest.fixture
def anybody(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.environ_base |= {"wsgi.url_scheme": "https"}
    return client


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


# --- pace


def _most(limit: str) -> int:
    return int(limit.split("/")[0])


def _answers(client: FlaskClient, count: int, **headers: str) -> list[int]:
    return [client.post("/language", headers=JSON | headers).status_code for _ in range(count)]


def test_addresses_are_counted_apart(anybody: FlaskClient) -> None:
    """A form without token is refused, and counts."""
    most = _most(WRITES)
    one, other = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}
    assert _answers(anybody, most + 2, **one) == [400] * most + [429] * 2
    assert _answers(anybody, 1, **other) == [400]
    forged = {"X-Forwarded-For": "198.51.100.7, 192.0.2.1"}
    assert _answers(anybody, 1, **forged) == [429], "only the hop that the proxy itself adds is believed"
    page = anybody.get("/signed-out", headers=one)
    assert page.status_code == 200, "reading goes on"
    refused = anybody.post("/language", headers=one)
    assert "Too many attempts" in refused.text


def test_people_are_counted_apart_from_one_address(world: World, browse: Browse) -> None:
    french, dutch = browse(world["fr_leader"]), browse(world["nl_leader"])
    most = _most(WRITES)
    again = browse(world["fr_leader"])
    assert _answers(french, most) == [400] * most
    assert _answers(french, 1) == [429]
    assert _answers(again, 1) == [429], "another browser of the same person"
    assert _answers(dutch, 1) == [400]
    refused = french.post("/language")
    assert refused.status_code == 429
    assert world.jit.name not in refused.text, "nothing is read for somebody who asks too much"


def test_reading_has_a_limit_too_but_health_and_assets_have_none(anybody: FlaskClient) -> None:
    most = _most(REQUESTS)
    answers = [anybody.get("/signed-out", headers=JSON).status_code for _ in range(most + 1)]
    assert answers == [200] * most + [429]
    for path in ("/healthz", "/readyz", "/static/x"):
        assert anybody.get(path).status_code in (200, 404), path


def test_a_folder_of_small_files_is_not_held_up(world: World, browse: Browse) -> None:
    sender = Sender(browse(world["fr_member"]))
    asked = [sender.client.get("/vault/uploads/token", headers=JSON).status_code for _ in range(_most(REQUESTS) + 1)]
    assert set(asked) == {200}
    assert sender.client.get("/").status_code == 200


def test_messages_by_page_and_by_socket_are_counted_together(world: World, browse: Browse) -> None:
    channel = factories.channel(world)
    client = browse(world["fr_leader"])
    token = token_in(client.get("/").text)

    def post(number: int) -> TestResponse:
        form = {"csrf_token": token, "text": f"Message {number}", "token": str(uuid.uuid4())}
        return client.post(f"/channels/{channel.id}/messages", data=form)

    answers = [post(number) for number in range(41)]
    refused = [answer for answer in answers if answer.status_code != 303]
    assert refused, "forty messages within ten seconds are as many as one person says"
    assert "very much at once" in refused[0].text
    assert "Message" in refused[0].text, "what was typed comes back"


# --- how an answer is said


@pytest.mark.parametrize(
    ("sent", "is_page"),
    [
        ({}, False),
        ({"Accept": "*/*"}, False),
        ({"Accept": "application/json"}, False),
        ({"Accept": "application/json", "Sec-Fetch-Dest": "document"}, False),
        ({"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Dest": "document"}, True),
        ({"Accept": "text/html"}, True),
        ({"Accept": "*/*", "Sec-Fetch-Dest": "empty"}, False),
    ],
    ids=str,
)
def test_a_browser_that_goes_to_the_vault_gets_a_page(
    world: World, anybody: FlaskClient, browse: Browse, sent: dict[str, str], is_page: bool
) -> None:
    path = f"/vault/uploads/{uuid.uuid4()}/hash"
    missing = browse(world["fr_leader"]).get(f"/vault/{uuid.uuid4()}/content", headers=sent)
    assert missing.status_code == 404
    assert missing.is_json != is_page
    stranger = anybody.get("/vault/uploads/token", headers=sent)
    assert stranger.status_code == (302 if is_page else 401)
    if not is_page:
        assert stranger.is_json
    assert anybody.post(path, headers=sent).is_json != is_page


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (405, "That cannot be done here"),
        (415, "That kind of content"),
        (422, "Something of that"),
        (507, "no room left"),
    ],
)
def test_each_error_has_its_own_words(app: Flask, status: int, words: str) -> None:
    with app.test_request_context("/"):
        app.preprocess_request()
        known = {"request_id": "", "sign_in": None, "is_fragment": False}
        page = render_template("errors/show.html", status=status, reason="", **known)
    assert words in page


def test_a_refused_fragment_is_said_without_the_page_around_it(
    world: World, browse: Browse, count_queries: Callable[[], int]
) -> None:
    """Its reason is all that the open page shows of it: nothing is asked of the database for the rest."""
    client, missing = browse(world["fr_member"]), f"/exhibits/{uuid.uuid4()}"
    asked = {}
    for fragment in (False, True):
        count_queries()
        answer = client.get(missing, headers={"HX-Request": "true"} if fragment else {})
        asked[fragment] = count_queries()
        assert (answer.status_code, 'id="reason"' in answer.text) == (404, True)
        assert ("<html" in answer.text) != fragment
    assert asked[True] < asked[False]


def test_an_address_that_is_used_otherwise_says_so(anybody: FlaskClient) -> None:
    answer = anybody.get("/language")
    assert answer.status_code == 405
    assert "That cannot be done here" in answer.text
    assert "Allow" in answer.headers


# --- headers

STRICT = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": (
        "accelerometer=(), browsing-topics=(), camera=(), clipboard-read=(), display-capture=(), geolocation=(), "
        "gyroscope=(), hid=(), idle-detection=(), interest-cohort=(), local-fonts=(), magnetometer=(), microphone=(), "
        "midi=(), payment=(), screen-wake-lock=(), serial=(), usb=(), window-management=(), xr-spatial-tracking=()"
    ),
}


def assert_strict(answer: TestResponse) -> None:
    for name, value in STRICT.items():
        assert answer.headers[name] == value, f"{name} of {answer.status}"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Request-ID"]


def test_every_kind_of_answer_has_strict_headers(
    app: Flask, world: World, anybody: FlaskClient, browse: Browse
) -> None:
    client = browse(world["fr_leader"])
    answers = {
        200: client.get("/"),
        302: anybody.get("/"),
        400: client.post("/language"),
        401: anybody.post("/jits"),
        403: client.post("/language", headers={"Origin": "null"}),
        404: client.get(f"/jits/{uuid.uuid4()}"),
        405: client.get("/language"),
        413: anybody.post("/language", data={"language": "x" * MIB}),
        422: client.get("/?q=%00"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert_strict(answer)
        assert answer.headers["Cache-Control"] == "no-store"
    static = anybody.get(_an_asset(answers[200].text))
    assert static.status_code == 200
    assert_strict(static)
    static.close()
    assert "no-store" not in static.headers["Cache-Control"]
    assert_strict(anybody.get("/no/such/address"))
    _answers(anybody, _most(WRITES))
    assert_strict(anybody.post("/language"))


def _an_asset(page: str) -> str:
    return "/dist/" + page.split('"/dist/', 1)[1].split('"', 1)[0]


def test_nonces_are_never_used_twice(world: World, browse: Browse) -> None:
    client = browse(world["fr_leader"])
    policies = {client.get("/").headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3


@pytest.mark.parametrize(
    ("origin", "scheme", "is_sent"),
    [
        ("https://portal.example", "https", True),
        ("https://portal.example", "http", False),
        ("http://localhost", "https", False),
    ],
)
def test_browsers_are_held_to_https_only_where_there_is_https(
    app: Flask, anybody: FlaskClient, origin: str, scheme: str, is_sent: bool
) -> None:
    settings: Settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(settings, origin=origin)
    try:
        answer = anybody.get("/signed-out", headers={"X-Forwarded-Proto": scheme})
    finally:
        app.config["SETTINGS"] = settings
    assert ("Strict-Transport-Security" in answer.headers) == is_sent


def test_cookies_are_bound_to_this_host_and_out_of_reach_of_scripts(
    app: Flask, world: World, anybody: FlaskClient, browse: Browse
) -> None:
    page = anybody.get("/sign-in")
    token = token_in(page.text)
    chosen = anybody.post("/language", data={"csrf_token": token, "language": "fr"})
    cookies = {
        cookie.split("=", 1)[0]: cookie for answer in (page, chosen) for cookie in answer.headers.getlist("Set-Cookie")
    }
    assert {"__Host-form-test", "__Host-language"} <= cookies.keys()
    for cookie in cookies.values():
        said = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= said, cookie
        assert not any(part.startswith("domain=") for part in said)


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
