"""Bytes in: read from a request, sealed chunk by chunk, stored in parts and committed in their order.

Plain text is never held longer than a chunk. Parts of all uploads together take no more than ``_ROOM`` of memory.
"""

import hmac
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Protocol

from jit_portal.errors import StoreUnavailable
from jit_portal.files import storage
from jit_portal.files.refusals import ChecksumDiffers, TooLong
from jit_portal.files.sealing import CHUNK, RECORD
from jit_portal.files.writing import Upload
from jit_portal.wording import gettext

LONGEST = 150 << 30
LONGEST_CHECKED = 16 << 20

_MOST_PARTS = 10_000
_SMALLEST_PART = 5
_SMALLEST_WISHED = 8
_LARGEST_WISHED = 16
_AT_ONCE = 3
_AT_A_TIME = 1 << 17
_PATIENCE = 30.0

_ROOM = threading.Semaphore(128)
_storing = ThreadPoolExecutor(6, thread_name_prefix="storing")


class Body(Protocol):
    """Where bytes come from; raises ``OSError`` when the connection breaks."""

    def readinto(self, into: memoryview, /) -> int:
        """Put what has come into ``into``, and answer how many bytes; 0 at the end."""


class Digest(Protocol):
    """A running hash, as hashlib makes them."""

    def update(self, data: memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


def chunks_in_part(length: int) -> int:
    """Chunks of 1 MiB in one part of the store, for a file of ``length`` bytes: so many that 9,000 parts suffice.

    Small parts keep the store busy to the end of every request; of a large file fewer have to be written down.
    """
    wished = min(_LARGEST_WISHED, max(_SMALLEST_WISHED, -(-length // (2_000 * CHUNK))))
    return max(wished, -(-length // (9_000 * CHUNK)))


class _Part:
    """Sealed chunks on their way to the store; ``held`` is how many units of memory they took."""

    def __init__(self, number: int, first: int) -> None:
        self.number = number
        self.first = first
        self.chunks = 0
        self.plain = 0
        self.held = 0
        self.sealed = bytearray()

    def add(self, sealed: memoryview, plain: int) -> None:
        # It grows with what comes: made whole at once, every slow sender would take the memory of a whole part.
        self.sealed += sealed
        self.chunks += 1
        self.plain += plain

    def let_go(self) -> None:
        if self.held:
            _ROOM.release(self.held)
        self.held = 0
        self.sealed = bytearray()


class Intake:
    """Takes the body of one request into one upload, from where the upload stands.

    With ``expected`` (a hash and its value), nothing is kept unless the whole body matches it.
    """

    def __init__(self, upload: Upload, expected: tuple[Digest, bytes] | None = None) -> None:
        self._upload = upload
        self._seal = upload.seal()
        self._expected = expected
        self._in_part = chunks_in_part(upload.length)
        self._plain = memoryview(bytearray(CHUNK))
        self._filled = 0
        self._sealed = memoryview(bytearray(RECORD))
        self._part = _Part(len(upload.parts) + 1, upload.stored // CHUNK)
        self._unsent: list[_Part] = []
        self._sent: list[Future[None]] = []
        self._slots = threading.Semaphore(_AT_ONCE)
        self._order = threading.Lock()
        self._stored: dict[int, tuple[str, _Part]] = {}

    def take(self, body: Body) -> None:
        """Take what ``body`` has; a connection that breaks keeps what came before it."""
        try:
            self._resume()
            is_broken = self._read(body)
            if self._expected and not self._matches(is_broken):
                raise ChecksumDiffers(gettext("The bytes were damaged on their way."))
            self._send_kept()
            self._finish()
        finally:
            wait(self._sent)
            for part in (*self._unsent, self._part):
                part.let_go()

    @property
    def _position(self) -> int:
        return min((self._part.first + self._part.chunks) * CHUNK + self._filled, self._upload.length)

    def _resume(self) -> None:
        """Put the tail of the last request at the head of this part."""
        upload = self._upload
        whole, beginning = divmod(upload.received - upload.stored, CHUNK)
        tail = memoryview(upload.tail or b"")
        for _ in range(whole):
            self._make_room()
            self._part.add(tail[:RECORD], CHUNK)
            tail = tail[RECORD:]
        if beginning:
            self._plain[:beginning] = self._seal.open_partial(self._part.first + self._part.chunks, tail)
            self._filled = beginning

    def _read(self, body: Body) -> bool:
        """Read to the end of the body, or of the file; whether the connection broke."""
        while (left := self._upload.length - self._position) > 0:
            if self._has_failed():
                return False
            # A slow line fills no part for long, and would not learn until then that nothing of it can be kept.
            self._upload.require_line()
            want = min(CHUNK - self._filled, left, _AT_A_TIME)
            into = self._plain[self._filled : self._filled + want]
            try:
                came = body.readinto(into)
            except OSError:
                return True
            if not came:
                return False
            self._accept(into[:came])
        is_broken = self._has_more(body)
        if self._part.chunks:
            self._send_or_keep()
        return is_broken

    def _has_more(self, body: Body) -> bool:
        """Nothing may follow the file's last byte; whether the connection broke while looking."""
        try:
            if body.readinto(memoryview(bytearray(1))):
                raise TooLong(
                    gettext("More bytes came than the file was said to have: it has grown, or it is another file.")
                )
        except OSError:
            return True
        return False

    def _accept(self, came: memoryview) -> None:
        if self._expected:
            self._expected[0].update(came)
        self._filled += len(came)
        at_end = self._position == self._upload.length
        if self._filled < CHUNK and not at_end:
            return
        self._make_room()
        index = self._part.first + self._part.chunks
        sealed = self._seal.close(index, self._plain[: self._filled], self._sealed)
        self._part.add(sealed, self._filled)
        self._filled = 0
        # The last part waits until the body is known to end where the file does.
        if self._part.chunks == self._in_part and not at_end:
            self._send_or_keep()

    def _make_room(self) -> None:
        """Take one unit of memory; under pressure, send what can be sent early rather than wait with it in hand."""
        if not _ROOM.acquire(blocking=False):
            if self._may_send_early():
                self._send_or_keep()
            if not _ROOM.acquire(timeout=_PATIENCE):
                raise StoreUnavailable(gettext("Too many files arrive at once; this one goes on in a moment."))
        self._part.held += 1

    def _may_send_early(self) -> bool:
        """The part is large enough for the store, and the numbers of the parts still to come will suffice."""
        left = self._upload.length - (self._part.first + self._part.chunks) * CHUNK
        parts_left = -(-left // (self._in_part * CHUNK))
        return self._part.chunks >= _SMALLEST_PART and self._part.number + parts_left <= _MOST_PARTS

    def _send_or_keep(self) -> None:
        part = self._part
        self._unsent.append(part)
        self._part = _Part(part.number + 1, part.first + part.chunks)
        if not self._expected:
            self._send_kept()

    def _send_kept(self) -> None:
        """What waited goes to the store; a part that could not be handed over is let go with those still waiting."""
        self._expected = None
        while self._unsent:
            self._send(self._unsent[0])
            del self._unsent[0]

    def _send(self, part: _Part) -> None:
        upload = self._upload
        if upload.store_upload is None and part.plain < upload.length:
            upload.commit(store_upload=storage.store().begin(upload.object_name))
        self._slots.acquire()
        self._sent.append(_storing.submit(self._store, part, upload.store_upload))

    def _store(self, part: _Part, store_upload: str | None) -> None:
        """In a thread of its own: store a part, then commit every part that is now without a gap before it."""
        try:
            name = self._upload.object_name
            if store_upload is None:
                etag = storage.store().put(name, part.sealed)
            else:
                etag = storage.store().put_part(name, store_upload, part.number, part.sealed)
            with self._order:
                self._stored[part.number] = etag, part
                self._commit_in_order()
        finally:
            part.let_go()
            self._slots.release()

    def _commit_in_order(self) -> None:
        parts: list[list[Any]] = list(self._upload.parts)
        while len(parts) + 1 in self._stored:
            etag, part = self._stored.pop(len(parts) + 1)
            parts.append([etag, part.plain])
        if len(parts) > len(self._upload.parts):
            self._upload.commit(parts=parts, received=sum(size for _, size in parts), tail=None)

    def _matches(self, is_broken: bool) -> bool:
        digest, value = self._expected or (None, b"")
        return not is_broken and digest is not None and hmac.compare_digest(digest.digest(), value)

    def _has_failed(self) -> bool:
        return any(sent.done() and sent.exception() for sent in self._sent)

    def _finish(self) -> None:
        """Wait for the store; what is too short for a part is kept, sealed, in the database."""
        if self._may_send_early():
            self._send_or_keep()
        for sent in self._sent:
            sent.result()
        upload = self._upload
        if self._position == upload.received:
            return
        index = self._part.first + self._part.chunks
        beginning = self._seal.close_partial(index, self._plain[: self._filled]) if self._filled else b""
        upload.commit(received=self._position, tail=bytes(self._part.sealed) + beginning)
