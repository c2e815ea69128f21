"""Loads the demo case: what a run has done a later one leaves alone, and what it left undone a later one completes."""

import datetime as dt
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psycopg
from sqlalchemy import func, select

import jit_portal
from jit_portal import database
from jit_portal.config import Settings
from jit_portal.database import session
from jit_portal.demo import process
from jit_portal.demo.case import ageing, days, filling, founding, talking
from jit_portal.demo.case.founding import People
from jit_portal.demo.case.jits import BY_KEY, JITS
from jit_portal.demo.case.shapes import DemoJit
from jit_portal.demo.case.talking import Place
from jit_portal.files import keys, storage
from jit_portal.files.keys import FileKeyring
from jit_portal.messages.models import Channel
from jit_portal.workspaces.models import Workspace

PROVIDERS = "JIT_DEMO_PROVIDERS"
OWNER = "JIT_OWNER_DATABASE_URL"
STANDARD_OUTPUT = 1


def load(environ: Mapping[str, str], tell: Callable[[str], None]) -> None:
    """Load every JIT that is not there yet into the portal of these settings, in two processes at once.

    This process must be connected. ``tell`` hears of what is done here; the others say it themselves. Raises Failed
    when one of them ends before its work is done.
    """
    people = founding.everyone(environ[PROVIDERS])
    tell(f"{len(people)} people are known to the portal")
    waiting = [jit.key for jit in JITS if not _is_loaded(jit)]
    session.remove()
    # The first is as large as all the others together.
    children = [_start(share, environ) for share in (waiting[:1], waiting[1:]) if share]
    endings = [child.wait() for child in children]
    if any(endings):
        raise process.Failed("a part of the case was not loaded")


def connect(environ: Mapping[str, str]) -> None:
    """Speak to the database and the store of these settings, and take the countries' keys from where they say."""
    settings = Settings.read(environ)
    database.bind(settings.database_url)
    storage.use(storage.Store.of(settings))
    keys.use(FileKeyring(settings.keyring))


def _start(share: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "jit_portal.demo.case", "--only", *share]
    root = Path(jit_portal.__file__).parent.parent
    component = process.Component("case", argv, environ={"PYTHONPATH": str(root)} | dict(environ), cwd=root)
    return process.start(component, output=STANDARD_OUTPUT)


def _is_loaded(demo: DemoJit) -> bool:
    jit = founding.jit_of(demo)
    return jit is not None and jit.created_at < dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


def load_jits(only: Sequence[str], environ: Mapping[str, str]) -> Iterator[str]:
    """Load some JITs, one after the other, each in steps that happen whole or not at all; tells what is done."""
    by = days.shift(dt.datetime.now(dt.UTC).date())
    people = founding.everyone(environ[PROVIDERS])
    for demo in (days.of_jit(BY_KEY[key], by) for key in only):
        jit = founding.jit_of(demo) or founding.found(demo, people)
        workspace = founding.workspace_of(jit)
        if workspace is not None and not _is_filled(workspace):
            filling.bring_in(demo, workspace, people, by)
            yield f"{demo.name}: the exhibits are in the vault"
            _fill(demo, workspace, people, by)
        with psycopg.connect(environ[OWNER]) as owner:
            ageing.age(owner, demo, jit.id, by)
        yield f"{demo.name} is loaded"
    session.remove()


def _is_filled(workspace: Workspace) -> bool:
    said = select(func.sum(Channel.message_count)).where(Channel.workspace_id == workspace.id)
    return bool(session().scalar(said.execution_options(policy=True)))


def _fill(demo: DemoJit, workspace: Workspace, people: People, by: dt.timedelta) -> None:
    """What is done with the exhibits, and everything that is written and said."""
    parties = founding.parties_of(workspace.jit)
    vault = filling.vault(demo)
    with founding.signed_in(people):
        filling.set_rules(demo, workspace, parties, people, by)
        filling.entrust(demo, workspace, parties, people)
        filling.release_all(vault, parties, people)
        filling.hand_over(vault, people)
        place = Place(demo, workspace, parties, people, vault)
        talking.talk(place, talking.write_tasks(place))
        founding.end_what_ended(demo, workspace, people, dt.datetime.now(dt.UTC).date())


def bring_disk_image(environ: Mapping[str, str]) -> Iterator[str]:
    """Send what is missing of the disk image, which the worker verifies afterwards; yields how far it has come."""
    people = founding.everyone(environ[PROVIDERS])
    for safe in filling.finish_disk_image(people):
        yield f"{safe / 2**20:.0f} MiB are in the vault"
    session.remove()
