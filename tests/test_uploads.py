"""Resumable uploads, through the whole application into the real store: nothing is lost, nothing is taken on trust."""

import base64
import hashlib
import os
import uuid
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from jit_portal import policy
from jit_portal.database import session, transaction
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits.models import Exhibit
from jit_portal.files import keys, storage
from jit_portal.files import service as files
from jit_portal.files.models import StoredFile
from jit_portal.files.refusals import TooLong
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.jits.models import Agreement
from jit_portal.vocabulary import Integrity
from jit_portal.workspaces.models import Membership, Workspace
from tests import factories
from tests.factories import World
from tests.vault import (
    MIB,
    Sender,
    acts,
    bytes_in_store,
    do_the_work,
    error_in,
    exhibit_of,
    file_at,
    how_many,
    put,
    refusals,
    said,
    sha256,
    together,
)

Browse = Callable[[User], FlaskClient]


@pytest.fixture
def world(app: Flask) -> World:
    return factories.world()


@pytest.fixture
def elsewhere(world: World) -> World:
    """Another JIT, of other countries."""
    return factories.world("Harbour", ("be", "de"))


@pytest.fixture
def sender(world: World, browse: Browse) -> Sender:
    return Sender(browse(world["fr_member"]))


@pytest.mark.parametrize(
    ("length", "step"),
    [
        *((length, 64 * MIB) for length in (0, 1, MIB - 1, MIB, MIB + 1, 16 * MIB, 17 * MIB + 5)),
        (2 * MIB + 1, 700_001),
        (5 * MIB, 5 * MIB - 1),
        (17 * MIB + 5, 6 * MIB + 3),
    ],
)
def test_what_is_sent_is_stored_sealed_and_verified(
    world: World, sender: Sender, environ: dict[str, str], length: int, step: int
) -> None:
    data = os.urandom(length)
    address = sender.send(world, data, step)
    assert file_at(address).integrity == Integrity.CHECKING
    assert sender.declare(address, sha256(data)).json == {"integrity": "checking"}
    do_the_work(environ)
    file = file_at(address)
    assert (file.integrity, file.sha256) == (Integrity.VERIFIED, sha256(data))
    assert sender.client.head(address, headers=sender.headers).headers["Upload-Integrity"] == "verified"
    assert (file.parts, file.tail, file.store_upload) == ([], None, None)
    assert bytes_in_store(file) == data
    assert acts(file.id) == ["file.begun", "file.received", "file.hash_declared"]
    assert acts(exhibit_of(file).id) == ["exhibit.registered", "file.verified"]


def test_the_store_holds_no_plain_text(world: World, sender: Sender) -> None:
    data = b"a sentence that nobody may read in the store. " * 50_000
    file = file_at(sender.send(world, data))
    with storage.store().read(file.object_name, 0, storage.store().size(file.object_name)) as raw:
        stored = raw.exactly(10 * MIB)
    assert len(stored) == len(data) + 28 * 3
    assert b"sentence" not in stored


