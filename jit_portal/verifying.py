"""The command by which whoever runs the portal finds out whether its record is as it was written."""

import json
import sys
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import sqlalchemy as sa

from jit_portal.audit.models import PORTAL_CHAIN
from jit_portal.audit.proof import Damage, Head, Verdict, verify
from jit_portal.config import Settings
from jit_portal.jits.models import Jit

_WRONG = {
    Damage.DIFFERS: "entry {number} of {entries} is not as it was sealed",
    Damage.GONE: "entry {number}, and whatever came after it, is gone",
    Damage.SEALED_ANEW: "what was written up to entry {number} was sealed anew",
}
_UNPROVEN = (
    "Not proven: that no chain lost its newest entries, and that no whole chain was deleted. "
    "Keep their heads on another machine, and compare: verify-ledger --heads FILE\n"
)


def verify_ledger(settings: Settings, heads: Path | None = None) -> int:
    """Compute every seal again and print one line per chain; 1 when the record is not as it was.

    ``heads`` is a file kept elsewhere with the last number and seal of each chain: it is compared, and then brought up
    to date unless something is wrong.
    """
    kept = _read(heads) if heads is not None and heads.exists() else {}
    with sa.create_engine(settings.database_url, poolclass=sa.NullPool).connect() as connection:
        names = {jit.id: jit.reference for jit in connection.execute(sa.select(Jit.id, Jit.reference))}
        verdicts = list(verify(connection, kept))
    for verdict in verdicts:
        sys.stdout.write(f"{_name(verdict.chain, names)}: {_said(verdict)}\n")
    is_whole = all(verdict.broken_at is None for verdict in verdicts)
    if heads is None:
        sys.stdout.write(_UNPROVEN)
        return 0 if is_whole else 1
    compared = f"Compared with the {len(kept)} heads in {heads}; " if kept else f"There were no heads in {heads}; "
    if is_whole:
        _write(heads, verdicts)
    sys.stdout.write(compared + ("those of now are kept there.\n" if is_whole else "they are left as they were.\n"))
    return 0 if is_whole else 1


def _name(chain: uuid.UUID, names: dict[uuid.UUID, str]) -> str:
    return "portal" if chain == PORTAL_CHAIN else f"{names.get(chain, 'unknown JIT')} ({chain})"


def _said(verdict: Verdict) -> str:
    if verdict.damage is None:
        return f"{verdict.entries} entries, whole; head {verdict.head}"
    return "TAMPERED WITH: " + _WRONG[verdict.damage].format(number=verdict.broken_at, entries=verdict.entries)


def _read(heads: Path) -> dict[uuid.UUID, Head]:
    return {uuid.UUID(chain): Head(**head) for chain, head in json.loads(heads.read_text()).items()}


def _write(heads: Path, verdicts: Sequence[Verdict]) -> None:
    """Put the heads of now in place of those before, all at once."""
    said = {str(verdict.chain): asdict(Head(verdict.entries, verdict.head)) for verdict in verdicts}
    new = heads.with_name(f"{heads.name}.new")
    new.write_text(json.dumps(said, indent=1) + "\n")
    new.replace(heads)
