"""Makes the bytes of the demo case's exhibits: real files of real formats, the same for the same subject each time."""

from collections.abc import Callable, Iterator

from jit_portal.demo.case.makers import bundle, disk, drawing, film, paper, photo, sheet, sound
from jit_portal.demo.case.makers.subject import Subject

MAKERS: dict[str, Callable[[Subject], bytes]] = {
    "statement": paper.statement,
    "interview": paper.interview,
    "warrant": paper.warrant,
    "report": paper.report,
    "contract": paper.contract,
    "letter": paper.letter,
    "yard": photo.photograph(photo.yard, (6, 8)),
    "room": photo.photograph(photo.room),
    "greenhouse": photo.photograph(photo.greenhouse),
    "quay": photo.photograph(photo.quay, (19, 20)),
    "table": photo.photograph(photo.table),
    "receipt": drawing.receipt,
    "notebook": drawing.notebook,
    "map": drawing.route_map,
    "screen": drawing.telephone_screen,
    "chart": drawing.link_chart,
    "gate": film.gate,
    "road": film.road,
    "above": film.above,
    "call": sound.call,
    "microphone": sound.room,
    "voicemail": sound.voicemail,
    "wages": sheet.wages,
    "payments": sheet.payments,
    "trips": sheet.trips,
    "calls": sheet.calls,
    "plates": sheet.plates,
    "transfers": sheet.transfers,
    "logins": sheet.logins,
    "track": sheet.track,
    "notes": bundle.notes,
    "mail": bundle.mail,
    "mailbox": bundle.box,
    "archive": bundle.papers,
    "extraction": bundle.extraction,
}
STREAMED: dict[str, Callable[[Subject], Iterator[bytes]]] = {"disk": disk.chunks}


def make(maker: str, subject: Subject) -> Iterator[bytes]:
    """The bytes of a subject from the maker of that name; only what is streamed comes in more than one block."""
    if maker in STREAMED:
        return STREAMED[maker](subject)
    return iter((MAKERS[maker](subject),))
