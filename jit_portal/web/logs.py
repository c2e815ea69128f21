"""Logs: one JSON object a line, with the request's id, and nothing that a person typed."""

import datetime as dt
import json
import logging
import sys
import time
import traceback

from flask import g, has_request_context, request
from psycopg import Error as DatabaseError

_PLAIN = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

log = logging.getLogger(__name__)


class JsonLines(logging.Formatter):
    """Formats a record as one line; control characters in it cannot begin another."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "at": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "says": record.getMessage(),
        }
        if has_request_context():
            said |= {"request": g.get("request_id", ""), "method": request.method, "endpoint": request.endpoint}
        said |= {key: value for key, value in record.__dict__.items() if key not in _PLAIN}
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)

    def formatException(self, ei: object) -> str:
        """Where it happened, of what kind it is, and its causes; never a message, which may quote what was typed."""
        error = ei[1] if isinstance(ei, tuple) else None
        said: list[str] = []
        while isinstance(error, BaseException):
            said += [*traceback.format_tb(error.__traceback__), f"{_kind(error)}\n"]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
            said += ["which came of\n"] if error else []
        return "".join(said)


def _kind(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    if not isinstance(error, DatabaseError):
        return name
    facts = (error.sqlstate, error.diag.table_name, error.diag.column_name, error.diag.constraint_name)
    return " ".join([name, *filter(None, facts)])


class _NotWithoutEnd(logging.Filter):
    """Lets only so many records pass in a minute: whoever sends nonsense without end makes the log no longer."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most, self._since, self._passed = most, 0.0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        if time.monotonic() - self._since >= 60:
            self._since, self._passed = time.monotonic(), 0
        self._passed += 1
        if self._passed == self._most + 1:
            log.warning("more is said than a minute keeps", extra={"by": record.name})
        return self._passed <= self._most


MOST_OF_SOCKETS = 20
"""Complaints, in a minute, of the libraries behind sockets, to which anybody may speak, and as fast as she likes."""


def start(level: int = logging.INFO) -> None:
    """Send every log line of this process to standard error as JSON, those of the server that runs it too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    for name in ("gunicorn.error", "gunicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # A library that finds no level set puts up a handler of its own.
    for name in ("urllib3", "engineio.server", "socketio.server", "werkzeug"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("engineio.server", "socketio.server", "gunicorn.error"):
        logging.getLogger(name).filters[:] = [_NotWithoutEnd(MOST_OF_SOCKETS)]
