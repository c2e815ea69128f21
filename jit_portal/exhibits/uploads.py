"""Resumable uploads, tus 1.0: core, creation, checksum, expiration, termination; and the sender's hash at the end."""

import base64
import binascii
import datetime as dt
import hashlib
import uuid
from collections.abc import Iterator
from contextlib import suppress
from email.utils import format_datetime
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_limiter import ExemptionScope
from flask_wtf.csrf import generate_csrf
from werkzeug.exceptions import ClientDisconnected

from jit_portal import policy
from jit_portal.errors import Invalid
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits import lines
from jit_portal.exhibits.bytes import Sent
from jit_portal.exhibits.forms import UploadForm
from jit_portal.exhibits.watching import Watch
from jit_portal.extensions import asker, limiter
from jit_portal.files import keys, storage
from jit_portal.files import service as files
from jit_portal.files.again import Again
from jit_portal.files.keys import FileKeyring
from jit_portal.files.models import StoredFile
from jit_portal.files.receiving import LONGEST, Digest
from jit_portal.web.requests import open_to_all, refuse_nul
from jit_portal.web.session import still_signed_in, viewer
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Workspace

bp = Blueprint("uploads", __name__, url_prefix="/vault/uploads")
# A folder of small files is many requests by itself: they are counted apart from those of a person at the pages.
limiter.exempt(bp, flags=ExemptionScope.APPLICATION)
limiter.shared_limit("6000/minute", "uploads", key_func=asker)(bp)

VERSION = "1.0.0"
BYTES = "application/offset+octet-stream"
_STORE_ASKED = 2.0
_MOST_SAID = 64 << 10
_MOST_METADATA = 32 << 10
_HASHES = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}


@bp.record_once
def connect(state: BlueprintSetupState) -> None:
    """Speak to the store and take the countries' keys as the settings say."""
    settings = state.app.config["SETTINGS"]
    storage.use(storage.Store.of(settings))
    keys.use(FileKeyring(settings.keyring))


