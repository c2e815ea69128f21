"""The line on which a body comes: read straight, and let go when the body was refused."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser

from jit_portal.exhibits import lines

Opened = Callable[[], tuple[socket.socket, socket.socket]]


class Rest:
    """What is left of a body: it ends when it is told to."""

    def __init__(self) -> None:
        self.is_over, self.is_read = threading.Event(), threading.Event()

    def read(self, size: int) -> bytes:
        self.is_read.set()
        return b"" if self.is_over.wait(0.01) else b"x"


@pytest.fixture
def opened() -> Iterator[Opened]:
    made: list[socket.socket] = []

    def make() -> tuple[socket.socket, socket.socket]:
        ours, theirs = socket.socketpair()
        for line in (ours, theirs):
            line.settimeout(5)
        made.extend((ours, theirs))
        return ours, theirs

    yield make
    for line in made:
        line.close()


def test_only_some_refused_bodies_hold_a_thread(opened: Opened) -> None:
    rests = [Rest() for _ in range(lines._MOST_LISTENING)]
    threads = [threading.Thread(target=lines.let_go, args=(opened()[0], rest)) for rest in rests]
    for thread, rest in zip(threads, rests, strict=True):
        thread.start()
        assert rest.is_read.wait(5)
    ours, theirs = opened()
    one_more = Rest()
    lines.let_go(ours, one_more)  # type: ignore[arg-type]
    assert theirs.recv(1) == b"", "it is cut at once"
    assert not one_more.is_read.is_set()
    for thread, rest in zip(threads, rests, strict=True):
        rest.is_over.set()
        thread.join(5)
    ours, theirs = opened()
    one_more.is_over.set()
    lines.let_go(ours, one_more)  # type: ignore[arg-type]
    ours.sendall(b"kept")
    assert theirs.recv(4) == b"kept"


def test_a_line_that_goes_on_is_not_cut_afterwards(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer has fired and is about to cut while the rest of the body ends."""
    is_about_to, may = threading.Event(), threading.Event()
    cut = lines.cut

    def cut_late(line: socket.socket) -> None:
        is_about_to.set()
        may.wait(0.3)
        cut(line)

    monkeypatch.setattr(lines, "cut", cut_late)
    monkeypatch.setattr(lines, "_LISTENS", 0.01)
    ours, theirs = opened()
    rest = Rest()
    monkeypatch.setattr(rest, "read", lambda size: b"" if is_about_to.wait(5) else b"x")
    lines.let_go(ours, rest)  # type: ignore[arg-type]
    theirs.setblocking(False)
    assert theirs.recv(1) == b"", "it is cut before its next request is waited for, or never"
    may.set()


# --- read straight

HEAD = b"PATCH /vault/uploads/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
BODY = bytes(range(256)) * 1200


def asked(parser: RequestParser) -> Any:
    """The body of the next request, as the portal has it."""
    environ = {"wsgi.input": next(parser).body}
    lines.read_straight(environ)
    return environ["wsgi.input"]


def all_of(body: Any, at_once: int = 1 << 17) -> bytes:
    came, into = b"", memoryview(bytearray(at_once))
    while size := body.readinto(into):
        came += into[:size]
    return came


@pytest.mark.parametrize("early", [0, 1, 7_000, 40_000])
def test_a_body_is_read_straight_and_the_next_request_is_left(opened: Opened, early: int) -> None:
    """What came with the head is taken first, and what follows the body stays gunicorn's."""
    ours, theirs = opened()
    parser = RequestParser(Config(), ours, ("127.0.0.1", 1))
    theirs.sendall(HEAD % len(BODY) + BODY[:early])

    def go_on() -> None:
        theirs.sendall(BODY[early:] + HEAD % 4 + b"next")

    sending = threading.Thread(target=go_on)
    first = asked(parser)
    assert isinstance(first, lines.Straight)
    sending.start()
    assert all_of(first) == BODY
    second = asked(parser)
    assert all_of(second, at_once=3) == b"next"
    sending.join()


def test_what_is_left_of_a_body_is_thrown_away_by_gunicorn(opened: Opened) -> None:
    ours, theirs = opened()
    parser = RequestParser(Config(), ours, ("127.0.0.1", 1))
    theirs.sendall(HEAD % 40_000 + bytes(40_000) + HEAD % 2 + b"ok")
    first = asked(parser)
    assert first.readinto(memoryview(bytearray(10_000)))
    assert first.read(5_000) == bytes(5_000)
    assert all_of(asked(parser)) == b"ok"


def test_a_line_that_ends_before_its_body_does_is_an_end(opened: Opened) -> None:
    ours, theirs = opened()
    parser = RequestParser(Config(), ours, ("127.0.0.1", 1))
    theirs.sendall(HEAD % 100 + b"only this")
    body = asked(parser)
    theirs.shutdown(socket.SHUT_WR)
    assert all_of(body) == b"only this"


def test_a_body_of_unknown_length_stays_with_gunicorn(opened: Opened) -> None:
    ours, theirs = opened()
    parser = RequestParser(Config(), ours, ("127.0.0.1", 1))
    theirs.sendall(b"PATCH / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
    body = asked(parser)
    assert not isinstance(body, lines.Straight)
    assert body.read(10) == b"hi"
