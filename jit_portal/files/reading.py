"""Bytes out: any range of a sealed object, unsealed on its way."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from jit_portal.files import keys, storage
from jit_portal.files.models import StoredFile
from jit_portal.files.sealing import CHUNK, OVERHEAD, Seal, Tampered, sealed_length, sealed_range

_AHEAD = 8


def seal_of(file: StoredFile) -> Seal:
    """The seal of a file; ``Refused`` when its country's key may not be used."""
    return Seal(keys.provider().unwrap(file.key_name, file.wrapped_key), file.jit_id, file.id, file.length)


class Range:
    """Plain bytes ``first`` to ``last`` (inclusive) of a file, once; ``Tampered`` where the store holds something else.

    The key is unwrapped, the store asked and the first chunk opened at once, so that what can be refused is refused
    before the first byte. ``passed`` is called before every chunk with its size and may raise to stop.
    """

    def __init__(
        self,
        file: StoredFile,
        first: int,
        last: int,
        passed: Callable[[int], None] = lambda _size: None,
        *,
        in_hurry: bool = False,
    ) -> None:
        if not 0 <= first <= last < file.length:
            raise ValueError(f"no bytes {first} to {last} in a file of {file.length}")
        self._first, self._last, self._passed = first, last, passed
        self._seal = seal_of(file)
        self._reading = storage.store().read(
            file.object_name, *sealed_range(first // CHUNK, last // CHUNK, file.length), in_hurry=in_hurry
        )
        try:
            self._opened = self._open(first // CHUNK)
        except BaseException:
            self._reading.close()
            raise

    def _open(self, index: int) -> bytes:
        return self._seal.open(index, self._reading.exactly(self._seal.size_of(index) + OVERHEAD))

    def __iter__(self) -> Iterator[bytes]:
        try:
            for index in range(self._first // CHUNK, self._last // CHUNK + 1):
                start = index * CHUNK
                plain, self._opened = self._opened or self._open(index), b""
                self._passed(len(plain))
                yield plain[max(0, self._first - start) : self._last + 1 - start]
        finally:
            self._reading.close()

    def close(self) -> None:
        self._reading.close()


def beginning(file: StoredFile, size: int) -> bytes:
    """The first ``size`` bytes of a file, or all of them, for a page that waits for them."""
    if file.is_empty:
        return b""
    return b"".join(Range(file, 0, min(size, file.length) - 1, in_hurry=True))


def sha256(file: StoredFile, go_on: Callable[[], None] = lambda: None) -> str:
    """Hash of the whole file as it lies in the store, hex; ``Tampered`` when that is not what was sealed."""
    try:
        if storage.store().size(file.object_name) != sealed_length(file.length):
            raise Tampered("the object has another length")
        digest = hashlib.sha256()
        if file.is_empty:
            return digest.hexdigest()
        # Hashed beside: meanwhile the next chunks come in and are unsealed, a few ahead, for neither goes evenly.
        with ThreadPoolExecutor(1) as beside:
            hashing: deque[Future[None]] = deque()
            for plain in Range(file, 0, file.length - 1):
                if len(hashing) == _AHEAD:
                    hashing.popleft().result()
                hashing.append(beside.submit(digest.update, plain))
                go_on()
            for each in hashing:
                each.result()
        return digest.hexdigest()
    except storage.Missing as error:
        raise Tampered("the object is gone") from error
