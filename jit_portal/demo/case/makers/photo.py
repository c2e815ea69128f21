"""Draws photographs: a scene in twice the size, scaled down, with grain and what a camera writes into its files."""

import io
import math
import random
from collections.abc import Callable
from datetime import datetime

from PIL import Image, ImageDraw

from jit_portal.demo.case.makers.lettering import font
from jit_portal.demo.case.makers.subject import Subject

SIZE = (1920, 1440)
KEPT = (960, 720)
Colour = tuple[int, int, int]
Scene = Callable[[random.Random], Image.Image]


def sky(top: Colour, bottom: Colour, size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture that fades from one colour at the top to another at the bottom."""
    ramp = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)


def van(draw: ImageDraw.ImageDraw, x: float, y: float, scale: float, colour: Colour) -> None:
    """A delivery van seen from its side; (x, y) is where its back wheel stands."""

    def box(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        return (x + left * scale, y + top * scale, x + right * scale, y + bottom * scale)

    dark = tuple(int(part * 0.7) for part in colour)
    draw.ellipse(box(-60, -4, 300, 22), fill=(24, 26, 30))
    draw.rounded_rectangle(box(-50, -150, 170, -10), radius=12 * scale, fill=colour)
    corners = ((160, -120), (220, -118), (262, -66), (292, -56), (292, -10), (160, -10))
    draw.polygon([(x + across * scale, y + down * scale) for across, down in corners], fill=colour)
    window = ((176, -110), (214, -108), (246, -66), (176, -66))
    draw.polygon([(x + across * scale, y + down * scale) for across, down in window], fill=(60, 82, 96))
    draw.rectangle(box(-50, -40, 292, -30), fill=dark)
    draw.rectangle(box(284, -48, 293, -36), fill=(250, 240, 190))
    for wheel in (0, 226):
        draw.ellipse(box(wheel - 28, -30, wheel + 28, 26), fill=(20, 20, 22))
        draw.ellipse(box(wheel - 12, -14, wheel + 12, 10), fill=(140, 142, 146))


def yard(rng: random.Random) -> Image.Image:
    """A warehouse with loading doors and vans on wet asphalt."""
    picture = sky((96, 116, 140), (214, 196, 170))
    draw = ImageDraw.Draw(picture)
    wall = rng.choice(((150, 152, 150), (134, 120, 104), (116, 132, 138)))
    draw.polygon([(0, 420), (260, 330), (1920, 380), (1920, 980), (0, 980)], fill=wall)
    for x in range(0, 1920, 36):
        draw.line([(x, 350), (x, 980)], fill=tuple(part - 12 for part in wall), width=4)
    for number in range(5):
        left = 110 + number * 360
        draw.rectangle([left, 600, left + 250, 960], fill=(70, 74, 80))
        for y in range(610, 960, 34):
            draw.line([(left, y), (left + 250, y)], fill=(92, 96, 102), width=5)
        draw.text((left + 96, 520), str(number + 1), font=font(60, bold=True), fill=(240, 240, 236))
    draw.rectangle([0, 970, 1920, 1440], fill=(76, 78, 80))
    for x in range(-200, 1920, 330):
        draw.polygon([(x, 1440), (x + 24, 1440), (x + 224, 1010), (x + 210, 1010)], fill=(196, 192, 170))
    paint = rng.choice(((226, 226, 222), (60, 84, 120), (150, 60, 52)))
    van(draw, rng.randint(160, 500), 1180, 1.7, paint)
    van(draw, rng.randint(980, 1240), 1330, 2.1, (196, 200, 204))
    return picture


def room(rng: random.Random) -> Image.Image:
    """A sleeping room with bunks too close to one another."""
    picture = sky((198, 188, 168), (150, 138, 120))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, 1440), (420, 900), (1500, 900), (1920, 1440)], fill=(122, 100, 78))
    draw.rectangle([420, 220, 1500, 900], fill=(206, 198, 180))
    draw.rectangle([840, 300, 1080, 560], fill=(150, 178, 200))
    draw.line([(960, 300), (960, 560)], fill=(236, 236, 230), width=14)
    for index in range(3):
        for side in (-1, 1):
            near = 1 + index * 0.55
            x = 960 + side * (300 + index * 230)
            for level, blanket in ((0, (92, 110, 140)), (1, rng.choice(((150, 90, 80), (96, 128, 104))))):
                y = 860 + index * 170 - level * 190 * near
                draw.rectangle([x - 130 * near, y - 40 * near, x + 130 * near, y], fill=blanket)
                draw.rectangle([x - 120 * near, y - 62 * near, x - 60 * near, y - 36 * near], fill=(232, 228, 220))
            for post in (-130, 130):
                top = 620 + index * 60 - 60 * near
                draw.line([(x + post * near, top), (x + post * near, 900 + index * 190)], fill=(70, 66, 62), width=16)
    for _ in range(9):
        x, y = rng.randint(500, 1400), rng.randint(1060, 1380)
        draw.rounded_rectangle(
            [x, y, x + 120, y + 70], 20, fill=rng.choice(((60, 62, 70), (140, 60, 60), (70, 90, 60)))
        )
    return picture


def greenhouse(rng: random.Random) -> Image.Image:
    """Rows of plants under glass, with crates at the end of each."""
    picture = sky((206, 222, 226), (170, 190, 170))
    draw = ImageDraw.Draw(picture)
    draw.rectangle([0, 620, 1920, 1440], fill=(126, 112, 92))
    for number in range(-6, 7):
        foot, top = 960 + number * 330, 960 + number * 46
        shade = rng.randint(84, 122)
        draw.polygon([(top - 14, 560), (top + 14, 560), (foot + 120, 1440), (foot - 120, 1440)], fill=(52, shade, 58))
        for step in range(26):
            y = 580 + step * step * 1.25
            x = top + (foot - top) * (y - 560) / 880
            size = 5 + step * 1.6
            draw.ellipse([x - size, y - size, x + size, y + size], fill=(rng.randint(150, 210), 60, 48))
    for number in range(-8, 9):
        draw.line([(960 + number * 30, 540), (960 + number * 300, 0)], fill=(236, 240, 240), width=8)
    for y in (40, 180, 320, 430):
        draw.line([(0, y), (1920, y)], fill=(228, 234, 234), width=6)
    for number in range(5):
        x = 120 + number * 370 + rng.randint(-40, 40)
        draw.rectangle([x, 1270, x + 230, 1400], fill=(60, 96, 150))
        draw.rectangle([x, 1270, x + 230, 1292], fill=(84, 124, 180))
    return picture


def quay(rng: random.Random) -> Image.Image:
    """Containers and a crane at a quay in the evening."""
    picture = sky((62, 78, 118), (238, 168, 120))
    draw = ImageDraw.Draw(picture)
    draw.rectangle([0, 900, 1920, 1180], fill=(70, 92, 112))
    for _ in range(120):
        x, y = rng.randint(0, 1900), rng.randint(905, 1175)
        draw.line([(x, y), (x + rng.randint(20, 110), y)], fill=(206, 160, 132), width=3)
    colours = ((150, 62, 50), (48, 84, 120), (72, 110, 84), (190, 140, 60), (110, 112, 118))
    for column in range(6):
        for level in range(rng.randint(1, 4)):
            left, top = 60 + column * 250, 800 - level * 108
            draw.rectangle([left, top, left + 240, top + 104], fill=rng.choice(colours))
            for rib in range(left + 12, left + 240, 24):
                draw.line([(rib, top + 8), (rib, top + 96)], fill=(30, 34, 40), width=3)
    draw.line([(1640, 900), (1640, 140)], fill=(36, 38, 46), width=34)
    draw.line([(1120, 220), (1900, 170)], fill=(36, 38, 46), width=26)
    draw.line([(1640, 140), (1200, 214)], fill=(36, 38, 46), width=6)
    draw.line([(1260, 214), (1260, 560)], fill=(36, 38, 46), width=6)
    draw.rectangle([0, 1180, 1920, 1440], fill=(58, 56, 58))
    van(draw, rng.randint(300, 900), 1330, 1.5, (222, 222, 216))
    return picture


def table(rng: random.Random) -> Image.Image:
    """Seized things laid out on a table beside numbered markers and a scale."""
    picture = sky((96, 74, 56), (132, 104, 80))
    draw = ImageDraw.Draw(picture)
    for y in range(0, 1440, 130):
        draw.line([(0, y + rng.randint(-8, 8)), (1920, y)], fill=(88, 68, 50), width=5)
    for number in range(1, 6):
        column, line = (number - 1) % 3, (number - 1) // 3
        x, y = 150 + column * 590, 180 + line * 600
        _thing(draw, rng, x, y)
        draw.polygon([(x + 380, y + 330), (x + 470, y + 330), (x + 425, y + 240)], fill=(240, 200, 40))
        draw.text((x + 409, y + 272), str(number), font=font(46, bold=True), fill=(20, 20, 20))
    for mark in range(20):
        left = 1180 + mark * 32
        draw.rectangle([left, 1300, left + 32, 1340], fill=(20, 20, 20) if mark % 2 else (240, 240, 240))
    return picture


def _thing(draw: ImageDraw.ImageDraw, rng: random.Random, x: int, y: int) -> None:
    kind = rng.choice(("telephone", "papers", "notes", "keys"))
    if kind == "telephone":
        draw.rounded_rectangle([x + 60, y, x + 250, y + 380], 34, fill=(24, 26, 30))
        draw.rounded_rectangle([x + 74, y + 30, x + 236, y + 350], 10, fill=(58, 70, 88))
    elif kind == "papers":
        for shift in (40, 20, 0):
            draw.rectangle(
                [x + shift, y + shift, x + 280 + shift, y + 370 + shift], fill=(236 - shift, 232 - shift, 220)
            )
        for line in range(14):
            draw.line([(x + 30, y + 40 + line * 22), (x + rng.randint(140, 250), y + 40 + line * 22)], (90, 90, 96), 4)
    elif kind == "notes":
        for layer in range(7):
            draw.rectangle([x, y + 200 - layer * 14, x + 340, y + 350 - layer * 14], fill=(150 + layer * 6, 176, 150))
        draw.rectangle([x + 140, y + 112, x + 190, y + 350], fill=(210, 196, 150))
    else:
        draw.ellipse([x + 60, y + 60, x + 220, y + 220], outline=(190, 180, 120), width=20)
        for angle in (0.4, 0.9, 1.4):
            end = (x + 140 + 230 * math.cos(angle), y + 140 + 230 * math.sin(angle))
            draw.line([(x + 140 + 80 * math.cos(angle), y + 140 + 80 * math.sin(angle)), end], (176, 176, 180), 26)


def as_jpeg(picture: Image.Image, subject: Subject, taken: datetime) -> bytes:
    """The picture as a camera would save it: grain, vignette, date stamp, EXIF with camera, moment and place."""
    small = picture.reduce(2)
    small = Image.blend(small, grain(subject.generator("grain"), KEPT), 0.055)
    draw = ImageDraw.Draw(small)
    stamp = taken.strftime("%d.%m.%Y %H:%M")
    draw.text((KEPT[0] - 262, KEPT[1] - 46), stamp, font=font(24), fill=(250, 178, 60))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=86, optimize=True, exif=_exif(subject, taken))
    return stream.getvalue()


def grain(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """Fine noise over a whole picture."""
    tile = Image.frombytes("L", (256, 256), rng.randbytes(256 * 256))
    whole = Image.new("L", size)
    for x in range(0, size[0], 256):
        for y in range(0, size[1], 256):
            whole.paste(tile, (x, y))
    return whole.convert("RGB")


def _exif(subject: Subject, taken: datetime) -> Image.Exif:
    rng = subject.generator("exif")
    exif = Image.Exif()
    moment = taken.strftime("%Y:%m:%d %H:%M:%S")
    exif[0x010F], exif[0x0110] = "Demo Optics", rng.choice(("DX-300 Field", "Pocket 7", "Scene Kit 2"))
    exif[0x0131], exif[0x0132] = "Scene recorder 4.2", moment
    exif[0x010E] = subject.title.encode("ascii", "replace").decode()
    details = exif.get_ifd(0x8769)
    details[0x9003], details[0x829A], details[0x829D] = moment, (1, rng.choice((60, 125, 250))), (28, 10)
    details[0x8827], details[0x920A] = rng.choice((100, 200, 800)), (35, 1)
    position = exif.get_ifd(0x8825)
    position[1], position[3] = "N", "E"
    position[2] = (rng.randint(41, 52), rng.randint(0, 59), rng.randint(0, 59))
    position[4] = (rng.randint(2, 28), rng.randint(0, 59), rng.randint(0, 59))
    return exif


def photograph(scene: Scene, hours: tuple[int, int] = (8, 17)) -> Callable[[Subject], bytes]:
    """A maker of photographs of one kind of scene, taken between two hours of the day of seizure."""

    def make(subject: Subject) -> bytes:
        rng = subject.generator("scene")
        taken = subject.moment(rng, days_before=0).replace(hour=rng.randint(*hours))
        return as_jpeg(scene(rng), subject, taken)

    return make
