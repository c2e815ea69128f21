"""Starts the demo's processes in order, shows what each says, tells loudly when one dies, and stops all of them.

One thread does everything, so a child is never forked while another thread holds a lock.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TextIO

from jit_portal.demo import process
from jit_portal.demo.process import Component, Failed

_OWN_NAME = "portal"


class Interrupted(Exception):
    """Somebody asked for an end while the demo was still starting."""


@dataclass(slots=True)
class Running:
    """A child, what it is, and what it has said of a line not yet ended."""

    component: Component
    child: subprocess.Popen[bytes]
    log: TextIO
    unfinished: bytes = b""
    is_reported: bool = False


@dataclass(slots=True)
class Supervisor:
    """Everything that runs, from the first start to the last stop."""

    stages: Sequence[Sequence[Component]]
    logs: Path
    keep: Sequence[int] = ()
    began: float = field(default_factory=time.monotonic)
    alive: list[Running] = field(default_factory=list)
    ends_asked: int = 0
    has_trouble: bool = False
    outputs: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def run(self, when_ready: Callable[[], None]) -> int:
        """Run until told to end; the exit code is 1 when something failed or died on the way."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked)
        try:
            self._start_all()
            when_ready()
            self._watch()
        except Failed as failed:
            self.has_trouble = True
            self.say(_OWN_NAME, f"!!! {failed}. Stopping everything.")
        except Interrupted:
            self.say(_OWN_NAME, "told to stop while starting")
        finally:
            self._stop_all()
        return 1 if self.has_trouble else 0

    def say(self, name: str, text: str) -> None:
        """Show one line; a terminal that has gone away is a request to end."""
        try:
            print(f"{time.monotonic() - self.began:8.2f} {name:<9} | {text}", flush=True)
        except OSError:
            self.ends_asked = self.ends_asked or 1
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  (for as long as the process has left)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self.ends_asked += 1

    def _start_all(self) -> None:
        for stage in self.stages:
            started = [self._start(component) for component in stage]
            for running in started:
                process.await_ready(running.component, running.child, self._pause_in_start)
                if running.component.then:
                    running.component.then()
                if running.component.ready:
                    self.say(_OWN_NAME, f"{running.component.name} ready, process {running.child.pid}")
                else:
                    self._drain(running)
                    self.alive.remove(running)
                    self.say(_OWN_NAME, f"{running.component.name} done")

    def _start(self, component: Component) -> Running:
        log = self.logs / f"{component.name}.log"
        if log.exists():
            log.replace(log.with_suffix(".before.log"))
        running = Running(component, process.start(component, keep=self.keep), log.open("w"))
        assert running.child.stdout is not None
        os.set_blocking(running.child.stdout.fileno(), False)
        self.outputs.register(running.child.stdout, selectors.EVENT_READ, running)
        self.alive.append(running)
        return running

    def _pause_in_start(self, seconds: float) -> None:
        self._listen(seconds)
        if self.ends_asked:
            raise Interrupted
        for running in self._dead():
            name, code = running.component.name, process.ending(running.child.returncode)
            raise Failed(f"{name} ended with {code} while others were starting")

    def _watch(self) -> None:
        while not self.ends_asked and any(not running.is_reported for running in self.alive):
            self._listen(0.2)
            for running in self._dead():
                running.is_reported = self.has_trouble = True
                self._drain(running)
                name, code = running.component.name, process.ending(running.child.returncode)
                self.say(name, f"!!! {name} DIED: {code}. It is not started again; the rest goes on without it.")

    def _dead(self) -> list[Running]:
        """Those that ought to run and do not, and that nobody has been told of."""
        return [
            running
            for running in self.alive
            if running.component.ready and not running.is_reported and running.child.poll() is not None
        ]

    def _listen(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        for key, _ in self.outputs.select(seconds):
            self._read(key.data)
        time.sleep(max(0.0, min(0.02, end - time.monotonic())))

    def _drain(self, running: Running) -> None:
        while self._read(running):
            pass

    def _read(self, running: Running) -> bool:
        """Show what a child has said; whether there may be more."""
        output = running.child.stdout
        if output is None or output.closed:
            return False
        try:
            said = os.read(output.fileno(), 65_536)
        except BlockingIOError:
            return False
        *lines, running.unfinished = (running.unfinished + said).split(b"\n")
        if not said:
            self.outputs.unregister(output)
            output.close()
            lines = [*lines, running.unfinished] if running.unfinished else lines
        for line in lines:
            self._pass_on(running, line.decode(errors="replace").rstrip())
        running.log.flush()
        return bool(said)

    def _pass_on(self, running: Running, line: str) -> None:
        print(line, file=running.log)
        chatter = running.component.chatter
        if chatter is None or not chatter.match(line):
            self.say(running.component.name, line)

    def _stop_all(self) -> None:
        order = [[running for running in self.alive if running.component in stage] for stage in self.stages]
        for stage in reversed(order):
            for running in stage:
                process.ask_to_stop(running.component, running.child)
            for running in reversed(stage):
                self._see_stopped(running)
        self.outputs.close()

    def _see_stopped(self, running: Running) -> None:
        asked_before = self.ends_asked
        began = time.monotonic()

        def pause(seconds: float) -> None:
            self._listen(seconds)
            if self.ends_asked > max(asked_before, 1):
                running.child.kill()

        obeyed = process.see_it_stopped(running.component, running.child, pause)
        self._drain(running)
        if running.is_reported:
            return
        took = time.monotonic() - began
        if obeyed:
            self.say(_OWN_NAME, f"{running.component.name} stopped in {took:.2f} s")
        else:
            self.has_trouble = True
            self.say(_OWN_NAME, f"!!! {running.component.name} did not stop in {took:.0f} s and was killed")
