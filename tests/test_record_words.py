"""Every act, refusal and detail on record has a name that a reader understands, and no name is left over."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

import jit_portal
from jit_portal.audit import showing, words
from jit_portal.realtime.sockets import EVENTS
from tests.test_routes import OPEN_TO_ALL

ROOT = Path(jit_portal.__file__).parent
NOT_LITERAL = {
    "exhibits/bytes.py": {"exhibit.read", "exhibit.downloaded", "file.verified", "file.mismatch"},
    "files/service.py": {"file.cancelled", "file.expired"},
    "identity/registry.py": {"provider.entered", "provider.changed"},
}
"""Acts that a verb hands to the function that records them."""
OUTSIDE_JITS = "identity/"
"""What is recorded there goes on the portal's own chain, which stands on no page."""


def recording() -> Iterator[tuple[str, ast.Call]]:
    for path in ROOT.rglob("*.py"):
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("audit.record", "service.record"):
                yield name, node


def literals(act: ast.expr) -> set[str]:
    """The acts that this argument can be, as far as they are written there."""
    if isinstance(act, ast.IfExp):
        return literals(act.body) | literals(act.orelse)
    return {str(act.value)} if isinstance(act, ast.Constant) else set()


def test_every_act_has_a_name() -> None:
    found: dict[str, set[str]] = {path: set() for path, _ in recording()}
    for path, call in recording():
        written = literals(call.args[1])
        assert written or path in NOT_LITERAL, f"{path}:{call.lineno}: which acts are these?"
        found[path] |= written
    source = {path: (ROOT / path).read_text("utf-8") for path in NOT_LITERAL}
    for path, acts in NOT_LITERAL.items():
        assert all(act in source[path] or act in ("file.verified", "file.mismatch") for act in acts)
        found[path] |= acts
    assert len(set().union(*found.values())) > 50
    assert set().union(*found.values()) == words.ACTS.keys()


def test_whatever_can_be_refused_about_a_jit_has_a_name(app: Flask) -> None:
    asked = {rule.endpoint for rule in app.url_map.iter_rules() if rule.arguments}
    asked -= OPEN_TO_ALL | {"static"}
    tried = (
        {endpoint.removesuffix("_submit") for endpoint in asked}
        | set(EVENTS)
        | {"uploads.create", "identity.end_other_logins"}
    )
    assert tried == words.TRIED.keys()


def test_every_detail_has_a_name() -> None:
    said = {"status", "may", "noun"}
    for path, call in recording():
        if not path.startswith(OUTSIDE_JITS):
            said |= {keyword.arg for keyword in call.keywords if keyword.arg not in ("also", "quietly", None)}
    assert said == showing.NAMES.keys() | showing.FOR_MACHINES


@pytest.mark.parametrize("act", ["exhibits.release", "exhibits.release_submit"])
def test_a_form_and_what_it_sends_are_one_thing_tried(app: Flask, act: str) -> None:
    with app.test_request_context():
        assert words.label(act) == "Release an exhibit"
        assert words.alike(act) == {"exhibits.release", "exhibits.release_submit"}
        assert words.label("no.such") == "no.such"
