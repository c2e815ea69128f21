"""Films a fixed camera's view with things that move through it, as H.264 in MP4 with the index first."""

import math
import random
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageDraw

from jit_portal.demo.case.makers.lettering import font
from jit_portal.demo.case.makers.photo import sky, van
from jit_portal.demo.case.makers.subject import Subject

SIZE = (640, 360)
RATE = 12
Mover = Callable[[ImageDraw.ImageDraw, float], None]


def gate(subject: Subject) -> bytes:
    """A camera over a gate by day: vans come and go, people walk past."""
    rng = subject.generator("gate")
    scene = sky((150, 170, 190), (206, 206, 200), SIZE)
    draw = ImageDraw.Draw(scene)
    draw.rectangle([0, 90, 640, 215], fill=(140, 130, 118))
    for x in range(0, 640, 64):
        draw.rectangle([x + 10, 120, x + 52, 215], fill=(94, 96, 100))
    draw.rectangle([0, 215, 640, 360], fill=(86, 88, 90))
    for x in range(20, 640, 120):
        draw.line([(x, 360), (x + 34, 222)], fill=(200, 198, 180), width=3)
    movers = [
        _vehicle(0.4, 6.5, 306, 0.55, (220, 222, 220)),
        _vehicle(3.5, 9.0, 340, 0.7, rng.choice(((60, 84, 130), (150, 58, 50)))),
        *(_walker(rng, start, 232 + rng.randint(0, 40)) for start in (1.0, 2.2, 5.0)),
    ]
    return _film(subject, scene, movers, seconds=rng.randint(9, 13), hour=6)


def road(subject: Subject) -> bytes:
    """A camera beside a road at night: headlights, and a van that stops."""
    rng = subject.generator("road")
    scene = sky((10, 14, 26), (34, 38, 48), SIZE)
    draw = ImageDraw.Draw(scene)
    draw.polygon([(0, 360), (0, 250), (640, 190), (640, 330)], fill=(46, 48, 52))
    for x in range(0, 640, 70):
        draw.line([(x, 300 - x * 0.075), (x + 34, 297 - x * 0.075)], fill=(170, 170, 150), width=3)
    for x in (90, 330, 560):
        draw.line([(x, 60), (x, 240)], fill=(70, 72, 78), width=4)
        draw.ellipse([x - 12, 50, x + 12, 66], fill=(250, 226, 160))
    movers = [
        _vehicle(0.5, 4.0, 320, 0.6, (90, 96, 104)),
        _vehicle(2.0, 9.0, 292, 0.5, (196, 196, 190)),
        *(_walker(rng, start, 262) for start in (4.0, 4.6)),
    ]
    return _film(subject, scene, movers, seconds=rng.randint(8, 11), hour=rng.randint(1, 4))


def above(subject: Subject) -> bytes:
    """A view from the air: a yard, lorries as boxes, people as dots, a cross-hair."""
    rng = subject.generator("above")
    scene = Image.new("RGB", SIZE, (104, 118, 86))
    draw = ImageDraw.Draw(scene)
    draw.rectangle([60, 40, 330, 190], fill=(150, 150, 156))
    draw.rectangle([360, 60, 600, 150], fill=(170, 120, 96))
    draw.polygon([(0, 240), (640, 210), (640, 280), (0, 320)], fill=(90, 90, 92))
    for x in range(70, 330, 20):
        draw.line([(x, 40), (x, 190)], fill=(138, 138, 146), width=2)
    movers = [_lorry(rng.uniform(0, 2), 262), _lorry(rng.uniform(4, 6), 276), _cross]
    movers += [_dot(rng) for _ in range(7)]
    return _film(subject, scene, movers, seconds=rng.randint(10, 14), hour=rng.randint(10, 15))


def _vehicle(enters: float, leaves: float, y: float, scale: float, colour: tuple[int, int, int]) -> Mover:
    def draw_at(draw: ImageDraw.ImageDraw, second: float) -> None:
        share = (second - enters) / (leaves - enters)
        if 0 <= share <= 1:
            van(draw, -180 + 900 * (share - math.sin(share * math.tau) / 12), y, scale, colour)

    return draw_at


