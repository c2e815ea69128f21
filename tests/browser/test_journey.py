"""One case from an empty page to its proof in court: two countries, each in a window of its own, on the whole demo.

Real national logins, the proxy, the vault and the worker take part; nothing is put in past a page. Each step leaves a
picture in the test's folder.
"""

import csv
import datetime as dt
import hashlib
import io
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from reportlab.pdfgen.canvas import Canvas

from tests import services
from tests.browser.conftest import DESKTOP, connected, settled
from tests.browser.keys import Keys
from tests.demo import PORTS, Demo, still_running, wait_until

FRANCE, NETHERLANDS = ("fr", "Camille Aubertin"), ("nl", "Femke de Wit")
NAME, REFERENCE = "Bittern", "JIT-2026-0777"
TODAY = dt.datetime.now(dt.UTC).date()


class Desk:
    """One person's window: what the console says and what the content policy stops is kept."""

    def __init__(self, browser: Browser, demo: Demo, who: tuple[str, str], pictures: Path) -> None:
        self.slug, self.name = who
        self.demo, self.pictures = demo, pictures
        self.complaints: list[str] = []
        size = {"width": DESKTOP[0], "height": DESKTOP[1]}
        self.context = browser.new_context(base_url=demo.origin, viewport=size)  # type: ignore[arg-type]
        english = {"name": "__Host-language", "value": "en", "url": demo.origin.replace("http:", "https:")}
        self.context.add_cookies([{**english, "secure": True}])  # type: ignore[typeddict-item]
        self.page = self.context.new_page()
        self.page.on("console", lambda said: self._hear(said.text) if said.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self._hear(str(error)))

    def _hear(self, text: str) -> None:
        if "404" not in text:  # how an open page learns that something is withdrawn
            self.complaints.append(f"{self.page.url}: {text}")

    def sign_in(self, as_whom: str | None = None) -> None:
        """Through the sign-in page and the national login's own."""
        self.page.goto("/")
        expect(self.page.get_by_role("heading", name="Sign in with your national login")).to_be_visible()
        expect(self.page.locator(".tool-card")).to_have_count(5)
        self.page.locator(f'a[href^="/sign-in/{self.slug}"]').click()
        expect(self.page).to_have_url(re.compile(re.escape(self.demo.plan.providers)))
        self.page.get_by_role("button", name=as_whom or self.name).click()
        expect(self.page).to_have_url(re.compile(re.escape(self.demo.origin)))

    def picture(self, name: str) -> None:
        self.page.screenshot(path=self.pictures / f"{name}-{self.slug}.png")


@pytest.fixture
def desks(browser: Browser, demo: Demo, tmp_path: Path) -> Iterator[tuple[Desk, Desk]]:
    french, dutch = (Desk(browser, demo, who, tmp_path) for who in (FRANCE, NETHERLANDS))
    yield french, dutch
    for desk in (french, dutch):
        desk.context.close()
        assert desk.complaints == []


def document(path: Path, *lines: str) -> Path:
    """A real PDF with these lines on its one page."""
    canvas = Canvas(str(path))
    for number, line in enumerate(lines):
        canvas.drawString(72, 760 - 20 * number, line)
    canvas.save()
    return path


def test_strangers_are_refused_kindly(browser: Browser, demo: Demo, tmp_path: Path) -> None:
    stranger = Desk(browser, demo, ("ro", "Vlad Nistor"), tmp_path)
    stranger.sign_in()
    expect(stranger.page.get_by_role("heading", name="You are not known here yet")).to_be_visible()
    stranger.picture("2-refused")
    stranger.page.goto("/")
    expect(stranger.page.get_by_role("heading", name="Sign in with your national login")).to_be_visible()
    stranger.context.close()


def test_who_has_no_mouse_signs_in(browser: Browser, demo: Demo, tmp_path: Path) -> None:
    desk = Desk(browser, demo, FRANCE, tmp_path)
    desk.page.goto("/")
    keys = Keys(settled(desk.page))
    keys.use(desk.page.locator('a[href^="/sign-in/fr"]'))
    keys.use(desk.page.get_by_role("button", name=desk.name))
    expect(desk.page.get_by_role("heading", name=f"Good to see you, {desk.name}")).to_be_visible()
    desk.context.close()
    assert desk.complaints == []


