"""Exhibits' bytes to a browser: for preview in the page, or to be taken away; whole, or any range of them."""

import logging
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Blueprint, Response, request

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import leave, pause
from jit_portal.errors import NotAllowed, NotFound, Refused, StoreUnavailable
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits.models import Exhibit
from jit_portal.files import reading, sniffing, storage
from jit_portal.files.again import Again
from jit_portal.files.models import StoredFile
from jit_portal.files.sealing import Tampered
from jit_portal.vocabulary import May
from jit_portal.web.filenames import named
from jit_portal.web.session import still_signed_in, viewer
from jit_portal.wording import gettext

log = logging.getLogger(__name__)
bp = Blueprint("delivery", __name__, url_prefix="/vault/exhibits")

TEXT_SHOWN = 200_000
_UNKNOWN = "application/octet-stream"
_AT_ONCE = 16 << 20
_HARMLESS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class NoPreview(Refused):
    """This kind of file is not shown in the portal; it can be downloaded by whoever may."""

    status = 415


class DoesNotOpen(Refused):
    """The store has lost this file, or holds something else in its place: nothing of it is given to anybody."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Bytes ``first`` to ``last`` (inclusive); ``is_part`` when the client asked for a range."""

    first: int
    last: int
    is_part: bool


@bp.get("/<uuid:exhibit_id>/content")
def content(exhibit_id: uuid.UUID) -> Response:
    """A refusal is a page of the portal like any other: only what comes from a file is kept from doing anything."""
    exhibit = policy.fetch(viewer(), Exhibit, exhibit_id)
    answer = _WAYS.get(request.args.get("as", ""), _preview)(exhibit)
    answer.headers.update(_HARMLESS)
    return answer


def _download(exhibit: Exhibit) -> Response:
    file = exhibit_bytes.look(viewer(), exhibit, May.DOWNLOAD)
    again = Again(_still(May.DOWNLOAD, exhibit))
    answer = _send(file, kind_of(file) or _UNKNOWN, f"attachment; {named(file.name)}", again)
    return _on_record(exhibit_bytes.download, exhibit, file, answer)


def _preview(exhibit: Exhibit) -> Response:
    file, kind = _to_show(exhibit)
    if kind == sniffing.TEXT:
        answer = Response(sniffing.text_of(_beginning(file, TEXT_SHOWN)), mimetype=sniffing.TEXT)
    else:
        # As often as a player asks by itself, also where all of a film, or a long range, is asked for at once.
        again = Again(_still(May.READ, exhibit), every_bytes=_AT_ONCE)
        answer = _send(file, kind, f"inline; {named(file.name)}", again, at_once=_AT_ONCE)
    return _on_record(exhibit_bytes.open_for_reading, exhibit, file, answer)


def _look(exhibit: Exhibit) -> Response:
    """Whether its preview can be had now, or in words why not: nothing of it is sent, so no reading is on record."""
    file, _ = _to_show(exhibit)
    _beginning(file, 1)
    return Response(status=204)


_WAYS: dict[str, Callable[[Exhibit], Response]] = {"download": _download, "look": _look}


def _to_show(exhibit: Exhibit) -> tuple[StoredFile, str]:
    file = exhibit_bytes.look(viewer(), exhibit)
    kind = kind_of(file)
    if kind is None:
        raise NoPreview(gettext("This kind of file is not shown in the portal."))
    return file, kind


def _on_record(opening: Callable[..., StoredFile], exhibit: Exhibit, file: StoredFile, answer: Response) -> Response:
    """The answer, whose first bytes are there, once its opening is on record: what does not open was not read."""
    if request.method != "HEAD":
        try:
            opening(viewer(), exhibit, goes_on=_goes_on(file))
        except BaseException:
            answer.close()
            raise
    return answer


def _still(what: May, exhibit: Exhibit) -> Callable[[], None]:
    """Asks amid the bytes, when the request is long over, whether its person still may; a refusal is on record."""
    signed_in = still_signed_in()

    def ask() -> None:
        try:
            person = signed_in()
            try:
                policy.require(person, what, exhibit)
            except (NotAllowed, NotFound) as error:
                audit.refused(person, "delivery.content", exhibit, error)
                raise
        finally:
            leave()

    return ask


