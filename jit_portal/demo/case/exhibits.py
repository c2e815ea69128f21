"""The exhibits of the demo case, to whom they are released and by whom, and the rules of countries over theirs."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from jit_portal.demo.case import makers
from jit_portal.demo.case.makers.subject import Field, Subject
from jit_portal.demo.case.people import AUTHORITIES
from jit_portal.demo.case.tables import rows, words
from jit_portal.vocabulary import ExhibitKind, HandlingCode, PrincipalKind, Purpose, Role, Sight

FIELDS: dict[str, Field] = {"lantern": "labour", "kestrel": "fraud", "amber": "goods", "saltmarsh": "goods"}
JIT_OF_PREFIX = {"lan": "lantern", "kes": "kestrel", "amb": "amber", "sal": "saltmarsh"}


@dataclass(frozen=True)
class DemoExhibit:
    """A thing seized; `key` is only the demo's own name for it."""

    key: str
    jit: str
    party: str
    kind: ExhibitKind
    maker: str
    authority: str
    uploader: str
    seized_on: date
    place: str
    tags: tuple[str, ...]
    handling: tuple[HandlingCode, ...]
    file_name: str
    title: str
    description: str

    @property
    def subject(self) -> Subject:
        """What the maker of its bytes is told."""
        return Subject(
            title=self.title,
            seed=zlib.crc32(self.key.encode()),
            file_name=self.file_name,
            description=self.description,
            authority=AUTHORITIES[self.authority],
            place=self.place,
            seized_on=self.seized_on,
            field=FIELDS[self.jit],
        )

    def content(self) -> Iterator[bytes]:
        """Its bytes, made now, in blocks; the same each time."""
        return makers.make(self.maker, self.subject)


@dataclass(frozen=True)
class Target:
    """Whom a release or rule names: a party, an authority, a role of a party, or a person by subject."""

    kind: PrincipalKind
    name: str
    role: Role | None = None


@dataclass(frozen=True)
class DemoRelease:
    """One exhibit shown to a target; `until_days` counts from today, `withdrawn_because` closes it again."""

    exhibit: str
    target: Target
    sight: Sight
    purpose: Purpose
    by: str
    until_days: int | None
    withdrawn_because: str
    conditions: str


@dataclass(frozen=True)
class DemoRule:
    """A standing release or a forbid of a party; what is None does not narrow it."""

    jit: str
    party: str
    is_forbid: bool
    kind: ExhibitKind | None
    handling: HandlingCode | None
    tag: str | None
    authority: str | None
    seized_from: date | None
    seized_until: date | None
    target: Target
    sight: Sight
    by: str
    note: str


@dataclass(frozen=True)
class DemoEntrustment:
    """A leader lets somebody of the same party release up to a sight, for so many days from today."""

    jit: str
    party: str
    person: str
    sight: Sight
    days: int
    by: str


def target(words_of_it: str) -> Target:
    """Reads "party FR", "authority FR-FIN", "role RO leader" or "person ro-0008"."""
    kind, name, *role = words_of_it.split()
    return Target(PrincipalKind(kind), name, Role(role[0]) if role else None)


def _exhibit(row: dict[str, str]) -> DemoExhibit:
    prefix, country, _ = row["key"].split("-")
    return DemoExhibit(
        key=row["key"],
        jit=JIT_OF_PREFIX[prefix],
        party=country.upper(),
        kind=ExhibitKind(row["kind"]),
        maker=row["maker"],
        authority=row["authority"],
        uploader=row["by"],
        seized_on=date.fromisoformat(row["seized"]),
        place=row["place"],
        tags=words(row["tags"]),
        handling=(HandlingCode.H0,),
        file_name=row["file"],
        title=row["title"],
        description=row["description"],
    )


def _releases(row: dict[str, str]) -> list[DemoRelease]:
    return [
        DemoRelease(
            exhibit=key,
            target=target(row["to"]),
            sight=Sight[row["sight"].upper()],
            purpose=Purpose(row["purpose"]),
            by=row["by"],
            until_days=int(row["until"]) if row["until"] else None,
            withdrawn_because=row["withdrawn"],
            conditions=row["conditions"],
        )
        for key in words(row["exhibits"])
    ]


def _rule(row: dict[str, str]) -> DemoRule:
    return DemoRule(
        jit=row["jit"],
        party=row["party"],
        is_forbid=row["effect"] == "forbid",
        kind=ExhibitKind(row["kind"]) if row["kind"] else None,
        handling=HandlingCode(row["handling"]) if row["handling"] else None,
        tag=row["tag"] or None,
        authority=row["authority"] or None,
        seized_from=date.fromisoformat(row["seized_from"]) if row["seized_from"] else None,
        seized_until=date.fromisoformat(row["seized_until"]) if row["seized_until"] else None,
        target=target(row["to"]),
        sight=Sight[row["sight"].upper()],
        by=row["by"],
        note=row["note"],
    )


def _entrustment(row: dict[str, str]) -> DemoEntrustment:
    return DemoEntrustment(
        jit=row["jit"],
        party=row["party"],
        person=row["person"],
        sight=Sight[row["sight"].upper()],
        days=int(row["days"]),
        by=row["by"],
    )


EXHIBITS = tuple(_exhibit(row) for name in ("exhibits_lantern.txt", "exhibits_others.txt") for row in rows(name))
BY_EXHIBIT_KEY = {exhibit.key: exhibit for exhibit in EXHIBITS}
RELEASES = tuple(release for row in rows("releases.txt") for release in _releases(row))
RULES = tuple(_rule(row) for row in rows("rules.txt"))
ENTRUSTMENTS = tuple(_entrustment(row) for row in rows("entrustments.txt"))
