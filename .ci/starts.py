"""Starts the installed demo in the current, empty folder, looks at its first page, stops it, and finds nothing left."""

import fcntl
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PORT = 28_800
ORIGIN = f"http://localhost:{PORT}"


def get(path: str, **headers: str) -> str:
    """The body of a page or asset that must be there."""
    with urllib.request.urlopen(urllib.request.Request(ORIGIN + path, headers=headers), timeout=10) as answer:  # noqa: S310
        body: bytes = answer.read()
    return body.decode(errors="replace")


def heading(page: str) -> str:
    """What the page's first heading says."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
    return found[1].strip() if found else ""


def look() -> None:
    """Fail unless every component is ready, and the first page and everything it links to is there."""
    states = json.loads(get("/readyz"))["components"]
    if set(states.values()) != {"ready"}:
        raise SystemExit(f"not ready: {states}")
    page = get("/sign-in")
    links = set(re.findall(r'(?:href|src)="(/dist/[^"#]+)', page))
    if not any(link.endswith(".css") for link in links) or not any(link.endswith(".js") for link in links):
        raise SystemExit(f"the first page has no style or no script: {links}")
    for link in sorted(links):
        if not get(link):
            raise SystemExit(f"{link} is empty")
    english, french = heading(page), heading(get("/sign-in", **{"Accept-Language": "fr"}))
    if english == french:
        raise SystemExit(f"the first page says {english!r} in French too: the catalogues are missing")
    print(f"{len(links)} assets of the first page are there; it says {english!r}, {french!r}; {states}")


def main() -> None:
    """Start, look, stop."""
    began = time.monotonic()
    demo = subprocess.Popen(
        [sys.executable, "-m", "jit_portal.demo", f"--port={PORT}", "--data=data"], stdout=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    for line in demo.stdout:
        print(line, end="")
        if "is ready:" in line:
            break
    else:
        raise SystemExit("the demo did not start")
    print(f"ready after {time.monotonic() - began:.1f} s")
    try:
        look()
    finally:
        demo.send_signal(signal.SIGINT)
        print(demo.stdout.read())
    if demo.wait() != 0:
        raise SystemExit(f"the demo ended with {demo.returncode}")
    with Path("data/lock").open("r+") as lock:
        # Every process of the demo holds this file; the lock is free once all of them have ended.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


if __name__ == "__main__":
    main()
