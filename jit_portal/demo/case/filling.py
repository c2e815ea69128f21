"""Fills the vault of a JIT of the demo case: exhibits with their bytes, rules, entrusting, releases, hand-overs."""

import datetime as dt
import hashlib
import io
import mimetypes
import random
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import select

from jit_portal import policy
from jit_portal.custody import service as custody
from jit_portal.database import session
from jit_portal.demo.case import days
from jit_portal.demo.case.arrivals import ALTERED, DISK_IMAGE, HAND_OVERS, UNFINISHED, HandOver
from jit_portal.demo.case.exhibits import (
    BY_EXHIBIT_KEY,
    ENTRUSTMENTS,
    EXHIBITS,
    RELEASES,
    RULES,
    DemoExhibit,
    DemoRelease,
    DemoRule,
    Target,
)
from jit_portal.demo.case.founding import People
from jit_portal.demo.case.makers import disk
from jit_portal.demo.case.people import BY_SUBJECT
from jit_portal.demo.case.shapes import DemoJit
from jit_portal.errors import Refusal
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits import entrusting, releasing, rules
from jit_portal.exhibits.models import Exhibit
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import Authority, User
from jit_portal.jits.models import Party
from jit_portal.vocabulary import Integrity, May, PrincipalKind, Sight
from jit_portal.workspaces.models import Workspace

NAMES = uuid.UUID("6c1f7a52-1f0e-4b7e-9a55-3c2a7a1d0e42")
"""Everything that the case makes is named under this, so that a second run finds it again."""

Parties = dict[str, Party]
Vault = dict[str, Exhibit]
"""The exhibits of a JIT by the key that the case gives them."""


def name_of(*words: object) -> uuid.UUID:
    """The name under which the case makes a thing."""
    return uuid.uuid5(NAMES, "/".join(map(str, words)))


class Stream:
    """Reads blocks as if they were one file, from some byte on; ``sha256`` is that of all bytes passed so far."""

    def __init__(self, blocks: Iterable[bytes], start: int = 0) -> None:
        self._blocks = iter(blocks)
        self._rest = b""
        self.sha256 = hashlib.sha256()
        while start > 0:
            start -= len(self.read(min(start, disk.BLOCK)))

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return b""
            self._rest = block
        piece, self._rest = self._rest[:size], self._rest[size:]
        self.sha256.update(piece)
        return piece


def of_jit(demo: DemoJit) -> Iterator[DemoExhibit]:
    """The exhibits of a JIT in the order in which they came in."""
    return (exhibit for exhibit in EXHIBITS if exhibit.jit == demo.key)


def bring_in(demo: DemoJit, workspace: Workspace, people: People, by: dt.timedelta) -> None:
    """Bring in every exhibit with its bytes, sealed, stored and read back; what is there already stays as it is."""
    for exhibit in of_jit(demo):
        begun = file_of(exhibit)
        if begun is None or begun.integrity in (Integrity.RECEIVING, Integrity.CHECKING):
            _receive(exhibit, workspace, people[exhibit.uploader], by)


def file_of(exhibit: DemoExhibit) -> StoredFile | None:
    """The file that an exhibit's upload began."""
    known = select(StoredFile).where(StoredFile.client_key == name_of(exhibit.key))
    return session().scalar(known.execution_options(policy=True, populate_existing=True))


def _receive(exhibit: DemoExhibit, workspace: Workspace, uploader: User, by: dt.timedelta) -> None:
    is_long = exhibit.maker == "disk"
    content = b"" if is_long else b"".join(exhibit.content())
    length = disk.SIZE if is_long else len(content)
    media_type = mimetypes.guess_type(exhibit.file_name)[0] or "application/octet-stream"
    sent = exhibit_bytes.Sent(exhibit.file_name, length, media_type, key=name_of(exhibit.key))
    file = exhibit_bytes.receive(uploader, workspace, _details(days.of_exhibit(exhibit, by)), sent)
    end = UNFINISHED.get(exhibit.key, length)
    if file.received < end:
        stream = Stream(exhibit.content() if is_long else [content], file.received)
        _append(uploader, file, stream, end - file.received)
    if end == length:
        altered = b"altered" if exhibit.key in ALTERED else b""
        exhibit_bytes.declare_hash(uploader, file.id, hashlib.sha256(content + altered).hexdigest())
        exhibit_bytes.verify(file.id)


def _append(uploader: User, file: StoredFile, stream: Stream, size: int) -> StoredFile:
    """Send the next ``size`` bytes of the stream."""
    held = bytearray()
    while len(held) < size and (piece := stream.read(size - len(held))):
        held += piece
    return exhibit_bytes.append(uploader, file.id, file.received, io.BytesIO(held), size=size)


def _details(exhibit: DemoExhibit) -> dict[str, Any]:
    return {
        "title": exhibit.title,
        "kind": exhibit.kind,
        "handling": exhibit.handling,
        "tags": exhibit.tags,
        "authority": str(_authority(exhibit.authority).id),
        "seized_on": exhibit.seized_on.isoformat(),
        "place": exhibit.place,
        "description": exhibit.description,
        "unclassified": "yes",
    }


def _authority(code: str) -> Authority:
    return session().scalars(select(Authority).where(Authority.code == code)).one()


