"""How the portal speaks to a national login: to its own host only, briefly, and never following it elsewhere."""

import ipaddress
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import gevent
import requests
import urllib3
from authlib.integrations.requests_client import OAuth2Session

TIMEOUT = 5.0
PATIENCE = 10.0
LONGEST_ANSWER = 512 * 1024


_until: ContextVar[float] = ContextVar("until", default=float("inf"))


@contextmanager
def patience() -> Iterator[None]:
    """Let all that is asked of a login within take ``PATIENCE`` together, however many calls it comes to."""
    before = _until.set(min(_until.get(), time.monotonic() + PATIENCE))
    try:
        yield
    finally:
        _until.reset(before)


def home_of(issuer: str) -> str:
    """Scheme, host and port of an issuer. ValueError unless it is https, or plain http on this machine."""
    parts = urlsplit(issuer)
    if not parts.hostname or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("an issuer is a scheme, a host and a path")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("an issuer is reached by https")
    return f"{parts.scheme}://{parts.netloc}"


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine by its very name."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_at(homes: Collection[str], url: object) -> bool:
    """Whether ``url`` is an address at one of ``homes``, by the browser's way of reading addresses too."""
    if not isinstance(url, str) or "\\" in url or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return f"{parts.scheme}://{parts.netloc}" in homes


def time_is_up() -> bool:
    """Whether whoever asks has no more patience left."""
    return time.monotonic() >= _until.get()


class Unreadable(requests.RequestException):
    """The provider's answer does not come to an end as it should."""


class Wire(OAuth2Session):
    """An HTTP session to one provider: five seconds, half a megabyte, no redirects, only ``home`` and ``also``."""

    def __init__(self, *arguments: Any, home: str, also: Collection[str] = (), **more: Any) -> None:
        super().__init__(*arguments, default_timeout=TIMEOUT, **more)
        self._homes = (home, *also)
        self.headers["Accept-Encoding"] = "identity"
        self.trust_env = not is_loopback(urlsplit(home).hostname or "")

    def request(self, method: str, url: str, *arguments: Any, **more: Any) -> requests.Response:
        if not is_at(self._homes, url):
            raise requests.exceptions.InvalidURL("not at the provider's own host")
        left = min(self.default_timeout, _until.get() - time.monotonic())
        if left <= 0:
            raise requests.Timeout("too slow all in all")
        more.update(allow_redirects=False, stream=True, timeout=left)
        # Theirs lasts from one byte to the next: for ever where headers, or the lengths of pieces, come drop by drop.
        late = gevent.Timeout.start_new(left)
        try:
            response: requests.Response = super().request(method, url, *arguments, **more)
            _read(response)
        except gevent.Timeout as over:
            if over is not late:
                raise
            raise requests.Timeout("too slow to come in whole") from over
        finally:
            late.close()
        if response.is_redirect or response.status_code >= 500:
            raise requests.HTTPError(f"status {response.status_code}", response=response)
        return response


def _read(response: requests.Response) -> None:
    """Take in the whole answer as it comes, unless it is too long or too slow."""
    until = min(time.monotonic() + TIMEOUT, _until.get())
    body = bytearray()
    with response:
        try:
            while piece := response.raw.read1(16 * 1024, decode_content=False):
                body += piece
                if len(body) > LONGEST_ANSWER or time.monotonic() > until:
                    raise Unreadable("too long or too slow")
        except urllib3.exceptions.HTTPError as error:
            raise Unreadable("broke off") from error
    response._content = bytes(body)
