"""Exhibits' bytes to a browser: for preview in the page, or to be taken away; whole, or any range of them."""

import logging
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, request

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import leave
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Bytes ``first`` to ``last`` (inclusive); ``is_part`` when the client asked for a range."""

    first: int
    last: int
    is_part: bool


@bp.after_request
def make_harmless(response: Response) -> Response:
    response.headers.update(_HARMLESS)
    return response


@bp.get("/<uuid:exhibit_id>/content")
def content(exhibit_id: uuid.UUID) -> Response:
    exhibit = policy.fetch(viewer(), Exhibit, exhibit_id)
    return _download(exhibit) if request.args.get("as") == "download" else _preview(exhibit)


def _download(exhibit: Exhibit) -> Response:
    file = exhibit_bytes.look(viewer(), exhibit, May.DOWNLOAD)
    if request.method != "HEAD":
        exhibit_bytes.download(viewer(), exhibit, goes_on=_goes_on(file))
    again = Again(_still(May.DOWNLOAD, exhibit))
    return _send(file, kind_of(file) or _UNKNOWN, f"attachment; {named(file.name)}", again)


def _preview(exhibit: Exhibit) -> Response:
    file = exhibit_bytes.look(viewer(), exhibit)
    kind = kind_of(file)
    if kind is None:
        raise NoPreview(gettext("This kind of file is not shown in the portal."))
    if request.method != "HEAD":
        exhibit_bytes.open_for_reading(viewer(), exhibit, goes_on=_goes_on(file))
    if kind == sniffing.TEXT:
        return Response(sniffing.text_of(reading.beginning(file, TEXT_SHOWN)), mimetype=sniffing.TEXT)
    return _send(file, kind, f"inline; {named(file.name)}", Again(_still(May.READ, exhibit)), at_once=_AT_ONCE)


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


_kinds: OrderedDict[uuid.UUID, str | None] = OrderedDict()
_MOST_KINDS = 5_000


def kind_of(file: StoredFile) -> str | None:
    """Media type of a whole file by its own first bytes, remembered: they never change."""
    if file.id not in _kinds:
        _kinds[file.id] = sniffing.kind_of(reading.beginning(file, sniffing.ENOUGH))
        while len(_kinds) > _MOST_KINDS:
            _kinds.popitem(last=False)
    return _kinds[file.id]


def preview_kind(file: StoredFile) -> str | None:
    """How a file is shown in a page: image, video, audio, pdf, text, "" for not at all; ``None`` when its bytes cannot
    be had or do not open: the page about it stays up.
    """
    try:
        media = kind_of(file) or ""
    except (Refused, StoreUnavailable, storage.Missing, Tampered) as error:
        log.warning("a file cannot be previewed", extra={"file": str(file.id), "reason": type(error).__name__})
        return None
    if media in ("application/pdf", sniffing.TEXT):
        return "text" if media == sniffing.TEXT else "pdf"
    return media.partition("/")[0]
