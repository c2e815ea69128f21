"""The table of what could deceive a sign-in names tests and modules that are there, in every row."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
PORTAL = TESTS.parent / "jit_portal"
ROWS = [line for line in (TESTS / "sign-in.md").read_text().splitlines() if line.startswith("| ")]
HEADS = {"way", "it ends", "trap", "requirement"}


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def rows() -> Iterator[tuple[str, str, str]]:
    """What each row is about, its modules and its tests."""
    for row in ROWS:
        about, *_, modules, tests = cells(row)
        if about not in HEADS:
            yield about, modules, tests


@cache
def known(file: str) -> set[str]:
    """Every test of this file, by its name, or by that of its class and its own."""
    body = ast.parse((TESTS / file).read_text()).body
    classes = [each for each in body if isinstance(each, ast.ClassDef)]
    within = {f"{each.name}::{name}" for each in classes for name in names_of(each.body)}
    return names_of(body) | within


def names_of(body: list[ast.stmt]) -> set[str]:
    return {each.name for each in body if isinstance(each, ast.FunctionDef)}


def is_there(name: str) -> bool:
    file, _, test = name.partition("::")
    return (TESTS / file).is_file() and test in known(file)


def named(cell: str) -> list[str]:
    assert re.fullmatch(r"`[^`]+`( `[^`]+`)*", cell), f"only names stand in {cell!r}"
    return re.findall(r"`([^`]+)`", cell)


def test_every_test_that_is_named_is_there() -> None:
    missing = {about: [each for each in named(tests) if not is_there(each)] for about, _, tests in rows()}
    assert {about: names for about, names in missing.items() if names} == {}


def test_every_module_that_is_named_is_there() -> None:
    missing = {
        about: [each for each in named(modules) if not (PORTAL / each).is_file()] for about, modules, _ in rows()
    }
    assert {about: names for about, names in missing.items() if names} == {}


def test_nothing_stands_there_twice() -> None:
    found = [about for about, _, _ in rows()]
    assert len(found) > 80
    assert len(set(found)) == len(found)
