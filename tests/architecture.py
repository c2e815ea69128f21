"""What tests of the house's rules walk over: the modules of the portal as syntax, and what each imports and calls."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import jit_portal

ROOT = Path(jit_portal.__file__).parent
PACKAGES = ["identity", "jits", "workspaces", "files", "exhibits", "custody", "messages", "tasks", "notices"]
LAYERS = {"policy", "audit", "realtime", "web", "demo"}


def sources() -> list[str]:
    """Every module of the portal but the demo, which is another program, by its path in the package."""
    found = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py"))
    return [path for path in found if not path.startswith("demo/")]


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"))


def imported(module: ast.AST) -> Iterator[str]:
    """What a module imports, as ``package.module`` and as ``package.module.name``."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole way"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(path: str, *prefixes: str) -> list[str]:
    return [name for name in imported(tree(path)) if any(name == p or name.startswith(f"{p}.") for p in prefixes)]


def package(path: str) -> str:
    return path.split("/")[0] if "/" in path else ""


@cache
def calls_in(node: ast.AST) -> set[str]:
    return {ast.unparse(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)}
