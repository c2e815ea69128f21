"""The record as a person may read it: narrowed, paged, and taken away as a file from which seals can be checked."""

import csv
import datetime as dt
import io
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from jit_portal import policy
from jit_portal.audit import service, words
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.identity.models import User
from jit_portal.vocabulary import May, Outcome
from jit_portal.workspaces.models import Workspace

PAGE = 100
AT_ONCE = 2_000
"""So many entries of an export are in memory at a time."""
COLUMNS = (
    *("at", "id", "chain", "number", "zone", "actor_id", "actor", "country", "authority", "actor_party", "login"),
    *("act", "outcome", "noun", "object", "object_party", "reference", "details", "previous", "seal"),
)
"""``at`` to ``details`` are what is sealed, in the order of the seal; ``previous`` is the seal of the entry before."""


@dataclass(frozen=True)
class Wanted:
    """What the record is narrowed to; ``before`` is the last number of the page before. Days are the reader's."""

    act: str = ""
    person: str = ""
    reference: str = ""
    country: str = ""
    outcome: Outcome | None = None
    from_day: dt.date | None = None
    until_day: dt.date | None = None
    before: int | None = None


@dataclass(frozen=True)
class Exported:
    """An entry and the seal of the one before it, which the reader may not see; the first has none."""

    entry: LedgerEntry
    previous: bytes | None


def export(actor: User, workspace: Workspace, wanted: Wanted, form: str) -> Iterator[Exported]:
    """What she may read of the record, as it is narrowed, to be taken away as ``csv`` or ``json``: itself on record.

    All of it, newest first, as far as it went at that moment, read while it is sent. How much that was is not said on
    record, which others read: it would tell them how much there is that they do not see.
    """
    policy.require(actor, May.EXPORT_RECORD, workspace)
    with transaction():
        found = entries(actor, workspace, wanted).order_by(None)
        newest = session().scalar(found.with_only_columns(func.max(LedgerEntry.number)))
        service.record(actor, "record.exported", workspace, quietly=True, format=form)
    return _stream(actor, workspace, replace(wanted, before=(newest or 0) + 1))


def _stream(actor: User, workspace: Workspace, wanted: Wanted) -> Iterator[Exported]:
    earlier = aliased(LedgerEntry)
    previous = select(earlier.seal).where(earlier.chain == LedgerEntry.chain, earlier.number == LedgerEntry.number - 1)
    while True:
        following = entries(actor, workspace, wanted).add_columns(previous.scalar_subquery()).limit(AT_ONCE)
        with transaction():
            found = [Exported(*row) for row in session().execute(following)]
        yield from found
        if len(found) < AT_ONCE:
            return
        wanted = replace(wanted, before=found[-1].entry.number)


def entries(person: User, workspace: Workspace, wanted: Wanted) -> Select[LedgerEntry]:
    """The entries of this JIT's chain that she may read, newest first."""
    statement = policy.which(person, LedgerEntry).where(LedgerEntry.chain == workspace.jit_id)
    if wanted.act:
        statement = statement.where(LedgerEntry.act.in_(words.alike(wanted.act)))
    if wanted.person:
        statement = statement.where(LedgerEntry.actor_name.icontains(wanted.person, autoescape=True))
    if wanted.reference:
        statement = statement.where(LedgerEntry.reference.istartswith(wanted.reference, autoescape=True))
    if wanted.country:
        statement = statement.where(LedgerEntry.actor_country == wanted.country)
    if wanted.outcome:
        statement = statement.where(LedgerEntry.outcome == wanted.outcome)
    zone = ZoneInfo(person.time_zone)
    if wanted.from_day:
        statement = statement.where(LedgerEntry.at >= dt.datetime.combine(wanted.from_day, dt.time(), zone))
    if wanted.until_day:
        after = dt.datetime.combine(wanted.until_day + dt.timedelta(days=1), dt.time(), zone)
        statement = statement.where(LedgerEntry.at < after)
    if wanted.before:
        statement = statement.where(LedgerEntry.number < wanted.before)
    return statement.order_by(LedgerEntry.number.desc())


def choices(person: User, workspace: Workspace) -> tuple[dict[str, str], set[str]]:
    """Every act that occurs in what she may read, and what it is called, one name for what is alike; and the countries
    of those who acted: for the filter.
    """
    mine = entries(person, workspace, Wanted()).order_by(None)
    found = session().execute(mine.with_only_columns(LedgerEntry.act, LedgerEntry.actor_country).distinct()).all()
    named = {words.label(act): act for act, _ in found}
    return {named[said]: said for said in sorted(named, key=str.casefold)}, {country for _, country in found} - {""}


def as_row(exported: Exported) -> dict[str, object]:
    """One entry by the names of ``COLUMNS``; the time in its own zone, to the microsecond, with the offset."""
    entry = exported.entry
    return {
        "at": in_its_zone(entry).isoformat(timespec="microseconds"),
        "id": str(entry.id),
        "chain": str(entry.chain),
        "number": entry.number,
        "zone": entry.zone,
        "actor_id": _id(entry.actor_id),
        "actor": entry.actor_name,
        "country": entry.actor_country,
        "authority": entry.actor_authority,
        "actor_party": _id(entry.actor_party_id),
        "login": _id(entry.login_session_id),
        "act": entry.act,
        "outcome": entry.outcome.value,
        "noun": entry.noun,
        "object": _id(entry.object_id),
        "object_party": _id(entry.object_party_id),
        "reference": entry.reference,
        "details": entry.details,
        "previous": (exported.previous or b"").hex(),
        "seal": entry.seal.hex(),
    }


def in_its_zone(entry: LedgerEntry) -> dt.datetime:
    """When it was done, by the clock of whoever did it."""
    return entry.at.astimezone(ZoneInfo(entry.zone))


def _id(value: uuid.UUID | None) -> str:
    return str(value) if value else ""


def as_csv(found: Iterable[Exported]) -> Iterator[str]:
    """The entries as CSV lines; a cell that a spreadsheet would compute has an apostrophe put before it."""
    yield _line(COLUMNS)
    for exported in found:
        row = as_row(exported)
        yield _line([_harmless(row[name]) for name in COLUMNS])


def _line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _harmless(value: object) -> str:
    """What begins with an apostrophe itself gets another, so that taking one away always gives back what was there."""
    said = str(value)
    return f"'{said}" if said[:1] in ("=", "+", "-", "@", "\t", "\r", "'") else said


def as_json(found: Iterable[Exported]) -> Iterator[str]:
    """The entries as one JSON list; details stay the text that was sealed."""
    before = "[\n"
    for exported in found:
        yield before + json.dumps(as_row(exported), ensure_ascii=False)
        before = ",\n"
    yield "\n]\n" if before[0] == "," else "[]\n"