class TestProtocol:
    def test_it_says_what_it_can(self, app: Flask) -> None:
        answer = app.test_client().options("/vault/uploads")
        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert answer.headers["Tus-Extension"] == "creation,checksum,expiration,termination"
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"

    def test_it_speaks_one_version(self, world: World, sender: Sender) -> None:
        address = sender.begin(world, 5)
        sender.headers["Tus-Resumable"] = "0.2.2"
        answer = sender.patch(address, 0, b"hello")
        assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")
        assert file_at(address).received == 0

    def test_creation_answers_where_and_until_when(self, world: World, sender: Sender) -> None:
        answer = sender.create(world, 5)
        assert answer.headers["Location"].startswith("/vault/uploads/")
        assert answer.headers["Upload-Expires"].endswith(" GMT")
        head = sender.client.head(answer.headers["Location"], headers=sender.headers)
        assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("0", "5")
        assert head.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("offset", [0, 2, 4, 5, 10**15])
    def test_only_the_next_byte_is_taken(self, world: World, sender: Sender, offset: int) -> None:
        address = sender.begin(world, 6)
        assert sender.patch(address, 0, b"abc").headers["Upload-Offset"] == "3"
        assert sender.patch(address, offset, b"x").status_code == 409
        assert sender.offset(address) == 3
        assert sender.patch(address, 3, b"def").status_code == 204
        assert bytes_in_store(file_at(address)) == b"abcdef"

    @pytest.mark.parametrize("offset", ["", "-1", "x", "1.5", "٣", "9" * 30])
    def test_an_offset_is_a_number(self, world: World, sender: Sender, offset: str) -> None:
        address = sender.begin(world, 5)
        assert sender.patch(address, 0, b"hello", Upload_Offset=offset).status_code == 400

    def test_bytes_come_as_bytes(self, world: World, sender: Sender) -> None:
        address = sender.begin(world, 5)
        headers = sender.headers | {"Upload-Offset": "0"}
        answer = sender.client.patch(address, headers=headers, content_type="text/plain", data=b"hello")
        assert answer.status_code == 415
        assert sender.offset(address) == 0

    def test_a_file_that_grew_is_refused_and_can_still_be_sent(self, world: World, sender: Sender) -> None:
        address = sender.begin(world, 5)
        assert sender.patch(address, 0, b"hello!").status_code == 413
        assert sender.patch(address, 0, b"hel").status_code == 204
        assert sender.patch(address, 3, b"lo!").status_code == 413
        assert sender.offset(address) == 3

    def test_a_file_that_grew_without_saying_how_long_it_is(self, world: World, sender: Sender) -> None:
        address = sender.begin(world, MIB + 5)
        file_id = file_at(address).id
        with pytest.raises(TooLong):
            exhibit_bytes.append(world["fr_member"], file_id, 0, BytesIO(bytes(MIB + 6)))
        assert file_at(address).received < MIB + 5
        assert file_at(address).integrity == Integrity.RECEIVING

    def test_a_file_that_shrank_is_never_whole(self, world: World, sender: Sender, environ: dict[str, str]) -> None:
        address = sender.begin(world, 10)
        sender.patch(address, 0, b"short")
        assert sender.declare(address, sha256(b"short")).status_code == 200
        do_the_work(environ)
        assert file_at(address).integrity == Integrity.RECEIVING
        with transaction():
            yesterday = factories.now() - timedelta(days=1)
            session().execute(update(StoredFile).values(expires_at=yesterday))
        assert files.expire() == 1
        assert file_at(address).integrity == Integrity.CANCELLED
        assert sender.client.head(address, headers=sender.headers).status_code == 410
        assert acts(file_at(address).id)[-1] == "file.expired"

    @pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
    def test_a_damaged_piece_is_noticed_and_nothing_of_it_kept(
        self, world: World, sender: Sender, algorithm: str
    ) -> None:
        data = os.urandom(7 * MIB)
        address = sender.begin(world, len(data))
        digest = base64_of(hashlib.new(algorithm, data).digest())
        damaged = data[:-1] + bytes([data[-1] ^ 1])
        assert sender.patch(address, 0, damaged, Upload_Checksum=f"{algorithm} {digest}").status_code == 460
        assert sender.offset(address) == 0
        assert sender.patch(address, 0, data, Upload_Checksum=f"{algorithm} {digest}").status_code == 204
        assert bytes_in_store(file_at(address)) == data

    def test_checksums_over_pieces_that_cross_parts(self, world: World, sender: Sender) -> None:
        data = os.urandom(40 * MIB)
        address = sender.begin(world, len(data))
        for start in range(0, len(data), 13 * MIB):
            piece = data[start : start + 13 * MIB]
            digest = base64_of(hashlib.sha256(piece).digest())
            assert sender.patch(address, start, piece, Upload_Checksum=f"sha256 {digest}").status_code == 204
            assert file_at(address).received == start + len(piece)
        assert bytes_in_store(file_at(address)) == data

    @pytest.mark.parametrize("checksum", ["md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha256 not-base64!", "sha256"])
    def test_a_checksum_it_cannot_check_is_refused(self, world: World, sender: Sender, checksum: str) -> None:
        address = sender.begin(world, 5)
        assert sender.patch(address, 0, b"hello", Upload_Checksum=checksum).status_code in (400, 460)
        assert sender.offset(address) == 0

    def test_a_checked_piece_has_a_limit(self, world: World, sender: Sender) -> None:
        data = bytes(17 * MIB)
        address = sender.begin(world, len(data))
        digest = base64_of(hashlib.sha256(data).digest())
        assert sender.patch(address, 0, data, Upload_Checksum=f"sha256 {digest}").status_code == 413
        assert sender.offset(address) == 0


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


