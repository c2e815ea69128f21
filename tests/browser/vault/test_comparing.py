"""A file whose hash was never declared: whoever sent it chooses it once more, and sends nothing again."""

from pathlib import Path

import pytest
from playwright.sync_api import Request, expect

from jit_portal.exhibits.models import Exhibit
from jit_portal.vocabulary import Integrity
from tests.browser.conftest import Faults, OpenWindow, connected, until
from tests.browser.keys import Keys
from tests.browser.uploading import file_named
from tests.factories import World
from tests.vault import acts, do_the_work, put

DATA = b"what she sent"
WRONG = "This is not what the vault holds"


@pytest.fixture
def exhibit(world: World) -> Exhibit:
    return put(world, DATA, "sent.txt", is_declared=False)


def test_it_waits_at_home_and_is_compared_with_keys_alone(
    window: OpenWindow, world: World, exhibit: Exhibit, environ: dict[str, str], faults: Faults, tmp_path: Path
) -> None:
    page = window(world["fr_member"], "/", forgives=("status of 412",))
    asked: list[Request] = []
    page.on("filechooser", lambda chooser: chooser.set_files(tmp_path / "chosen.txt"))
    page.on("request", lambda request: asked.append(request) if "/vault/uploads" in request.url else None)
    keys = Keys(connected(page))
    waiting = page.get_by_role("link", name="All bytes are here")
    expect(waiting).to_have_count(0)
    do_the_work(environ)
    keys.use(waiting)
    field = page.get_by_label("The file that was sent")
    expect(field).to_be_visible()
    connected(page)
    assert faults(page) == {}
    keys.to(field)

    chosen = tmp_path / "chosen.txt"
    chosen.write_bytes(b"something longer than it")
    keys.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="it is longer than")).to_be_visible()
    chosen.write_bytes(b"WHAT she sent")
    keys.press("Enter")
    expect(page.locator("#confirm-text")).to_contain_text(WRONG)
    keys.stays_at(page.get_by_role("button", name="No, go back"))
    keys.press("Enter")
    expect(page.get_by_role("alert").filter(has_text=WRONG)).to_contain_text("Nothing was changed")
    keys.stays_at(field)
    file = file_named("sent.txt")
    assert file is not None
    assert (file.integrity, file.sha256_declared) == (Integrity.CHECKING, None)

    chosen.write_bytes(DATA)
    keys.press("Enter")
    expect(page.locator(".exhibit-marks")).to_contain_text("Verified")
    expect(page.locator("jit-compare")).to_have_count(0)
    expect(page.get_by_text("Verified: the vault holds what you sent")).to_be_visible()
    expect(page.locator("#main")).to_be_focused()
    assert acts(exhibit.id)[-1] == "file.verified"
    assert [(request.method, request.url.rsplit("/", 1)[-1]) for request in asked] == [("POST", "hash")] * 2


def test_who_is_sure_of_the_file_has_the_mismatch_said(
    window: OpenWindow, world: World, exhibit: Exhibit, environ: dict[str, str], tmp_path: Path
) -> None:
    do_the_work(environ)
    page = window(world["fr_member"], f"/exhibits/{exhibit.id}", forgives=("status of 412",))
    (tmp_path / "true.txt").write_bytes(b"WHAT she sent")
    page.evaluate(REMEMBERS, [str(world["fr_member"].id), f"/vault/uploads/{exhibit.file_id}"])
    page.get_by_label("The file that was sent").set_input_files(tmp_path / "true.txt")
    page.get_by_role("button", name="Yes, go on").click()
    expect(page.locator(".exhibit-marks")).to_contain_text("Mismatch")
    assert acts(exhibit.id)[-1] == "file.mismatch"
    until(page, "!Object.keys(localStorage).some((key) => key.startsWith('upload:'))")


REMEMBERS = """([viewer, url]) =>
  localStorage.setItem(`upload:${viewer}:there:a`, JSON.stringify({ url: location.origin + url, at: Date.now() }))"""
"""As the browser does in which the upload was begun."""