def vault(demo: DemoJit) -> Vault:
    """The exhibits of a JIT that have been brought in."""
    keys = {name_of(exhibit.key): exhibit.key for exhibit in of_jit(demo)}
    statement = select(Exhibit, StoredFile.client_key).join(StoredFile, StoredFile.id == Exhibit.file_id)
    found = session().execute(statement.where(StoredFile.client_key.in_(keys)).execution_options(policy=True)).unique()
    return {keys[client_key]: exhibit for exhibit, client_key in found if client_key is not None}


def set_rules(demo: DemoJit, workspace: Workspace, parties: Parties, people: People, by: dt.timedelta) -> None:
    """Set the standing releases and forbids of every party."""
    for written in (rule for rule in RULES if rule.jit == demo.key):
        rule = days.of_rule(written, by)
        rules.set_rule(people[rule.by], workspace, parties[rule.party], _described(rule, parties, people))


def _described(rule: DemoRule, parties: Parties, people: People) -> RuleDescription:
    return RuleDescription(
        is_forbid=rule.is_forbid,
        to=_chosen(rule.target, parties, people),
        sight=rule.sight,
        kind=rule.kind,
        handling=rule.handling,
        tag=rule.tag,
        authority_id=_authority(rule.authority).id if rule.authority else None,
        seized_from=rule.seized_from,
        seized_until=rule.seized_until,
        note=rule.note,
    )


def _chosen(target: Target, parties: Parties, people: People) -> str:
    """The target as the form of a release or rule sends it."""
    if target.kind == PrincipalKind.AUTHORITY:
        return f"authority:{_authority(target.name).id}"
    if target.kind == PrincipalKind.PERSON:
        return f"person:{people[target.name].id}"
    party = parties[target.name].id
    return f"role:{party}:{target.role}" if target.role else f"party:{party}"


def entrust(demo: DemoJit, workspace: Workspace, parties: Parties, people: People) -> None:
    """Let leaders entrust somebody with releases."""
    today = dt.datetime.now(dt.UTC).date()
    for written in (each for each in ENTRUSTMENTS if each.jit == demo.key):
        last_day, person = today + dt.timedelta(days=written.days), people[written.person].id
        entrusting.entrust(people[written.by], workspace, parties[written.party], person, written.sight, last_day)


def release_all(held: Vault, parties: Parties, people: People) -> None:
    """Make every release of what is in this vault, withdraw those that were taken back, and let some be opened."""
    chance = random.Random(142)  # noqa: S311  (the same readers each time)
    for release in RELEASES:
        if release.exhibit in held:
            _release(release, held[release.exhibit], parties, people)
            if release.sight > Sight.SEE and not release.withdrawn_because:
                _open(held[release.exhibit], people, chance)


def _release(release: DemoRelease, exhibit: Exhibit, parties: Parties, people: People) -> None:
    ends = release.until_days and dt.datetime.now(dt.UTC) + dt.timedelta(days=release.until_days)
    try:
        made = releasing.release(
            people[release.by],
            exhibit,
            _chosen(release.target, parties, people),
            release.sight,
            release.purpose,
            conditions=release.conditions,
            live_until=ends or None,
        )
    except Refusal as refusal:
        refusal.add_note(f"It was {release}.")
        raise
    if release.withdrawn_because:
        releasing.withdraw(people[release.by], made, release.withdrawn_because)


def _open(exhibit: Exhibit, people: People, chance: random.Random) -> None:
    """Two in five releases were used: somebody of another party has opened the file, or taken it away."""
    if chance.random() > 0.4 or exhibit.file is None or exhibit.file.integrity != Integrity.VERIFIED:
        return
    may = chance.choice((May.READ, May.READ, May.DOWNLOAD))
    readers = sorted(session().scalars(policy.who(exhibit, may)).unique(), key=lambda each: each.subject)
    foreign = [
        each for each in readers if BY_SUBJECT[each.subject].party != exhibit.seizing_party.provider.slug.upper()
    ]
    if foreign:
        act = exhibit_bytes.open_for_reading if may == May.READ else exhibit_bytes.download
        act(people[chance.choice(foreign).subject], exhibit)


def hand_over(held: Vault, people: People) -> None:
    """Hand over what changed hands, and let the receivers answer who have."""
    subjects = {user.id: subject for subject, user in people.items()}
    for step in HAND_OVERS:
        if step.exhibit in held:
            _hand_over(step, held[step.exhibit], people, people[subjects[held[step.exhibit].holder_id]])


def _hand_over(step: HandOver, exhibit: Exhibit, people: People, giver: User) -> None:
    receiver = people[step.to]
    custody.hand_over(giver, exhibit, receiver.id, step.reason)
    if step.is_accepted:
        custody.accept(receiver, exhibit)
    elif step.is_accepted is False:
        custody.decline(receiver, exhibit, step.declined_because)


def finish_disk_image(people: People) -> Iterator[int]:
    """Send what is missing of the disk image and declare its hash; yields the bytes that are safe so far."""
    exhibit = BY_EXHIBIT_KEY[DISK_IMAGE]
    file, uploader = file_of(exhibit), people[exhibit.uploader]
    assert file is not None
    stream = Stream(exhibit.content(), file.received)
    while file.received < file.length:
        file = _append(uploader, file, stream, min(16 * disk.BLOCK, file.length - file.received))
        yield file.received
    exhibit_bytes.declare_hash(uploader, file.id, stream.sha256.hexdigest())
