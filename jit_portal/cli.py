"""Commands for whoever runs the portal: ``python -m jit_portal.cli verify-ledger``."""

import argparse
import sys
from collections.abc import Sequence

from jit_portal.audit.models import PORTAL_CHAIN
from jit_portal.audit.proof import verify
from jit_portal.config import Settings
from jit_portal.database import bind


def verify_ledger(settings: Settings) -> int:
    """Compute every seal again and print one line per chain; 1 when an entry is not as it was sealed."""
    is_whole = True
    with bind(settings.database_url).connect() as connection:
        for verdict in verify(connection):
            name = "portal" if verdict.chain == PORTAL_CHAIN else str(verdict.chain)
            if verdict.broken_at is None:
                said = f"{name}: {verdict.entries} entries, whole; head {verdict.head}"
            else:
                is_whole = False
                said = f"{name}: TAMPERED WITH at entry {verdict.broken_at} of {verdict.entries}"
            sys.stdout.write(said + "\n")
    return 0 if is_whole else 1


COMMANDS = {"verify-ledger": verify_ledger}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command with the settings of the environment."""
    parser = argparse.ArgumentParser(prog="jit-portal", description=__doc__)
    parser.add_argument("command", choices=sorted(COMMANDS))
    chosen = parser.parse_args(arguments)
    return COMMANDS[chosen.command](Settings.read())


if __name__ == "__main__":
    sys.exit(main())
