"""A watch over the database's line, for tests: a verb tells people before it puts anything on record.

Who puts something on record holds the head of its chain until the commit, and whoever comes to that record waits: whom
to tell is asked, and what is told written, before.
"""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import Engine, event

import jit_portal

PORTAL = Path(jit_portal.__file__).parent
OURS = (str(PORTAL), str(PORTAL.parent / "tests"))
COMPOSED = {
    "identity/service.py _sign_in": "the invitation that brought her is on record before there is a login to tell of"
}


class ToldTooLate(AssertionError):
    """A verb has put something on record, and tells people after that."""


def watch(engine: Engine) -> None:
    """Refuse, from now on, every such telling on this engine's lines."""
    event.listen(engine, "before_cursor_execute", _look)
    event.listen(engine, "commit", _forget)
    event.listen(engine, "rollback", _forget)


def _look(line: Any, _cursor: object, statement: str, *_: object) -> None:
    if "INSERT INTO ledger_entry" in statement:
        line.info.setdefault("on_record", []).append(_stack())
    elif statement.startswith("INSERT INTO notice ") and "on_record" in line.info:
        now = _stack()
        for earlier in line.info["on_record"]:
            verb = _verb_of_both(earlier, now)
            if verb is not None and verb not in COMPOSED:
                raise ToldTooLate(verb)


def _forget(line: Any) -> None:
    line.info.pop("on_record", None)


def _stack() -> list[FrameType]:
    """Who called whom, the first caller first."""
    frame: FrameType | None = sys._getframe(2)
    called = []
    while frame is not None:
        called.append(frame)
        frame = frame.f_back
    return called[::-1]


def _verb_of_both(one: list[FrameType], other: list[FrameType]) -> str | None:
    """The innermost call within which both happened, if it is the portal's: a test may do one verb after another."""
    both = [first.f_code for first, second in zip(one, other, strict=False) if first is second]
    ours = [(Path(code.co_filename), code.co_name) for code in both if code.co_filename.startswith(OURS)]
    if not ours or not ours[-1][0].is_relative_to(PORTAL):
        return None
    path, name = ours[-1]
    return f"{path.relative_to(PORTAL)} {name}"
