"""The exhibits of the demo case are real files of the formats that they claim, the same each time."""

import csv
import email
import email.policy
import hashlib
import io
import mailbox
import re
import struct
import wave
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import av
import openpyxl
import pytest
from PIL import Image

from jit_portal.demo.case import makers
from jit_portal.demo.case.agreements import signed_document
from jit_portal.demo.case.exhibits import EXHIBITS
from jit_portal.demo.case.jits import JITS
from jit_portal.demo.case.makers import bundle, disk, drawing, paper, photo, topics
from jit_portal.demo.case.makers.subject import Field, Subject
from jit_portal.demo.case.shapes import DemoJit
from jit_portal.vocabulary import (
    ExhibitKind,
)

SUBJECT = Subject('Lists "of hours" & Țară', 7, place="Galați", authority="Parchetul", description="What was found.")


@pytest.mark.parametrize("maker", sorted(makers.MAKERS))
def test_a_maker_makes_the_same_bytes_again_and_others_for_another(maker: str) -> None:
    one, another = (Subject("Found in the office", seed) for seed in (11, 12))
    made = b"".join(makers.make(maker, one))
    assert made == b"".join(makers.make(maker, one))
    assert made != b"".join(makers.make(maker, another))


@pytest.mark.parametrize("field", ["labour", "fraud", "goods"])
def test_papers_and_mails_speak_of_the_kind_of_case(field: Field) -> None:
    subject = Subject("Found in the office", 11, field=field)
    for maker in ("interview", "report", "notes", "mail"):
        CHECKS[{"notes": ".txt", "mail": ".eml"}.get(maker, ".pdf")](b"".join(makers.make(maker, subject)))
    assert any(topic in bundle.notes(subject).decode() for topic, _ in topics.MAILS[field])


def check_pdf(content: bytes) -> None:
    assert content.startswith(b"%PDF-1.")
    assert content.rstrip().endswith(b"%%EOF")
    pages = len(re.findall(rb"/Type /Page\b", content))
    assert pages >= 1
    assert int(re.findall(rb"/Count (\d+)", content)[0]) == pages
    start = int(re.findall(rb"startxref\s+(\d+)", content)[0])
    assert content[start : start + 4] == b"xref"


def check_image(content: bytes) -> None:
    Image.open(io.BytesIO(content)).verify()
    with Image.open(io.BytesIO(content)) as picture:
        assert min(picture.size) >= 600
        shades = [shade for shade, pixels in enumerate(picture.convert("L").histogram()) if pixels]
        assert max(shades) - min(shades) > 60
        if picture.format == "JPEG":
            assert picture.getexif()[0x0110]
            assert re.fullmatch(r"\d{4}(:\d\d){2} \d\d(:\d\d){2}", picture.getexif().get_ifd(0x8769)[0x9003])
            assert picture.getexif().get_ifd(0x8825)[1] == "N"
        else:
            assert picture.info["Title"]


def check_video(content: bytes) -> None:
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(io.BytesIO(content), "r") as film:
        picture = film.streams.video[0]
        assert picture.codec_context.name == "h264"
        assert film.duration is not None
        assert 8 <= film.duration / av.time_base <= 20
        first = bytes(next(film.decode(picture)).planes[0])
        film.seek(5 * av.time_base)
        later = next(film.decode(picture))
        assert later.time is not None
        assert 3 <= later.time <= 5
        assert bytes(later.planes[0]) != first
    with av.open(io.BytesIO(content), "r") as film:
        assert len(list(film.decode(video=0))) >= 96


def check_audio(content: bytes) -> None:
    with wave.open(io.BytesIO(content)) as sound:
        seconds = sound.getnframes() / sound.getframerate()
        samples = struct.unpack(f"<{sound.getnframes()}h", sound.readframes(sound.getnframes()))
    assert 6 <= seconds <= 60
    assert max(samples) > 3000


def check_workbook(content: bytes) -> None:
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert sum(sheet.max_row for sheet in book.worksheets) > 50


def check_csv(content: bytes) -> None:
    header, *lines = csv.reader(io.StringIO(content.decode()))
    assert len(lines) >= 500
    assert {len(line) for line in lines} == {len(header)}


def check_track(content: bytes) -> None:
    root = ElementTree.fromstring(content)  # noqa: S314 - made by ourselves a moment ago
    assert len(root.findall(".//{*}trkpt")) > 1000


def check_mail(content: bytes) -> None:
    message = email.message_from_bytes(content, policy=email.policy.default)
    attached = {part.get_filename(): part.get_content() for part in message.iter_attachments()}
    assert message["Subject"]
    assert set(attached) == {"contract.pdf", "hours.xlsx"}
    check_pdf(attached["contract.pdf"])
    check_workbook(attached["hours.xlsx"])


