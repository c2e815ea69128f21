"""Fills workbooks (wages, payments, trips), CSV tables (calls, plates, transfers, logins) and GPX tracks."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from openpyxl import Workbook
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from jit_portal.demo.case.makers.subject import FIRMS, STREETS, Subject, account, plate, telephone, worker

Row = Sequence[str | int | float | datetime]
OLDEST = (1980, 1, 1, 0, 0, 0)


def wages(subject: Subject) -> bytes:
    """A book of wages: a sheet a week with hours, deductions and what was left, and a sheet that sums them."""
    rng = subject.generator("wages")
    book = Workbook()
    total = book.active
    total.title = "Total"
    _rows(total, ("Week", "People", "Hours", "Paid EUR"), [])
    for week in range(20, 20 + rng.randint(5, 8)):
        rows: list[Row] = []
        for line in range(2, rng.randint(22, 34)):
            hours, housing = rng.randint(48, 84), rng.choice((70, 85, 95))
            rows.append(
                (worker(rng), hours, 5.5, housing, rng.choice((0, 40, 60)), f"=B{line}*C{line}-D{line}-E{line}")
            )
        _rows(book.create_sheet(f"Week {week}"), ("Person", "Hours", "Rate", "Housing", "Fines", "Left"), rows)
        last = len(rows) + 1
        sums = [
            f"=COUNTA('Week {week}'!A2:A{last})",
            f"=SUM('Week {week}'!B2:B{last})",
            f"=SUM('Week {week}'!F2:F{last})",
        ]
        total.append([f"Week {week}", *sums])
    return _save(book)


def payments(subject: Subject) -> bytes:
    """A ledger of payments between companies."""
    rng = subject.generator("payments")
    book, clock = Workbook(), subject.moment(rng, 30) - timedelta(days=240)
    rows: list[Row] = []
    for _ in range(rng.randint(180, 320)):
        clock += timedelta(hours=rng.randint(3, 40))
        payer, payee = rng.sample(FIRMS, 2)
        rows.append((clock, payer, account(rng), payee, account(rng), rng.randint(800, 48000), rng.choice("ABC")))
    sheet = book.active
    sheet.title = "Ledger"
    _rows(sheet, ("Booked", "Payer", "From", "Payee", "To", "EUR", "Mark"), rows)
    return _save(book)


def trips(subject: Subject) -> bytes:
    """A driver's book of trips."""
    rng = subject.generator("trips")
    book, clock = Workbook(), subject.moment(rng, 10) - timedelta(days=120)
    rows: list[Row] = []
    for _ in range(rng.randint(80, 140)):
        clock += timedelta(hours=rng.randint(8, 30))
        start, end = rng.sample(STREETS, 2)
        rows.append(
            (clock, plate(rng), start, end, rng.randint(12, 2300), rng.randint(1, 9), rng.choice(("cash", "card")))
        )
    sheet = book.active
    sheet.title = "Trips"
    _rows(sheet, ("Left", "Plate", "From", "To", "km", "People", "Fuel paid by"), rows)
    return _save(book)


def calls(subject: Subject) -> bytes:
    """Records of calls as a provider of telephony hands them out (CSV)."""
    rng = subject.generator("calls")
    ours, clock = [telephone(rng) for _ in range(4)], subject.moment(rng, 5) - timedelta(days=60)
    others = [telephone(rng) for _ in range(30)]
    rows: list[Row] = []
    for _ in range(1200):
        clock += timedelta(minutes=rng.randint(1, 140))
        kind = rng.choice(("voice", "voice", "sms", "data"))
        length = 0 if kind == "sms" else rng.randint(3, 900)
        cell = f"CELL-{rng.randint(1, 40):03d}"
        rows.append((clock.isoformat(), kind, rng.choice(ours), rng.choice(others), length, cell))
    return _csv(("start_utc", "kind", "a_number", "b_number", "seconds", "cell"), rows)


