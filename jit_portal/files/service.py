"""The life of a stored file: begun, received in pieces, whole, read back and found equal — or not."""

import datetime as dt
import logging
import re
import uuid
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.background import enqueue
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, Refused, StoreUnavailable
from jit_portal.files import keys, names, reading, sealing, storage
from jit_portal.files.models import StoredFile
from jit_portal.files.receiving import LONGEST, LONGEST_CHECKED, Body, Digest, Intake
from jit_portal.files.refusals import AnotherFile, BeingWritten, Over, TooLong, WrongOffset
from jit_portal.files.writing import LIVES, Upload, database_away, sole_writer
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.policy import Work
from jit_portal.vocabulary import Integrity, May
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Workspace

log = logging.getLogger(__name__)


def begin(
    actor: User,
    workspace: Workspace,
    party: Party,
    *,
    name: str,
    length: int,
    media_type: str = "application/octet-stream",
    sha256: str | None = None,
    client_key: uuid.UUID | None = None,
) -> StoredFile:
    """Begin a file of ``length`` bytes, under a key of its own that the party's key wraps.

    An empty file is whole at once, and kept: that it is empty may be evidence. ``sha256`` is the sender's, if known.
    """
    policy.require(actor, May.UPLOAD, workspace)
    refuse_longest(length)
    file_id, name, declared = uuid.uuid4(), names.checked(name), _hash(sha256) if sha256 else None
    with transaction():
        if length == 0:
            # Before anything is put on record, which nobody else can be while a slow store is waited for.
            storage.store().put(str(file_id), b"")
        key_name = keys.provider().current(party.id) or _make_key(actor, party)
        file = StoredFile(
            id=file_id,
            jit_id=workspace.jit_id,
            workspace_id=workspace.id,
            party_id=party.id,
            uploaded_by_id=actor.id,
            name=name,
            media_type=media_type[:200],
            length=length,
            object_name=str(file_id),
            key_name=key_name,
            wrapped_key=keys.provider().wrap(key_name, sealing.new_key()),
            sha256_declared=declared,
            client_key=client_key,
            expires_at=dt.datetime.now(dt.UTC) + LIVES,
        )
        session().add(file)
        audit.record(actor, "file.begun", file, quietly=True, length=length, key=key_name)
        if file.is_empty:
            _is_whole(actor, file)
    return file


def refuse_longest(length: int) -> None:
    """Go on only with as many bytes as one file may have."""
    if not 0 <= length <= LONGEST:
        raise TooLong(gettext("A file may have at most 150 GiB."))


def _make_key(actor: User, party: Party) -> str:
    name = keys.provider().make(party.id)
    audit.record(actor, "key.made", party, quietly=True, key=name)
    return name


def begun(actor: User, client_key: uuid.UUID) -> StoredFile | None:
    """The upload that the sender began under a key of its own, so that a repeated beginning begins nothing."""
    return session().scalar(policy.which(actor, StoredFile).where(StoredFile.client_key == client_key))


def is_spent(actor: User, client_key: uuid.UUID) -> bool:
    """Whether she has used this key, be it for what she does not see any more."""
    its = select(StoredFile.id).where(StoredFile.uploaded_by_id == actor.id, StoredFile.client_key == client_key)
    return session().scalar(its.execution_options(policy=True)) is not None


def append(
    actor: User,
    file_id: uuid.UUID,
    offset: int,
    body: Body,
    *,
    size: int | None = None,
    checksum: tuple[Digest, bytes] | None = None,
) -> StoredFile:
    """Take the bytes of ``body`` from ``offset`` on; what is safe afterwards is the file's ``received``.

    ``size`` is how many bytes the sender announces; with ``checksum`` (a hash and its value) at most 16 MiB. Sending
    again is safe: what was not committed is sealed and stored anew. The file may be whole afterwards.
    """
    require_writing(actor, file_id)
    with sole_writer(file_id, patience=5) as upload:
        _check_place(upload, offset, size)
        if checksum and (size is None or size > LONGEST_CHECKED):
            raise TooLong(gettext("With a checksum, send at most 16 MiB at once."))
        _take(upload, body, checksum)
        return _finish_if_whole(actor, upload)


