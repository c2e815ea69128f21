"""What takes long is asked for again: a right, or a login, that ends in the middle ends the bytes."""

import time
from collections.abc import Callable

EVERY_BYTES = 64 << 20
EVERY_SECONDS = 0.3


class Again:
    """Calls ``ask`` after every so many bytes, or seconds, whichever comes first; what it raises ends the stream."""

    def __init__(
        self, ask: Callable[[], None], *, every_bytes: int | None = None, every_seconds: float = EVERY_SECONDS
    ) -> None:
        self._ask = ask
        self._every_bytes = every_bytes or EVERY_BYTES
        self._every_seconds = every_seconds
        self._passed = 0
        self._asked_at = time.monotonic()

    def passed(self, size: int) -> None:
        """So many more bytes are about to pass."""
        self._passed += size
        if self._passed >= self._every_bytes or time.monotonic() - self._asked_at >= self._every_seconds:
            self._ask()
            self._passed, self._asked_at = 0, time.monotonic()
