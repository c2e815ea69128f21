"""Bundles files: mails with attachments, mailboxes, archives, extractions of telephones."""

import hashlib
import io
import mailbox
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import escape, quoteattr

from jit_portal.demo.case.makers import drawing, paper, photo, sheet, sound, topics
from jit_portal.demo.case.makers.subject import ALIASES, Subject, latin, telephone


def mail(subject: Subject) -> bytes:
    """One mail with a PDF and a workbook attached."""
    message = _message(subject, 0)
    attach = ((paper.contract(subject), "application", "pdf", "contract.pdf"), (sheet.wages(subject), *_XLSX))
    for content, main, sub, name in attach:
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    message.set_boundary(f"=={subject.seed:016d}==")
    return message.as_bytes()


def box(subject: Subject) -> bytes:
    """A mailbox of some dozens of mails, some with a picture attached (mbox)."""
    receipt = drawing.receipt(subject)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "box"
        mails = mailbox.mbox(path)
        for number in range(1, 41):
            message = _message(subject, number)
            if number % 9 == 0:
                message.add_attachment(receipt, maintype="image", subtype="jpeg", filename="bon.jpg")
                message.set_boundary(f"=={subject.seed:08d}{number:08d}==")
            stored = mailbox.mboxMessage(message)
            stored.set_from("MAILER-DAEMON Thu Jan  1 00:00:00 2026")
            mails.add(stored)
        mails.close()
        return path.read_bytes()


def papers(subject: Subject) -> bytes:
    """An archive of scans, lists and notes as it was found on a carrier of data (ZIP)."""
    return _zip(
        {
            "scans/contract_1.pdf": paper.contract(subject),
            "scans/statement.pdf": paper.statement(subject),
            "lists/hours.xlsx": sheet.wages(subject),
            "lists/trips.csv": sheet.plates(subject),
            "pictures/block.jpg": photo.photograph(photo.room)(subject),
            "pictures/page.jpg": drawing.notebook(subject),
            "notes.txt": notes(subject),
        }
    )


def extraction(subject: Subject) -> bytes:
    """An extraction of a telephone: a report in XML that names the files beside it, with their hashes (ZIP)."""
    rng = subject.generator("extraction")
    files = {
        "files/image/IMG_0412.jpg": photo.photograph(rng.choice((photo.yard, photo.room, photo.table)))(subject),
        "files/image/IMG_0433.jpg": drawing.receipt(subject),
        "files/image/Screenshot_01.png": drawing.telephone_screen(subject),
        "files/audio/voice-0007.wav": sound.voicemail(subject),
        "files/document/lista.xlsx": sheet.wages(subject),
        "files/database/calls.csv": sheet.calls(subject),
    }
    return _zip({"report.xml": _report(subject, files), **files})


def notes(subject: Subject) -> bytes:
    """Notes in plain text, as someone wrote them for himself."""
    rng = subject.generator("notes")
    lines = [subject.title, "=" * len(subject.title), ""]
    for topic, text in rng.sample(topics.MAILS[subject.field], 6):
        lines += [f"* {topic}: {text}", f"  -> {rng.choice(ALIASES)}, {telephone(rng)}", ""]
    return "\n".join(lines).encode()


def _message(subject: Subject, number: int) -> EmailMessage:
    rng = subject.generator(f"mail {number}")
    topic, text = rng.choice(topics.MAILS[subject.field])
    sender, reader = rng.sample(("office", "transport", "housing", "planning", "accounts"), 2)
    message = EmailMessage()
    message["From"] = f"{sender}@halcyvorn.example"
    message["To"] = f"{reader}@brasmolin.example"
    message["Subject"] = topic if number else f"{topic}: {latin(subject.title)}"
    sent = subject.moment(rng, 30) + timedelta(minutes=number)
    message["Date"] = format_datetime(sent)
    message["Message-ID"] = f"<{subject.seed}.{number}@halcyvorn.example>"
    message.set_content(f"{text}\n\n{sender}\n")
    return message


def _report(subject: Subject, files: Mapping[str, bytes]) -> bytes:
    rng = subject.generator("report")
    tagged = "".join(
        f'  <file path="{escape(path)}" size="{len(content)}" sha256="{hashlib.sha256(content).hexdigest()}"/>\n'
        for path, content in files.items()
    )
    contacts = "".join(f'  <contact name="{alias}" number="{telephone(rng)}"/>\n' for alias in ALIASES)
    head = f'<project name={quoteattr(subject.title)} extracted="{subject.seized_on}">\n'
    parts = (" <taggedFiles>\n", tagged, " </taggedFiles>\n <contacts>\n", contacts, " </contacts>\n</project>\n")
    return "".join((XML_HEAD, head, *parts)).encode()


def _zip(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, 1, 8, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_XLSX = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet", "hours.xlsx")