class TestBeginning:
    @pytest.mark.parametrize("name", ["../x", "a\x00b", "photo\u202egpj.exe", "n" * 300, "", "a/b", "a\nb"], ids=ascii)
    def test_a_senseless_name_is_refused_and_nothing_begun(self, world: World, sender: Sender, name: str) -> None:
        answer = sender.create(world, 5, name)
        assert answer.status_code == 422
        assert error_in(answer)
        assert (how_many(StoredFile), how_many(Exhibit)) == (0, 0)

    def test_classified_information_is_refused(self, world: World, sender: Sender) -> None:
        assert sender.create(world, 5, title="RESTREINT UE/EU RESTRICTED").status_code == 409
        assert (how_many(StoredFile), how_many(Exhibit)) == (0, 0)

    @pytest.mark.parametrize("length", ["", "-5", "x", str(151 << 30), "9" * 25])
    def test_a_senseless_length_is_refused(self, world: World, sender: Sender, length: str) -> None:
        headers = sender.headers | {"Upload-Length": length, "Upload-Metadata": said(workspace=str(world.workspace.id))}
        assert sender.client.post("/vault/uploads", headers=headers).status_code in (400, 413)
        assert how_many(StoredFile) == 0

    @pytest.mark.parametrize("metadata", ["workspace !!!", "workspace", "workspace bm90IGFuIGlk", "x" * 40_000, ""])
    def test_senseless_metadata_is_refused(self, world: World, sender: Sender, metadata: str) -> None:
        headers = sender.headers | {"Upload-Length": "5", "Upload-Metadata": metadata}
        assert sender.client.post("/vault/uploads", headers=headers).status_code == 400

    @pytest.mark.parametrize(
        ("name", "more"),
        [
            ("report.txt", {"handling": "H1"}),
            ("EU_SECRET.txt", {}),
            ("report.txt", {"unclassified": ""}),
            ("report.txt", {"authority": "0f4e6d3a-3e0b-4a5e-9c57-6b6f2f6c6c11"}),
            ("report.txt", {"sha256": "no hash"}),
            ("folder/report.txt", {}),
        ],
        ids=["handling code", "classified", "unconfirmed", "foreign authority", "hash", "name"],
    )
    def test_what_is_refused_leaves_no_key_and_no_object(
        self, world: World, sender: Sender, monkeypatch: pytest.MonkeyPatch, name: str, more: dict[str, str]
    ) -> None:
        stored: list[str] = []
        monkeypatch.setattr(storage.Store, "put", lambda _, object_name, data: stored.append(object_name))
        assert sender.create(world, 0, name, **more).status_code in (409, 422)
        assert keys.provider().current(world.parties["fr"].id) is None
        assert stored == []

    def test_the_same_key_begins_nothing_twice(self, world: World, sender: Sender) -> None:
        key = str(uuid.uuid4())
        first = sender.begin(world, 5, key=key)
        assert sender.begin(world, 5, key=key) == first
        assert how_many(Exhibit) == 1
        assert sender.create(world, 6, key=key).status_code == 409
        assert sender.create(world, 5, "another.txt", key=key).status_code == 409

    def test_a_double_click_begins_nothing_twice(self, world: World, app: Flask) -> None:
        sent = exhibit_bytes.Sent("a.txt", 5, key=uuid.uuid4())
        details = {"title": "A", "kind": "document", "handling": "H0", "unclassified": "yes"}
        found: list[uuid.UUID] = []
        someone, workspace_id = world["fr_member"], world.workspace.id

        def click() -> None:
            workspace = policy.fetch(someone, Workspace, workspace_id)
            found.append(exhibit_bytes.receive(someone, workspace, details, sent).id)
            session.remove()

        together([click] * 4)
        assert len(found) == 4
        assert len(set(found)) == 1
        assert how_many(Exhibit) == 1

    def test_another_persons_key_is_another_upload(self, world: World, sender: Sender, browse: Browse) -> None:
        key = str(uuid.uuid4())
        other = Sender(browse(world["fr_leader"])).begin(world, 5, key=key)
        assert sender.begin(world, 5, key=key) != other

    def test_a_key_of_a_jit_that_she_has_left_begins_nothing_in_another(self, world: World, sender: Sender) -> None:
        key = str(uuid.uuid4())
        sender.begin(world, 5, key=key)
        factories.end_membership(world, "fr_member")
        other = factories.world("Harbour", ("fr", "nl"), providers=world.providers)
        with transaction():
            other.join("both", "fr", person=world["fr_member"])
        assert sender.create(other, 5, key=key).status_code == 409
        assert how_many(Exhibit) == 1

    def test_every_object_has_a_key_of_its_own_under_its_countrys(self, world: World, browse: Browse) -> None:
        people = [browse(world[name]) for name in ("fr_member", "fr_leader", "nl_member")]
        made = [file_at(Sender(person).begin(world, 5)) for person in people]
        assert len({file.wrapped_key for file in made}) == 3
        assert [file.key_name.split("/")[0] for file in made] == [
            str(world.parties[slug].id) for slug in ("fr", "fr", "nl")
        ]


