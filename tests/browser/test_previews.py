"""Every kind of file that the portal shows, in a real browser; and files that would rather run than be looked at."""

import io
import math
import struct
import wave
import zlib
from pathlib import Path

import av
import pytest
from playwright.sync_api import Error, Page, expect
from reportlab.pdfgen.canvas import Canvas

from jit_portal.database import session
from jit_portal.exhibits import rules, service
from jit_portal.exhibits.models import Exhibit
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.vocabulary import Sight
from tests import factories
from tests.browser.conftest import DESKTOP, PHONE, Faults, OpenWindow, connected, until
from tests.factories import World
from tests.vault import acts, put
from tests.web import Web

READ_BACK = ("willReadFrequently",)
"""Chromium's advice on speed, when the same picture is read back from a canvas more than once, as axe does."""
RTL = "صندوق البريد"
TEXT = f"Ledger of the carrier – naïve, čeština, Ελληνικά, 🚚\n{RTL}\n\n" + "x" * 5000 + "\n<script>alert(1)</script>\n"
NOT_SHOWN = "This kind of file has no preview"
BROKEN = "This file cannot be shown"


@pytest.fixture
def world(web: Web) -> World:
    return factories.world()


def png() -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + bytes(3 * 40)) * 30
    head = struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pdf(pages: int = 3) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file)
    for number in range(1, pages + 1):
        canvas.drawString(72, 720, f"Bank statement, sheet {number}")
        canvas.rect(60, 100, 300, 300, fill=1)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def sound() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as tape:
        tape.setnchannels(1)
        tape.setsampwidth(2)
        tape.setframerate(8000)
        tape.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(each / 6))) for each in range(8000)))
    return file.getvalue()


def film(folder: Path) -> bytes:
    path = folder / "film.mp4"
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for _ in range(20):
            container.mux(stream.encode(av.VideoFrame(160, 90, "yuv420p")))
        container.mux(stream.encode())
    return path.read_bytes()


def opened(window: OpenWindow, world: World, exhibit: Exhibit, size: tuple[int, int] = DESKTOP) -> Page:
    """The exhibit's page of a French member after pressing the button."""
    page = window(world["fr_member"], f"/exhibits/{exhibit.id}", size, forgives=READ_BACK)
    page.on("dialog", lambda dialog: pytest.fail(f"something ran: {dialog.message}"))
    page.get_by_role("link", name="Open preview").click()
    page.wait_for_url("**preview=1")
    late = page.locator(".preview").get_by_role("link", name="Try again")
    for _ in range(5):
        if not late.count():
            break
        # No page waits longer than three seconds for the store, and asks it again no sooner than five later.
        page.wait_for_timeout(2_000)
        late.click()
        page.wait_for_load_state()
    return connected(page)


SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])


@SIZES
def test_a_picture(window: OpenWindow, world: World, faults: Faults, size: tuple[int, int]) -> None:
    page = opened(window, world, put(world, png(), "scene.png"), size)
    picture = page.get_by_role("img", name="Preview of Report")
    expect(picture).to_be_visible()
    until(page, "document.querySelector('.preview img').naturalWidth === 40")
    assert faults(page) == {}


DARK = """() => {
  const canvas = document.querySelector(".pdf-pages canvas");
  const drawn = canvas?.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const middle = 4 * (Math.round(canvas?.height * 0.75) * canvas?.width + Math.round(canvas?.width * 0.3));
  return drawn && drawn[middle] < 40 && drawn[middle + 3] === 255;
}"""
"""That the square is drawn, which comes after everything else on its sheet."""


@SIZES
def test_a_document(window: OpenWindow, world: World, faults: Faults, size: tuple[int, int]) -> None:
    page = opened(window, world, put(world, pdf(), "statement.pdf"), size)
    expect(page.get_by_role("img", name="Page 3 of 3")).to_be_attached()
    until(page, DARK)
    assert faults(page) == {}


DRAWN = "document.querySelector('.pdf-pages canvas').toDataURL()"
RIGHT_TO_LEFT = """new MutationObserver(() => {
  if (document.documentElement?.dir === "ltr") document.documentElement.dir = "rtl";
}).observe(document, { childList: true, subtree: true });"""


