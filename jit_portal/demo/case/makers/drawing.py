"""Draws maps, screens of telephones, charts of links (PNG), receipts and pages of a notebook (JPEG)."""

import io
import math
from datetime import timedelta

from PIL import Image, ImageDraw, PngImagePlugin

from jit_portal.demo.case.makers.lettering import font
from jit_portal.demo.case.makers.photo import SIZE, as_jpeg
from jit_portal.demo.case.makers.subject import ALIASES, FIRMS, Subject, account, latin, plate, telephone, worker

INK = (32, 40, 56)
CHAT = (
    "Vin cu 6 oameni mâine, loc la dormit?",
    "Plein chez le 14, mets-les au 9",
    "Papieren blijven bij mij tot ze betaald hebben",
    "Câți bani ai dat la șofer",
    "380 pour la route, 40 de gasoil",
    "Zeg dat ze zaterdag ook werken",
    "Nu mai scrie aici",
    "OK, ring op de andere telefoon",
    "Bus at 04:30, same corner",
    "Sa kushton rruga për dy veta?",
)


def route_map(subject: Subject) -> bytes:
    """A map of a route: land, water, roads, numbered stops and a legend (PNG)."""
    rng = subject.generator("map")
    picture = Image.new("RGB", (1280, 900), (236, 232, 220))
    draw = ImageDraw.Draw(picture)
    shore = [(x, 720 + 60 * math.sin(x / 170 + rng.random()) + rng.randint(-14, 14)) for x in range(0, 1281, 40)]
    draw.polygon([*shore, (1280, 900), (0, 900)], fill=(176, 206, 224))
    for _ in range(16):
        x, y = rng.randint(0, 1200), rng.randint(20, 600)
        draw.ellipse([x, y, x + rng.randint(60, 180), y + rng.randint(40, 110)], fill=(212, 224, 196))
    for _ in range(9):
        start, end = (rng.randint(0, 1280), 0), (rng.randint(0, 1280), 720)
        draw.line([start, (rng.randint(200, 1080), 360), end], fill=(206, 200, 186), width=7, joint="curve")
    stops = [(110 + index * 205 + rng.randint(-30, 30), rng.randint(160, 600)) for index in range(6)]
    draw.line(stops, fill=(186, 56, 46), width=8, joint="curve")
    clock = subject.moment(rng)
    for number, (x, y) in enumerate(stops, start=1):
        draw.ellipse([x - 20, y - 20, x + 20, y + 20], fill=(255, 255, 255), outline=(186, 56, 46), width=5)
        draw.text((x, y), str(number), font=font(20, bold=True), fill=INK, anchor="mm")
        draw.text((x + 28, y - 12), clock.strftime("%H:%M"), font=font(18), fill=INK)
        clock += timedelta(minutes=rng.randint(35, 190))
    draw.rectangle([24, 796, 700, 876], fill=(255, 255, 255), outline=(150, 150, 150))
    draw.text((40, 806), latin(subject.place)[:48], font=font(22, bold=True), fill=INK)
    draw.text((40, 840), "Route rebuilt from positions; times are local", font=font(18), fill=INK)
    return _png(picture, subject)


def telephone_screen(subject: Subject) -> bytes:
    """The screen of a telephone with a conversation (PNG)."""
    rng = subject.generator("screen")
    picture = Image.new("RGB", (720, 1280), (228, 232, 226))
    draw = ImageDraw.Draw(picture)
    draw.rectangle([0, 0, 720, 120], fill=(38, 84, 92))
    draw.ellipse([24, 36, 92, 104], fill=(150, 180, 180))
    draw.text((112, 40), latin(rng.choice(ALIASES)), font=font(30, bold=True), fill="white")
    draw.text((112, 80), telephone(rng), font=font(20), fill=(200, 224, 224))
    clock, y = subject.moment(rng), 150
    for text in rng.sample(CHAT, 8):
        mine = rng.random() < 0.4
        text = latin(text)
        width = draw.textlength(text, font=font(24)) + 40
        left = 700 - width if mine else 20
        draw.rounded_rectangle([left, y, left + width, y + 88], 18, fill=(206, 236, 204) if mine else "white")
        draw.text((left + 20, y + 14), text, font=font(24), fill=INK)
        draw.text((left + width - 70, y + 56), clock.strftime("%H:%M"), font=font(18), fill=(120, 130, 130))
        clock, y = clock + timedelta(minutes=rng.randint(1, 40)), y + rng.choice((104, 116))
    draw.rounded_rectangle([20, 1190, 700, 1256], 30, fill="white")
    return _png(picture, subject)


