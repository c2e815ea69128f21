"""Sealed objects: chunks of 1 MiB under AES-256-GCM, each bound to its place, its object and its JIT. See FORMAT.md."""

import os
import struct
import uuid
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 1 << 20
NONCE = 12
TAG = 16
OVERHEAD = NONCE + TAG
RECORD = CHUNK + OVERHEAD

_WHOLE = b"jit-sealed-1"
_PARTIAL = b"jit-partial1"


class Tampered(Exception):
    """What lies in the store is not what the portal sealed for this place."""


def chunks_in(length: int) -> int:
    """How many chunks ``length`` bytes of plain text take; none for an empty file."""
    return -(-length // CHUNK)


def sealed_length(length: int) -> int:
    """Bytes in the store for ``length`` bytes of plain text."""
    return length + OVERHEAD * chunks_in(length)


def sealed_range(first: int, last: int, length: int) -> tuple[int, int]:
    """Where chunks ``first`` to ``last`` (inclusive) of an object of ``length`` plain bytes lie: offset and size."""
    offset = first * RECORD
    return offset, min((last + 1) * RECORD, sealed_length(length)) - offset


def new_key() -> bytes:
    """A random 256-bit key, for one object only."""
    return AESGCM.generate_key(256)


@dataclass(frozen=True, slots=True)
class Seal:
    """One object's key and identity; ``length`` is its whole plain length in bytes."""

    key: bytes = field(repr=False)
    jit_id: uuid.UUID
    object_id: uuid.UUID
    length: int

    def close(self, index: int, plain: bytes | memoryview, into: memoryview | None = None) -> memoryview:
        """Seal chunk ``index``, into ``into`` when given; answers what was written: nonce, ciphertext, tag."""
        size = self.size_of(index)
        if len(plain) != size:
            raise ValueError(f"chunk {index} holds {size} bytes, not {len(plain)}")
        return self._seal(plain, self._bound(_WHOLE, index, self.length), into)

    def open(self, index: int, sealed: bytes | memoryview) -> bytes:
        """The plain text of chunk ``index``; ``Tampered`` when it is not what was sealed for that place."""
        if len(sealed) != self.size_of(index) + OVERHEAD:
            raise Tampered(f"chunk {index} is {len(sealed)} bytes long")
        return self._unseal(sealed, self._bound(_WHOLE, index, self.length), index)

    def close_partial(self, index: int, plain: bytes | memoryview) -> bytes:
        """Seal the beginning of chunk ``index``, to be kept until the rest of it arrives."""
        return bytes(self._seal(plain, self._bound(_PARTIAL, index, len(plain)), None))

    def open_partial(self, index: int, sealed: bytes | memoryview) -> bytes:
        """The beginning of chunk ``index`` that ``close_partial`` sealed."""
        return self._unseal(sealed, self._bound(_PARTIAL, index, len(sealed) - OVERHEAD), index)

    def size_of(self, index: int) -> int:
        """Plain bytes in chunk ``index``; ``Tampered`` when the object has no such chunk."""
        if not 0 <= index < chunks_in(self.length):
            raise Tampered(f"there is no chunk {index}")
        return min(CHUNK, self.length - index * CHUNK)

    def _bound(self, version: bytes, index: int, length: int) -> bytes:
        return version + self.jit_id.bytes + self.object_id.bytes + struct.pack(">QQ", index, length)

    def _seal(self, plain: bytes | memoryview, bound: bytes, into: memoryview | None) -> memoryview:
        size = len(plain) + OVERHEAD
        target = memoryview(bytearray(size)) if into is None else into[:size]
        # Random, never counted: a chunk may be sealed again after a crash, and a counter would then repeat.
        target[:NONCE] = os.urandom(NONCE)
        AESGCM(self.key).encrypt_into(target[:NONCE], plain, bound, target[NONCE:])
        return target

    def _unseal(self, sealed: bytes | memoryview, bound: bytes, index: int) -> bytes:
        try:
            return AESGCM(self.key).decrypt(sealed[:NONCE], sealed[NONCE:], bound)
        except InvalidTag:
            raise Tampered(f"chunk {index} does not open") from None
