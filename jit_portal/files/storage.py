"""The one place that speaks to the S3 store. Its methods know nothing of people, keys or sealing."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import cast

import urllib3
from minio import Minio
from minio.datatypes import Part
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from minio.helpers import ObjectWriteResult
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from jit_portal.config import Settings
from jit_portal.errors import StoreUnavailable
from jit_portal.wording import gettext

SEALED_TYPE = "application/octet-stream"
HURRY = 3.0
"""Seconds for which the store may be silent while a page waits for it."""
_READ = 1 << 18
_FULL = ("XMinioStorageFull", "InsufficientStorage", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded")


class Missing(Exception):
    """The store has no such object, or no such upload."""


class StoreFull(StoreUnavailable):
    """The store has no room left; nothing that was stored is lost."""

    status = 507


class Reading:
    """The bytes of one range, read in order; closing it early gives the connection back."""

    def __init__(self, response: BaseHTTPResponse) -> None:
        self._response = response

    def exactly(self, size: int) -> bytes:
        """The next ``size`` bytes; fewer only where the object ends before."""
        pieces: list[bytes] = []
        with _phrased():
            while size > 0 and (piece := self._response.read(min(size, _READ))):
                pieces.append(piece)
                size -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        self._response.close()
        self._response.release_conn()

    def __enter__(self) -> "Reading":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Store:
    """One bucket of one store. ``StoreUnavailable`` whenever it does not answer in time."""

    def __init__(
        self, endpoint: str, access_key: str, secret_key: str, bucket: str, *, secure: bool, read_timeout: float = 30
    ) -> None:
        self.bucket = bucket

        def client(connect: float, read: float) -> Minio:
            # Never retried here: the upload is, by its client, and a part may not be sent twice unseen.
            timeout = urllib3.Timeout(connect=connect, read=read)
            pool = urllib3.PoolManager(maxsize=32, timeout=timeout, retries=urllib3.Retry(False))
            return Minio(endpoint, access_key, secret_key, secure=secure, region="us-east-1", http_client=pool)

        # The time to connect is also that for which a busy store may take no more bytes of what is sent.
        self._minio = client(10, read_timeout)
        self._hurried = client(HURRY, HURRY)

    @classmethod
    @cache
    def of(cls, settings: Settings) -> "Store":
        """The store that these settings name; nothing is sent yet."""
        return cls(
            settings.store_endpoint,
            settings.store_access_key,
            settings.store_secret_key,
            settings.store_bucket,
            secure=settings.store_secure,
        )

    def begin(self, name: str) -> str:
        """Begin a multipart upload; answers its id."""
        with _phrased(is_writing=True):
            return self._minio._create_multipart_upload(self.bucket, name, {"Content-Type": SEALED_TYPE})

    def put_part(self, name: str, upload: str, number: int, data: bytes | bytearray | memoryview) -> str:
        """Store part ``number`` (from 1), replacing what was stored under it; answers its ETag."""
        with _phrased(is_writing=True):
            return self._minio._upload_part(self.bucket, name, cast(bytes, data), None, upload, number)

    def complete(self, name: str, upload: str, etags: Sequence[str]) -> None:
        """Make the parts one object; ``Missing`` when that upload is over."""
        with _phrased(is_writing=True):
            parts = [Part(number, etag) for number, etag in enumerate(etags, 1)]
            self._minio._complete_multipart_upload(self.bucket, name, upload, parts)

    def abort(self, name: str, upload: str) -> None:
        """Forget an upload and its parts; ``Missing`` when it is over."""
        with _phrased():
            self._minio._abort_multipart_upload(self.bucket, name, upload)

    def put(self, name: str, data: bytes | bytearray | memoryview) -> str:
        """Store a whole object at once; answers its ETag."""
        with _phrased(is_writing=True):
            if len(data) == 0:
                made: ObjectWriteResult = self._minio.put_object(self.bucket, name, io.BytesIO(), 0)
            else:
                made = self._minio._put_object(self.bucket, name, cast(bytes, data), {"Content-Type": SEALED_TYPE})
            return str(made.etag)

    def read(self, name: str, offset: int, size: int, *, in_hurry: bool = False) -> Reading:
        """Open ``size`` bytes from ``offset`` on (``size`` > 0); ``in_hurry`` while a page waits for them."""
        minio = self._hurried if in_hurry else self._minio
        with _phrased():
            return Reading(minio.get_object(self.bucket, name, offset=offset, length=size))

    def size(self, name: str) -> int:
        """Length of an object in bytes."""
        with _phrased():
            return int(self._minio.stat_object(self.bucket, name).size or 0)

    def remove(self, name: str) -> None:
        """Remove an object; quiet when there is none."""
        with _phrased():
            self._minio.remove_object(self.bucket, name)

    def uploads(self) -> list[tuple[str, str]]:
        """Unfinished multipart uploads: name and id, at most 1,000."""
        with _phrased():
            listed = self._minio._list_multipart_uploads(self.bucket).uploads
            return [(str(upload.object_name), str(upload.upload_id)) for upload in listed]

    def answers(self) -> bool:
        """Whether the store has the bucket; ``StoreUnavailable`` when it does not answer."""
        with _phrased():
            return bool(self._hurried.bucket_exists(self.bucket))


@contextmanager
def _phrased(*, is_writing: bool = False) -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.code in ("NoSuchKey", "NoSuchUpload"):
            raise Missing(error.code) from error
        if error.code in _FULL or error.response.status == 507:
            raise StoreFull(gettext("The store is full; the operator has to make room.")) from error
        if is_writing and error.response.status == 500:
            # SeaweedFS says no more than this when it has no room.
            raise StoreUnavailable(
                gettext("The store takes nothing more just now: it may be full, and the operator has to look.")
            ) from error
        raise StoreUnavailable(gettext("The store refused to answer.")) from error
    except ServerError as error:
        raise _wordless(error.status_code) from error
    except InvalidResponseError as error:
        raise _wordless(error._code) from error
    except (MinioException, HTTPError, OSError) as error:
        raise StoreUnavailable(gettext("The store does not answer.")) from error


def _wordless(status: int) -> StoreUnavailable:
    """A refusal in no words of S3: of a HEAD, or by a proxy before the store."""
    if status == 507:
        return StoreFull(gettext("The store is full; the operator has to make room."))
    return StoreUnavailable(gettext("The store does not answer."))


_store: Store | None = None


def use(store: Store) -> None:
    """Speak to ``store`` from this process on."""
    global _store
    _store = store


def require() -> None:
    """Go on only if the store answers now."""
    if not store().answers():
        raise StoreUnavailable(gettext("The store does not answer."))


class Patience:
    """Requires the store for who can wait: it may be late once, and only twice in a row is it away."""

    def __init__(self) -> None:
        self._was_late = False

    def require(self) -> None:
        """Go on unless the store has answered neither now nor the last time."""
        try:
            require()
        except StoreUnavailable:
            if self._was_late:
                raise
            self._was_late = True
        else:
            self._was_late = False


def store() -> Store:
    """The store this process speaks to."""
    if _store is None:
        raise StoreUnavailable(gettext("No store is set up."))
    return _store