def test_one_case_from_the_first_page_to_its_proof(desks: tuple[Desk, Desk], tmp_path: Path) -> None:
    french, dutch = desks
    for desk in desks:
        desk.sign_in()
        expect(desk.page.get_by_role("heading", name=f"Good to see you, {desk.name}")).to_be_visible()
        desk.picture("3-home")
    space = agree(french, dutch, tmp_path)
    invite_and_end(french, space)
    talk(french, dutch, space)
    share_a_task(french, dutch, space)
    exhibit, sha256 = show_evidence(french, dutch, space, tmp_path)
    prove(french, space, exhibit, sha256)
    sign_out(dutch, space)


def agree(french: Desk, dutch: Desk, tmp_path: Path) -> str:
    """Step 4: draft, document, two signatures; answers the path of the workspace."""
    page = french.page
    page.get_by_role("link", name=re.compile("New JIT|Draft a JIT")).click()
    page.get_by_label("Reference").fill(REFERENCE)
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_label("Purpose").fill("Forged documents for workers in greenhouses.")
    page.locator('[name="legal_bases"]').first.check()
    for code in ("FR", "NL"):
        page.locator(f'[name="states_of_operation"][value="{code}"]').check()
    page.get_by_label("First day").fill(TODAY.isoformat())
    page.get_by_label("Last day, inclusive").fill((TODAY + dt.timedelta(days=300)).isoformat())
    for country, leader in (("France", french.name), ("Nederland", dutch.name)):
        block = page.locator(".party-block", has_text=country)
        block.locator("summary").click()
        block.get_by_label("Party to this version").check()
        block.get_by_role("group", name="Leaders").get_by_label(leader).check()
        block.get_by_role("group", name="Space administrators").get_by_label(leader).check()
        for role in block.get_by_role("group", name="Who may be invited").get_by_role("checkbox").all():
            role.check()
    french.picture("4-draft")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_text("The draft is saved")).to_be_visible()
    signed = document(tmp_path / "agreement.pdf", f"Agreement on {NAME}", "Signed in Paris and The Hague")
    page.get_by_label(re.compile("^Document")).set_input_files(signed)
    page.get_by_role("button", name="Attach the document").click()
    expect(page.get_by_text("The document is stored")).to_be_visible()
    record_signature(french, "France", "Paris")
    expect(page.get_by_text("The signature is recorded")).to_be_visible()
    french.picture("4-signed-by-one")
    dutch.page.goto("/")
    dutch.picture("4-waiting-for-the-other")
    dutch.page.get_by_role("link", name=re.compile(NAME)).first.click()
    record_signature(dutch, "Netherlands", "The Hague")
    expect(dutch.page.get_by_text("version 1 is signed")).to_be_visible()
    dutch.picture("4-workspace")
    page.goto("/")
    page.get_by_role("navigation", name="Joint investigation teams").get_by_role("link", name=NAME).click()
    expect(page.get_by_role("heading", name=NAME, level=1)).to_be_visible()
    expect(page).to_have_url(re.compile("/workspaces/"))
    return page.url.removeprefix(french.demo.origin)


def record_signature(desk: Desk, country: str, place: str) -> None:
    item = desk.page.locator(".signatures > li", has_text=country)
    item.get_by_text("Record the signature", exact=True).click()
    item.get_by_label("Signed by").fill(desk.name)
    item.get_by_label("On", exact=True).fill(TODAY.isoformat())
    item.get_by_label("At", exact=True).fill(place)
    item.get_by_role("button", name=re.compile("Record the signature of")).click()


def invite_and_end(french: Desk, space: str) -> None:
    """Step 4: leaders let people of their own party in; a membership can end at once."""
    page = french.page
    page.goto(f"{space}/people")
    page.get_by_role("link", name=re.compile("Invite")).first.click()
    form = page.locator("form", has=page.get_by_role("button", name="Let them in now"))
    someone = form.get_by_role("option").filter(has_text="Mathieu Lescarret")
    form.get_by_label("Person").select_option(someone.get_attribute("value"))
    form.get_by_label("Role").select_option(label="Member")
    form.get_by_role("button", name="Let them in now").click()
    expect(page.get_by_text("Mathieu Lescarret is in the JIT now")).to_be_visible()
    french.picture("4-people")
    page.get_by_role("link", name="End the membership of Mathieu Lescarret").click()
    page.get_by_label("Reason").fill("Called to another case.")
    page.get_by_role("button", name="End the membership now").click()
    expect(page.get_by_text("The membership of Mathieu Lescarret has ended")).to_be_visible()


