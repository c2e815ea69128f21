"""Asks a process of the demo whether it serves, over a port or a unix socket."""

import http.client
import socket
from pathlib import Path
from urllib.parse import urlsplit


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, host: str) -> None:
        super().__init__(host, timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def answers(url: str, *, over: Path | None = None, host: str | None = None) -> bool:
    """Whether a GET of ``url`` gives 200, over the socket ``over`` when given, as ``host`` when its name differs."""
    parts = urlsplit(url)
    host = host or parts.netloc
    connection = _SocketConnection(over, host) if over else http.client.HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request("GET", parts.path, headers={"Host": host})
        return connection.getresponse().status == 200
    finally:
        connection.close()
