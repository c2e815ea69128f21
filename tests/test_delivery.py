"""Bytes out: to whom they may go, in which state of the file, and every opening on record."""

import uuid

import pytest
from flask import Flask
from sqlalchemy import select, update

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.errors import NotAllowed, NotFound
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits import releasing
from jit_portal.exhibits.models import Exhibit
from jit_portal.files import storage
from jit_portal.files.models import StoredFile
from jit_portal.files.sealing import Tampered
from jit_portal.vocabulary import Integrity, Sight
from tests import factories
from tests.delivery import Browse, damage, get, mp4, png, world
from tests.factories import World
from tests.vault import MIB, acts, do_the_work, error_in, put

FIXTURES = (world,)
"""They are asked for by name."""


class TestWho:
    @pytest.mark.parametrize(
        ("sight", "preview", "download"),
        [(None, 404, 404), (Sight.SEE, 403, 403), (Sight.READ, 200, 403), (Sight.DOWNLOAD, 200, 200)],
    )
    def test_another_country_gets_what_was_released(
        self, world: World, browse: Browse, sight: Sight | None, preview: int, download: int
    ) -> None:
        data = png()
        exhibit = put(world, data, "photo.png")
        if sight is not None:
            factories.release(world, exhibit, "nl", sight)
        client = browse(world["nl_member"])
        for way, status in (("preview", preview), ("download", download)):
            for headers in ({}, {"Range": "bytes=0-3"}):
                answer = get(client, exhibit, way, **headers)
                assert answer.status_code == (206 if headers and status == 200 else status)
                assert (data[:4] in answer.data) == (status == 200)
            head = client.head(f"/vault/exhibits/{exhibit.id}/content?as={way}")
            assert head.status_code == status

    def test_the_verbs_hold_by_themselves(self, world: World) -> None:
        exhibit = put(world, png(), "photo.png")
        person = world["nl_member"]
        for verb in (exhibit_bytes.look, exhibit_bytes.open_for_reading, exhibit_bytes.download):
            with pytest.raises(NotFound):
                verb(person, exhibit)
        factories.release(world, exhibit, "nl", Sight.READ)
        assert exhibit_bytes.open_for_reading(person, exhibit).id == exhibit.file_id
        with pytest.raises(NotAllowed):
            exhibit_bytes.download(person, exhibit)
        assert acts(exhibit.id) == ["exhibit.registered", "exhibit.read"]

    def test_reading_does_not_take_away_what_cannot_be_shown(self, world: World, browse: Browse) -> None:
        exhibit = put(world, b"PK\x03\x04rest of an archive", "a.zip")
        factories.release(world, exhibit, "nl", Sight.READ)
        client = browse(world["nl_member"])
        for way in ("preview", "download", "", "PREVIEW"):
            assert b"archive" not in get(client, exhibit, way).data

    def test_strangers_and_nobody(self, world: World, browse: Browse, app: Flask) -> None:
        elsewhere = factories.world("Harbour", ("be", "de"))
        exhibit = put(world, png(), "photo.png")
        for stranger in (elsewhere["be_leader"], world["eu_participant"]):
            client = browse(stranger)
            missing = get(client, exhibit)
            assert missing.status_code == 404
            unknown = client.get(f"/vault/exhibits/{uuid.uuid4()}/content")
            assert (unknown.status_code, error_in(unknown)) == (404, error_in(missing))
        assert app.test_client().get(f"/vault/exhibits/{exhibit.id}/content").status_code == 401

    def test_a_release_that_ended_shows_nothing_more(self, world: World, browse: Browse) -> None:
        exhibit = put(world, png(), "photo.png")
        factories.release(world, exhibit, "nl", Sight.DOWNLOAD, live_until=factories.now())
        assert get(browse(world["nl_member"]), exhibit, "download").status_code == 404