def talk(french: Desk, dutch: Desk, space: str) -> None:
    """Step 5: what one writes the other reads at once, and answers."""
    for desk in (french, dutch):
        desk.page.goto(f"{space}/chat")
        connected(desk.page)
    said_by_both = ((french, dutch, "The two invoices match. 🧾"), (dutch, french, "Dank, dat is nieuw."))
    for speaker, hearer, said in said_by_both:
        speaker.page.locator("#compose-text").fill(said)
        speaker.page.locator("#compose-text").press("Enter")
        expect(hearer.page.locator(".message-list .message", has_text=said)).to_be_visible()
    french.picture("5-chat")


def share_a_task(french: Desk, dutch: Desk, space: str) -> None:
    """Step 6: a card made and moved in one country is where it belongs in the other."""
    for desk in (french, dutch):
        desk.page.goto(f"{space}/board")
        connected(desk.page)
    french.page.get_by_role("link", name="New task in To do").click()
    dialog = french.page.get_by_role("dialog", name="New task")
    dialog.get_by_label("Title").fill("Ask the port for its gate list")
    dialog.get_by_role("button", name="Create the task").click()
    for desk in (french, dutch):
        expect(desk.page.locator(".card", has_text="Ask the port for its gate list")).to_be_visible()
    settled(french.page)
    french.page.locator(".card", has_text="gate list").drag_to(french.page.locator(".column").nth(1).locator(".cards"))
    expect(dutch.page.locator(".column").nth(1).locator(".card", has_text="gate list")).to_be_visible()
    dutch.picture("6-board")


def show_evidence(french: Desk, dutch: Desk, space: str, tmp_path: Path) -> tuple[str, str]:
    """Step 7: uploaded, verified, released, read, withdrawn; both screens live. Answers its path and its hash."""
    file = document(tmp_path / "invoice.pdf", "Invoice 2291", "Harbour dues")
    page, other = french.page, dutch.page
    for each in (other, page):
        each.goto(f"{space}/vault")
        connected(each)
    page.get_by_role("button", name="Upload", exact=True).click()
    page.set_input_files("#upload-files", file)
    form = page.locator("[data-about]")
    form.get_by_label("Title").fill("Invoice 2291")
    form.get_by_label("Kind").select_option(label="Document")
    form.get_by_label(re.compile("Nothing here is classified")).check()
    form.get_by_role("button", name="Send the files").click()
    expect(page.locator("[data-upload].is-finished")).to_be_visible(timeout=30_000)
    expect(page.locator("[data-status]")).to_have_text("Verified: the vault holds what you sent", timeout=30_000)
    french.picture("7-uploaded")
    page.goto(f"{space}/vault")
    page.get_by_role("link", name="Invoice 2291").click()
    expect(page.locator(".exhibit-marks")).to_contain_text("Verified")
    expect(other.get_by_text("Invoice 2291")).to_have_count(0)
    exhibit = page.url.removeprefix(french.demo.origin)
    page.get_by_role("link", name="Release").click()
    page.get_by_label("To whom").select_option(label="Netherlands")
    page.get_by_label(re.compile("^Read:")).check()
    french.picture("7-release")
    page.get_by_role("button", name="Release").click()
    expect(page.locator(".releases")).to_contain_text("Netherlands")
    connected(page)
    other.get_by_role("link", name="Invoice 2291").click()
    other.get_by_role("link", name="Open preview").click()
    expect(other.locator("jit-pdf canvas").first).to_be_visible()
    connected(other)
    expect(other.get_by_role("link", name="Download")).to_have_count(0)
    dutch.picture("7-read-by-the-other")
    expect(page.locator(".sight-party", has_text="Netherlands")).to_contain_text(dutch.name)
    french.picture("7-who-sees-it")
    page.get_by_role("link", name="Withdraw").click()
    page.get_by_label("Reason").fill("Released by mistake.")
    page.get_by_role("button", name="Withdraw").click()
    expect(other.get_by_role("heading", name="This exhibit is no longer shown to you")).to_be_visible()
    expect(other.get_by_text("Invoice 2291")).to_have_count(0)
    dutch.picture("7-withdrawn")
    return exhibit, hashlib.sha256(file.read_bytes()).hexdigest()


