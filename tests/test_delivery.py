"""Bytes out: to whom they may go, any range alike, harmless whatever they are, and every opening on record."""

import io
import os
import struct
import uuid
import wave
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import inspect, select, update
from werkzeug.exceptions import Unauthorized
from werkzeug.test import TestResponse

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.errors import NotAllowed, NotFound
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits import delivery
from jit_portal.exhibits import service as exhibits
from jit_portal.exhibits.models import Exhibit
from jit_portal.files import again, sniffing, storage
from jit_portal.files.models import StoredFile
from jit_portal.files.sealing import Tampered
from jit_portal.identity import endings, sessions
from jit_portal.identity.models import LoginSession, User
from jit_portal.vocabulary import Integrity, Sight
from jit_portal.workspaces.models import Membership
from tests import factories
from tests.factories import World
from tests.vault import MIB, acts, do_the_work, error_in, put

Browse = Callable[[User], FlaskClient]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"


@pytest.fixture
def world(app: Flask) -> World:
    return factories.world()


def get(client: FlaskClient, exhibit: Exhibit, way: str = "preview", **headers: str) -> TestResponse:
    # Its id is known without asking: an answer left open by an earlier test may have ended this thread's session.
    (id,) = inspect(exhibit).identity or ()
    return client.get(f"/vault/exhibits/{id}/content?as={way}", headers=headers)


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(file, "PNG")
    return file.getvalue()


def damage(exhibit: Exhibit, how: str) -> None:
    """In the store, a small file is "gone", or "changed" into as many other bytes."""
    assert exhibit.file is not None
    if how == "gone":
        storage.store().remove(exhibit.file.object_name)
    else:
        storage.store().put(exhibit.file.object_name, bytes(exhibit.file.length + 28))