def _send(file: StoredFile, kind: str, disposition: str, again: Again, *, at_once: int | None = None) -> Response:
    about = {
        "Content-Type": kind,
        "Content-Disposition": disposition,
        "Accept-Ranges": "bytes",
        "ETag": f'"{file.id}"',
    }
    wanted = _wanted(file, at_once)
    if wanted is None:
        return Response(status=416, headers={"Content-Range": f"bytes */{file.length}"})
    if wanted.is_part:
        about["Content-Range"] = f"bytes {wanted.first}-{wanted.last}/{file.length}"
    about["Content-Length"] = str(wanted.last - wanted.first + 1)
    is_bare = request.method == "HEAD" or file.is_empty
    pause()
    with _in_words(file):
        body = () if is_bare else reading.Range(file, wanted.first, wanted.last, again.passed)
    return Response(body, status=206 if wanted.is_part else 200, headers=about, direct_passthrough=True)


def _wanted(file: StoredFile, at_once: int | None) -> Wanted | None:
    """Which bytes to send, or ``None`` when the file has none of those asked for.

    An open range is answered ``at_once`` bytes at a time: a paused player then holds no thread of this process.
    """
    whole = Wanted(0, file.length - 1, is_part=False)
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or not _is_same(file):
        return whole
    first, end = asked.ranges[0]
    if first < 0:
        first, end = max(0, file.length + first), file.length
    if first >= file.length:
        return None
    if end is None and at_once is not None:
        end = first + at_once
    return Wanted(first, min(end or file.length, file.length) - 1, is_part=True)


def _goes_on(file: StoredFile) -> bool:
    """A further part of what was opened; whoever is sent the first byte, or all of it, opens it anew."""
    wanted = _wanted(file, None)
    return wanted is None or (wanted.is_part and wanted.first > 0)


def _is_same(file: StoredFile) -> bool:
    known = request.headers.get("If-Range")
    return known is None or known == f'"{file.id}"'


@contextmanager
def _in_words(file: StoredFile) -> Iterator[None]:
    """A file that is lost or was tampered with is refused in words, and the operator's log says which it is."""
    try:
        yield
    except (storage.Missing, Tampered) as error:
        log.error("a file does not open", extra={"file": str(file.id), "reason": type(error).__name__})
        raise DoesNotOpen(
            gettext("What lies in the store does not open as this file. Tell the operator of the portal.")
        ) from error


def _beginning(file: StoredFile, size: int) -> bytes:
    pause()
    with _in_words(file):
        return reading.beginning(file, size)


_kinds: OrderedDict[uuid.UUID, str | None] = OrderedDict()
_MOST_KINDS = 5_000


def kind_of(file: StoredFile) -> str | None:
    """Media type of a whole file by its own first bytes, remembered: they never change."""
    if file.id not in _kinds:
        _kinds[file.id] = sniffing.kind_of(_beginning(file, sniffing.ENOUGH))
        while len(_kinds) > _MOST_KINDS:
            _kinds.popitem(last=False)
    return _kinds[file.id]


@dataclass(frozen=True, slots=True)
class Shown:
    """How a file is shown in a page: image, video, audio, pdf, text; "" for not at all, "away" while its bytes cannot
    be had, and "refused" with the reason ``why``.
    """

    how: str
    why: str = ""


_AWAY_FOR = 5.0
_away: tuple[storage.Store | None, float] = (None, 0)
"""The store that was away, and until when no page asks it again."""


def shown(file: StoredFile) -> Shown:
    """How this file is shown; the page about it stays up without it, and does not wait twice for a silent store."""
    global _away
    store = None
    try:
        store = storage.store()
        if file.id not in _kinds and store is _away[0] and time.monotonic() < _away[1]:
            return Shown("away")
        media = kind_of(file) or ""
    except StoreUnavailable as error:
        _away = store, time.monotonic() + _AWAY_FOR
        log.warning("a file cannot be previewed", extra={"file": str(file.id), "reason": type(error).__name__})
        return Shown("away")
    except Refused as error:
        return Shown("refused", error.reason)
    if media in ("application/pdf", sniffing.TEXT):
        return Shown("text" if media == sniffing.TEXT else "pdf")
    return Shown(media.partition("/")[0])