class TestWho:
    def test_a_stranger_learns_nothing(self, world: World, elsewhere: World, sender: Sender, browse: Browse) -> None:
        address = sender.begin(world, 5)
        for stranger in (world["fr_leader"], world["nl_member"], elsewhere["be_member"], world["eu_participant"]):
            other = Sender(browse(stranger))
            for missing in (address, f"/vault/uploads/{uuid.uuid4()}"):
                assert other.client.head(missing, headers=other.headers).status_code == 404
                assert other.patch(missing, 0, b"hello").status_code == 404
                assert other.client.delete(missing, headers=other.headers).status_code == 404
                assert other.declare(missing, "0" * 64).status_code == 404
        assert sender.offset(address) == 0

    def test_who_may_not_upload_begins_nothing(self, world: World, elsewhere: World, browse: Browse) -> None:
        assert Sender(browse(elsewhere["be_member"])).create(world, 5).status_code == 404
        assert Sender(browse(world["eu_participant"])).create(world, 5).status_code == 403
        assert how_many(StoredFile) == 0

    def test_an_upload_stops_with_the_membership(self, world: World, sender: Sender) -> None:
        address = sender.begin(world, 6)
        sender.patch(address, 0, b"abc")
        with transaction():
            session().execute(update(Membership).values(live_until=factories.now()))
        assert sender.patch(address, 3, b"def").status_code == 404
        assert sender.client.head(address, headers=sender.headers).status_code == 404
        assert file_at(address).received == 3

    def test_an_upload_stops_with_the_agreement(self, world: World, sender: Sender) -> None:
        address = sender.begin(world, 6)
        with transaction():
            session().execute(update(Agreement).values(in_force_until=factories.now()))
        assert sender.patch(address, 0, b"abcdef").status_code == 404
        assert sender.create(world, 6).status_code == 403
        assert file_at(address).received == 0

    def test_an_upload_outlives_the_login(self, world: World, sender: Sender, browse: Browse) -> None:
        address = sender.begin(world, 6)
        sender.patch(address, 0, b"abc")
        with transaction():
            session().execute(update(LoginSession).values(ended_at=factories.now()))
        assert sender.patch(address, 3, b"def").status_code == 401
        assert sender.client.head(address, headers=sender.headers).status_code == 401
        assert sender.create(world, 6).status_code == 401
        again = Sender(browse(world["fr_member"]))
        assert again.offset(address) == 3
        assert again.patch(address, 3, b"def").status_code == 204
        assert bytes_in_store(file_at(address)) == b"abcdef"

    @pytest.mark.parametrize("token", [None, "", "forged"])
    def test_a_request_from_elsewhere_changes_nothing(self, world: World, sender: Sender, token: str | None) -> None:
        address = sender.begin(world, 5)
        sender.headers.pop("X-CSRFToken")
        if token is not None:
            sender.headers["X-CSRFToken"] = token
        assert sender.create(world, 5).status_code == 400
        assert sender.patch(address, 0, b"hello").status_code == 400
        assert sender.client.delete(address, headers=sender.headers).status_code == 400
        assert sender.declare(address, "0" * 64).status_code == 400
        assert file_at(address).received == 0
        assert file_at(address).integrity == Integrity.RECEIVING