def _walker(rng: random.Random, enters: float, y: float) -> Mover:
    speed, coat = rng.uniform(42, 70), rng.choice(((40, 44, 60), (90, 60, 50), (60, 90, 70)))

    def draw_at(draw: ImageDraw.ImageDraw, second: float) -> None:
        x = 640 - (second - enters) * speed
        if second < enters or x < -20:
            return
        swing = 7 * math.sin(second * 7)
        draw.line([(x, y + 22), (x - swing, y + 44)], fill=(30, 30, 34), width=5)
        draw.line([(x, y + 22), (x + swing, y + 44)], fill=(30, 30, 34), width=5)
        draw.rounded_rectangle([x - 8, y, x + 8, y + 26], 5, fill=coat)
        draw.ellipse([x - 6, y - 14, x + 6, y - 1], fill=(196, 160, 136))

    return draw_at


def _lorry(enters: float, y: float) -> Mover:
    def draw_at(draw: ImageDraw.ImageDraw, second: float) -> None:
        x = -90 + (second - enters) * 92
        draw.rectangle([x, y - 14, x + 74, y + 12], fill=(226, 226, 222))
        draw.rectangle([x + 76, y - 11, x + 94, y + 9], fill=(70, 90, 130))

    return draw_at


def _dot(rng: random.Random) -> Mover:
    x, y, turn = rng.randint(80, 560), rng.randint(190, 236), rng.uniform(0, 6)

    def draw_at(draw: ImageDraw.ImageDraw, second: float) -> None:
        across, down = x + 30 * math.sin(second / 2 + turn), y + 9 * math.cos(second / 3 + turn)
        draw.ellipse([across - 4, down - 4, across + 4, down + 4], fill=(240, 230, 90))

    return draw_at


def _cross(draw: ImageDraw.ImageDraw, second: float) -> None:
    x, y = 320 + 40 * math.sin(second / 2), 180 + 20 * math.cos(second / 2)
    draw.line([(x - 26, y), (x + 26, y)], fill=(240, 240, 240))
    draw.line([(x, y - 26), (x, y + 26)], fill=(240, 240, 240))


def _film(subject: Subject, scene: Image.Image, movers: list[Mover], seconds: int, hour: int) -> bytes:
    # Putting the index first means reading the file again while it is written: that needs a path.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        _write(path, subject, _frames(scene, movers, seconds, _camera(subject), _start(subject, hour)))
        return path.read_bytes()


def _write(path: Path, subject: Subject, images: Iterator[Image.Image]) -> None:
    options = {"movflags": "faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        container.metadata["title"] = subject.title
        picture = container.add_stream("libx264", rate=RATE)
        picture.width, picture.height = SIZE
        picture.pix_fmt = "yuv420p"
        picture.codec_context.thread_count = 1
        picture.options = {"preset": "superfast", "crf": "27", "g": str(RATE * 2)}
        for number, image in enumerate(images):
            frame = av.VideoFrame(*SIZE, "rgb24")
            frame.planes[0].update(image.tobytes())
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(picture.encode(frame))
        container.mux(picture.encode())


def _camera(subject: Subject) -> str:
    return f"CAM {subject.seed % 6 + 1}"


def _start(subject: Subject, hour: int) -> datetime:
    return subject.moment(subject.generator("clock"), days_before=0).replace(hour=hour)


def _frames(
    scene: Image.Image, movers: list[Mover], seconds: int, camera: str, starts: datetime
) -> Iterator[Image.Image]:
    for number in range(seconds * RATE):
        image = scene.copy()
        draw = ImageDraw.Draw(image)
        for mover in movers:
            mover(draw, number / RATE)
        _stamp(draw, camera, starts + timedelta(seconds=number / RATE))
        yield image


def _stamp(draw: ImageDraw.ImageDraw, camera: str, moment: datetime) -> None:
    draw.rectangle([0, 0, 640, 24], fill=(12, 14, 18))
    draw.text((10, 4), camera, font=font(14, bold=True), fill=(240, 240, 240))
    draw.text((420, 4), moment.strftime("%Y-%m-%d  %H:%M:%S"), font=font(14), fill=(240, 240, 240))
