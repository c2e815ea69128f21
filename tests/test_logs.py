"""The logs of a real process: one JSON object a line, with the id that the answer carried, and nothing secret."""

import json
import logging
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from jit_portal.demo.postgres import Postgres
from jit_portal.identity.models import User
from jit_portal.web.logs import JsonLines
from tests import factories
from tests.test_socket_events import Socket
from tests.vault import running_vault, token_in
from tests.web import PATIENCE, Signed, Web, running_web

SECRET = "Kingfisher at noon"


@pytest.fixture
def web(environ: dict[str, str], folder: Path, app: Flask) -> Iterator[Web]:
    with running_web(environ, folder) as process:
        yield process


@pytest.fixture
def no_messages(cluster: Postgres) -> Iterator[None]:
    """The database takes no message, and complains of it with the whole row."""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("ALTER TABLE message ADD CONSTRAINT ck_message_never CHECK (false) NOT VALID")
        yield
        connection.execute("ALTER TABLE message DROP CONSTRAINT ck_message_never")


def lines(text: str) -> list[dict[str, Any]]:
    """Every line of a log; each is an object."""
    parsed = [json.loads(line) for line in text.split("\n") if line]
    assert all(isinstance(line, dict) for line in parsed)
    return parsed


def post(signed: Signed, channel_id: uuid.UUID) -> requests.Response:
    page = signed.get("/")
    form = "; ".join(f"{cookie.name}={cookie.value}" for cookie in page.cookies)
    said = {"csrf_token": token_in(page.text), "text": SECRET, "token": str(uuid.uuid4())}
    headers = {"Cookie": f"{signed.headers['Cookie']}; {form}"}
    address = f"{signed.web.origin}/channels/{channel_id}/messages?q={SECRET}"
    return requests.post(address, data=said, headers=headers, timeout=PATIENCE, allow_redirects=False)


@pytest.mark.usefixtures("no_messages")
def test_a_failure_is_one_line_with_the_id_of_its_answer(web: Web) -> None:
    world = factories.world()
    channel = factories.channel(world)
    signed = web.sign_in(world["fr_leader"])
    answer = post(signed, channel.id)
    assert answer.status_code == 500
    assert answer.headers["X-Request-ID"] in answer.text
    ear = signed.connect()
    assert ear.post(channel.id, SECRET)["status"] == 500
    ear.close()
    web.stop()
    said = lines(web.log.read_text())
    failures = [line for line in said if line["level"] == "error"]
    assert len(failures) == 2, failures
    by_page, by_socket = failures
    assert by_page["request"] == answer.headers["X-Request-ID"]
    assert (by_page["endpoint"], by_page["method"]) == ("messages.post", "POST")
    assert by_socket["request"] not in ("", by_page["request"])
    for failure in failures:
        assert "CheckViolation 23514 message ck_message_never" in failure["error"]
        assert "messages/service.py" in failure["error"]
    everything = web.log.read_text()
    for secret in (SECRET, "Kingfisher", signed.token, "Failing row", "__Host-"):
        assert secret not in everything


def ask_too_much(at: str) -> str:
    """As somebody whom no login vouches for, again and again; the request at which it is too much."""
    answers = (requests.get(f"{at}/sign-in/fr/callback", timeout=PATIENCE, allow_redirects=False) for _ in range(30))
    return next(answer.headers["X-Request-ID"] for answer in answers if answer.status_code == 429)


def test_ordinary_lines_are_kept(web: Web) -> None:
    """Who asks too much is told of at level INFO."""
    request = ask_too_much(web.origin)
    web.stop()
    told = [line for line in lines(web.log.read_text()) if line["level"] == "info" and "ratelimit" in line["says"]]
    assert told[-1]["request"] == request


