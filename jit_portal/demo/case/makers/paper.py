"""Sets papers as PDF: statements of account, interviews, warrants, reports, contracts, letters, agreements."""

import io
from collections.abc import Callable, Sequence
from datetime import timedelta
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from jit_portal.demo.case.makers import phrases, topics
from jit_portal.demo.case.makers.subject import FIRMS, STREETS, Subject, account, latin, plate, telephone, worker

PLAIN = ParagraphStyle("plain", fontName="Times-Roman", fontSize=10.5, leading=14.5, spaceAfter=6)
HEAD = ParagraphStyle("head", parent=PLAIN, fontName="Helvetica-Bold", fontSize=15, leading=19, spaceAfter=8)
PART = ParagraphStyle("part", parent=PLAIN, fontName="Helvetica-Bold", fontSize=11, leading=15, spaceBefore=8)
SMALL = ParagraphStyle("small", parent=PLAIN, fontName="Helvetica", fontSize=8.5, leading=11, textColor=colors.grey)
GRID = TableStyle(
    [
        ("FONT", (0, 0), (-1, -1), "Helvetica", 8.5),
        ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 8.5),
        ("BACKGROUND", (0, 0), (-1, 0), colors.Color(0.88, 0.9, 0.93)),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.Color(0.75, 0.77, 0.8)),
        ("ALIGN", (-2, 0), (-1, -1), "RIGHT"),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
    ]
)


def statement(subject: Subject) -> bytes:
    """A statement of account over several pages, balances carried forward."""
    rng = subject.generator("statement")
    balance, rows = rng.randint(2000, 60000) / 1.0, [["Date", "Description", "Counter account", "Amount", "Balance"]]
    day = subject.seized_on - timedelta(days=150)
    for _ in range(rng.randint(70, 110)):
        day += timedelta(days=rng.choice((0, 1, 1, 2)))
        amount = round(rng.choice((-1, -1, 1)) * rng.choice((120, 480, 950, 2400, 9400)) * rng.uniform(0.7, 1.3), 2)
        balance += amount
        text = rng.choice(phrases.PAYMENTS).format(firm=rng.choice(FIRMS).split()[0], worker=worker(rng))
        rows.append([day.isoformat(), text, account(rng), f"{amount:,.2f}", f"{balance:,.2f}"])
    table = Table(rows, colWidths=[20 * mm, 62 * mm, 48 * mm, 22 * mm, 24 * mm], repeatRows=1)
    table.setStyle(GRID)
    holder = f"Holder: {subject.firm(rng)}, {rng.choice(STREETS)} {rng.randint(1, 90)}<br/>Account: {account(rng)}"
    return _print(subject, [_p(holder, markup=True), Spacer(1, 4 * mm), table, Spacer(1, 4 * mm), _note(subject)])


def interview(subject: Subject) -> bytes:
    """A record of interview in questions and answers, read back and signed."""
    rng = subject.generator("interview")
    begun = subject.moment(rng, days_before=2).replace(hour=rng.randint(9, 14))
    opening = phrases.INTERVIEW_OPENING.format(
        begun=begun.strftime("%d %B %Y, %H:%M"),
        place=subject.place,
        authority=subject.authority,
        who=subject.cipher(rng),
    )
    story: list[Flowable] = [_p(opening), _p(phrases.RIGHTS)]
    for number, (question, answers) in enumerate(rng.sample(topics.QUESTIONS[subject.field], 9), start=1):
        story.append(_p(f"<b>Q{number}.</b> {escape(question)}", markup=True))
        answer = rng.choice(answers).format(firm=rng.choice(FIRMS), owed=rng.randint(4, 30) * 50, plate=plate(rng))
        story.append(_p(f"<b>A.</b> {escape(latin(answer))}", markup=True))
    ended = begun + timedelta(minutes=rng.randint(70, 190))
    story += [
        _p(f"The record was read back in the language of the person heard and ended at {ended:%H:%M}."),
        *_signed(3),
    ]
    return _print(subject, story)


def warrant(subject: Subject) -> bytes:
    """An order to search and seize."""
    rng = subject.generator("warrant")
    story = [_p(phrases.WARRANT_GROUNDS.format(place=subject.place, firm=rng.choice(FIRMS))), _p("Orders", PART)]
    story += [_p(f"{number}. {line}") for number, line in enumerate(rng.sample(phrases.ORDERS, 5), start=1)]
    story += [_p("To be executed", PART), _p(phrases.WARRANT_LIMITS), _note(subject), *_signed(1)]
    return _print(subject, story)