class TestState:
    @pytest.mark.parametrize("integrity", [Integrity.RECEIVING, Integrity.CANCELLED, Integrity.MISMATCH])
    def test_what_is_not_whole_or_not_sound_goes_to_nobody(
        self, world: World, browse: Browse, integrity: Integrity
    ) -> None:
        exhibit = put(world, png(), "photo.png")
        with transaction():
            session().execute(update(StoredFile).values(integrity=integrity))
        client = browse(world["fr_leader"])
        for way in ("preview", "download"):
            answer = get(client, exhibit, way)
            assert answer.status_code == 409
            assert error_in(answer)
        assert acts(exhibit.id) == ["exhibit.registered"]

    def test_what_was_tampered_with_is_quarantined(self, world: World, browse: Browse, environ: dict[str, str]) -> None:
        exhibit = put(world, png(), "photo.png")
        storage.store().put(exhibit.file.object_name if exhibit.file else "", bytes(len(png()) + 28))
        do_the_work(environ)
        assert get(browse(world["fr_member"]), exhibit, "download").status_code == 409

    def test_not_a_byte_of_a_changed_chunk_is_sent(self, world: World, browse: Browse) -> None:
        data = mp4(3 * MIB)
        exhibit = put(world, data, "film.mp4")
        name = exhibit.file.object_name if exhibit.file else ""
        with storage.store().read(name, 0, 4 * MIB) as raw:
            stored = bytearray(raw.exactly(4 * MIB))
        stored[2 * MIB] ^= 1
        storage.store().put(name, stored)
        client = browse(world["fr_member"])
        assert get(client, exhibit, Range=f"bytes=0-{MIB - 1}").data == data[:MIB]
        answer = get(client, exhibit, Range=f"bytes={MIB}-{MIB + 10}")
        assert (answer.status_code, b"does not open" in answer.data) == (409, True)
        answer = get(client, exhibit, Range=f"bytes=0-{MIB + 10}")
        with pytest.raises(Tampered):
            answer.get_data()

    @pytest.mark.parametrize("way", ["preview", "look", "download"])
    @pytest.mark.parametrize("how", ["changed", "gone"])
    @pytest.mark.parametrize(
        ("data", "name"), [(png(), "photo.png"), (b"Some words", "notes.txt")], ids=["image", "text"]
    )
    def test_what_the_store_lost_or_changed_is_refused_in_words_and_was_not_read(
        self, world: World, browse: Browse, way: str, how: str, data: bytes, name: str
    ) -> None:
        exhibit = put(world, data, name)
        client = browse(world["fr_member"])
        assert get(client, exhibit, "look").status_code == 204, "its kind is known from here on"
        damage(exhibit, how)
        answer = get(client, exhibit, way)
        assert (answer.status_code, error_in(answer)) == (
            409,
            "What lies in the store does not open as this file. Tell the operator of the portal.",
        )
        assert acts(exhibit.id) == ["exhibit.registered"]
        last = last_entry(exhibit)
        assert (last.act, last.outcome, last.actor_id) == ("delivery.content", "refused", world["fr_member"].id)

    def test_the_store_is_away(self, world: World, browse: Browse, monkeypatch: pytest.MonkeyPatch) -> None:
        exhibit = put(world, png(), "photo.png")
        monkeypatch.setattr(storage, "_store", storage.Store("127.0.0.1:9", "x", "y" * 20, "evidence", secure=False))
        answer = get(browse(world["fr_member"]), exhibit, "download")
        assert answer.status_code == 503
        assert "store" in error_in(answer)


class TestRecord:
    def test_to_look_whether_it_can_be_shown_shows_nothing_and_is_not_on_record(
        self, world: World, browse: Browse
    ) -> None:
        exhibit = put(world, png(), "photo.png")
        release = factories.release(world, exhibit, "nl", Sight.READ)
        client = browse(world["nl_member"])
        answer = get(client, exhibit, "look")
        assert (answer.status_code, answer.data) == (204, b"")
        assert acts(exhibit.id) == ["exhibit.registered"]
        releasing.withdraw(world["fr_leader"], release, "Not for them.")
        assert get(client, exhibit, "look").status_code == 404

    def test_every_opening_is_on_record_and_its_further_ranges_are_not(self, world: World, browse: Browse) -> None:
        exhibit = put(world, mp4(100_000), "film.mp4")
        client = browse(world["nl_member"])
        factories.release(world, exhibit, "nl", Sight.DOWNLOAD)
        for start in range(0, 90_000, 10_000):
            assert get(client, exhibit, Range=f"bytes={start}-").status_code == 206
        assert acts(exhibit.id).count("exhibit.read") == 1
        get(client, exhibit)
        get(client, exhibit)
        assert acts(exhibit.id).count("exhibit.read") == 3
        get(client, exhibit, "download", Range="bytes=5-")
        get(client, exhibit, "download", Range="bytes=9-")
        assert acts(exhibit.id).count("exhibit.downloaded") == 1

    @pytest.mark.parametrize("asked", ["bytes=0-", "lines=0-1", "bytes=0-1,4-5"])
    @pytest.mark.parametrize(("way", "act"), [("preview", "exhibit.read"), ("download", "exhibit.downloaded")])
    def test_whoever_is_sent_the_whole_once_more_is_on_record_once_more(
        self, world: World, browse: Browse, way: str, act: str, asked: str
    ) -> None:
        exhibit = put(world, mp4(1000), "film.mp4")
        client = browse(world["fr_member"])
        for _ in range(2):
            assert len(get(client, exhibit, way, Range=asked).data) == 1000
        assert acts(exhibit.id).count(act) == 2

    def test_another_login_and_another_person_are_other_openings(self, world: World, browse: Browse) -> None:
        exhibit = put(world, mp4(1000), "film.mp4")
        for client in (browse(world["fr_member"]), browse(world["fr_member"]), browse(world["fr_leader"])):
            get(client, exhibit, Range="bytes=0-9")
            get(client, exhibit, Range="bytes=10-19")
        assert acts(exhibit.id).count("exhibit.read") == 3

    def test_who_opened_it_is_on_record_with_the_login(self, world: World, browse: Browse) -> None:
        exhibit = put(world, png(), "photo.png")
        get(browse(world["fr_leader"]), exhibit, "download")
        entry = last_entry(exhibit)
        login = session().scalars(factories.logins_of(world["fr_leader"])).one()
        assert (entry.act, entry.actor_id, entry.login_session_id) == (
            "exhibit.downloaded",
            world["fr_leader"].id,
            login.id,
        )
        assert entry.actor_country == "FR"
        assert "photo" not in entry.details


def last_entry(exhibit: Exhibit) -> LedgerEntry:
    entries = select(LedgerEntry).where(LedgerEntry.object_id == exhibit.id).order_by(LedgerEntry.number.desc())
    found = session().scalar(entries.limit(1).execution_options(policy=True))
    assert found is not None
    return found
