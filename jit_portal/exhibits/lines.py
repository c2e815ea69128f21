"""The line on which a body comes, as gunicorn holds it: read straight into memory, let go politely, or cut."""

import socket
import threading
from contextlib import suppress
from typing import Any, BinaryIO

from gunicorn.http.body import Body, LengthReader

_THROWN_AWAY = 64 << 10
_LISTENS = 0.5
_MOST_LISTENING = 4
_LISTENING = threading.BoundedSemaphore(_MOST_LISTENING)


class Straight:
    """A body of announced length, received where it is wanted: gunicorn's own reader copies each byte eight times.

    Gunicorn knows afterwards what is left of it, whoever reads on.
    """

    def __init__(self, body: Body) -> None:
        self._body, self._reader = body, body.reader
        self._line: socket.socket = body.reader.unreader.sock

    def readinto(self, into: memoryview, /) -> int:
        """Fill ``into`` with what is there, waiting for the first byte; 0 at the end, or where the line ends."""
        into = into[: self._reader.length]
        if not into:
            return 0
        came = self._came_early(into) or self._line.recv_into(into)
        self._reader.length -= came
        return came

    def _came_early(self, into: memoryview) -> int:
        """Take what gunicorn received together with the head."""
        unreader = self._reader.unreader
        early = unreader.take_buffered()
        came = min(len(early), len(into))
        into[:came] = early[:came]
        if early[came:]:
            unreader.unread(early[came:])
        return came

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, by gunicorn's own reader."""
        return bytes(self._body.read(size))


def read_straight(environ: dict[str, Any]) -> None:
    """Let the body of this request be read straight from its line, where gunicorn holds it and nobody has begun."""
    body = environ["wsgi.input"]
    if isinstance(body, Body) and isinstance(body.reader, LengthReader) and not body.buf.tell():
        environ["wsgi.input"] = Straight(body)


def let_go(line: socket.socket, body: BinaryIO) -> None:
    """Whoever still sends has a moment to hear the answer, for a line that is cut at once may lose it; then cut.

    Of many at once, only some have it: each holds a thread of this process meanwhile.
    """
    if not _LISTENING.acquire(blocking=False):
        cut(line)
        return
    try:
        _throw_away(line, body)
    finally:
        _LISTENING.release()


def _throw_away(line: socket.socket, body: BinaryIO) -> None:
    timer = threading.Timer(_LISTENS, cut, [line])
    timer.daemon = True
    timer.start()
    try:
        with suppress(OSError):
            while body.read(_THROWN_AWAY):
                pass
    finally:
        # Whoever asks next on this line is not to be cut by what was meant for this request.
        timer.cancel()
        timer.join()


def cut(line: socket.socket | None) -> None:
    """End the line: whoever waits for it, on either side, hears that at once."""
    if line is not None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
