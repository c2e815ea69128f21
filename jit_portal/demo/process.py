"""One child process of the demo: how it starts, is ready and stops; and that it never outlives its parent."""

import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from jit_portal.demo.folders import as_user

_libc = ctypes.CDLL(None, use_errno=True)
_SET_PDEATHSIG = 1
_SESSION = Path("/proc/self/autogroup")
_SESSIONS_PATIENCE = 2.0
BEHIND_PEOPLE = 10
"""Niceness of what moves bytes: pages and talk come first while both want the processors."""


class Failed(Exception):
    """A component did not start; the message says which one and how it ended."""


@dataclass(frozen=True, slots=True)
class Component:
    """What one process of the portal needs to run.

    ``ready`` answers whether it serves and may raise while it does not; ``None`` means it runs once, to its end.
    ``then`` is what remains to be done when it is ready, before anything that comes after it starts.
    Lines that ``chatter`` matches are kept in its log file only, and not shown in the terminal.
    ``death_signal`` is what the kernel sends it when its parent dies without a word.
    ``niceness`` is how far it stands back, from 0 to 19, while others want the processors too.
    """

    name: str
    argv: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    ready: Callable[[], bool] | None = None
    then: Callable[[], None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15
    start_seconds: float = 30
    death_signal: signal.Signals = signal.SIGTERM
    cwd: Path | None = None
    user: str | None = None
    umask: int = 0o077
    chatter: re.Pattern[str] | None = None
    niceness: int = 0


def base_environ() -> dict[str, str]:
    """The few variables every child may have: nothing of the caller's secrets, proxies or flags."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"} | kept


def start(component: Component, *, output: int = subprocess.PIPE, keep: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start ``component`` in a session of its own, with the open files ``keep``; its two outputs go to one place."""
    parent = os.getpid()

    def tie_to_parent() -> None:
        # Runs after the change of user, which clears this setting; the check closes the gap before it.
        _libc.prctl(_SET_PDEATHSIG, int(component.death_signal))
        if os.getppid() != parent:
            os._exit(1)
        _stand_back(component.niceness)

    return subprocess.Popen(
        list(component.argv),
        env=dict(component.environ),
        cwd=component.cwd or "/",
        umask=component.umask,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=keep,
        preexec_fn=tie_to_parent,
        **as_user(component.user),
    )


def _stand_back(niceness: int) -> None:
    """Let others have the processors first: this process among its like and, where sessions share them, its session."""
    os.nice(niceness)
    end = time.monotonic() + _SESSIONS_PATIENCE
    while niceness and time.monotonic() < end:
        try:
            _SESSION.write_text(str(niceness))
        except BlockingIOError:
            # Who is not root may say so ten times a second, on the whole machine.
            time.sleep(0.02)
        except OSError:
            # There are no such sessions, or nobody may rank them: among its like it stands back all the same.
            return
        else:
            return


def await_ready(
    component: Component, child: subprocess.Popen[bytes], pause: Callable[[float], None] = time.sleep
) -> None:
    """Wait until ``component`` serves, or has run to its end; ``pause`` is what to do meanwhile."""
    end = time.monotonic() + component.start_seconds
    while True:
        code = child.poll()
        if code is not None:
            if component.ready is None and code == 0:
                return
            raise Failed(f"{component.name} ended with {ending(code)} while starting")
        trouble = _trouble(component)
        if trouble is None:
            return
        if time.monotonic() > end:
            raise Failed(f"{component.name} was not ready after {component.start_seconds:.0f} s: {trouble}")
        pause(0.05)


def _trouble(component: Component) -> str | None:
    if component.ready is None:
        return "it has not ended"
    try:
        return None if component.ready() else "it does not answer as it should"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def ask_to_stop(component: Component, child: subprocess.Popen[bytes]) -> None:
    """Send ``child`` the signal it takes as a request to end."""
    if child.poll() is None:
        child.send_signal(component.stop_signal)


def see_it_stopped(
    component: Component, child: subprocess.Popen[bytes], pause: Callable[[float], None] = time.sleep
) -> bool:
    """Wait for ``child`` to end and kill what is left of its session; whether it ended by itself."""
    end = time.monotonic() + component.stop_seconds
    while child.poll() is None and time.monotonic() < end:
        pause(0.02)
    obeyed = child.poll() is not None
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    return obeyed


def ending(code: int) -> str:
    """How a process ended, in words."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