def plates(subject: Subject) -> bytes:
    """Plates read by cameras over a road (CSV)."""
    rng = subject.generator("plates")
    clock, known = subject.moment(rng, 3) - timedelta(days=14), [plate(rng) for _ in range(5)]
    rows: list[Row] = []
    for _ in range(900):
        clock += timedelta(minutes=rng.randint(1, 30))
        seen = rng.choice(known) if rng.random() < 0.15 else plate(rng)
        rows.append(
            (clock.isoformat(), f"A-{rng.randint(1, 9)}", seen, rng.choice("NS"), rng.randint(61, 128), seen in known)
        )
    return _csv(("read_at_utc", "gantry", "plate", "direction", "km_h", "on_list"), rows)


def transfers(subject: Subject) -> bytes:
    """Transfers of an account, as a bank exports them (CSV)."""
    rng = subject.generator("transfers")
    own, clock, rows = account(rng), subject.moment(rng, 3) - timedelta(days=180), []
    for number in range(1, 701):
        clock += timedelta(hours=rng.randint(1, 12))
        amount = round(rng.choice((-1, 1)) * rng.uniform(20, 9900), 2)
        rows.append((number, clock.isoformat(), own, account(rng), amount, "EUR", rng.choice(FIRMS)))
    return _csv(("no", "booked_utc", "own_account", "other_account", "amount", "currency", "name"), rows)


def logins(subject: Subject) -> bytes:
    """Logins to a web platform; addresses are of the ranges kept for documentation (CSV)."""
    rng = subject.generator("logins")
    clock, rows = subject.moment(rng, 3) - timedelta(days=30), []
    for _ in range(1500):
        clock += timedelta(minutes=rng.randint(1, 50))
        address = f"{rng.choice(('192.0.2', '198.51.100', '203.0.113'))}.{rng.randint(1, 254)}"
        agent = rng.choice(("browser/desktop", "browser/mobile", "script/2.1"))
        rows.append(
            (clock.isoformat(), f"user{rng.randint(1, 240):04d}", address, agent, rng.choice((200, 200, 200, 401)))
        )
    return _csv(("at_utc", "login", "address", "agent", "status"), rows)


def track(subject: Subject) -> bytes:
    """Positions of a vehicle over a day (GPX)."""
    rng = subject.generator("track")
    north, east, clock = rng.uniform(43, 51), rng.uniform(3, 26), subject.moment(rng, 3)
    points = []
    for _ in range(1400):
        north, east = north + rng.uniform(-0.004, 0.006), east + rng.uniform(-0.005, 0.005)
        clock += timedelta(seconds=rng.randint(10, 40))
        points.append(f'<trkpt lat="{north:.5f}" lon="{east:.5f}"><time>{clock.isoformat()}Z</time></trkpt>')
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    head = '<gpx version="1.1" creator="position logger" xmlns="http://www.topografix.com/GPX/1/1">'
    return "\n".join([declaration, head, "<trk><trkseg>", *points, "</trkseg></trk></gpx>\n"]).encode()


def _rows(sheet: Worksheet, header: Sequence[str], rows: Iterable[Row]) -> None:
    sheet.append(list(header))
    for row in rows:
        sheet.append(list(row))
    for number in range(1, len(header) + 1):
        cell = sheet.cell(1, number)
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="D8E2EC")
        sheet.column_dimensions[get_column_letter(number)].width = 18
    sheet.freeze_panes = "A2"


def _save(book: Workbook) -> bytes:
    """The workbook with the times of its writing taken out, so that it is the same each time."""
    stream, again = io.BytesIO(), io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as source, zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2026-01-01T00:00:00Z", content)
            copy.writestr(zipfile.ZipInfo(name, OLDEST), content, zipfile.ZIP_DEFLATED)
    return again.getvalue()


def _csv(header: Sequence[str], rows: Iterable[Row]) -> bytes:
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\r\n")
    table.writerow(header)
    table.writerows(rows)
    return stream.getvalue().encode()
