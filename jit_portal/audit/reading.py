"""The record as a person may read it: narrowed, paged, and taken away as a file."""

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Select

from jit_portal import policy
from jit_portal.audit import service
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.identity.models import User
from jit_portal.vocabulary import May, Outcome
from jit_portal.workspaces.models import Workspace

PAGE = 100
MOST_EXPORTED = 100_000
COLUMNS = (
    "number",
    "at",
    "zone",
    "actor",
    "country",
    "authority",
    "act",
    "outcome",
    "noun",
    "reference",
    "object",
    "details",
    "seal",
)


@dataclass(frozen=True)
class Wanted:
    """What the record is narrowed to; ``before`` is the last number of the page before. Days are the reader's."""

    act: str = ""
    person: str = ""
    reference: str = ""
    outcome: Outcome | None = None
    from_day: dt.date | None = None
    until_day: dt.date | None = None
    before: int | None = None


def export(actor: User, workspace: Workspace, wanted: Wanted, form: str) -> list[LedgerEntry]:
    """What she may read of the record, as it is narrowed, to be taken away as ``csv`` or ``json``: itself on record."""
    policy.require(actor, May.READ_RECORD, workspace)
    with transaction():
        found = list(session().scalars(entries(actor, workspace, wanted).limit(MOST_EXPORTED)))
        service.record(actor, "record.exported", workspace, quietly=True, entries=len(found), format=form)
    return found


def entries(person: User, workspace: Workspace, wanted: Wanted) -> Select[LedgerEntry]:
    """The entries of this JIT's chain that she may read, newest first."""
    statement = policy.which(person, LedgerEntry).where(LedgerEntry.chain == workspace.jit_id)
    if wanted.act:
        statement = statement.where(LedgerEntry.act.startswith(wanted.act, autoescape=True))
    if wanted.person:
        statement = statement.where(LedgerEntry.actor_name.icontains(wanted.person, autoescape=True))
    if wanted.reference:
        statement = statement.where(LedgerEntry.reference.istartswith(wanted.reference, autoescape=True))
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


def acts(person: User, workspace: Workspace) -> list[str]:
    """Every act that occurs in what she may read, for the filter."""
    mine = entries(person, workspace, Wanted()).order_by(None).with_only_columns(LedgerEntry.act).distinct()
    return sorted(session().scalars(mine))


def as_row(entry: LedgerEntry) -> dict[str, object]:
    """One entry by the names of ``COLUMNS``; the time in its own zone, to the microsecond, with the offset."""
    return {
        "number": entry.number,
        "at": entry.at.astimezone(ZoneInfo(entry.zone)).isoformat(timespec="microseconds"),
        "zone": entry.zone,
        "actor": entry.actor_name,
        "country": entry.actor_country,
        "authority": entry.actor_authority,
        "act": entry.act,
        "outcome": entry.outcome.value,
        "noun": entry.noun,
        "reference": entry.reference,
        "object": str(entry.object_id or ""),
        "details": entry.details,
        "seal": entry.seal.hex(),
    }


def as_csv(found: list[LedgerEntry]) -> Iterator[str]:
    """The entries as CSV lines; a cell that a spreadsheet would compute begins with an apostrophe."""
    for row in [dict.fromkeys(COLUMNS)] + [as_row(entry) for entry in found]:
        line = io.StringIO()
        cells = COLUMNS if row["number"] is None else [_harmless(row[name]) for name in COLUMNS]
        csv.writer(line).writerow(cells)
        yield line.getvalue()


def _harmless(value: object) -> str:
    said = str(value)
    return f"'{said}" if said[:1] in ("=", "+", "-", "@", "\t", "\r") else said


def as_json(found: list[LedgerEntry]) -> str:
    """The entries as one JSON list, details unfolded."""
    rows = [as_row(entry) | {"details": json.loads(entry.details)} for entry in found]
    return json.dumps(rows, ensure_ascii=False, indent=1)
