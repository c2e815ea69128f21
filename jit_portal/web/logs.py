"""Logs: one JSON object a line, with the request's id, and nothing that a person typed."""

import datetime as dt
import json
import logging
import sys

from flask import g, has_request_context, request

_PLAIN = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


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
        return json.dumps(said, ensure_ascii=False, default=str)


def start(level: int = logging.INFO) -> None:
    """Send every log line of this process to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("urllib3", "engineio", "socketio", "werkzeug"):
        logging.getLogger(name).setLevel(logging.WARNING)
