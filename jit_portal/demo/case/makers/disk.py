"""Streams the image of a disk: a partition table, a FAT16 volume with readable files, the rest of the space."""

import struct
from collections.abc import Iterator, Mapping
from datetime import date

from jit_portal.demo.case.makers import bundle, drawing, paper, photo, sheet
from jit_portal.demo.case.makers.subject import Subject

SIZE = 256 * 1024 * 1024
BLOCK = 1024 * 1024
SECTOR = 512
FIRST_SECTOR = 2048
CLUSTER_SECTORS = 16
ROOT_ENTRIES = 512
END_OF_FILE = 0xFFFF


def chunks(subject: Subject, size: int = SIZE) -> Iterator[bytes]:
    """The image from its first byte to its last, in blocks of at most a mebibyte; `size` is whole mebibytes."""
    volume_sectors = size // SECTOR - FIRST_SECTOR
    head = _partition_table(subject, volume_sectors) + bytes((FIRST_SECTOR - 1) * SECTOR)
    head += _volume(subject, volume_sectors)
    for start in range(0, len(head), BLOCK):
        yield head[start : start + BLOCK]
    yield from _unused(subject, size - len(head))


def _partition_table(subject: Subject, sectors: int) -> bytes:
    entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x0E, b"\xfe\xff\xff", FIRST_SECTOR, sectors)
    serial = struct.pack("<IH", subject.seed & 0xFFFFFFFF, 0)
    return bytes(440) + serial + entry + bytes(48) + b"\x55\xaa"


def _volume(subject: Subject, sectors: int) -> bytes:
    """The volume up to the end of its last file: boot sector, both tables, root directory, contents."""
    table_sectors = (sectors // CLUSTER_SECTORS + 2) * 2 // SECTOR + 1
    links, directory, contents = [0xFFF8, END_OF_FILE], _label(subject), bytearray()
    for name, content in _files(subject).items():
        first, needed = len(links), -(-len(content) // (CLUSTER_SECTORS * SECTOR))
        links += [*range(first + 1, first + needed), END_OF_FILE]
        directory += _entry(name, first, len(content), subject.seized_on)
        contents += content.ljust(needed * CLUSTER_SECTORS * SECTOR, b"\0")
    table = struct.pack(f"<{len(links)}H", *links).ljust(table_sectors * SECTOR, b"\0")
    return (
        _boot_sector(subject, sectors, table_sectors) + table * 2 + directory.ljust(ROOT_ENTRIES * 32, b"\0") + contents
    )


def _boot_sector(subject: Subject, sectors: int, table_sectors: int) -> bytes:
    sizes = struct.pack(
        "<HBHBHHBHHHII", SECTOR, CLUSTER_SECTORS, 1, 2, ROOT_ENTRIES, 0, 0xF8, table_sectors, 63, 255, 2048, sectors
    )
    names = struct.pack("<BBBI11s8s", 0x80, 0, 0x29, subject.seed & 0xFFFFFFFF, b"OFFICE     ", b"FAT16   ")
    return (b"\xeb\x3c\x90MSDOS5.0" + sizes + names).ljust(510, b"\0") + b"\x55\xaa"


def _label(subject: Subject) -> bytes:
    return struct.pack("<11sB10sHHHI", b"OFFICE     ", 0x08, bytes(10), 0, _fat_date(subject.seized_on), 0, 0)


def _entry(name: str, first: int, length: int, day: date) -> bytes:
    stem, _, suffix = name.partition(".")
    plain = stem.ljust(8).encode() + suffix.ljust(3).encode()
    return struct.pack("<11sB10sHHHI", plain, 0x20, bytes(10), 9 << 11, _fat_date(day), first, length)


def _fat_date(day: date) -> int:
    return (day.year - 1980) << 9 | day.month << 5 | day.day


def _files(subject: Subject) -> Mapping[str, bytes]:
    return {
        "BANK.CSV": sheet.transfers(subject),
        "TRIPS.GPX": sheet.track(subject),
        "CONTRACT.PDF": paper.contract(subject),
        "BANK.PDF": paper.statement(subject),
        "BLOCK.JPG": photo.photograph(photo.room)(subject),
        "PAGE.JPG": drawing.notebook(subject),
        "CALLS.CSV": sheet.calls(subject),
        "OLDMAIL.ZIP": bundle.papers(subject),
        "NOTES.TXT": bundle.notes(subject),
    }


def _unused(subject: Subject, length: int) -> Iterator[bytes]:
    """What is not in a file: mostly empty, here and there the remains of what was deleted."""
    rng, empty = subject.generator("unused"), bytes(BLOCK)
    while length > 0:
        block = rng.randbytes(BLOCK) if rng.random() < 0.3 else empty
        yield block[: min(length, BLOCK)]
        length -= BLOCK
