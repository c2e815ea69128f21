"""The bytes of exhibits: received with what is known of them, judged, opened and taken away — each on record."""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import Thing, session, transaction
from jit_portal.errors import NotFound, Refused, about
from jit_portal.exhibits import admission
from jit_portal.exhibits import service as exhibits
from jit_portal.exhibits.models import Exhibit
from jit_portal.files import names
from jit_portal.files import service as files
from jit_portal.files.models import StoredFile
from jit_portal.files.receiving import Body, Digest
from jit_portal.identity.models import User
from jit_portal.policy import Work
from jit_portal.vocabulary import Integrity, May
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Workspace
from jit_portal.workspaces.own import own_membership

SAME_OPENING = dt.timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a sender says of a file before its first byte; ``length`` in bytes, ``key`` its own name for this upload."""

    name: str
    length: int
    media_type: str = "application/octet-stream"
    sha256: str | None = None
    key: uuid.UUID | None = None


def receive(actor: User, workspace: Workspace, details: dict[str, Any], sent: Sent) -> StoredFile:
    """Register an exhibit and begin its file, both or neither; under a key that is known, answer the known file."""
    policy.require(actor, May.UPLOAD, workspace)
    party = own_membership(actor, workspace.id).party
    with transaction(), about(party):
        if sent.key is not None:
            session().execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(str(sent.key), 8))))
            known = files.begun(actor, sent.key)
            if known is not None:
                return _same(known, workspace, sent)
            if files.is_spent(actor, sent.key):
                raise _begun_otherwise()
        # Asked first: neither a key nor an object of the store is taken back with what was refused.
        files.refuse_longest(sent.length)
        names.checked(sent.name)
        exhibits.hold_place(*admission.admitted(actor, workspace, details, sent.name))
        file = files.begin(
            actor,
            workspace,
            party,
            name=sent.name,
            length=sent.length,
            media_type=sent.media_type,
            sha256=sent.sha256,
            client_key=sent.key,
        )
        exhibits.register(actor, workspace, details, file=file)
    return file


def _same(known: StoredFile, workspace: Workspace, sent: Sent) -> StoredFile:
    said = (workspace.id, sent.name, sent.length)
    if (known.workspace_id, known.name, known.length) != said or known.integrity == Integrity.CANCELLED:
        raise _begun_otherwise()
    return known


def _begun_otherwise() -> Refused:
    return Refused(gettext("This upload was begun before with other details, or it was cancelled: begin a new one."))


def append(
    actor: User,
    file_id: uuid.UUID,
    offset: int,
    body: Body,
    *,
    size: int | None = None,
    checksum: tuple[Digest, bytes] | None = None,
) -> StoredFile:
    """Take bytes as ``files.service.append`` does, and tell who sees the exhibit when its file is whole."""
    file = files.append(actor, file_id, offset, body, size=size, checksum=checksum)
    if file.integrity == Integrity.CHECKING:
        with transaction():
            exhibit = _carrier(file)
            if exhibit is not None:
                audit.announce("exhibit", exhibit.id, "file.received")
    return file


def declare_hash(actor: User, file_id: uuid.UUID, sha256: str, *, if_same: bool = False) -> StoredFile:
    """Put the sender's own hash on record, as ``files.service`` does, and judge the file by it if it was read back."""
    with transaction():
        file = files.declare_hash(actor, file_id, sha256, if_same=if_same)
        if file.integrity == Integrity.CHECKING and file.sha256 is not None:
            _judge(file, file.sha256)
    return file


def verify(file_id: uuid.UUID, go_on: Callable[[], None] = lambda: None) -> Integrity | None:
    """Read a whole file back and judge it, as the portal itself; safe to repeat, ``None`` when it is no longer due.

    ``go_on`` is called for every chunk and may raise to stop.
    """
    try:
        found = files.read_back(file_id, go_on)
        with transaction():
            file = policy.portal_fetch(Work.VERIFICATION, StoredFile, file_id, lock=True)
            _judge(file, found)
    except NotFound:
        return None
    return file.integrity


def _judge(file: StoredFile, found: str | None) -> None:
    act = files.settle(file, found)
    thing: Thing = _carrier(file) or file
    if act is not None:
        audit.record(None, act, thing, sha256=file.sha256, declared=file.sha256_declared)
    elif isinstance(thing, Exhibit):
        audit.announce("exhibit", thing.id, "file.read_back")


def _carrier(file: StoredFile) -> Exhibit | None:
    return session().scalar(policy.portal_which(Work.VERIFICATION, Exhibit).where(Exhibit.file_id == file.id))


def look(actor: User, exhibit: Exhibit, may: May = May.READ) -> StoredFile:
    """The file of an exhibit whose bytes she may have, without opening it."""
    policy.require(actor, may, exhibit)
    return _whole(exhibit)


def read_about(actor: User, exhibit: Exhibit, *, goes_on: bool = False) -> None:
    """Read what is said of an exhibit: description, hashes, custody; ``goes_on`` marks a page that looks again."""
    policy.require(actor, May.READ, exhibit)
    with transaction():
        if not (goes_on and _opened_before(actor, "exhibit.opened", exhibit)):
            audit.record(actor, "exhibit.opened", exhibit, quietly=True, edition=exhibit.edition)


def open_for_reading(actor: User, exhibit: Exhibit, *, goes_on: bool = False) -> StoredFile:
    """Open an exhibit for preview. ``goes_on`` marks a further range of what the same login has just opened."""
    policy.require(actor, May.READ, exhibit)
    return _open(actor, exhibit, "exhibit.read", goes_on)


def download(actor: User, exhibit: Exhibit, *, goes_on: bool = False) -> StoredFile:
    """Take an exhibit's bytes away; ``goes_on`` as for ``open_for_reading``."""
    policy.require(actor, May.DOWNLOAD, exhibit)
    return _open(actor, exhibit, "exhibit.downloaded", goes_on)


def _open(actor: User, exhibit: Exhibit, act: str, goes_on: bool) -> StoredFile:
    file = _whole(exhibit)
    with transaction():
        if not (goes_on and _opened_before(actor, act, exhibit)):
            audit.record(actor, act, exhibit, quietly=True, sha256=file.sha256 or file.sha256_declared)
    return file


def _opened_before(actor: User, act: str, exhibit: Exhibit) -> bool:
    """The same login opened this exhibit within the last quarter of an hour, by the database's clock."""
    opened = sa.exists().where(
        LedgerEntry.object_id == exhibit.id,
        LedgerEntry.act == act,
        LedgerEntry.actor_id == actor.id,
        LedgerEntry.login_session_id == actor.current_login,
        LedgerEntry.at > sa.func.statement_timestamp() - SAME_OPENING,
    )
    return bool(session().scalar(sa.select(opened).execution_options(policy=True)))


_NOT_WHOLE = {
    Integrity.RECEIVING: lambda: gettext("The file is still arriving."),
    Integrity.CANCELLED: lambda: gettext("The upload of this file was cancelled."),
    Integrity.MISMATCH: lambda: gettext(
        "The bytes in the vault are not the bytes that were sent: the file is quarantined."
    ),
}


def _whole(exhibit: Exhibit) -> StoredFile:
    if exhibit.file is None:
        raise Refused(gettext("This exhibit has no file."))
    if exhibit.file.integrity in _NOT_WHOLE:
        raise Refused(_NOT_WHOLE[exhibit.file.integrity]())
    return exhibit.file
