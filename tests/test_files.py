"""Files at rest: the sealed format, the countries' keys, names, and the adapter to the real store."""

import hashlib
import os
import re
import uuid
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from jit_portal.config import Settings
from jit_portal.demo.store import Store as Server
from jit_portal.errors import Invalid, Refused, StoreUnavailable
from jit_portal.files import keys, names, receiving, sealing, storage
from jit_portal.files.keys import FileKeyring, KeyState, KeysUnavailable
from jit_portal.files.sealing import CHUNK, OVERHEAD, RECORD, Seal, Tampered

MIB = 1 << 20
JIT = uuid.UUID("11111111-2222-4333-8444-555555555555")
FILE = uuid.UUID("66666666-7777-4888-9999-aaaaaaaaaaaa")
KEY = bytes(range(32))


def seal_for(length: int) -> Seal:
    return Seal(KEY, JIT, FILE, length)


def vectors() -> list[str]:
    page = Path(sealing.__file__).with_name("FORMAT.md").read_text()
    return re.findall(r"`([0-9a-f]{58,})`", page)


class TestFormat:
    def test_the_vectors_of_the_specification_open(self) -> None:
        wrapped, hello, _, second, partial = map(bytes.fromhex, vectors())
        assert aes_key_wrap(bytes(range(32, 64)), KEY) == wrapped
        assert seal_for(5).open(0, hello) == b"hello"
        assert seal_for(MIB + 1).open(1, second) == bytes([MIB % 251])
        assert seal_for(2 * MIB).open_partial(1, partial) == b"abc"

    def test_the_large_vector_is_sealed_alike_byte_for_byte(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nonces = iter([b"\x01" * 12, b"\x02" * 12])
        monkeypatch.setattr(os, "urandom", lambda size: next(nonces))
        plain = bytes(n % 251 for n in range(MIB + 1))
        seal = seal_for(len(plain))
        sealed = bytes(seal.close(0, plain[:MIB])) + bytes(seal.close(1, plain[MIB:]))
        assert hashlib.sha256(sealed).hexdigest() == vectors()[2]
        assert len(sealed) == sealing.sealed_length(len(plain))

    @pytest.mark.parametrize("length", [1, CHUNK - 1, CHUNK, CHUNK + 1])
    def test_what_was_sealed_opens(self, length: int) -> None:
        plain = os.urandom(length)
        seal = seal_for(length)
        pieces = [plain[start : start + CHUNK] for start in range(0, length, CHUNK)]
        sealed = [bytes(seal.close(index, piece)) for index, piece in enumerate(pieces)]
        assert b"".join(seal.open(index, piece) for index, piece in enumerate(sealed)) == plain
        assert sum(map(len, sealed)) == sealing.sealed_length(length)

    def test_nonces_never_repeat(self) -> None:
        seal = seal_for(4)
        assert len({bytes(seal.close(0, b"same"))[:12] for _ in range(1000)}) == 1000

    @pytest.mark.parametrize("place", [0, 11, 12, 500, -17, -16, -1])
    def test_every_changed_bit_is_noticed(self, place: int) -> None:
        seal = seal_for(1000)
        sealed = bytearray(seal.close(0, os.urandom(1000)))
        sealed[place] ^= 1
        with pytest.raises(Tampered):
            seal.open(0, bytes(sealed))

    @pytest.mark.parametrize(
        "other",
        [
            Seal(KEY, JIT, FILE, 3 * CHUNK),
            Seal(KEY, JIT, uuid.uuid4(), 2 * CHUNK),
            Seal(KEY, uuid.uuid4(), FILE, 2 * CHUNK),
            Seal(bytes(32), JIT, FILE, 2 * CHUNK),
        ],
        ids=["another length", "another file", "another JIT", "another key"],
    )
    def test_a_chunk_opens_only_where_it_belongs(self, other: Seal) -> None:
        seal = seal_for(2 * CHUNK)
        sealed = bytes(seal.close(0, bytes(CHUNK)))
        seal.open(0, sealed)
        with pytest.raises(Tampered):
            other.open(0, sealed)

    def test_chunks_cannot_be_swapped_cut_or_invented(self) -> None:
        seal = seal_for(2 * CHUNK)
        first = bytes(seal.close(0, bytes(CHUNK)))
        for index, sealed in ((1, first), (0, first[:-1]), (0, first + b"x"), (2, first), (-1, first), (0, b"")):
            with pytest.raises(Tampered):
                seal.open(index, sealed)

    def test_a_beginning_never_passes_for_a_whole_chunk(self) -> None:
        seal = seal_for(3)
        with pytest.raises(Tampered):
            seal.open(0, seal.close_partial(0, b"abc"))
        with pytest.raises(Tampered):
            seal.open_partial(0, bytes(seal.close(0, b"abc")))

    def test_ranges_of_chunks(self) -> None:
        length = 2 * CHUNK + 5
        assert sealing.sealed_range(0, 2, length) == (0, sealing.sealed_length(length))
        assert sealing.sealed_range(1, 1, length) == (RECORD, RECORD)
        assert sealing.sealed_range(2, 2, length) == (2 * RECORD, 5 + OVERHEAD)

    def test_the_key_is_not_shown(self) -> None:
        assert "key" not in repr(seal_for(1))


@pytest.fixture
def ring(tmp_path: Path) -> FileKeyring:
    return FileKeyring.create(tmp_path / "keyring.json")


class TestKeyring:
    def test_wraps_and_unwraps_under_the_named_version(self, ring: FileKeyring) -> None:
        party = uuid.uuid4()
        assert ring.current(party) is None
        first, second = ring.make(party), ring.make(party)
        assert (first, second) == (f"{party}/1", f"{party}/2")
        assert ring.current(party) == second
        wrapped = ring.wrap(first, KEY)
        assert len(wrapped) == 40
        assert KEY not in wrapped
        assert FileKeyring(ring.path).unwrap(first, wrapped) == KEY
        with pytest.raises(Refused, match="does not fit"):
            ring.unwrap(second, wrapped)

    def test_one_countrys_key_does_not_open_anothers(self, ring: FileKeyring) -> None:
        ours, theirs = ring.make(uuid.uuid4()), ring.make(uuid.uuid4())
        with pytest.raises(Refused):
            ring.unwrap(theirs, ring.wrap(ours, KEY))

    def test_is_made_readable_by_its_owner_alone(self, ring: FileKeyring) -> None:
        ring.make(uuid.uuid4())
        assert ring.path.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
    def test_is_refused_when_others_can_read_it(self, ring: FileKeyring, mode: int) -> None:
        name = ring.make(uuid.uuid4())
        ring.path.chmod(mode)
        with pytest.raises(KeysUnavailable, match="read by others"):
            ring.wrap(name, KEY)

    def test_is_refused_through_a_link(self, ring: FileKeyring, tmp_path: Path) -> None:
        link = tmp_path / "link.json"
        link.symlink_to(ring.path)
        with pytest.raises(KeysUnavailable):
            FileKeyring(link).current(uuid.uuid4())

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 2, "keys": {}}'])
    def test_a_damaged_ring_is_not_used(self, ring: FileKeyring, content: str) -> None:
        ring.path.write_text(content)
        with pytest.raises(KeysUnavailable):
            ring.make(uuid.uuid4())
        assert ring.path.read_text() == content

    def test_a_lost_ring_is_noticed_and_never_replaced(self, ring: FileKeyring) -> None:
        ring.path.unlink()
        with pytest.raises(KeysUnavailable):
            ring.make(uuid.uuid4())
        assert not ring.path.exists()

    @pytest.mark.parametrize("state", [KeyState.SUSPENDED, KeyState.DESTROYED])
    def test_a_suspended_or_destroyed_key_opens_nothing(self, ring: FileKeyring, state: KeyState) -> None:
        name = ring.make(uuid.uuid4())
        wrapped = ring.wrap(name, KEY)
        ring.path.write_text(ring.path.read_text().replace('"active"', f'"{state.value}"'))
        assert ring.state(name) == state
        with pytest.raises(Refused, match=state.value):
            ring.unwrap(name, wrapped)

    def test_a_name_it_does_not_hold(self, ring: FileKeyring) -> None:
        party = uuid.uuid4()
        ring.make(party)
        for name in (f"{party}/2", f"{party}/0", f"{party}/", f"{party}", f"{uuid.uuid4()}/1", ""):
            with pytest.raises(KeysUnavailable):
                ring.wrap(name, KEY)


