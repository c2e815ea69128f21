"""The demo's supervisor, with small real processes: order, readiness, loud deaths, and nothing left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = """
import signal, sys
from pathlib import Path
from jit_portal.demo.process import Component, base_environ
from jit_portal.demo.supervisor import Supervisor

folder = Path(sys.argv[1])
signal.alarm(120)

def component(name, body, **more):
    mark = folder / f"{name}.ready"
    imports = "import os, signal, sys, time; from pathlib import Path\\n"
    body = f"{imports}mark = Path({str(mark)!r}); folder, name = mark.parent, {name!r}\\n{body}"
    more = {"ready": mark.exists, "stop_seconds": 20, "start_seconds": 60} | more
    return Component(name, [sys.executable, "-c", body], base_environ(), **more)

SERVE = "print('says', name, flush=True); (folder / name).write_text(str(os.getpid())); mark.touch(); time.sleep(600)"
WITH_CHILD = "child = os.fork()\\nif not child: time.sleep(600)\\n(folder / 'child').write_text(str(child)); " + SERVE
STAND_BACK = "rank = Path('/proc/self/autogroup'); rank = rank.read_text().split()[-1] if rank.exists() else '?'; " + \
    "print('stands at', os.nice(0), rank, flush=True); " + SERVE
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SERVE
"""


@pytest.fixture
def begin(tmp_path: Path) -> Iterator["Begin"]:
    made = Begin(tmp_path)
    yield made
    made.end()


class Begin:
    """Runs a supervisor over the stages written in Python, as ``make run`` does: as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, stages: str, by: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        end = "sys.exit(Supervisor(STAGES, folder).run(lambda: print('ALL READY', flush=True)))"
        script = f"{SCRIPT}\nSTAGES = {textwrap.dedent(stages)}\n{end}"
        self.process = subprocess.Popen(
            [*by, sys.executable, "-c", script, str(self.folder)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self.process

    def hears(self, text: str) -> str:
        """Wait for a line with ``text``."""
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if text in line:
                return line
        raise AssertionError(f"{text!r} was never said, but:\n{''.join(self.said)}")

    def rest(self) -> str:
        """What is said until the supervisor ends."""
        assert self.process is not None
        assert self.process.stdout is not None
        said = self.process.stdout.read()
        self.process.wait()
        return said

    def process_of(self, name: str) -> int:
        return int((self.folder / name).read_text())

    def end(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.communicate()


def is_gone(process: int, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rsplit(")")[-1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_starts_in_order_and_stops_in_reverse(begin: Begin) -> None:
    supervisor = begin("[[component('first', SERVE)], [component('second', SERVE)]]")
    begin.hears("ALL READY")
    supervisor.send_signal(signal.SIGINT)
    end = begin.rest()
    started = "".join(begin.said)
    assert started.index("first ready") < started.index("second ready")
    assert end.index("second stopped") < end.index("first stopped")
    assert "says first" in started
    assert supervisor.returncode == 0
    assert is_gone(begin.process_of("first"))
    assert is_gone(begin.process_of("second"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_requests_to_end_stop_it_as_well(begin: Begin, number: signal.Signals) -> None:
    supervisor = begin("[[component('one', SERVE)]]")
    begin.hears("ALL READY")
    supervisor.send_signal(number)
    begin.rest()
    assert supervisor.returncode == 0
    assert is_gone(begin.process_of("one"))


def test_children_of_children_do_not_stay(begin: Begin) -> None:
    supervisor = begin("[[component('parent', WITH_CHILD)]]")
    begin.hears("ALL READY")
    supervisor.send_signal(signal.SIGINT)
    begin.rest()
    assert is_gone(begin.process_of("child"))


def test_a_killed_supervisor_takes_everything_along(begin: Begin) -> None:
    supervisor = begin("[[component('first', SERVE)], [component('second', SERVE)]]")
    begin.hears("ALL READY")
    supervisor.kill()
    begin.rest()
    assert is_gone(begin.process_of("first"))
    assert is_gone(begin.process_of("second"))


def test_a_death_is_told_loudly_and_the_rest_goes_on(begin: Begin) -> None:
    supervisor = begin("[[component('first', SERVE), component('second', SERVE)]]")
    begin.hears("ALL READY")
    os.kill(begin.process_of("second"), signal.SIGKILL)
    assert "!!! second DIED: SIGKILL" in begin.hears("DIED")
    assert supervisor.poll() is None
    assert not is_gone(begin.process_of("first"), seconds=0.3)
    supervisor.send_signal(signal.SIGINT)
    end = begin.rest()
    assert "first stopped" in end
    assert "DIED" not in end
    assert supervisor.returncode == 1


def test_a_death_while_starting_stops_everything(begin: Begin) -> None:
    supervisor = begin(
        """[[component('first', SERVE)],
            [component('broken', "print('the reason', flush=True); sys.exit(3)")], [component('never', SERVE)]]"""
    )
    end = begin.rest()
    assert "!!! broken ended with exit code 3" in end
    assert "the reason" in end
    assert "never" not in end
    assert supervisor.returncode == 1
    assert is_gone(begin.process_of("first"))


def test_what_is_never_ready_stops_everything(begin: Begin) -> None:
    supervisor = begin("[[component('slow', 'time.sleep(600)', start_seconds=0.5)]]")
    assert "!!! slow was not ready after" in begin.rest()
    assert supervisor.returncode == 1


def test_what_does_not_listen_is_killed_and_named(begin: Begin) -> None:
    supervisor = begin("[[component('deaf', DEAF, stop_seconds=0.5)]]")
    begin.hears("ALL READY")
    supervisor.send_signal(signal.SIGINT)
    assert "!!! deaf did not stop" in begin.rest()
    assert supervisor.returncode == 1
    assert is_gone(begin.process_of("deaf"))


def test_told_to_end_while_starting(begin: Begin) -> None:
    supervisor = begin("[[component('first', SERVE)], [component('slow', 'time.sleep(600)', start_seconds=60)]]")
    begin.hears("first ready")
    supervisor.send_signal(signal.SIGINT)
    assert "told to stop while starting" in begin.rest()
    assert is_gone(begin.process_of("first"))


def test_something_that_runs_once_is_waited_for(begin: Begin) -> None:
    supervisor = begin(
        """[[component('once', "time.sleep(0.3); print('did it', flush=True)", ready=None)],
            [component('next', SERVE)]]"""
    )
    begin.hears("ALL READY")
    told = "".join(begin.said)
    assert told.index("did it") < told.index("once done") < told.index("next ready")
    supervisor.send_signal(signal.SIGINT)
    begin.rest()
    assert supervisor.returncode == 0


def test_chatter_is_kept_in_the_log_only(begin: Begin) -> None:
    supervisor = begin(
        """[[component('talker', "print('LOG: noise', flush=True); " + SERVE,
            chatter=__import__('re').compile('LOG'))]]"""
    )
    begin.hears("ALL READY")
    supervisor.send_signal(signal.SIGINT)
    told = "".join(begin.said) + begin.rest()
    assert "says talker" in told
    assert "noise" not in told
    assert "LOG: noise" in (begin.folder / "talker.log").read_text()


NOT_QUITE_ROOT = ("setpriv", "--bounding-set=-sys_admin") if os.geteuid() == 0 else ()


def test_several_stand_back_at_once_whoever_starts_them(begin: Begin) -> None:
    """Root may rank sessions as often as it likes, everybody else ten times a second."""
    stages = "[[component(name, STAND_BACK, niceness=7) for name in ('one', 'two', 'three')]]"
    supervisor = begin(stages, by=NOT_QUITE_ROOT)
    begin.hears("ALL READY")
    supervisor.send_signal(signal.SIGINT)
    told = [*begin.said, *begin.rest().splitlines()]
    ranks = [line.split()[-2:] for line in told if "stands at" in line]
    has_sessions = Path("/proc/self/autogroup").exists()
    assert ranks == [[str(min(19, os.nice(0) + 7)), "7" if has_sessions else "?"]] * 3
