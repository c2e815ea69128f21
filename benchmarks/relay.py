"""The bare Flask-SocketIO relay that chat is measured beside: no login, no rule, no database, no record."""

from typing import Any

from flask import Flask
from flask_socketio import SocketIO

app = Flask("relay")
socketio = SocketIO(app, async_mode="gevent", cors_allowed_origins="*")


@app.get("/healthz")
def alive() -> str:
    return "alive"


@socketio.on("message:post")  # type: ignore[untyped-decorator]
def relay(said: Any) -> dict[str, bool]:
    socketio.emit("message", said)
    return {"ok": True}