class TestNames:
    @pytest.mark.parametrize(
        "name",
        ["report.pdf", "Протокол №5.docx", "تقرير.pdf", "a" * 255, "📎.txt", ".hidden", "a..b", "no ending", "é" * 127],
    )
    def test_lawful_names_stay_as_they_are(self, name: str) -> None:
        assert names.checked(name) == name

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("", "no name"),
            ("   ", "no name"),
            ("../etc/passwd", "path"),
            ("C:\\secret.txt", "path"),
            ("..", "path"),
            (".", "path"),
            ("a\x00b", "control"),
            ("a\nb", "control"),
            ("a\x7fb", "control"),
            ("a\u2028b", "control"),
            ("a\ud800b", "control"),
            ("photo\u202egpj.exe", "direction"),
            ("a\u2066b", "direction"),
            ("a" * 256, "255"),
            ("é" * 128, "255"),
            ("a" * 300, "255"),
        ],
    )
    def test_others_are_refused_with_the_reason(self, name: str, reason: str) -> None:
        with pytest.raises(Invalid, match=reason) as refusal:
            names.checked(name)
        assert refusal.value.field == "filename"


@pytest.fixture(scope="session")
def bucket(store: Server) -> storage.Store:
    return storage.Store(store.endpoint, "portal", store.secrets.store_portal, "evidence", secure=False)


