"""``python -m jit_portal.demo.case``: load the synthetic case; ``… disk-image`` brings in its disk image as well."""

import argparse
import os
import sys
import time
from pathlib import Path

from jit_portal.demo.case import load
from jit_portal.demo.case.jits import BY_KEY
from jit_portal.demo.plan import of_folder
from jit_portal.demo.process import Failed


def main() -> int:
    """Load the case, or what is asked for of it, into the portal that the environment, or a data folder, names."""
    parser = argparse.ArgumentParser(
        prog="python -m jit_portal.demo.case",
        description="Loads the synthetic case into the demo, whatever of it is not there yet. `make run` does this at "
        "its first start.",
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=["case", "disk-image"],
        default="case",
        help="disk-image sends the 256 MiB image of a disk, whose upload the case leaves broken off, into the running "
        "demo; it takes about a minute",
    )
    parser.add_argument("--port", type=int, default=8800, help="of the demo that runs, as in make run PORT=…")
    parser.add_argument("--data", type=Path, default=Path("data"), help="its folder, as in make run DATA=…")
    parser.add_argument("--only", nargs="+", choices=sorted(BY_KEY), help="load only these JITs of the case")
    asked = parser.parse_args()
    environ = dict(os.environ)
    if load.PROVIDERS not in environ:
        environ = of_folder(asked.data.resolve(), asked.port).environ("command", owner=True)
    try:
        _do(asked.what, asked.only, environ)
    except Failed as failed:
        print(f"The case is not loaded: {failed}.", file=sys.stderr)
        return 1
    return 0


def _do(what: str, only: list[str] | None, environ: dict[str, str]) -> None:
    said = _Said()
    load.connect(environ)
    if what == "case" and not only:
        load.load(environ, said)
        return
    for line in load.load_jits(only, environ) if only else load.bring_disk_image(environ):
        said(line)


class _Said:
    """Says each line with the seconds since the beginning."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
