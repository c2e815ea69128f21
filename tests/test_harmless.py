"""What is sent of a file is harmless in a browser, whatever it is and whatever its sender calls it."""

import pytest
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.exhibits import delivery
from jit_portal.files import sniffing
from jit_portal.files.models import StoredFile
from tests.delivery import Browse, get, mp4, png, wav, world
from tests.factories import World
from tests.vault import put

FIXTURES = (world,)
"""They are asked for by name."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"


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
