"""The arrows of the house, held by an AST walk: who may import whom, and who knows what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import LAYERS, PACKAGES, ROOT, imported, imports, package, sources, tree

BARE = {"vocabulary", "errors", "config", "resources", "wording", "typed"}

# What comes from these belongs to one request or one socket, and a verb knows of neither.
OF_A_REQUEST = ("flask", "flask_login", "flask_wtf", "flask_socketio", "werkzeug", "wtforms", "jit_portal.realtime")
SAME_CLOCK = {"workspaces", "exhibits", "custody", "messages", "tasks", "notices"}
ONLY_LOOKS = {
    "exhibits/descriptions.py",
    "exhibits/entrusting_routes.py",
    "messages/showing.py",
    "notices/reading.py",
    "tasks/pages.py",
    "workspaces/overview.py",
}


def test_the_walk_sees_the_portal() -> None:
    seen = set(sources())
    assert {"database.py", "policy/asking.py", "exhibits/service.py", "messages/routes.py", "web/errors.py"} <= seen
    assert {package(path) for path in seen} == {"", *PACKAGES, *(LAYERS - {"demo"})}


def models() -> list[str]:
    """Modules that hold tables: ``models``, or in a package with many of them ``…_models``."""
    return [path for path in sources() if path.endswith(("/models.py", "_models.py"))]


@pytest.mark.parametrize("path", models())
def test_models_know_neither_policy_nor_flask_nor_verbs(path: str) -> None:
    wrong = imports(
        path, "jit_portal.policy", "jit_portal.audit.service", "jit_portal.web", *OF_A_REQUEST, "flask_babel"
    )
    # Only what marks the person as somebody who can be signed in, without a request.
    allowed = {"flask_login", "flask_login.UserMixin"} if path == "identity/models.py" else set()
    assert [name for name in wrong if name not in allowed] == []
    assert [name for name in imports(path, "jit_portal") if name.split(".")[2:3] not in ([], ["models"])] == [
        name for name in imports(path, "jit_portal.database", "jit_portal.vocabulary") if name.count(".") > 1
    ], "models import models, the database and the vocabulary"


def verbs() -> list[str]:
    """Modules of a feature in which things change: everything that is not a model, a form, an address or an event."""
    outer = {"forms.py", "routes.py", "sockets.py", "pages.py", "delivery.py", "uploads.py", "jobs.py"}
    return [
        path
        for path in sources()
        if package(path) in PACKAGES
        and Path(path).name not in outer
        and not Path(path).name.endswith("_routes.py")
        and _changes(path)
    ]


def _changes(path: str) -> bool:
    """It opens a transaction, puts something on record, or is a service by name."""
    if Path(path).name == "service.py":
        return True
    calls = {ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}
    return bool(calls & {"transaction", "audit.record", "session().add", "session().add_all"})


@pytest.mark.parametrize("path", verbs())
def test_verbs_know_no_request_and_no_socket(path: str) -> None:
    assert imports(path, *OF_A_REQUEST, "jit_portal.web") == []
    names = {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
    assert not names & {"current_user", "request", "current_app", "viewer"}


def test_moments_in_a_jit_are_the_database_s() -> None:
    """A window is compared with the database's clock, so its beginning and end come from there; a page may look."""
    of_a_jit = [path for path in sources() if package(path) in SAME_CLOCK]
    assert {path for path in of_a_jit if "datetime.now" in ast.unparse(tree(path))} == ONLY_LOOKS


def test_there_are_verbs_to_look_at() -> None:
    assert {f"{name}/service.py" for name in ("exhibits", "messages", "tasks", "jits", "identity")} <= set(verbs())


def test_no_imports_inside_functions() -> None:
    functions = [
        (path, node)
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    ]
    assert len(functions) > 1000
    assert [(path, name) for path, function in functions for name in imported(function)] == []


def test_nobody_uses_what_another_keeps_private() -> None:
    used = [(path, name, name.split(".")[-1]) for path in sources() for name in imports(path, "jit_portal")]
    assert len(used) > 1000
    assert [(path, name) for path, name, last in used if last.startswith("_") and not last.endswith("__")] == []


@pytest.mark.parametrize("path", [path for path in sources() if package(path) == "policy"])
def test_policy_knows_models_only(path: str) -> None:
    assert imports(path, *OF_A_REQUEST, "jit_portal.web", "jit_portal.audit.service") == []
    allowed = {"models", "sign_in_models", "database", "errors", "vocabulary", "policy"}
    ours = {tuple(name.split(".")[1:]) for name in imports(path, "jit_portal")}
    assert {each for each in ours if each and not set(each) & allowed} == {each for each in ours if len(each) == 1} - {
        ("database",),
        ("errors",),
        ("policy",),
        ("vocabulary",),
    }


@pytest.mark.parametrize("path", [f"{name}.py" for name in sorted(BARE | {"database"})])
def test_ground_floor_imports_nothing_above(path: str) -> None:
    above = imports(path, *(f"jit_portal.{name}" for name in [*PACKAGES, *LAYERS]))
    assert above == []


def modules_it_imports(path: str) -> set[str]:
    """Modules of the portal that this one loads, by path."""
    found = set()
    for name in imports(path, "jit_portal"):
        way = "/".join(name.split(".")[1:])
        found |= {each for each in (f"{way}.py", f"{way}/__init__.py") if way and (ROOT / each).exists()}
    return found - {path}


def test_no_module_imports_in_a_circle() -> None:
    graph = {path: modules_it_imports(path) for path in sources()}
    done: set[str] = set()

    def walk(path: str, way: list[str]) -> None:
        assert path not in way, " → ".join([*way[way.index(path) :], path])
        if path in done:
            return
        for target in sorted(graph.get(path, ())):
            walk(target, [*way, path])
        done.add(path)

    for path in graph:
        walk(path, [])


@pytest.mark.parametrize("path", models())
def test_tables_point_down_the_order_of_packages(path: str) -> None:
    if package(path) not in PACKAGES:
        return
    used = {name.split(".")[1] for name in imports(path, *(f"jit_portal.{each}" for each in PACKAGES))}
    ranks = {name: PACKAGES.index(name) for name in used}
    assert all(rank <= PACKAGES.index(package(path)) for rank in ranks.values()), ranks


def test_what_few_speak_is_not_loaded_before_somebody_does() -> None:
    """It takes as long to load as all the rest, most processes never need it, and SAML need not be installed."""
    asked = "import sys, jit_portal.portal; print(*{'scim2_models', 'saml2', 'defusedxml', 'flask'} & {*sys.modules})"
    answer = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert answer.stdout.split() == ["flask"]
