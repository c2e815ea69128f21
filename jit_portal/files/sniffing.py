"""What a file is, by its first bytes: one of a short list that a browser may be shown, or nothing."""

import re

ENOUGH = 4096

TEXT = "text/plain"

_SIGNS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (rb"\x89PNG\r\n\x1a\n", "image/png"),
        (rb"\xff\xd8\xff", "image/jpeg"),
        (rb"GIF8[79]a", "image/gif"),
        (rb"RIFF....WEBP", "image/webp"),
        (rb"%PDF-\d", "application/pdf"),
        (rb"....ftyp(M4A |M4B )", "audio/mp4"),
        (rb"....ftyp(isom|iso[2-9]|mp4[12]|avc1|dash|M4V |MSNV|3gp[4-7])", "video/mp4"),
        (rb"\x1aE\xdf\xa3.{0,60}webm", "video/webm"),
        (rb"OggS", "audio/ogg"),
        (rb"RIFF....WAVE", "audio/wav"),
        (rb"fLaC", "audio/flac"),
        (rb"ID3[\x02-\x04]|\xff[\xfb\xf3\xf2]", "audio/mpeg"),
    )
)
_MARKUP = re.compile(rb"(\xef\xbb\xbf)?\s*<")
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


def kind_of(head: bytes) -> str | None:
    """Media type of a file that begins with ``head`` (``ENOUGH`` bytes of it, or all), or ``None``: never to be shown.

    Markup of any kind is never shown, for it can carry code.
    """
    for sign, kind in _SIGNS:
        if sign.match(head):
            return kind
    if not head or _MARKUP.match(head):
        return None
    if head.startswith(_WIDE_MARKS):
        return None if _MARKUP.match(head[2:].replace(b"\0", b"")) else TEXT
    return None if _NOT_TEXT.search(head) else TEXT


def text_of(head: bytes) -> str:
    """The text that ``head`` begins; a letter cut in two at its end is left out, and what is unreadable is marked."""
    if head.startswith(_WIDE_MARKS):
        return head.decode("utf-16", errors="replace")
    for cut in range(4):
        try:
            return head[: len(head) - cut].decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
    return head.decode("cp1252", errors="replace")
