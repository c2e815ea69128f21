"""The marks of what is said: hostile ones are text, plain ones work."""

import pytest

from jit_portal.messages.text import LONGEST
from jit_portal.web.markup import Pointer, render


@pytest.mark.parametrize(
    "typed",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://example.org/track.png)",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&colon;alert(1))",
        "[x](data:text/html,<script>1</script>)",
        "[x](/sign-out)",
        "[x](//example.org)",
        "[x](http://example.org)",
        "<javascript:alert(1)>",
        '[x](https://example.org "onmouseover=alert(1)")',
        "<svg/onload=alert(1)>",
        "[x]: javascript:alert(1)\n\n[x]",
        '<a href="https://example.org" onclick="x()">x</a>',
        "&lt;script&gt;",
        "\\<b onclick=1>",
    ],
)
def test_hostile_markup_is_text(typed: str) -> None:
    html = str(render(typed))
    tags = {piece.split(">")[0].split()[0].strip("/") for piece in html.split("<")[1:]}
    assert tags <= {"p", "a", "br"}
    for link in html.split("<a ")[1:]:
        assert link.startswith(('href="https://example.org" rel=', 'href="https://example.org/'))
        assert "title" not in link.split(">")[0]
        assert "onclick" not in link.split(">")[0]


def test_plain_marks_work_and_headings_do_not() -> None:
    assert "<strong>b</strong>" in render("**b**")
    assert "<li>one</li>" in render("- one")
    assert "<h1" not in render("# Title")
    assert '<a href="https://example.org/a" rel="noopener noreferrer nofollow">' in render("see https://example.org/a.")
    assert '<a href="mailto:a@b.example"' in render("<a@b.example>")
    assert "one<br>" in render("one\ntwo")


def test_a_hidden_word_is_hidden_everywhere() -> None:
    pointers = {"#FR-0012": Pointer("hidden", is_unseen=True), "FR-0012": Pointer("hidden", is_unseen=True)}
    places = "#FR-0012 fr-0012 `#FR-0012` [#FR-0012](https://example.org/FR-0012) https://example.org/#FR-0012"
    assert "0012" not in render(f"{places}\n\n    #FR-0012", pointers)


def test_ten_thousand_brackets_are_rendered_at_once() -> None:
    assert render("[" * LONGEST).count("[") == LONGEST
