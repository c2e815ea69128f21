"""One child process of the demo: how it starts, when it is ready, how it stops, and that it never outlives its parent."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_SET_PDEATHSIG = 1


class Failed(Exception):
    """A component did not start; the message says which one and how it ended."""


@dataclass(frozen=True, slots=True)
class Component:
    """What one process of the portal needs to run.

    ``ready`` answers whether it serves and may raise while it does not; ``None`` means it runs once, to its end.
    ``death_signal`` is what the kernel sends it when its parent dies without a word.
    """

    name: str
    argv: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    ready: Callable[[], bool] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15
    start_seconds: float = 30
    death_signal: signal.Signals = signal.SIGTERM
    cwd: Path | None = None
    user: str | None = None
    umask: int = 0o077


def base_environ() -> dict[str, str]:
    """The few variables every child may have: nothing of the caller's secrets, proxies or flags."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"} | kept


def start(component: Component, *, output: int | None = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """Start ``component`` in a session of its own; its two outputs come through one pipe."""
    parent = os.getpid()

    def tie_to_parent() -> None:
        # Runs after the change of user, which clears this setting; the check closes the gap before it.
        _libc.prctl(_SET_PDEATHSIG, int(component.death_signal))
        if os.getppid() != parent:
            os._exit(1)

    account: dict[str, object] = {}
    if component.user:
        account = {"user": component.user, "group": _group_of(component.user), "extra_groups": []}
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        list(component.argv),
        env=dict(component.environ),
        cwd=component.cwd or "/",
        umask=component.umask,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=tie_to_parent,
        **account,
    )


def _group_of(user: str) -> int:
    import_pwd = __import__("pwd")
    return int(import_pwd.getpwnam(user).pw_gid)


def is_ready(component: Component) -> bool:
    """Whether ``component`` serves now; any refusal to answer counts as not yet."""
    try:
        return component.ready is None or component.ready()
    except Exception:
        return False


def await_ready(component: Component, child: subprocess.Popen[bytes], pause: Callable[[float], None] = time.sleep) -> None:
    """Wait until ``component`` serves, or has run to its end; ``pause`` is what to do meanwhile."""
    end = time.monotonic() + component.start_seconds
    while True:
        code = child.poll()
        if code is not None:
            if component.ready is None and code == 0:
                return
            raise Failed(f"{component.name} ended with {ending(code)} while starting")
        if component.ready is not None and is_ready(component):
            return
        if time.monotonic() > end:
            raise Failed(f"{component.name} was not ready after {component.start_seconds:.0f} s")
        pause(0.05)


def stop(component: Component, child: subprocess.Popen[bytes], pause: Callable[[float], None] = time.sleep) -> bool:
    """Ask ``child`` to stop, then kill what is left of its session; whether it stopped when asked."""
    end = time.monotonic() + component.stop_seconds
    if child.poll() is None:
        child.send_signal(component.stop_signal)
    while child.poll() is None and time.monotonic() < end:
        pause(0.02)
    obeyed = child.returncode is not None
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()
    return obeyed


def ending(code: int) -> str:
    """How a process ended, in words."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
