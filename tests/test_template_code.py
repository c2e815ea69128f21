"""What could run in a page, held by a walk: no template carries code, and no name stands in a lazy text."""

import ast
import re
from functools import cache

from jit_portal import resources
from tests.architecture import sources, tree

FORBIDDEN = {
    "|safe": re.compile(r"\|\s*safe\b"),
    "autoescape off": re.compile(r"{%-?\s*autoescape\s+false"),
    "inline style": re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE),
    "style element": re.compile(r"<style\b", re.IGNORECASE),
    "inline script": re.compile(r"<script\b(?![^>]*\bsrc=)", re.IGNORECASE),
    "on… attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "javascript: address": re.compile(r"javascript:", re.IGNORECASE),
    "hx-on": re.compile(r"\bhx-on\b|hx-vals\s*=\s*[\"']js:", re.IGNORECASE),
    "address outside": re.compile(r"(?:src|href|action)\s*=\s*[\"']\s*(?:https?:)?//", re.IGNORECASE),
}


def test_templates_carry_no_code() -> None:
    found = {path: faults_of(path.read_text("utf-8")) for path in resources.TEMPLATES.rglob("*.html")}
    assert len(found) > 100
    assert {path: faults for path, faults in found.items() if faults} == {}


def faults_of(text: str) -> set[str]:
    text = re.sub(r"{#.*?#}", "", text, flags=re.DOTALL)
    found = {fault for fault, pattern in FORBIDDEN.items() if pattern.search(text)}
    # The importmap or settings that a page hands to its scripts are data, under the nonce of its policy.
    if "inline script" in found and all('type="application/json"' in tag for tag in _scripts_without_source(text)):
        found -= {"inline script"}
    return found


def _scripts_without_source(text: str) -> list[str]:
    return [tag for tag in re.findall(r"<script\b[^>]*>", text, re.IGNORECASE) if "src=" not in tag]


def test_faults_in_templates_are_seen() -> None:
    for fault, example in {
        "|safe": "{{ text | safe }}",
        "inline style": '<p class="a" style="color: red">',
        "inline script": "<script>alert(1)</script>",
        "on… attribute": '<a href="/" onclick="go()">',
        "address outside": '<script src="//cdn.example/x.js">',
    }.items():
        assert faults_of(example) == {fault}


NO_NAMES = {"number", "least", "most", "day"}


def test_no_name_stands_in_a_lazy_text() -> None:
    """Such a text passes for HTML where a template shows it, with whatever stands in it."""
    said = {
        (path, ast.unparse(call.func), keyword.arg)
        for path in sources()
        for call in ast.walk(tree(path))
        if isinstance(call, ast.Call)
        for keyword in call.keywords
    }
    assert {(path, value) for path, name, value in said if name in lazy(path) and value not in NO_NAMES} == set()
    assert {value for path, name, value in said if name in lazy(path)} == NO_NAMES


@cache
def lazy(path: str) -> set[str]:
    """What lazy gettext is called in a module."""
    names = (node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom))
    each = (alias for node in names for alias in node.names if alias.name.startswith("lazy_"))
    return {alias.asname or alias.name for alias in each}
