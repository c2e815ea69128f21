"""What a person does to send files, and how they are found again."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from weakref import WeakKeyDictionary

from playwright.sync_api import CDPSession, Locator, Page
from sqlalchemy import select

from jit_portal.database import session
from jit_portal.files.models import StoredFile
from tests.factories import World
from tests.vault import file_at

FINISHED = re.compile("is-finished")


def vault_of(world: World) -> str:
    return f"/workspaces/{world.workspace.id}/vault"


def upload_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Upload", exact=True)


def choose(page: Page, *files: Path) -> None:
    if not page.locator("#upload").is_visible():
        upload_button(page).click()
    page.set_input_files("#upload-files", list(files))


def send(page: Page, *files: Path, title: str = "") -> None:
    choose(page, *files)
    describe(page, title)


def describe(page: Page, title: str = "") -> None:
    """Fill in the form, and send what waits for it."""
    form = page.locator("[data-about]")
    form.locator('[name="title"]').fill(title)
    form.locator('[name="kind"]').select_option("disk_image")
    form.locator('[name="unclassified"]').check()
    form.locator('button[type="submit"]').click()


_lines: WeakKeyDictionary[Page, CDPSession] = WeakKeyDictionary()


def slow_down(page: Page, per_second: int) -> None:
    """So many bytes a second may leave the page from now on; -1 is all that can. What is on its way stays slow."""
    line = {"offline": False, "latency": 5, "downloadThroughput": -1, "uploadThroughput": per_second}
    # The first to slow a page down has the say: another session beside it changes nothing.
    if page not in _lines:
        _lines[page] = page.context.new_cdp_session(page)
    _lines[page].send("Network.emulateNetworkConditions", line)


def made(folder: Path, name: str, length: int) -> tuple[Path, bytes]:
    data = os.urandom(length)
    path = folder / name
    path.write_bytes(data)
    return path, data


def file_named(name: str) -> StoredFile | None:
    session.remove()
    found = session().scalar(
        select(StoredFile.id).where(StoredFile.name == name).execution_options(policy=True).limit(1)
    )
    return file_at(f"/{found}") if found else None


def wait_for(name: str, holds: Callable[[StoredFile], bool], seconds: float = 60) -> StoredFile:
    end = time.monotonic() + seconds
    while True:
        file = file_named(name)
        if file is not None and holds(file):
            return file
        assert time.monotonic() < end, (name, file and (file.received, file.integrity))
        time.sleep(0.1)