def test_the_vault_writes_them_too(environ: dict[str, str], folder: Path, app: Flask) -> None:
    port = 29_871
    with running_vault(environ, folder, port) as vault:
        request = ask_too_much(vault.address)
    said = [line for line in (folder / f"vault-{port}.log").read_text().split("\n") if line.startswith("{")]
    assert request in {json.loads(line).get("request") for line in said}


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\x1b[2J", "\u2028", "\x85", "\0"], ids=ascii)
def test_what_is_logged_cannot_begin_a_line_of_its_own(break_: str) -> None:
    record = logging.makeLogRecord({"msg": f"a{break_}b", "extra": f"c{break_}d"})
    line = JsonLines().format(record)
    assert re.fullmatch(r"[ -~]+", line)
    assert json.loads(line)["says"] == f"a{break_}b"


def test_the_message_of_an_error_is_not_logged() -> None:
    try:
        try:
            int(SECRET)
        except ValueError as error:
            raise KeyError(SECRET) from error
    except KeyError as error:
        record = logging.makeLogRecord({"msg": "it failed", "exc_info": (KeyError, error, error.__traceback__)})
    line = JsonLines().format(record)
    assert "Kingfisher" not in line
    said = json.loads(line)["error"]
    assert said.index("KeyError") < said.index("ValueError")
    assert "test_logs.py" in said


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """The lines that this process has written since the last call."""
    caplog.set_level("INFO")
    monkeypatch.setattr(caplog.handler, "formatter", JsonLines())

    def since() -> list[dict[str, Any]]:
        said = lines(caplog.text)
        caplog.clear()
        return [line for line in said if line["says"].startswith("refused ")]

    return since


Logged = Callable[[], list[dict[str, Any]]]
LEADS = '", "level": "error"}'
"""What would lead out of a line, were it not for the quotation marks of JSON."""


def test_what_another_site_sends_is_one_line_and_never_what_it_said(
    app: Flask, browse: Callable[[User], FlaskClient], logged: Logged
) -> None:
    world = factories.world()
    origin = f"https://evil.example{LEADS}" + "x" * 5000
    answer = browse(world["fr_leader"]).post("/language", headers={"Origin": origin}, data={"language": SECRET})
    assert answer.status_code == 403
    (line,) = logged()
    assert line["request"] == answer.headers["X-Request-ID"]
    assert (line["level"], line["method"], line["endpoint"]) == ("info", "POST", "pages.language")
    assert line["person"] == str(world["fr_leader"].id)
    assert line["sent_from"] == origin[:100]
    assert SECRET not in str(line)


def test_what_strangers_send_from_another_site_fills_no_log(app: Flask, logged: Logged) -> None:
    client = app.test_client()
    for _ in range(30):
        assert client.post("/no/such/address", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    said = logged()
    assert len(said) == 20
    assert {(line["person"], line["sent_from"], line["endpoint"]) for line in said} == {(None, None, None)}


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        ("no:such", "no:such"),
        (f"a\n\u2028\0\ud800{LEADS}", f"a\n\u2028\0\ud800{LEADS}"),
        ("x" * 5000, "x" * 40),
    ],
    ids=["unknown", "hostile", "long"],
)
def test_an_event_that_makes_no_sense_is_one_line_and_never_what_it_said(
    app: Flask, browse: Callable[[User], FlaskClient], logged: Logged, event: str, shown: str
) -> None:
    person = factories.world()["fr_leader"]
    socket = Socket(app, browse(person))
    assert socket.ask(event, {"channel": SECRET, "text": SECRET})["status"] == 422
    (line,) = logged()
    assert (line["level"], line["event"], line["person"]) == ("info", shown, str(person.id))
    assert re.fullmatch("[0-9a-f]{16}", line["request"])
    assert SECRET not in str(line)
    socket.client.disconnect()


def test_unknown_events_without_end_fill_no_log(
    app: Flask, browse: Callable[[User], FlaskClient], logged: Logged
) -> None:
    socket = Socket(app, browse(factories.world()["fr_leader"]))
    assert [socket.ask("no:such", {})["status"] for _ in range(22)] == [422] * 20 + [429] * 2
    assert len(logged()) == 20
    socket.client.disconnect()