class TestEnding:
    def test_cancelled_is_gone_from_the_store_too(self, world: World, sender: Sender, environ: dict[str, str]) -> None:
        address = sender.begin(world, 20 * MIB)
        sender.patch(address, 0, bytes(17 * MIB))
        file = file_at(address)
        upload = (file.object_name, str(file.store_upload))
        assert upload in storage.store().uploads()
        assert sender.client.delete(address, headers=sender.headers).status_code == 204
        assert sender.client.delete(address, headers=sender.headers).status_code == 204
        do_the_work(environ)
        assert upload not in storage.store().uploads()
        assert sender.client.head(address, headers=sender.headers).status_code == 410
        assert sender.patch(address, 17 * MIB, b"x").status_code == 410
        assert sender.declare(address, "0" * 64).status_code == 410
        assert acts(file.id) == ["file.begun", "file.cancelled"]

    def test_what_is_whole_is_evidence_and_stays(self, world: World, sender: Sender) -> None:
        address = sender.send(world, b"hello")
        assert sender.client.delete(address, headers=sender.headers).status_code == 409
        assert bytes_in_store(file_at(address)) == b"hello"
        assert sender.patch(address, 5, b"").status_code == 409
        assert sender.offset(address) == 5

    def test_what_is_being_sent_does_not_expire(self, world: World, sender: Sender) -> None:
        address = sender.begin(world, 10)
        sender.patch(address, 0, b"short")
        assert files.expire() == 0
        assert file_at(address).expires_at > factories.now() + timedelta(days=6)


