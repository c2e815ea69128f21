"""Files and folders dropped on the vault, and its dialog: how it opens, what stays of it when it is closed."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, Route, expect
from sqlalchemy import select

from jit_portal.database import session
from jit_portal.exhibits.models import Exhibit
from tests.browser.conftest import Faults, OpenWindow
from tests.browser.uploading import FINISHED, choose, describe, made, send, slow_down, upload_button, vault_of
from tests.factories import World
from tests.vault import MIB


def drag(page: Page, kind: str, *paths: Path, at: tuple[int, int] = (500, 300)) -> None:
    """What the browser is told when a person drags files from outside."""
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    said = {"type": kind, "x": at[0], "y": at[1], "data": data}
    page.context.new_cdp_session(page).send("Input.dispatchDragEvent", said)


def drop(page: Page, *paths: Path, at: tuple[int, int] = (500, 300)) -> None:
    for kind in ("dragEnter", "dragOver", "drop"):
        drag(page, kind, *paths, at=at)


def names(page: Page) -> list[str]:
    return page.locator("[data-upload] [data-name]").all_inner_texts()


@pytest.mark.parametrize("at", [(500, 300), (100, 500), (800, 20)], ids=["table", "sidebar", "top"])
def test_files_dropped_anywhere_on_the_page_open_the_dialog(page: Page, tmp_path: Path, at: tuple[int, int]) -> None:
    paths = [tmp_path / "one.txt", tmp_path / "two.txt"]
    for path in paths:
        path.write_text(path.name)
    page.evaluate("window.isSamePage = true")
    drag(page, "dragEnter", *paths, at=at)
    drag(page, "dragOver", *paths, at=at)
    expect(page.locator(".drop-page")).to_be_visible()
    drag(page, "drop", *paths, at=at)
    expect(page.locator("#upload")).to_be_visible()
    expect(page.locator(".drop-page")).to_be_hidden()
    expect(page.locator("[data-upload]")).to_have_count(2)
    assert names(page) == ["one.txt", "two.txt"]
    drop(page, *paths, at=(60, 60))
    expect(page.locator("[data-upload]")).to_have_count(2)
    assert page.evaluate("window.isSamePage")


def test_files_that_leave_the_page_again_are_not_taken(page: Page, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("one")
    drag(page, "dragEnter", tmp_path / "one.txt")
    drag(page, "dragOver", tmp_path / "one.txt")
    expect(page.locator(".drop-page")).to_be_visible()
    drag(page, "dragOver", tmp_path / "one.txt", at=(-10, -10))
    expect(page.locator(".drop-page")).to_be_hidden()
    expect(page.locator("#upload")).to_be_hidden()


def test_a_folder_dropped_is_walked_and_its_paths_are_kept_in_the_titles(
    page: Page, world: World, tmp_path: Path
) -> None:
    paths = [f"phone/{inner}" for inner in ("readme.txt", "chats/a/1.txt", "chats/b.txt")] + [
        f"phone/many/{number:03}.txt" for number in range(130)
    ]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    drop(page, tmp_path / "phone")
    expect(page.locator("[data-upload]")).to_have_count(133)
    assert sorted(names(page)) == sorted(paths)


def test_a_folder_is_sent_with_its_paths_as_titles(page: Page, tmp_path: Path) -> None:
    paths = ["phone/readme.txt", "phone/chats/a/1.txt", f"phone/{'deep/' * 50}end.txt"]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    drop(page, tmp_path / "phone")
    expect(page.locator("[data-upload]")).to_have_count(3)
    describe(page, "Seized")
    for index in range(3):
        expect(page.locator("[data-upload]").nth(index)).to_have_class(FINISHED, timeout=30_000)
    titles = sorted(session().scalars(select(Exhibit.title).execution_options(policy=True)))
    assert titles[:2] == ["Seized · phone/chats/a/1.txt", "Seized · phone/readme.txt"]
    assert len(titles[2]) == 200
    assert titles[2].startswith("…")
    assert titles[2].endswith("deep/deep/end.txt")


def test_a_folder_whose_name_hides_something_is_refused_in_its_row(
    window: OpenWindow, world: World, tmp_path: Path
) -> None:
    page = window(world["fr_member"], vault_of(world), forgives=("status of 422",))
    for path in ("phone/one.txt", "phone/chats\u202etxt.exe/two.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    drop(page, tmp_path / "phone")
    expect(page.locator("[data-upload]")).to_have_count(2)
    describe(page)
    refused = page.locator("[data-upload]").filter(has_text="two.txt")
    expect(refused).to_have_class(re.compile("is-refused"))
    expect(refused.locator("[data-name]")).to_have_text("phone/chats\ufffdtxt.exe/two.txt")
    expect(refused.locator("[data-status]")).to_contain_text("Title or path: Write this in one line")
    expect(page.locator("[data-upload]").filter(has_text="one.txt")).to_have_class(FINISHED, timeout=30_000)
    assert session().scalars(select(Exhibit.title).execution_options(policy=True)).all() == ["phone/one.txt"]


def test_a_folder_chosen_keeps_its_paths_too(page: Page, tmp_path: Path) -> None:
    for inner in ("a/1.txt", "2.txt"):
        path = tmp_path / "disk" / inner
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(inner)
    # Told only when the button is pressed, the browser may hear too late that it is to hand over its chooser.
    page.on("filechooser", lambda _: None)
    upload_button(page).click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(tmp_path / "disk")
    expect(page.locator("[data-upload]")).to_have_count(2)
    assert sorted(names(page)) == ["disk/2.txt", "disk/a/1.txt"]


def test_an_empty_folder_is_said_to_be_empty(page: Page, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    drop(page, tmp_path / "empty")
    expect(page.get_by_role("alert")).to_have_text("There is no file in it.")
    page.get_by_label("Nothing here is classified").check()
    page.get_by_role("button", name="Send the files").click()
    expect(page.get_by_role("alert")).to_have_text("Choose a file first.")
    (tmp_path / "empty" / "one.txt").write_text("one")
    drop(page, tmp_path / "empty")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_while_a_question_stands_open_nothing_is_taken_and_the_page_stays(page: Page, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("one")
    page.evaluate("document.getElementById('confirm').showModal()")
    drop(page, tmp_path / "one.txt")
    expect(page.locator("#confirm")).to_be_visible()
    expect(page.locator("[data-upload]")).to_have_count(0)
    assert "/vault" in page.url


def test_text_dragged_about_is_not_a_file(page: Page) -> None:
    said = {"items": [{"mimeType": "text/plain", "data": "words"}], "files": [], "dragOperationsMask": 1}
    session_of = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session_of.send("Input.dispatchDragEvent", {"type": kind, "x": 500, "y": 300, "data": said})
    expect(page.locator(".drop-page")).to_be_hidden()
    expect(page.locator("#upload")).to_be_hidden()


@pytest.mark.parametrize("way", ["from the start", "by a link on the page"])
def test_the_address_opens_the_dialog(window: OpenWindow, world: World, way: str) -> None:
    if way == "from the start":
        page = window(world["fr_member"], f"/workspaces/{world.workspace.id}")
        page.get_by_role("link", name="Upload evidence").click()
    else:
        page = window(world["fr_member"], vault_of(world))
        page.evaluate("location.hash = 'upload'")
    for _ in range(2):
        expect(page.locator("#upload")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#upload")).to_be_hidden()
        expect(upload_button(page)).to_be_focused()
        expect(page).to_have_url(re.compile("/vault$"))
        page.evaluate("location.hash = 'upload'")


def test_uploads_go_on_in_a_corner_while_the_dialog_is_closed(page: Page, tmp_path: Path) -> None:
    paths = [made(tmp_path, f"{name}.bin", 12 * MIB)[0] for name in "ab"]
    slow_down(page, 2 * MIB)
    send(page, *paths)
    tray = page.locator("[data-tray]")
    rows = page.locator("[data-upload]")
    expect(rows.nth(0).locator("[data-status]")).to_have_text("Sending")
    page.mouse.click(5, 5)
    expect(page.locator("#upload")).to_be_hidden()
    expect(upload_button(page)).to_be_focused()
    expect(tray.locator("[data-upload]")).to_have_count(2)
    expect(tray.locator("[data-sum]")).to_contain_text("0 of 2, ")
    expect(rows.nth(0).locator("[data-left]")).to_contain_text("left")
    tray.get_by_role("button", name="Pause").first.click()
    expect(rows.nth(0).locator("[data-status]")).to_have_text("Paused")
    # Of a piece that carries one checksum, the vault keeps all or nothing.
    expect(rows.nth(0).locator("[data-percent]")).to_have_text("0%")
    expect(tray.get_by_role("button", name="Resume").first).to_be_focused()
    tray.get_by_role("button", name="Each file").click()
    expect(rows.nth(0)).to_be_hidden()
    tray.get_by_role("button", name="Each file").click()
    tray.get_by_role("button", name="Open the uploads").click()
    expect(page.locator("#upload [data-upload]")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(tray.get_by_role("button", name="Open the uploads")).to_be_focused()
    slow_down(page, -1)
    tray.get_by_role("button", name="Resume").click()
    expect(tray.locator("[data-sum]")).to_have_text("2 of 2, 100%", timeout=30_000)
    tray.get_by_role("button", name="Take what has ended off this list").click()
    expect(tray).to_be_hidden()
    expect(upload_button(page)).to_be_focused()


def test_leaving_while_something_is_sent_is_asked_about(page: Page, tmp_path: Path) -> None:
    path, _ = made(tmp_path, "a.bin", 6 * MIB)
    slow_down(page, MIB)
    send(page, path)
    expect(page.locator("[data-status]")).to_have_text("Sending")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.keyboard.press("Escape")
    with page.expect_event("dialog"):
        page.get_by_role("link", name="Country rules").click(no_wait_after=True)
    expect(page.locator("[data-tray] [data-left]")).to_contain_text("left")
    assert asked == ["beforeunload"]
    assert page.url.endswith("/vault")
    slow_down(page, -1)
    expect(page.locator("[data-upload]")).to_have_class(FINISHED, timeout=30_000)
    page.get_by_role("link", name="Country rules").click()
    expect(page).not_to_have_url(re.compile("/vault$"))
    assert asked == ["beforeunload"]


def test_what_is_read_out_is_little(page: Page, tmp_path: Path) -> None:
    path, _ = made(tmp_path, "a.bin", 12 * MIB)
    page.evaluate(LISTENS)
    slow_down(page, 3 * MIB)
    send(page, path)
    expect(page.locator("[data-upload]")).to_have_class(FINISHED, timeout=30_000)
    heard = page.evaluate("window.heard")
    assert [text for text in heard if "%" in text] == ["All uploads: 25%", "All uploads: 50%", "All uploads: 75%"]
    assert "a.bin: Received, being verified" in heard
    assert len(heard) <= 5


LISTENS = """() => {
  window.heard = [];
  for (const place of document.querySelectorAll("[data-said]"))
    new MutationObserver(() => heard.push(place.textContent)).observe(place, { childList: true });
}"""


def test_what_was_chosen_before_the_page_was_ready_is_taken(page: Page, tmp_path: Path) -> None:
    held: list[Route] = []
    page.route(re.compile("/vault-upload-"), lambda route: held.append(route))
    with page.expect_request(re.compile("/vault-upload-")):
        page.reload(wait_until="commit")
    choose(page, made(tmp_path, "early.bin", 10)[0])
    expect(page.get_by_role("button", name="Send the files")).to_be_hidden()
    held[0].continue_()
    expect(page.locator("[data-upload]")).to_have_count(1)
    expect(page.get_by_role("button", name="Send the files")).to_be_visible()


def test_the_focus_is_never_lost(page: Page, tmp_path: Path) -> None:
    paths = [made(tmp_path, f"{name}.bin", 10)[0] for name in "abc"]
    upload_button(page).focus()
    page.keyboard.press("Enter")
    page.set_input_files("#upload-files", paths)
    rows = page.locator("[data-upload]")
    expect(rows).to_have_count(3)
    expect(rows.nth(0).get_by_role("button")).to_have_accessible_name("Take off this list")
    rows.nth(2).get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(rows.nth(1).get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#upload-files")).to_be_focused()
    page.keyboard.press("Escape")
    expect(upload_button(page)).to_be_focused()


def test_nothing_is_wrong_with_uploads_in_every_state(
    window: OpenWindow, world: World, faults: Faults, tmp_path: Path
) -> None:
    page = window(world["fr_member"], vault_of(world), forgives=("status of 422",))
    send(page, made(tmp_path, "received.bin", 10)[0], made(tmp_path, "photo\u202egpj.exe", 10)[0])
    rows = page.locator("[data-upload]")
    expect(rows.nth(0)).to_have_class(FINISHED, timeout=30_000)
    expect(rows.nth(1)).to_have_class(re.compile("is-refused"))
    slow_down(page, 100_000)
    send(page, made(tmp_path, "paused.bin", MIB)[0], made(tmp_path, "sending.bin", MIB)[0])
    rows.nth(2).get_by_role("button", name="Pause").click()
    choose(page, made(tmp_path, "chosen.bin", 10)[0])
    assert faults(page) == {}
    page.keyboard.press("Escape")
    tray = page.locator("[data-tray]")
    expect(tray).to_be_visible()
    assert faults(page) == {}
    tray.get_by_role("button", name="Each file").click()
    assert faults(page) == {}