def test_a_document_is_drawn_alike_where_the_page_runs_from_right_to_left(window: OpenWindow, world: World) -> None:
    page = opened(window, world, put(world, pdf(1), "statement.pdf"))
    until(page, DARK)
    as_it_is = page.evaluate(DRAWN)
    page.add_init_script(RIGHT_TO_LEFT)
    page.reload()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    until(page, DARK)
    assert page.evaluate(DRAWN) == as_it_is


@SIZES
def test_a_text(window: OpenWindow, world: World, faults: Faults, size: tuple[int, int]) -> None:
    page = opened(window, world, put(world, TEXT.encode(), "notes.txt"), size)
    expect(page.locator("jit-text pre")).to_have_text(TEXT, use_inner_text=False)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a long line makes the page no wider"
    assert faults(page) == {}


@pytest.mark.parametrize(
    "text", [RTL * 20, "\ufeff" + "Ledger – 100 €"], ids=["right to left", "with a byte order mark"]
)
def test_a_text_stands_as_it_was_written(window: OpenWindow, world: World, text: str) -> None:
    page = opened(window, world, put(world, text.encode(), "notes.txt"))
    shown = page.locator("jit-text pre")
    expect(shown).to_have_text(text.removeprefix("\ufeff"))
    direction = shown.evaluate("(shown) => getComputedStyle(shown).direction")
    assert direction == ("rtl" if RTL in text else "ltr")


@SIZES
@pytest.mark.parametrize("kind", ["audio", "video"])
def test_a_recording(
    window: OpenWindow, world: World, faults: Faults, tmp_path: Path, kind: str, size: tuple[int, int]
) -> None:
    data, name = (sound(), "call.wav") if kind == "audio" else (film(tmp_path), "film.mp4")
    page = opened(window, world, put(world, data, name), size)
    player = page.locator(f".preview {kind}")
    expect(player).to_be_visible()
    seconds = player.evaluate(
        """async (player) => {
          player.muted = true;
          const ended = new Promise((done) => player.addEventListener("ended", done));
          await player.play();
          await ended;
          return Math.round(player.duration);
        }"""
    )
    assert seconds == (1 if kind == "audio" else 2)
    assert faults(page) == {}


def test_a_preview_stays_while_the_rest_changes_and_goes_with_the_sight(window: OpenWindow, world: World) -> None:
    exhibit = put(world, TEXT.encode(), "notes.txt")
    factories.release(world, exhibit, "nl", Sight.READ)
    page = window(world["nl_member"], f"/exhibits/{exhibit.id}?preview=1")
    expect(page.locator("html[data-connected]")).to_be_attached()
    expect(page.locator("jit-text pre")).to_contain_text(RTL)
    service.describe(world["fr_member"], exhibit, "Notes of the driver", "", "", exhibit.edition)
    expect(page.get_by_role("heading", name="Notes of the driver")).to_be_visible()
    expect(page.locator("jit-text pre")).to_contain_text(RTL)
    said = RuleDescription(is_forbid=True, to=f"party:{world.parties['nl'].id}", sight=Sight.READ)
    rules.set_rule(world["fr_leader"], world.workspace, session().merge(world.parties["fr"]), said)
    expect(page.locator(".preview")).to_have_count(0)
    expect(page.get_by_text("You see that this exhibit exists, and no more.")).to_be_visible()


def with_script() -> bytes:
    """A PDF that would open with an alert, go to an address, and offer a form that runs code."""
    code = "app.alert(1); this.submitForm('https://example.org/'); eval('globalThis.ran = 1')"
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS ({code}) >> /AA << /WC 4 0 R >>"
        " /AcroForm << /Fields [5 0 R] >> /Names << /JavaScript << /Names [(a) 4 0 R] >> >> >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Annots [5 0 R] /AA << /O 4 0 R >> >>",
        f"<< /S /JavaScript /JS ({code}) >>",
        "<< /Type /Annot /Subtype /Widget /FT /Tx /T (a) /Rect [10 10 200 40] /AA << /F 4 0 R /K 4 0 R >> /A 4 0 R >>",
    ]
    body, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    tail = (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\n"
    )
    return body + f"{tail}startxref\n{len(body)}\n%%EOF\n".encode()


def test_a_document_that_would_run_code_is_only_drawn(window: OpenWindow, world: World) -> None:
    asked: list[str] = []
    page = opened(window, world, put(world, with_script(), "invoice.pdf"))
    page.on("request", lambda request: asked.append(request.url))
    expect(page.get_by_role("img", name="Page 1 of 1")).to_be_visible()
    until(page, "document.querySelector('.pdf-pages canvas').width !== 300")
    page.locator(".pdf-pages canvas").click(position={"x": 60, "y": 200})
    assert page.evaluate("globalThis.ran === undefined")
    assert [url for url in asked if "example.org" in url] == []