def stand(actor: User, file_id: uuid.UUID) -> StoredFile:
    """How far the file has come, once whoever is writing to it has finished; ``Over`` when it can never go on."""
    require_writing(actor, file_id)
    with sole_writer(file_id, patience=10) as upload:
        if upload.integrity == Integrity.CANCELLED:
            raise Over(gettext("This upload was cancelled or has expired."))
        return _finish_if_whole(actor, upload)


def require_writing(actor: User, file_id: uuid.UUID) -> None:
    """Go on only if she may send bytes of this upload now."""
    # A transaction of its own: none may stay open while a body comes in over a slow line.
    with transaction():
        policy.require(actor, May.UPLOAD, policy.fetch(actor, StoredFile, file_id))


def _check_place(upload: Upload, offset: int, size: int | None) -> None:
    if upload.integrity == Integrity.CANCELLED:
        raise Over(gettext("This upload was cancelled or has expired."))
    if upload.integrity != Integrity.RECEIVING or offset != upload.received:
        raise WrongOffset(gettext("The bytes do not begin where the last ones ended."))
    if size is not None and offset + size > upload.length:
        raise TooLong(gettext("More bytes came than the file was said to have: it has grown, or it is another file."))


def _take(upload: Upload, body: Body, checksum: tuple[Digest, bytes] | None) -> None:
    try:
        Intake(upload, checksum).take(body)
    except storage.Missing as error:
        # The store has forgotten the parts: nothing of them can be saved, so the sender begins anew.
        upload.commit(received=0, parts=[], tail=None, store_upload=None)
        raise StoreUnavailable(gettext("The store has lost what was sent; the upload begins again.")) from error
    except (OperationalError, InterfaceError) as error:
        raise database_away() from error


def _finish_if_whole(actor: User, upload: Upload) -> StoredFile:
    """Make the parts one object, once; a process that died in between is made up for by the next call."""
    if upload.integrity == Integrity.RECEIVING and upload.received == upload.length:
        if upload.store_upload:
            _join(upload)
        with transaction():
            file = policy.fetch(actor, StoredFile, upload.id, lock=True)
            file.parts, file.tail, file.store_upload = [], None, None
            _is_whole(actor, file)
        return file
    # Under its lock it is read anew; and the right to it may have ended while the bytes came.
    with transaction():
        return policy.fetch(actor, StoredFile, upload.id, lock=True)


def _join(upload: Upload) -> None:
    try:
        storage.store().complete(upload.object_name, upload.store_upload or "", [etag for etag, _ in upload.parts])
    except storage.Missing:
        # Joined before, by a process that died before it could say so.
        if storage.store().size(upload.object_name) != sealing.sealed_length(upload.length):
            raise


def _is_whole(actor: User, file: StoredFile) -> None:
    file.received = file.length
    file.integrity = Integrity.CHECKING
    file.completed_at = dt.datetime.now(dt.UTC)
    audit.record(actor, "file.received", file, quietly=True, length=file.length)
    enqueue("exhibits:verify", file_id=str(file.id))


def cancel(actor: User, file_id: uuid.UUID) -> StoredFile:
    """End an upload that is not whole yet; its parts are removed from the store after the commit."""
    require_writing(actor, file_id)
    with sole_writer(file_id, patience=5), transaction():
        file = policy.fetch(actor, StoredFile, file_id, lock=True)
        policy.require(actor, May.UPLOAD, file)
        if file.integrity == Integrity.CANCELLED:
            return file
        if file.integrity != Integrity.RECEIVING:
            raise Refused(gettext("The file is whole: it is evidence now and cannot be cancelled."))
        _end(actor, file, "file.cancelled")
    return file