def check_mailbox(content: bytes) -> None:
    assert content.startswith(b"From MAILER-DAEMON")
    assert len(re.findall(rb"^From MAILER-DAEMON", content, re.MULTILINE)) == 40


def check_archive(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) >= 7


def check_extraction(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        root = ElementTree.fromstring(archive.read("report.xml"))  # noqa: S314 - made by ourselves
        named = {file.get("path", ""): file.get("sha256") for file in root.iter("file")}
        assert len(named) == len(archive.namelist()) - 1
        for path, sha256 in named.items():
            assert hashlib.sha256(archive.read(path)).hexdigest() == sha256


def check_text(content: bytes) -> None:
    assert len(content.decode().splitlines()) > 10


CHECKS = {
    ".pdf": check_pdf,
    ".jpg": check_image,
    ".png": check_image,
    ".mp4": check_video,
    ".wav": check_audio,
    ".xlsx": check_workbook,
    ".csv": check_csv,
    ".gpx": check_track,
    ".eml": check_mail,
    ".mbox": check_mailbox,
    ".zip": check_archive,
    ".ufdr": check_extraction,
    ".txt": check_text,
}


def test_a_statement_runs_over_several_pages() -> None:
    assert len(re.findall(rb"/Type /Page\b", paper.statement(SUBJECT))) >= 2


@pytest.mark.parametrize("jit", JITS, ids=lambda jit: jit.key)
def test_every_jit_has_its_paper(jit: DemoJit) -> None:
    document = signed_document(jit)
    check_pdf(document)
    assert jit.reference.encode() in document
    assert document == signed_document(jit)


def test_a_mailbox_opens_as_one(tmp_path: Path) -> None:
    path = tmp_path / "planning.mbox"
    path.write_bytes(b"".join(makers.make("mailbox", SUBJECT)))
    box = mailbox.mbox(path)
    assert len(box) == 40
    assert sum(message.is_multipart() for message in box) == 4
    box.close()


def test_pictures_open_in_the_size_of_a_camera() -> None:
    with Image.open(io.BytesIO(drawing.receipt(SUBJECT))) as picture:
        assert picture.size == photo.KEPT


def test_the_disk_image_is_streamed_in_small_blocks_and_has_its_size() -> None:
    exhibit = next(exhibit for exhibit in EXHIBITS if exhibit.kind is ExhibitKind.DISK_IMAGE)
    size = 0
    for block in exhibit.content():
        assert len(block) <= disk.BLOCK
        size += len(block)
    assert size == disk.SIZE >= 200_000_000


def test_the_disk_image_holds_a_volume_whose_files_can_be_read() -> None:
    image = b"".join(disk.chunks(SUBJECT, 40 * disk.BLOCK))
    assert len(image) == 40 * disk.BLOCK
    assert image == b"".join(disk.chunks(SUBJECT, 40 * disk.BLOCK))
    assert image[510:512] == b"\x55\xaa"
    kind, start, sectors = image[450], *struct.unpack_from("<II", image, 454)
    assert (kind, start * 512 + sectors * 512) == (0x0E, len(image))
    files = read_fat16(image[start * 512 :])
    assert len(files) == 9
    check_pdf(files["CONTRACT.PDF"])
    check_image(files["PAGE.JPG"])
    check_csv(files["CALLS.CSV"])
    check_archive(files["OLDMAIL.ZIP"])
    check_track(files["TRIPS.GPX"])


def read_fat16(volume: bytes) -> dict[str, bytes]:
    """The files of the root directory, read through the table of clusters."""
    sector, per_cluster, reserved, tables, entries = struct.unpack_from("<HBHBH", volume, 11)
    table_sectors = struct.unpack_from("<H", volume, 22)[0]
    table = volume[reserved * sector :]
    root = (reserved + tables * table_sectors) * sector
    data = root + entries * 32
    files = {}
    for at in range(root, data, 32):
        name, kind = volume[at : at + 11].decode("ascii"), volume[at + 11]
        if not name.strip("\0") or kind == 0x08:
            continue
        cluster, size = struct.unpack_from("<HI", volume, at + 26)
        content = bytearray()
        while cluster < 0xFFF8:
            begin = data + (cluster - 2) * per_cluster * sector
            content += volume[begin : begin + per_cluster * sector]
            cluster = struct.unpack_from("<H", table, cluster * 2)[0]
        files[f"{name[:8].strip()}.{name[8:].strip()}"] = bytes(content[:size])
    return files
