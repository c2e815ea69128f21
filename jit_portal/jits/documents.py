"""The signed document of a version: a PDF, sealed into the store under the JIT's own key, known by its SHA-256.

An object is ``MAGIC``, one byte for the length of the key's name, the name, the wrapped key (40 bytes), then the sealed
chunks.
"""

import hashlib
import struct
import uuid
from typing import BinaryIO

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import transaction
from jit_portal.errors import Invalid, NotFound, Refused
from jit_portal.files import keys, names, storage
from jit_portal.files.sealing import OVERHEAD, RECORD, Seal, Tampered, chunks_in, new_key
from jit_portal.identity.models import User
from jit_portal.jits.models import Agreement
from jit_portal.jits.service import Stale, refuse_if_signed_by_any
from jit_portal.vocabulary import May
from jit_portal.wording import gettext

LARGEST = 20 * 1024 * 1024
MAGIC = b"jit-agreement-1"
_WRAPPED = 40
_HEAD = len(MAGIC) + 1


def attach(actor: User, agreement: Agreement, name: str, file: BinaryIO, edition: int) -> str:
    """Put the document under this draft, in place of an earlier one; answers its SHA-256 in hex.

    Invalid for what is no PDF or larger than 20 MiB; StoreUnavailable when the store does not answer.
    """
    policy.require(actor, May.AMEND, agreement)
    data = _read(names.checked(name), file)
    object_id = uuid.uuid4()
    object_name = f"agreements/{object_id}"
    with transaction():
        held = policy.locked(actor, May.AMEND, agreement)
        if held.edition != edition:
            raise Stale(held)
        refuse_if_signed_by_any(held)
        known = keys.provider().current(held.jit_id)
        key_name = known or keys.provider().make(held.jit_id)
        storage.store().put(object_name, _sealed(held.jit_id, key_name, object_id, data))
        held.document_name, held.document_object = name, object_name
        held.document_sha256 = hashlib.sha256(data).hexdigest()
        held.edition += 1
        if known is None:
            audit.record(actor, "key.made", held, quietly=True, key=key_name)
        audit.record(actor, "agreement.document_attached", held, sha256=held.document_sha256, object=object_name)
    return held.document_sha256


def deliver(actor: User, agreement: Agreement) -> bytes:
    """The document's bytes, on record; Refused when the store holds something else than was attached."""
    policy.require(actor, May.SEE, agreement)
    if agreement.document_object is None:
        raise NotFound(noun="agreement", object_id=agreement.id)
    try:
        data = _unsealed(agreement.jit_id, agreement.document_object)
    except (Tampered, storage.Missing) as error:
        raise _not_ours() from error
    if hashlib.sha256(data).hexdigest() != agreement.document_sha256:
        raise _not_ours()
    with transaction():
        audit.record(actor, "agreement.document_read", agreement, quietly=True, sha256=agreement.document_sha256)
    return data


def _not_ours() -> Refused:
    return Refused(gettext("The document in the store is not the one that was attached."))


def _read(name: str, file: BinaryIO) -> bytes:
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Invalid(gettext("The document is larger than 20 MB."), field="document")
    if not data.startswith(b"%PDF-") or not name.lower().endswith(".pdf"):
        raise Invalid(gettext("This is not a PDF document."), field="document")
    return data


def _sealed(jit_id: uuid.UUID, key_name: str, object_id: uuid.UUID, data: bytes) -> bytes:
    key = new_key()
    seal = Seal(key, jit_id, object_id, len(data))
    head = MAGIC + struct.pack("B", len(key_name)) + key_name.encode() + keys.provider().wrap(key_name, key)
    step = RECORD - OVERHEAD
    return head + b"".join(
        bytes(seal.close(index, data[index * step : (index + 1) * step])) for index in range(chunks_in(len(data)))
    )


def _unsealed(jit_id: uuid.UUID, object_name: str) -> bytes:
    store = storage.store()
    with store.read(object_name, 0, store.size(object_name)) as reading:
        whole = reading.exactly(LARGEST * 2)
    if not whole.startswith(MAGIC):
        raise Tampered("not an agreement")
    end = _HEAD + int.from_bytes(whole[_HEAD - 1 : _HEAD])
    if len(whole) < end + _WRAPPED or not whole[_HEAD:end].isascii():
        raise Tampered("not the head of an agreement")
    key = keys.provider().unwrap(whole[_HEAD:end].decode(), whole[end : end + _WRAPPED])
    body = memoryview(whole)[end + _WRAPPED :]
    length = len(body) - OVERHEAD * -(-len(body) // RECORD)
    seal = Seal(key, jit_id, uuid.UUID(object_name.rpartition("/")[2]), length)
    return b"".join(seal.open(index, body[index * RECORD : (index + 1) * RECORD]) for index in range(chunks_in(length)))