HTML = b"<!doctype html><script>alert(1)</script><img src=x onerror=alert(2)>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>'


MEDIA = ".preview :is(img, video, audio, canvas, iframe, object, embed)"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        pytest.param(b"%PDF-1.7\n<script>alert(1)</script>", "script.pdf", id="script in a pdf"),
        pytest.param(pdf()[:700], "cut.pdf", id="cut pdf"),
        pytest.param(png()[:40], "cut.png", id="cut picture"),
        pytest.param(sound()[:30], "cut.wav", id="cut recording"),
    ],
)
def test_what_is_broken_is_said_in_words(window: OpenWindow, world: World, data: bytes, name: str) -> None:
    page = opened(window, world, put(world, data, name))
    expect(page.get_by_role("heading", name=BROKEN)).to_be_visible()
    expect(page.locator(MEDIA)).to_have_count(0)


def test_to_find_out_that_it_is_broken_is_no_further_reading(window: OpenWindow, world: World) -> None:
    exhibit = put(world, png()[:40], "cut.png")
    expect(opened(window, world, exhibit).get_by_role("heading", name=BROKEN)).to_be_visible()
    assert acts(exhibit.id).count("exhibit.read") == 1


NOT_TO_BE_SHOWN = {
    "ledger.xlsx": b"PK\x03\x04" + bytes(200),
    "route.gpx": b'<?xml version="1.0"?><gpx version="1.1"></gpx>',
    "scene.png": HTML,
    "page.pdf": HTML,
    "notes.txt": HTML,
    "drawing.svg": SVG,
    "drawing.png": b'<?xml version="1.0"?>' + SVG,
    "photo.jpg": b"MZ\x90\x00" + bytes(200),
}


def test_what_has_no_preview_is_offered_none(window: OpenWindow, world: World) -> None:
    page = window(world["fr_member"])
    for name, data in NOT_TO_BE_SHOWN.items():
        exhibit = put(world, data, name)
        page.goto(f"/exhibits/{exhibit.id}")
        expect(page.get_by_text(f"{NOT_SHOWN}. Download it to look at it with the right program.")).to_be_visible()
        expect(page.get_by_role("link", name="Download")).to_be_visible()
        assert page.get_by_role("link", name="Open preview").count() == 0
        page.goto(f"/exhibits/{exhibit.id}?preview=1")
        expect(page.get_by_role("heading", name=NOT_SHOWN)).to_be_visible()
        assert page.locator(MEDIA).count() == 0


def test_what_would_run_runs_at_no_address_of_its_own(window: OpenWindow, world: World) -> None:
    # The browser tells of all that an answer of this address may not load or run, also where it refuses in words.
    page = window(world["fr_member"], forgives=("/content",))
    page.on("dialog", lambda dialog: pytest.fail(f"something ran: {dialog.message}"))
    for name, data in (*NOT_TO_BE_SHOWN.items(), ("words.txt", TEXT.encode())):
        address = f"/vault/exhibits/{put(world, data, name).id}/content"
        page.goto(address)
        with pytest.raises(Error, match="Download is starting"):
            page.goto(f"{address}?as=download")


def test_who_may_not_download_is_not_offered_that(window: OpenWindow, world: World, faults: Faults) -> None:
    exhibit = put(world, b"PK\x03\x04" + bytes(200), "ledger.xlsx")
    factories.release(world, exhibit, "nl", Sight.READ)
    page = window(world["nl_member"], f"/exhibits/{exhibit.id}?preview=1")
    expect(page.get_by_text("Whoever may download it can look at it").first).to_be_visible()
    assert page.get_by_role("link", name="Download").count() == 0
    assert faults(page) == {}


def test_a_broken_index_is_read_past_or_refused_in_words(window: OpenWindow, world: World) -> None:
    data = pdf(1)
    at = data.rindex(b"startxref")
    page = opened(window, world, put(world, data[:at] + b"startxref\n999999\n%%EOF", "broken.pdf"))
    expect(page.get_by_role("heading", name=BROKEN).or_(page.get_by_role("img", name="Page 1 of 1"))).to_be_visible()