@bp.url_value_preprocessor
def limit_length(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Before anything looks at the request: only bytes of a file, which are never held, may be many."""
    is_file = endpoint == "uploads.append" and request.content_type == BYTES
    request.max_content_length = LONGEST if is_file else _MOST_SAID
    if is_file:
        lines.read_straight(request.environ)


@bp.after_request
def close_politely(response: Response) -> Response:
    """Name the protocol; a refusal is answered before what is left of its body, most of which is never taken."""
    line = request.environ.get("gunicorn.socket")
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if response.status_code >= 400 and has_body and line is not None:
        response.call_on_close(partial(lines.let_go, line, request.environ["wsgi.input"]))
    response.headers["Tus-Resumable"] = VERSION
    response.headers["Cache-Control"] = "no-store"
    return response


class Malformed(Invalid):
    """The request does not speak the protocol."""

    status = 400


class ClientBody:
    """The request's body; a client that goes away is a broken connection, whoever notices it.

    ``watch`` says while it comes in whether it may go on, ``store`` asks whether it can be kept.
    """

    def __init__(self, watch: Watch, store: Again) -> None:
        self._watch, self._store = watch, store
        self._stream: Any = request.stream

    def readinto(self, into: memoryview, /) -> int:
        try:
            came: int = self._stream.readinto(into)
        except ClientDisconnected as error:
            self._watch.end()
            raise ConnectionError("the client went away") from error
        self._watch.end()
        self._store.passed(came)
        return came


@bp.route("", methods=["OPTIONS"], provide_automatic_options=False)
@bp.route("/<uuid:file_id>", methods=["OPTIONS"], provide_automatic_options=False)
@open_to_all
def options(file_id: uuid.UUID | None = None) -> Response:
    about = {
        "Tus-Version": VERSION,
        "Tus-Extension": "creation,checksum,expiration,termination",
        "Tus-Max-Size": str(LONGEST),
        "Tus-Checksum-Algorithm": ",".join(_HASHES),
    }
    return Response(status=204, headers=about)


@bp.before_request
def speak_one_version() -> Response | None:
    if request.method == "OPTIONS" or request.endpoint in ("uploads.declare_hash", "uploads.token"):
        return None
    if request.headers.get("Tus-Resumable") == VERSION:
        return None
    return Response("this server speaks tus 1.0.0", 412, {"Tus-Version": VERSION})


@bp.get("/token")
def token() -> Response:
    """The page's CSRF token anew, for an upload that goes on after its person has signed in again."""
    return jsonify(csrf=generate_csrf())


@bp.post("")
def create() -> Response:
    said = _metadata(request.headers.get("Upload-Metadata", ""))
    workspace = policy.fetch(viewer(), Workspace, _uuid(said.pop("workspace", ""), "workspace"))
    sent = Sent(
        name=said.pop("filename", ""),
        length=_number("Upload-Length"),
        media_type=said.pop("filetype", "") or "application/octet-stream",
        sha256=said.pop("sha256", "") or None,
        key=_uuid(said.pop("key"), "key") if "key" in said else None,
    )
    try:
        file = exhibit_bytes.receive(viewer(), workspace, said, sent)
    except Invalid as error:
        raise _by_name(error) from error
    answer = _answer(file, 201)
    answer.headers["Location"] = url_for("uploads.head", file_id=file.id)
    return answer


def _by_name(error: Invalid) -> Invalid:
    """The same refusal, naming its field: it is read beside a file, not beside what was typed."""
    form = UploadForm(formdata=None)
    if error.field is None or error.field not in form:
        return error
    # The page makes a title of the folders that a file came in.
    name = gettext("Title or path") if error.field == "title" else form[error.field].label.text
    return Invalid(gettext("%(field)s: %(reason)s", field=name, reason=error.reason), field=error.field)


@bp.route("/<uuid:file_id>", methods=["HEAD"], provide_automatic_options=False)
def head(file_id: uuid.UUID) -> Response:
    file = files.stand(viewer(), file_id)
    answer = _answer(file, 200)
    answer.headers["Upload-Length"] = str(file.length)
    answer.headers["Upload-Integrity"] = file.integrity.value
    name = base64.b64encode(file.name.encode()).decode()
    answer.headers["Upload-Metadata"] = f"filename {name}"
    return answer


@bp.patch("/<uuid:file_id>")
def append(file_id: uuid.UUID) -> Response:
    if request.content_type != BYTES:
        return Response(f"bytes come as {BYTES}", 415)
    offset, size, checksum = _number("Upload-Offset"), request.content_length, _checksum()
    signed_in = still_signed_in()
    line = request.environ.get("gunicorn.socket")
    # A slow line fills no part for long, and would not learn until then that nobody takes it.
    still_stored = Again(storage.Patience().require, every_bytes=LONGEST, every_seconds=_STORE_ASKED)
    with Watch(lambda: files.require_writing(signed_in(), file_id), partial(lines.cut, line)) as watch:
        body = ClientBody(watch, still_stored)
        file = exhibit_bytes.append(viewer(), file_id, offset, body, size=size, checksum=checksum)
    return _answer(file, 204)


@bp.delete("/<uuid:file_id>")
def cancel(file_id: uuid.UUID) -> Response:
    files.cancel(viewer(), file_id)
    return Response(status=204)


@bp.post("/<uuid:file_id>/hash")
def declare_hash(file_id: uuid.UUID) -> Response:
    said: Any = {}
    with suppress(RecursionError):  # lists within lists without end are no hash either
        said = request.get_json(silent=True)
    said = said if isinstance(said, dict) else {}
    value = said.get("sha256")
    if not isinstance(value, str):
        raise Invalid(gettext("The hash is missing."), field="sha256")
    file = exhibit_bytes.declare_hash(viewer(), file_id, value, if_same=said.get("if_same") is True)
    return jsonify(integrity=file.integrity.value)


def _answer(file: StoredFile, status: int) -> Response:
    expires = format_datetime(file.expires_at.astimezone(dt.UTC), usegmt=True)
    return Response(status=status, headers={"Upload-Offset": str(file.received), "Upload-Expires": expires})


def _number(header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Malformed(f"{header} must be a number of bytes.", field=header)
    return int(text)


def _uuid(text: str, field: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Malformed("That is no identifier.", field=field) from error


def _checksum() -> tuple[Digest, bytes] | None:
    said = request.headers.get("Upload-Checksum")
    if said is None:
        return None
    algorithm, _, value = said.partition(" ")
    if algorithm not in _HASHES:
        raise Malformed("The checksum must be sha1 or sha256.", field="Upload-Checksum")
    # SHA-1 only because the protocol demands it: it finds damage on the way, and guards against nobody.
    return _HASHES[algorithm](usedforsecurity=False), _unpacked(value, "Upload-Checksum")


def _metadata(header: str) -> dict[str, str]:
    """What the sender says of the file: pairs of a name and a value in base64, with commas between."""
    if len(header) > _MOST_METADATA:
        raise Malformed("There is too much said about the file.", field="Upload-Metadata")
    return dict(_pairs(header))


def _pairs(header: str) -> Iterator[tuple[str, str]]:
    for pair in filter(None, (part.strip() for part in header.split(","))):
        name, _, value = pair.partition(" ")
        try:
            text = _unpacked(value, name).decode()
        except UnicodeDecodeError as error:
            raise Malformed("What is said of the file must be UTF-8.", field=name) from error
        refuse_nul((name, text))
        yield name, text


def _unpacked(value: str, field: str) -> bytes:
    try:
        return base64.b64decode(value.strip(), validate=True)
    except binascii.Error as error:
        raise Malformed("That is not base64.", field=field) from error
