"""Whether an upload may go on is asked beside it, for it may be waiting: for its sender, for the store, or for room."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType

from werkzeug.exceptions import HTTPException

from jit_portal.database import session
from jit_portal.errors import Refusal
from jit_portal.files.again import EVERY_SECONDS

log = logging.getLogger(__name__)

MOMENT = 0.25
"""Seconds in which what is to end can end by itself, and answer."""


class Watch:
    """While its block runs, ``ask`` is called now and then; once it refuses, the block is to ``end``.

    What has not left the block a moment later is waiting for something: then ``cut`` breaks the line of its sender.
    """

    def __init__(self, ask: Callable[[], None], cut: Callable[[], None]) -> None:
        self.is_to_end = False
        self._ask, self._cut = ask, cut
        self._is_over = threading.Event()
        self._wrong: type[Exception] | None = None  # said once, for it may last
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def end(self) -> None:
        """Where the block is to end, ask there too: the refusal that it ends by is its own."""
        if self.is_to_end:
            self._ask()

    def _look(self) -> None:
        while not self._is_over.wait(EVERY_SECONDS):
            if self._is_refused():
                self.is_to_end = True
                if not self._is_over.wait(MOMENT):
                    self._cut()
                return

    def _is_refused(self) -> bool:
        try:
            return self._refuses()
        except Exception as error:
            # That it could not be asked, as while the database is away, is no refusal: it is asked again.
            if type(error) is not self._wrong:
                log.warning("whether an upload may go on could not be asked", exc_info=True)
            self._wrong = type(error)
            return False

    def _refuses(self) -> bool:
        try:
            self._ask()
        except (Refusal, HTTPException):
            return True
        finally:
            session.remove()
        self._wrong = None
        return False