class TestHash:
    def test_another_hash_than_the_senders_is_a_mismatch(
        self, world: World, sender: Sender, environ: dict[str, str]
    ) -> None:
        address = sender.send(world, b"hello")
        assert sender.declare(address, sha256(b"hullo")).status_code == 200
        do_the_work(environ)
        file = file_at(address)
        assert (file.integrity, file.sha256) == (Integrity.MISMATCH, sha256(b"hello"))
        assert acts(exhibit_of(file).id)[-1] == "file.mismatch"

    def test_nothing_is_verified_without_the_senders_hash(
        self, world: World, sender: Sender, environ: dict[str, str]
    ) -> None:
        address = sender.send(world, b"hello")
        do_the_work(environ)
        assert (file_at(address).integrity, file_at(address).sha256) == (Integrity.CHECKING, sha256(b"hello"))
        assert sender.declare(address, sha256(b"hello").upper()).json == {"integrity": "verified"}
        assert acts(exhibit_of(file_at(address)).id)[-1] == "file.verified"

    def test_a_hash_that_comes_late_and_differs(self, world: World, sender: Sender, environ: dict[str, str]) -> None:
        address = sender.send(world, b"hello")
        do_the_work(environ)
        assert sender.declare(address, "0" * 64).json == {"integrity": "mismatch"}

    def test_a_file_chosen_again_is_declared_only_if_it_is_the_same(
        self, world: World, sender: Sender, environ: dict[str, str]
    ) -> None:
        address = sender.send(world, b"hello")
        answer = sender.declare(address, sha256(b"hello"), if_same=True)
        assert (answer.status_code, error_in(answer)[:39]) == (409, "The vault has not read this file back y")
        do_the_work(environ)
        answer = sender.declare(address, sha256(b"hullo"), if_same=True)
        assert (answer.status_code, error_in(answer)[:33]) == (412, "This is not what the vault holds:")
        file = file_at(address)
        assert (file.integrity, file.sha256_declared) == (Integrity.CHECKING, None)
        assert acts(file.id) == ["file.begun", "file.received"]
        assert refusals(file.id) == [409, 412]
        assert sender.declare(address, sha256(b"hello"), if_same=True).json == {"integrity": "verified"}
        assert sender.declare(address, sha256(b"hullo"), if_same=True).status_code == 409

    @pytest.mark.parametrize("other", ["fr_leader", "nl_leader"])
    def test_nobody_else_asks_what_an_upload_hashes_to(
        self, world: World, browse: Browse, environ: dict[str, str], other: str
    ) -> None:
        exhibit = put(world, b"hello", is_declared=False)
        do_the_work(environ)
        client = Sender(browse(world[other]))
        hers, nobodys = f"/vault/uploads/{exhibit.file_id}", f"/vault/uploads/{uuid.uuid4()}"
        for data in (b"hello", b"hullo"):
            answers = [client.declare(address, sha256(data), if_same=True) for address in (hers, nobodys)]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert error_in(answers[0]) == error_in(answers[1])
        assert file_at(hers).sha256_declared is None

    def test_a_hash_known_before_is_said_at_the_beginning(
        self, world: World, sender: Sender, environ: dict[str, str]
    ) -> None:
        address = sender.send(world, b"hello", sha256=sha256(b"hello"))
        do_the_work(environ)
        assert file_at(address).integrity == Integrity.VERIFIED

    def test_a_declared_hash_stands(self, world: World, sender: Sender) -> None:
        address = sender.begin(world, 5)
        assert sender.declare(address, "0" * 64).status_code == 200
        assert sender.declare(address, "0" * 64).status_code == 200
        assert sender.declare(address, "1" * 64).status_code == 409
        assert acts(file_at(address).id) == ["file.begun", "file.hash_declared"]

    @pytest.mark.parametrize("value", ["", "0" * 63, "0" * 65, "z" * 64, "0" * 10_000])
    def test_a_hash_has_64_digits(self, world: World, sender: Sender, value: str) -> None:
        assert sender.declare(sender.begin(world, 5), value).status_code == 422

    @pytest.mark.parametrize("body", ["[]", "{", '{"sha256": 5}', '"x"', "", "[" * 60_000], ids=lambda body: body[:9])
    def test_a_senseless_body(self, world: World, sender: Sender, body: str) -> None:
        address = sender.begin(world, 5)
        headers = sender.headers | {"Content-Type": "application/json"}
        assert sender.client.post(f"{address}/hash", headers=headers, data=body).status_code == 422

    @pytest.mark.parametrize("harm", ["bit", "cut", "swap", "gone"])
    def test_tampering_in_the_store_is_a_mismatch(self, world: World, environ: dict[str, str], harm: str) -> None:
        exhibit = put(world, os.urandom(3 * MIB))
        name = exhibit.file.object_name if exhibit.file else ""
        store, record = storage.store(), MIB + 28
        with store.read(name, 0, 3 * record) as raw:
            stored = bytearray(raw.exactly(3 * record))
        if harm == "bit":
            stored[2 * MIB] ^= 1
        elif harm == "cut":
            stored = stored[:-1]
        elif harm == "swap":
            stored = stored[record : 2 * record] + stored[:record] + stored[2 * record :]
        store.remove(name) if harm == "gone" else store.put(name, stored)
        do_the_work(environ)
        session.remove()
        file = file_at(f"/{exhibit.file_id}")
        assert (file.integrity, file.sha256) == (Integrity.MISMATCH, None)
        assert acts(exhibit.id)[-1] == "file.mismatch"

    def test_verifying_twice_changes_nothing(self, world: World, environ: dict[str, str]) -> None:
        exhibit = put(world, b"hello")
        do_the_work(environ)
        assert exhibit_bytes.verify(exhibit.file_id or uuid.uuid4()) is None
        assert acts(exhibit.id).count("file.verified") == 1

    def test_who_reads_back_what_another_worker_has_judged_meanwhile_leaves_it(self, world: World) -> None:
        exhibit = put(world, b"hello")
        file_id, judged = exhibit.file_id or uuid.uuid4(), []

        def another_worker() -> None:
            judged.append(exhibit_bytes.verify(file_id))

        assert exhibit_bytes.verify(file_id, another_worker) is None
        assert judged == [Integrity.VERIFIED]
        assert acts(exhibit.id).count("file.verified") == 1