def link_chart(subject: Subject) -> bytes:
    """A chart of who is linked with whom, by how many calls or payments (PNG)."""
    rng = subject.generator("chart")
    picture = Image.new("RGB", (1400, 900), (250, 250, 248))
    draw = ImageDraw.Draw(picture)
    names = [*rng.sample(FIRMS, 4), *map(latin, rng.sample(ALIASES, 5)), plate(rng)]
    places = [
        (700 + 500 * math.cos(index / 10 * math.tau), 450 + 320 * math.sin(index / 10 * math.tau))
        for index in range(10)
    ]
    for _ in range(16):
        start, end = rng.sample(places, 2)
        weight = rng.randint(1, 9)
        draw.line([start, end], fill=(170, 178, 190), width=weight)
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        draw.text(middle, str(weight * rng.randint(2, 30)), font=font(16), fill=(110, 60, 50), anchor="mm")
    for (x, y), name in zip(places, names, strict=True):
        firm = name in FIRMS
        half = draw.textlength(name, font=font(18, bold=True)) / 2 + 16
        fill = (214, 228, 244) if firm else (246, 228, 204)
        draw.rounded_rectangle([x - half, y - 26, x + half, y + 26], 8 if firm else 26, fill=fill, outline=INK, width=2)
        draw.text((x, y), name, font=font(18, bold=True), fill=INK, anchor="mm")
    draw.text(
        (30, 24), "Figures are calls and payments between 1 January and the day of seizure", font=font(18), fill=INK
    )
    return _png(picture, subject)


def receipt(subject: Subject) -> bytes:
    """A photographed till receipt (JPEG)."""
    rng = subject.generator("receipt")
    picture = Image.new("RGB", SIZE, (74, 78, 88))
    paper = Image.new("RGB", (760, 1300), (246, 244, 236))
    draw = ImageDraw.Draw(paper)
    draw.text((380, 60), rng.choice(("STATION DU CANAL", "HAVEN TANK", "BENZINARIE TEILOR")), INK, font(44, True), "mm")
    moment = subject.moment(rng, days_before=20)
    draw.text((60, 130), moment.strftime("%d/%m/%Y   %H:%M:%S"), INK, font(30))
    goods = ("Diesel", "Bread x12", "Water 6x1.5", "Phone card", "Gloves", "Road toll", "Coffee", "Tape", "Padlock")
    total, y = 0.0, 210
    for name in rng.sample(goods, 7):
        price = rng.randint(180, 9200) / 100
        total += price
        draw.text((60, y), name, INK, font(32))
        draw.text((700, y), f"{price:.2f}", INK, font(32), "ra")
        y += 62
    draw.line([(60, y + 10), (700, y + 10)], INK, 4)
    draw.text((60, y + 40), "TOTAL EUR", INK, font(40, True))
    draw.text((700, y + 40), f"{total:.2f}", INK, font(40, True), "ra")
    draw.text((60, y + 130), "Paid in cash", INK, font(32))
    for bar in range(60):
        if rng.random() < 0.6:
            draw.rectangle([90 + bar * 10, 1130, 90 + bar * 10 + rng.randint(2, 8), 1240], fill=INK)
    turned = paper.rotate(rng.uniform(-9, 9), expand=True, fillcolor=(74, 78, 88), resample=Image.Resampling.BICUBIC)
    picture.paste(turned, (560, 30))
    return as_jpeg(picture, subject, moment)


def notebook(subject: Subject) -> bytes:
    """A photographed page of a notebook in which wages and debts were kept (JPEG)."""
    rng = subject.generator("notebook")
    picture = Image.new("RGB", SIZE, (92, 74, 60))
    page = Image.new("RGB", (1180, 1340), (244, 238, 220))
    draw = ImageDraw.Draw(page)
    for y in range(120, 1340, 58):
        draw.line([(0, y), (1180, y)], fill=(190, 206, 220), width=3)
    draw.line([(130, 0), (130, 1340)], fill=(220, 150, 150), width=4)
    draw.text((160, 56), rng.choice(("luna iunie", "semaine 24", "week 31")), (30, 50, 130), font(40))
    for line in range(18):
        y = 126 + line * 58 + rng.randint(-3, 3)
        owed = rng.randint(2, 19) * 40
        draw.text((160, y), worker(rng), (30, 50, 130), font(36))
        draw.text((430, y), f"{rng.randint(38, 74)} h", (30, 50, 130), font(36))
        draw.text((640, y), f"-{owed}", (150, 40, 40), font(36))
        draw.text((860, y), rng.choice(("chirie", "drum", "cazare", "acte", "transport")), (30, 50, 130), font(36))
        if rng.random() < 0.2:
            draw.line([(150, y + 24), (1060, y + 20)], (30, 50, 130), 5)
    draw.text((160, 1210), account(rng), (30, 50, 130), font(34))
    turned = page.rotate(rng.uniform(-4, 4), expand=True, fillcolor=(92, 74, 60), resample=Image.Resampling.BICUBIC)
    picture.paste(turned, (340, 30))
    return as_jpeg(picture, subject, subject.moment(rng, days_before=0))


def _png(picture: Image.Image, subject: Subject) -> bytes:
    notes = PngImagePlugin.PngInfo()
    notes.add_itxt("Title", subject.title)
    notes.add_text("Software", "Scene recorder 4.2")
    notes.add_text("Creation Time", subject.seized_on.isoformat())
    stream = io.BytesIO()
    picture.quantize(128, dither=Image.Dither.NONE).save(stream, "PNG", pnginfo=notes, optimize=True)
    return stream.getvalue()