def wav(seconds: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(os.urandom(16_000 * seconds))
    return file.getvalue()


def mp4(length: int) -> bytes:
    return struct.pack(">I", 24) + b"ftypisom\0\0\2\0isommp41" + os.urandom(length - 24)


class TestRanges:
    DATA = mp4(3 * MIB + 100)

    @pytest.fixture
    def exhibit(self, world: World) -> Exhibit:
        return put(world, self.DATA, "film.mp4")

    @pytest.mark.parametrize(
        ("first", "last"),
        [
            (0, 0),
            (0, 99),
            (MIB - 1, MIB - 1),
            (MIB - 1, MIB),
            (MIB, 2 * MIB - 1),
            (5, 3 * MIB + 99),
            (3 * MIB, 3 * MIB + 99),
            (3 * MIB + 99, 3 * MIB + 99),
            (0, 3 * MIB + 99),
        ],
    )
    def test_any_range_is_what_the_file_has_there(
        self, world: World, browse: Browse, exhibit: Exhibit, first: int, last: int
    ) -> None:
        client = browse(world["fr_member"])
        for way in ("preview", "download"):
            answer = get(client, exhibit, way, Range=f"bytes={first}-{last}")
            assert answer.status_code == 206
            assert answer.data == self.DATA[first : last + 1]
            assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(self.DATA)}"
            assert answer.headers["Content-Length"] == str(last - first + 1)

    @pytest.mark.parametrize(("asked", "first"), [("-100", -100), ("-99999999", 0), (f"{2 * MIB + 5}-", 2 * MIB + 5)])
    def test_open_ranges(self, world: World, browse: Browse, exhibit: Exhibit, asked: str, first: int) -> None:
        answer = get(browse(world["fr_member"]), exhibit, Range=f"bytes={asked}")
        assert (answer.status_code, answer.data) == (206, self.DATA[first:])

    def test_a_range_past_the_end_ends_with_the_file(self, world: World, browse: Browse, exhibit: Exhibit) -> None:
        answer = get(browse(world["fr_member"]), exhibit, Range="bytes=100-99999999")
        assert (answer.status_code, answer.data) == (206, self.DATA[100:])

    def test_a_range_that_begins_past_the_end(self, world: World, browse: Browse, exhibit: Exhibit) -> None:
        answer = get(browse(world["fr_member"]), exhibit, Range="bytes=99999999-")
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(self.DATA)}")

    @pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "lines=0-1", "bytes=5-1", "bytes=x", "bytes"])
    def test_what_is_no_single_range_gets_the_whole(
        self, world: World, browse: Browse, exhibit: Exhibit, asked: str
    ) -> None:
        answer = get(browse(world["fr_member"]), exhibit, Range=asked)
        assert (answer.status_code, answer.data) == (200, self.DATA)

    def test_if_range_names_the_same_bytes_or_gets_the_whole(
        self, world: World, browse: Browse, exhibit: Exhibit
    ) -> None:
        client = browse(world["fr_member"])
        mark = get(client, exhibit).headers["ETag"]
        for known, status in ((mark, 206), ('"another"', 200)):
            answer = client.get(
                f"/vault/exhibits/{exhibit.id}/content", headers={"Range": "bytes=1-2", "If-Range": known}
            )
            assert answer.status_code == status

    def test_a_player_gets_a_long_film_in_portions(
        self, world: World, browse: Browse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = mp4(17 * MIB)
        client, exhibit = browse(world["fr_member"]), put(world, data, "film.mp4")
        answer = get(client, exhibit, Range="bytes=0-")
        assert (answer.status_code, answer.data) == (206, data[: 16 * MIB])
        assert get(client, exhibit, "download", Range="bytes=0-").data == data

    def test_head_says_all_and_sends_nothing(self, world: World, browse: Browse, exhibit: Exhibit) -> None:
        answer = browse(world["fr_member"]).head(f"/vault/exhibits/{exhibit.id}/content?as=download")
        assert (answer.status_code, answer.data) == (200, b"")
        assert answer.headers["Content-Length"] == str(len(self.DATA))
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert acts(exhibit.id) == ["exhibit.registered"]


class TestHarmless:
    @pytest.mark.parametrize("way", ["preview", "download"])
    def test_headers(self, world: World, browse: Browse, way: str) -> None:
        answer = get(browse(world["fr_member"]), put(world, png(), "photo.png"), way)
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["Content-Disposition"].startswith("inline" if way == "preview" else "attachment")

    @pytest.mark.parametrize(
        "data",
        [
            b"<!doctype html><script>alert(1)</script>",
            b"\xef\xbb\xbf  \n<html><body onload=alert(1)>",
            b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
            b'<?xml version="1.0"?><svg onload="alert(1)"/>',
            "<svg onload='alert(1)'>".encode("utf-16"),
            b"MZ\x90\0\x03\0\0\0",
            b"PK\x03\x04rest of an archive",
            b"",
        ],
        ids=["html", "html after space", "svg", "xml", "wide svg", "program", "archive", "empty"],
    )
    def test_what_could_do_harm_is_never_shown(self, world: World, browse: Browse, data: bytes) -> None:
        client, exhibit = browse(world["fr_member"]), put(world, data, "picture.png")
        refused = get(client, exhibit)
        assert refused.status_code == 415
        assert data not in refused.data or not data
        taken = get(client, exhibit, "download")
        assert (taken.status_code, taken.data) == (200, data)
        assert taken.headers["Content-Type"] == "application/octet-stream"
        assert taken.headers["Content-Disposition"].startswith("attachment;")
        assert taken.headers["Content-Security-Policy"] == POLICY

    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            (png(), "image/png"),
            (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
            (b"GIF89a<script>alert(1)</script>", "image/gif"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
            (b"%PDF-1.7\n", "application/pdf"),
            (mp4(100), "video/mp4"),
            (b"\0\0\0\x20ftypM4A \0\0", "audio/mp4"),
            (b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x86\x81\x01B\x82\x84webm", "video/webm"),
            (wav(), "audio/wav"),
            (b"ID3\x04\0", "audio/mpeg"),
            (b"OggS\0", "audio/ogg"),
            (b"fLaC\0", "audio/flac"),
            (b"date,amount\n2026-01-01,5\n", "text/plain"),
            ("Déjà vu — Протокол".encode(), "text/plain"),
            ("old \xe9\xe8 letters".encode("latin-1"), "text/plain"),
            ("wide text".encode("utf-16"), "text/plain"),
            (b"\x1aE\xdf\xa3\x01\0matroska", None),
            (b"\0\0\0\x20ftypheic", None),
            (b"a\0b", None),
        ],
        ids=[
            "png",
            "jpeg",
            "gif",
            "webp",
            "pdf",
            "mp4",
            "m4a",
            "webm",
            "wav",
            "mp3",
            "ogg",
            "flac",
            "csv",
            "utf-8",
            "latin-1",
            "utf-16",
            "matroska",
            "heic",
            "binary",
        ],
    )
    def test_the_kind_is_what_the_first_bytes_are(self, data: bytes, kind: str | None) -> None:
        assert sniffing.kind_of(data) == kind

    def test_the_senders_word_for_the_kind_counts_for_nothing(self, world: World, browse: Browse) -> None:
        exhibit = put(world, b"<script>alert(1)</script>", "photo.png")
        with transaction():
            session().execute(update(StoredFile).values(media_type="text/html"))
        assert get(browse(world["fr_member"]), exhibit, "download").headers["Content-Type"] == (
            "application/octet-stream"
        )

    @pytest.mark.parametrize(
        ("name", "sent"),
        [
            ("report.pdf", "filename=\"report.pdf\"; filename*=UTF-8''report.pdf"),
            ('a"b;c.txt', "filename=\"a_b_c.txt\"; filename*=UTF-8''a%22b%3Bc.txt"),
            ("Протокол.txt", "filename=\"________.txt\"; filename*=UTF-8''" + "%D0%9F%D1%80%D0%BE%D1%82%D0%BE"),
        ],
    )
    def test_names_are_safe_and_exact(self, world: World, browse: Browse, name: str, sent: str) -> None:
        answer = get(browse(world["fr_member"]), put(world, b"text", name), "download")
        assert sent in answer.headers["Content-Disposition"]

    def test_text_is_shown_from_its_beginning(self, world: World, browse: Browse) -> None:
        text = "Ünïcode line, twenty\n" * 20_000
        exhibit = put(world, text.encode(), "notes.txt")
        answer = get(browse(world["fr_member"]), exhibit)
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert len(answer.data) <= delivery.TEXT_SHOWN
        assert text.startswith(answer.text)
        assert len(answer.text) > 150_000


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
        exhibits.withdraw(world["fr_leader"], release, "Not for them.")
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


class TestAgain:
    """A right or a login that ends in the middle of a long download ends the download."""

    LENGTH = 5 * MIB

    @pytest.fixture(autouse=True)
    def asked_soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After so few bytes that no test needs more of them."""
        monkeypatch.setattr(again, "EVERY_BYTES", 3 * MIB)
        monkeypatch.setattr(delivery, "_AT_ONCE", 2 * MIB)

    @pytest.mark.parametrize("asked", [None, "bytes=0-{last}"], ids=["whole", "closed range"])
    @pytest.mark.parametrize(
        ("way", "given", "left", "most"),
        [
            ("download", Sight.DOWNLOAD, Sight.READ, 3 * MIB),
            ("preview", Sight.DOWNLOAD, Sight.SEE, 2 * MIB),
            ("preview", Sight.READ, None, 2 * MIB),
        ],
    )
    def test_a_sight_that_falls_meanwhile_ends_the_bytes(
        self, world: World, browse: Browse, way: str, given: Sight, left: Sight | None, most: int, asked: str | None
    ) -> None:
        exhibit = put(world, mp4(self.LENGTH), "film.mp4")
        release = factories.release(world, exhibit, "nl", given)
        if left:
            factories.release(world, exhibit, "nl", left)
        headers = {"Range": asked.format(last=self.LENGTH - 1)} if asked else {}
        path = f"/vault/exhibits/{exhibit.id}/content?as={way}"
        answer = browse(world["nl_member"]).get(path, headers=headers)
        coming = iter(answer.response)
        came = [len(next(coming))]
        exhibits.withdraw(world["fr_leader"], release, "Not so far.")
        with pytest.raises(NotAllowed if left else NotFound):
            came.extend(map(len, coming))
        answer.close()
        # What came before the end may have been asked about after some time, and is counted anew since.
        assert sum(came[1:]) < most, "the last of them were refused before they went"

    def test_a_preview_that_is_still_seen_is_whole(self, world: World, browse: Browse) -> None:
        exhibit = put(world, mp4(self.LENGTH), "film.mp4")
        assert len(get(browse(world["fr_member"]), exhibit).data) == self.LENGTH

    @pytest.mark.parametrize("how", ["withdrawn", "membership ended", "signed out"])
    def test_what_ends_meanwhile_ends_the_bytes(self, world: World, browse: Browse, how: str) -> None:
        exhibit = put(world, bytes(self.LENGTH), "disk.img")
        release = factories.release(world, exhibit, "nl", Sight.DOWNLOAD)
        wanted = {"Range": f"bytes=5-{self.LENGTH - 1}"}
        path = f"/vault/exhibits/{exhibit.id}/content?as=download"
        answer = browse(world["nl_member"]).get(path, headers=wanted)
        assert answer.status_code == 206
        coming = iter(answer.response)
        first = len(next(coming))
        if how == "withdrawn":
            exhibits.withdraw(world["fr_leader"], release, "Not for them.")
        elif how == "membership ended":
            with transaction():
                mine = update(Membership).where(Membership.id == world.members["nl_member"].id)
                session().execute(mine.values(live_until=factories.now()))
        else:
            with transaction():
                session().execute(update(LoginSession).values(ended_at=factories.now()))
        came = [first]
        with pytest.raises((NotFound, Unauthorized)):
            came.extend(map(len, coming))
        answer.close()
        assert sum(came) <= again.EVERY_BYTES
        refused = select(LedgerEntry.outcome).where(LedgerEntry.act == "delivery.content")
        on_record = session().scalars(refused.execution_options(policy=True)).all()
        assert on_record == ([] if how == "signed out" else ["refused"])

    def test_what_goes_on_is_whole(self, world: World, browse: Browse) -> None:
        exhibit = put(world, bytes(self.LENGTH), "disk.img")
        answer = get(browse(world["fr_member"]), exhibit, "download", Range=f"bytes=5-{self.LENGTH - 1}")
        assert len(answer.data) == self.LENGTH - 5

    def test_a_step_up_meanwhile_ends_nothing_and_the_end_of_its_login_does(
        self, app: Flask, world: World, browse: Browse
    ) -> None:
        """In whichever tab she proved anew who she is, what began in her login goes on in it."""
        exhibit = put(world, bytes(2 * self.LENGTH), "disk.img")
        client = browse(world["fr_member"])
        answer = client.get(f"/vault/exhibits/{exhibit.id}/content?as=download")
        cookie = client.get_cookie(app.config["SETTINGS"].session_cookie)
        assert cookie is not None
        coming = iter(answer.response)
        came = len(next(coming))
        token = factories.step_up(cookie.value)
        while came < self.LENGTH:
            came += len(next(coming))
        login = sessions.load(token)
        assert login is not None
        endings.sign_out(login, "nonce")
        with pytest.raises(Unauthorized):
            came += sum(map(len, coming))
        answer.close()
        assert self.LENGTH <= came < 2 * self.LENGTH

    def test_it_is_asked_after_so_many_bytes_or_so_long(self) -> None:
        asked: list[str] = []
        by_bytes = again.Again(lambda: asked.append("bytes"), every_bytes=10)
        for _ in range(5):
            by_bytes.passed(4)
        assert asked == ["bytes"]
        again.Again(lambda: asked.append("time"), every_seconds=0).passed(1)
        assert asked == ["bytes", "time"]


def last_entry(exhibit: Exhibit) -> LedgerEntry:
    entries = select(LedgerEntry).where(LedgerEntry.object_id == exhibit.id).order_by(LedgerEntry.number.desc())
    found = session().scalar(entries.limit(1).execution_options(policy=True))
    assert found is not None
    return found