def prove(french: Desk, space: str, exhibit: str, sha256: str) -> None:
    """Step 8: the record tells all of it, can be taken away, and holds."""
    page = french.page
    page.goto(exhibit)
    expect(page.get_by_text(sha256[:8]).first).to_be_visible()
    page.goto(f"{space}/record")
    french.picture("8-record")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    done = [(row["actor"], row["act"]) for row in rows if row["object"] == exhibit.rsplit("/", 1)[-1]]
    for person, act in (
        ("Camille Aubertin", "exhibit.registered"),
        ("Camille Aubertin", "exhibit.released"),
        ("Femke de Wit", "exhibit.read"),
        ("Camille Aubertin", "exhibit.withdrawn"),
    ):
        assert (person, act) in done
    assert {row["country"] for row in rows} >= {"FR", "NL"}
    verified = french.demo.run("verify-ledger")
    assert verified.returncode == 0, verified.stdout
    assert "TAMPERED" not in verified.stdout


def sign_out(dutch: Desk, space: str) -> None:
    """Step 2: signing out ends the session, here and at the national login."""
    page: Page = dutch.page
    page.goto(space)
    page.locator('button[popovertarget="account"]').click()
    page.get_by_role("button", name="Sign out").first.click()
    expect(page).to_have_url(f"{dutch.demo.origin}/signed-out")  # by way of the national login, which signs her out too
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    page.goto(space)
    expect(page.get_by_role("heading", name="Sign in with your national login")).to_be_visible()


def test_what_dies_is_shown_and_the_rest_goes_on(browser: Browser, demo: Demo, tmp_path: Path) -> None:
    """Step 1: without the store people still talk; a start with the same data, at another port, knows it all."""
    wait_until(lambda: set(demo.states().values()) == {"ready"})
    for component in ("store", "worker"):
        kill(demo, component)
    dutch = Desk(browser, demo, NETHERLANDS, tmp_path)
    dutch.sign_in()
    dutch.page.get_by_role("navigation", name="Joint investigation teams").get_by_role("link", name="Lantern").click()
    dutch.page.get_by_role("navigation", name="Places of this JIT").get_by_role("link", name="Chat").click()
    expect(dutch.page.locator("#compose-text")).to_be_visible()
    connected(dutch.page)
    place = dutch.page.locator("[data-channel-line][aria-current]").get_attribute("href")
    assert place is not None
    dutch.page.locator("#compose-text").fill("The vault is away; we go on here.")
    dutch.page.locator("#compose-text").press("Enter")
    expect(dutch.page.locator(".message-list .message:not(.is-pending)", has_text="we go on here")).to_be_visible()
    dutch.context.close()
    for component in ("providers", "web"):
        kill(demo, component)
    away = dict.fromkeys(("web", "worker", "providers", "store"), "away")
    assert demo.states() == {"proxy": "ready", "vault": "ready", "database": "ready"} | away
    kill(demo, "vault")
    assert stop(demo) == 1, "it says at the end that something died"
    demo.port = services.free_ports(PORTS)
    demo.start()
    dutch = Desk(browser, demo, NETHERLANDS, tmp_path)
    dutch.sign_in()
    expect(dutch.page.get_by_role("heading", name=f"Good to see you, {dutch.name}")).to_be_visible()
    dutch.page.goto(place)
    expect(dutch.page.locator(".message-list")).to_contain_text("The vault is away; we go on here.")
    dutch.context.close()
    wait_until(lambda: set(demo.states().values()) == {"ready"})
    assert stop(demo) == 0


def kill(demo: Demo, component: str) -> None:
    """Its end is told to whoever watches, and in the terminal."""
    os.kill(demo.pid_of(component), signal.SIGKILL)
    wait_until(lambda: demo.states().get(component) == "away")
    wait_until(lambda: any(f"{component} DIED: SIGKILL" in line for line in demo.said))


def stop(demo: Demo) -> int:
    """Ctrl-C leaves nothing running, and what was stored; the exit code."""
    running = demo.processes()
    code = demo.stop()
    wait_until(lambda: not still_running(running))
    assert (demo.data / "secrets.json").exists()
    return code