def expire() -> int:
    """End the uploads that nobody went on with for a week; answers how many."""
    with transaction():
        waiting = session().scalars(policy.portal_which(Work.EXPIRY, StoredFile)).unique().all()
    ended = 0
    for file in waiting:
        try:
            with sole_writer(file.id, patience=1), transaction():
                late = policy.portal_which(Work.EXPIRY, StoredFile).where(StoredFile.id == file.id)
                found = session().scalar(late.execution_options(populate_existing=True))
                if found is not None:
                    _end(None, found, "file.expired")
                    ended += 1
        except BeingWritten:
            log.info("an upload is being written while it expires", extra={"file": str(file.id)})
    return ended


def _end(actor: User | None, file: StoredFile, act: str) -> None:
    if file.store_upload:
        enqueue("files:abort", object_name=file.object_name, upload=file.store_upload)
    file.integrity = Integrity.CANCELLED
    file.parts, file.tail, file.store_upload = [], None, None
    audit.record(actor, act, file, received=file.received, length=file.length)


def declare_hash(actor: User, file_id: uuid.UUID, sha256: str, *, if_same: bool = False) -> StoredFile:
    """Put the sender's own SHA-256 of the whole file (hex) on record; once said it stands.

    With ``if_same`` nothing is said unless it is what was read back: a file chosen by mistake proves nothing.
    """
    value = _hash(sha256)
    with transaction():
        file = policy.fetch(actor, StoredFile, file_id, lock=True)
        policy.require(actor, May.UPLOAD, file)
        if file.integrity == Integrity.CANCELLED:
            raise Over(gettext("This upload was cancelled or has expired."))
        if file.sha256_declared not in (None, value):
            raise Refused(gettext("Another hash was declared for this file before; a declared hash stands."))
        if file.sha256_declared is None:
            if if_same:
                _require_same(file, value)
            file.sha256_declared = value
            audit.record(actor, "file.hash_declared", file, quietly=True, sha256=value)
    return file


def _require_same(file: StoredFile, value: str) -> None:
    if file.sha256 is None:
        raise Refused(gettext("The vault has not read this file back yet: try again in a moment."))
    if file.sha256 != value:
        raise AnotherFile(gettext("This is not what the vault holds: its fingerprint is another."))


def read_back(file_id: uuid.UUID, go_on: Callable[[], None]) -> str | None:
    """SHA-256 of what the store holds for a file that waits for it, or ``None`` when that is not what was sealed.

    ``go_on`` is called for every chunk and may raise to stop.
    """
    with transaction():
        file = policy.portal_fetch(Work.VERIFICATION, StoredFile, file_id)
    try:
        return reading.sha256(file, go_on)
    except sealing.Tampered as error:
        log.error("a stored file does not open", extra={"file": str(file_id), "reason": str(error)})
        return None


def settle(file: StoredFile, found: str | None) -> str | None:
    """Judge a file by what was read back (``None``: it does not open); the act to put on record, if it is decided.

    Called inside a transaction, with the row locked. Without the sender's hash it stays undecided.
    """
    file.sha256 = found
    file.checked_at = dt.datetime.now(dt.UTC)
    if found is not None and file.sha256_declared is None:
        return None
    file.integrity = Integrity.VERIFIED if found == file.sha256_declared else Integrity.MISMATCH
    return f"file.{file.integrity.value}"


def clear_away(object_name: str, upload: str) -> None:
    """Remove the parts of an upload that ended, unless they are gone."""
    try:
        storage.store().abort(object_name, upload)
    except storage.Missing:
        log.info("the parts of an ended upload are gone already", extra={"object": object_name})


def _hash(text: str) -> str:
    value = text.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise Invalid(gettext("A SHA-256 has 64 hexadecimal digits."), field="sha256")
    return value