def report(subject: Subject) -> bytes:
    """A report with findings, a table of observations and a conclusion."""
    rng = subject.generator("report")
    story = [_p("1. Assignment", PART), _p(subject.description or subject.title), _p("2. Findings", PART)]
    story += [
        _p(text.format(firm=rng.choice(FIRMS), plate=plate(rng)))
        for text in rng.sample(topics.FINDINGS[subject.field], 5)
    ]
    clock, rows = subject.moment(rng, days_before=8), [["No.", "Time", "Observation", "Plate", "Persons"]]
    for number in range(1, rng.randint(22, 34)):
        clock += timedelta(minutes=rng.randint(4, 70))
        rows.append(
            [
                str(number),
                f"{clock:%d.%m. %H:%M}",
                rng.choice(topics.OBSERVED[subject.field]),
                plate(rng),
                str(rng.randint(1, 9)),
            ]
        )
    table = Table(rows, colWidths=[12 * mm, 26 * mm, 92 * mm, 26 * mm, 20 * mm], repeatRows=1)
    table.setStyle(GRID)
    story += [
        _p("3. Observations", PART),
        table,
        _p("4. Conclusion", PART),
        _p(rng.choice(topics.CONCLUSIONS[subject.field])),
    ]
    return _print(subject, [*story, _note(subject), *_signed(2)])


def contract(subject: Subject) -> bytes:
    """A contract of employment, or of housing, as it was put before a worker."""
    rng = subject.generator("contract")
    firm, person = rng.choice(FIRMS), worker(rng)
    story = [_p(f"Between {firm}, {rng.choice(STREETS)} {rng.randint(1, 80)}, and the person known as {person}.")]
    for number, clause in enumerate(rng.sample(phrases.CLAUSES, 7), start=1):
        story.append(
            _p(f"Article {number}. {clause}".format(fee=rng.randint(6, 19) * 50, wage=rng.randint(42, 61) / 10))
        )
    return _print(subject, [*story, _note(subject), *_signed(2)])


def letter(subject: Subject) -> bytes:
    """A letter from one authority to another."""
    rng = subject.generator("letter")
    body = [phrases.LETTER_OPENING, *rng.sample(phrases.LETTER_BODY, 3), phrases.LETTER_END]
    number = f"{rng.randint(100, 999)}/{subject.seized_on.year}"
    story = [
        _p(f"Our reference: {number}", SMALL),
        *(_p(text.format(tel=telephone(rng))) for text in body),
        *_signed(1),
    ]
    return _print(subject, story)


def agreement(subject: Subject, parts: Sequence[tuple[str, Sequence[str]]]) -> bytes:
    """A signed agreement: each part a heading and its paragraphs."""
    story: list[Flowable] = []
    for number, (heading, paragraphs) in enumerate(parts, start=1):
        story += [_p(f"{number}. {heading}", PART), *(_p(text) for text in paragraphs)]
    return _print(subject, [*story, *_signed(3)])


def _p(text: str, style: ParagraphStyle = PLAIN, markup: bool = False) -> Paragraph:
    return Paragraph(latin(text) if markup else escape(latin(text)), style)


def _note(subject: Subject) -> Paragraph:
    return _p(f"Seized or received on {subject.seized_on:%d %B %Y} at {subject.place} by {subject.authority}.", SMALL)


def _signed(people: int) -> list[Flowable]:
    lines = Table([["_" * 26] * people, ["(signature)"] * people], colWidths=[56 * mm] * people)
    lines.setStyle(TableStyle([("FONT", (0, 0), (-1, -1), "Helvetica", 8), ("TOPPADDING", (0, 0), (-1, 0), 30)]))
    return [lines]


def _print(subject: Subject, story: list[Flowable]) -> bytes:
    stream = io.BytesIO()
    paper = SimpleDocTemplate(
        stream,
        pagesize=A4,
        invariant=1,
        title=subject.title,
        author=subject.authority,
        topMargin=28 * mm,
        bottomMargin=22 * mm,
    )
    furniture = _furniture(subject)
    paper.build([_p(subject.title, HEAD), *story], onFirstPage=furniture, onLaterPages=furniture)
    return stream.getvalue()


def _furniture(subject: Subject) -> Callable[[Canvas, SimpleDocTemplate], None]:
    def draw(canvas: Canvas, _paper: SimpleDocTemplate) -> None:
        width, height = A4
        canvas.setFillColorRGB(0.16, 0.24, 0.36)
        canvas.rect(0, height - 14 * mm, width, 14 * mm, stroke=0, fill=1)
        canvas.setFillColorRGB(1, 1, 1)
        canvas.setFont("Helvetica-Bold", 10)
        canvas.drawString(25 * mm, height - 9 * mm, latin(subject.authority))
        canvas.setFillColorRGB(0.4, 0.4, 0.4)
        canvas.setFont("Helvetica", 8)
        canvas.drawString(25 * mm, 12 * mm, "Synthetic document, made for demonstration")
        canvas.drawRightString(width - 25 * mm, 12 * mm, f"Page {canvas.getPageNumber()}")

    return draw
