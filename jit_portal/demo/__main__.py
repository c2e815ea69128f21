"""``python -m jit_portal.demo``: the whole portal with a synthetic case, on this machine only."""

import argparse
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree

from jit_portal.demo.case.people import PEOPLE, PROVIDERS
from jit_portal.demo.folders import Unsafe, make_private
from jit_portal.demo.plan import CannotStart, Plan, draw_up, of_folder
from jit_portal.demo.supervisor import Supervisor

_PATIENCE = 45.0


def main() -> int:
    """Run the demo until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m jit_portal.demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8800, help="the port people use; the seven above are used too")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder for everything that stays")
    parser.add_argument("command", nargs="*", help="do this with jit_portal.cli in the copy that runs: verify-ledger …")
    options = parser.parse_args()
    if options.command:
        return command(options.data.resolve(), options.port, options.command)
    try:
        data = make_private(options.data.resolve(), 0o711 if os.geteuid() == 0 else 0o700)
        lock = _take(data)
        plan = draw_up(data, options.port)
    except (CannotStart, Unsafe) as reason:
        print(f"The demo does not start: {reason}.", file=sys.stderr)
        return 1
    print(f"Starting the JIT Portal at {plan.origin}, data in {data}", flush=True)
    supervisor = Supervisor(plan.stages(), make_private(data / "logs"), keep=[lock])
    code = supervisor.run(lambda: print(welcome(plan), flush=True))
    rmtree(plan.runtime)
    return code


def command(data: Path, port: int, words: Sequence[str]) -> int:
    """Run one of the portal's commands with the settings of the copy in ``data``, which must be running."""
    if not (data / "secrets.json").exists():
        print(f"There is no demo in {data}.", file=sys.stderr)
        return 1
    argv = [sys.executable, "-m", "jit_portal.cli", *words]
    return subprocess.run(argv, env=of_folder(data, port).environ("command")).returncode


def _take(data: Path) -> int:
    """Hold the data folder for this run and all its processes, once those of an earlier run have ended."""
    lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    end = time.monotonic() + _PATIENCE
    is_told = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode()
            if _lives(holder):
                raise CannotStart(f"process {holder} runs the demo in {data} already") from None
            if time.monotonic() > end:
                raise CannotStart(f"processes of an earlier run in {data} have not ended") from None
            if not is_told:
                print("Waiting for the last processes of an earlier run to end …", flush=True)
                is_told = True
            time.sleep(0.1)
        else:
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
            return lock


def _lives(process: str) -> bool:
    """Whether a process runs; one that has ended and waits for its parent to notice does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def welcome(plan: Plan) -> str:
    """The address, and some of the people one may sign in as at each national provider."""
    text = [
        "",
        f"  The JIT Portal is ready:  {plan.origin}",
        "",
        "  Sign in as any person of the demo case, for example",
    ]
    for provider in PROVIDERS:
        known = [person for person in PEOPLE if person.provider == provider.slug]
        shown = [person for person in known if person.duty == ""][:3]
        shown += [person for person in known if person.duty][:3]
        text.append(f"    {provider.name}")
        text += [f"      {person.name:<26} {person.title}{_duty(person.duty)}" for person in shown]
    return "\n".join([*text, "", "  Ctrl-C stops everything; the data stays.", ""])


def _duty(duty: str) -> str:
    return f" ({duty.replace('_', ' ')})" if duty else ""


if __name__ == "__main__":
    sys.exit(main())
