"""Templates compile, and every text that the portal says can be translated."""

import ast
import datetime as dt
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask

import jit_portal
from jit_portal import resources
from jit_portal.web import assets
from jit_portal.web.readers import as_read_by

TEMPLATES = sorted(str(path.relative_to(resources.TEMPLATES)) for path in resources.TEMPLATES.rglob("*.html"))
SPOKEN_ATTRIBUTES = {"title", "alt", "placeholder", "aria-label", "aria-description", "aria-roledescription", "label"}
SILENT = ("script", "style", "kbd")
"""What is inside is no language: code, and the names of keys."""
NAMES = {"JIT", "Portal", "JIT Portal", "JIT-Portal", "CSV", "JSON", "PDF", "SHA-256", "UTC", "Eurojust", "Europol"}
"""The same in every language."""

_EXPRESSION = re.compile(r"{{.*?}}|{%.*?%}|{#.*?#}", re.DOTALL)
_TRANSLATED = re.compile(r"{%-?\s*trans\b.*?{%-?\s*endtrans\s*-?%}", re.DOTALL)
_CLASSES = re.compile(r"{%-?\s*block\s+\w*class\w*\s*-?%}.*?{%-?\s*endblock\s*\w*\s*-?%}", re.DOTALL)
_DATE_PATTERN = re.compile(r"[GyMdEHhmsz' :,.]+")
_WORD = re.compile(r"[^\W\d_]{2,}")


def test_they_compile(portal: Flask) -> None:
    assert len(TEMPLATES) > 100
    for name in TEMPLATES:
        portal.jinja_env.get_template(name)


class _Spoken(HTMLParser):
    """Gathers what a reader sees or hears of a page's skeleton."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        self.texts += [value for name, value in attrs if name in SPOKEN_ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in SILENT

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts.append(data)


def untranslated(text: str) -> list[str]:
    """Words that stand in a template outside every expression."""
    bare = _EXPRESSION.sub(" ", _TRANSLATED.sub(" ", _CLASSES.sub(" ", text)))
    parser = _Spoken()
    parser.feed(bare)
    said = [" ".join(each.split()) for each in parser.texts]
    return [each for each in said if _WORD.search(each) and each.strip(" ·:,.–—()") not in NAMES]


def test_every_text_can_be_translated() -> None:
    found = {name: untranslated((resources.TEMPLATES / name).read_text("utf-8")) for name in TEMPLATES}
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_untranslated_text_is_seen() -> None:
    assert untranslated('<p>{{ _("Fine") }} but not this</p>') == ["but not this"]
    assert untranslated('<a title="Not this" href="/x">{% trans %}Fine{% endtrans %}</a>') == ["Not this"]
    assert untranslated("<p>{# not shown #}{{ name }} · 7</p><script>var word</script>") == []


def literals_in_expressions(text: str) -> list[str]:
    """Sentences handed to macros as plain strings: a capital letter, a blank, and no gettext around them."""
    found = []
    for expression in re.findall(r"{{(.*?)}}|{%(.*?)%}", text, re.DOTALL):
        inside = re.sub(
            r"\b(?:_|gettext|ngettext|pgettext|npgettext)\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)",
            "",
            "".join(expression),
        )
        found += re.findall(r"[\"']([A-ZÀ-Þ][^\"']* [^\"']*)[\"']", inside)
    return [each for each in found if not _DATE_PATTERN.fullmatch(each)]


def test_no_sentence_is_handed_on_untranslated() -> None:
    found = {name: literals_in_expressions((resources.TEMPLATES / name).read_text("utf-8")) for name in TEMPLATES}
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_sentences_handed_on_are_seen() -> None:
    assert literals_in_expressions('{{ button("Send it now") }}{{ button(_("Fine as it is")) }}') == ["Send it now"]
    assert literals_in_expressions('{{ _("Fine as (%(it)s) is", it=f(x)) }}{{ f("Not (%(it)s) now") }}') == [
        "Not (%(it)s) now"
    ]


# --- what Python says


def _spoken_by(call: ast.Call) -> list[str]:
    """Plain sentences among the arguments with which a refusal is raised or a message is flashed."""
    plain = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return [text for text in plain if " " in text]


def test_refusals_and_messages_are_translated() -> None:
    spoken = {"NotFound", "NotAllowed", "Refused", "Invalid", "flash", "ValidationError", "StoreUnavailable"}
    found = []
    root = Path(jit_portal.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if "demo" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in spoken:
                found += [f"{path.relative_to(root)}:{node.lineno}: {text}" for text in _spoken_by(node)]
    assert found == []


def test_what_was_said_to_one_reader_is_said_to_the_next_in_her_language_and_by_her_clock(portal: Flask) -> None:
    page = portal.jinja_env.from_string(
        '{{ _("Home") }}, {{ _("Ask %(party)s", party="<b>") }}, {{ at|datetimeformat("d MMMM HH:mm") }}, '
        '{{ at.date()|dateformat("EEEE") }}'
    )
    at = dt.datetime(2026, 7, 14, 21, 30, tzinfo=dt.UTC)

    def read_by(language: str, zone: str) -> str:
        with portal.test_request_context(), as_read_by(language, zone):
            return page.render(at=at)

    english = "Home, Ask &lt;b&gt;, 14 July 22:30, Tuesday"
    assert read_by("en_GB", "Europe/London") == english
    assert read_by("fr", "Europe/London") == "Accueil, Solliciter &lt;b&gt;, 14 juillet 22:30, mardi"
    assert read_by("en_GB", "Europe/Bucharest") == "Home, Ask &lt;b&gt;, 15 July 00:30, Tuesday"
    assert read_by("en_GB", "Europe/London") == english


def test_sizes_are_said_as_the_reader_counts_them(portal: Flask) -> None:
    page = portal.jinja_env.from_string("{{ length|filesizeformat }}")

    def read_by(language: str, length: int) -> str:
        with portal.test_request_context(), as_read_by(language, "UTC"):
            return page.render(length=length)

    assert [read_by("en_GB", length) for length in (1, 999, 1000)] == ["1 byte", "999 bytes", "1.0 kB"]
    assert [read_by("fr", length) for length in (1, 999, 1000)] == ["1 octet", "999 octets", "1,0\u202fko"]
    assert [read_by("en_GB", length) for length in (999_949, 999_950)] == ["999.9 kB", "1.0 MB"]
    assert read_by("en_GB", 5 * 10**15) == "5,000.0 TB"


def test_a_mark_is_drawn_anew_once_a_build_has_replaced_the_files(
    portal: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn() -> str:
        with portal.app_context():
            return portal.jinja_env.from_string('{% import "components/ui.html" as ui %}{{ ui.icon("x") }}').render()

    assert drawn() == drawn()
    monkeypatch.setattr(assets, "manifest", lambda: {"icons.svg": "icons-NEW.svg"})
    assert "icons-NEW.svg#x" in drawn()