class TestStore:
    """The contract of the adapter, held against the real store: its multipart methods are private to the client."""

    def test_parts_become_one_object_and_any_range_is_read(self, bucket: storage.Store) -> None:
        name = str(uuid.uuid4())
        first, second = os.urandom(5 * MIB), os.urandom(1000)
        upload = bucket.begin(name)
        assert (name, upload) in bucket.uploads()
        etags = [bucket.put_part(name, upload, 1, memoryview(bytearray(first)))]
        etags.append(bucket.put_part(name, upload, 2, second))
        bucket.complete(name, upload, etags)
        assert bucket.size(name) == len(first) + len(second)
        for offset, size in ((0, 10), (5 * MIB - 3, 6), (5 * MIB + 990, 10)):
            with bucket.read(name, offset, size) as reading:
                assert reading.exactly(size) == (first + second)[offset : offset + size]
        with pytest.raises(storage.Missing):
            bucket.put_part(name, upload, 3, b"late")

    def test_a_part_sent_again_replaces_itself(self, bucket: storage.Store) -> None:
        name = str(uuid.uuid4())
        upload = bucket.begin(name)
        bucket.put_part(name, upload, 1, b"first try")
        etag = bucket.put_part(name, upload, 1, b"second try")
        bucket.complete(name, upload, [etag])
        with bucket.read(name, 0, 10) as reading:
            assert reading.exactly(10) == b"second try"

    def test_an_aborted_upload_is_gone(self, bucket: storage.Store) -> None:
        name = str(uuid.uuid4())
        upload = bucket.begin(name)
        etag = bucket.put_part(name, upload, 1, b"x")
        bucket.abort(name, upload)
        with pytest.raises(storage.Missing):
            bucket.complete(name, upload, [etag])
        with pytest.raises(storage.Missing):
            bucket.size(name)

    @pytest.mark.parametrize("data", [b"", b"x", bytes(70_000)])
    def test_whole_objects(self, bucket: storage.Store, data: bytes) -> None:
        name = str(uuid.uuid4())
        bucket.put(name, data)
        assert bucket.size(name) == len(data)
        bucket.remove(name)
        bucket.remove(name)
        with pytest.raises(storage.Missing):
            bucket.size(name)

    def test_reading_past_the_end_answers_what_there_is(self, bucket: storage.Store) -> None:
        name = str(uuid.uuid4())
        bucket.put(name, b"short")
        with bucket.read(name, 2, 100) as reading:
            assert reading.exactly(100) == b"ort"

    def test_a_store_that_is_away_or_refuses_is_unavailable(self, store: Server) -> None:
        away = storage.Store("127.0.0.1:9", "portal", "x" * 20, "evidence", secure=False)
        stranger = storage.Store(store.endpoint, "portal", "x" * 20, "evidence", secure=False)
        for unusable in (away, stranger):
            with pytest.raises(StoreUnavailable):
                unusable.begin("name")
            with pytest.raises(StoreUnavailable):
                unusable.read("name", 0, 1)
            with pytest.raises(StoreUnavailable):
                unusable.answers()

    def test_settings_lead_to_the_store(self, environ: dict[str, str]) -> None:
        connected = storage.Store.of(Settings.read(environ))
        assert connected is storage.Store.of(Settings.read(environ))
        assert connected.answers()


@pytest.mark.parametrize("length", [1, MIB, 9 * MIB, 16 << 30, 40 << 30, 140 << 30, receiving.LONGEST])
def test_parts_are_large_enough_for_the_store_to_count_them(length: int) -> None:
    chunks = receiving.chunks_in_part(length)
    assert chunks >= 8
    assert -(-length // (chunks * MIB)) <= 10_000


def test_no_keys_until_they_are_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_provider", None)
    with pytest.raises(KeysUnavailable):
        keys.provider()
