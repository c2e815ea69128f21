"""The arrows of the house, held by an AST walk: who may import whom, who commits, what templates may carry."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import jit_portal
from jit_portal import extensions, resources
from jit_portal.identity.models import User
from tests import factories

ROOT = Path(jit_portal.__file__).parent
PACKAGES = ["identity", "jits", "workspaces", "files", "exhibits", "custody", "messages", "tasks", "notices"]
LAYERS = {"policy", "audit", "realtime", "web", "demo"}
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
ROLL_BACK = {"database.py", "web/errors.py", "realtime/sockets.py"}


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


def test_the_walk_sees_the_portal() -> None:
    seen = set(sources())
    assert {"database.py", "policy/asking.py", "exhibits/service.py", "messages/routes.py", "web/errors.py"} <= seen
    assert {package(path) for path in seen} == {"", *PACKAGES, *(LAYERS - {"demo"})}


@pytest.mark.parametrize("path", [path for path in sources() if path.endswith("/models.py")])
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


@cache
def calls_in(node: ast.AST) -> set[str]:
    return {ast.unparse(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)}


REGISTERING = {"Blueprint", "add_url_rule", "on", "on_event", "route"}
PUTS_REFUSALS_ON_RECORD = {
    "exhibits/delivery.py": "a range of a file that is refused reaches no verb",
    "identity/scim/routes.py": "a token that opens nothing reaches no verb",
}


@cache
def doors() -> list[str]:
    """Every module of the portal that registers an address, a socket's event or a job."""
    return [path for path in sources() if {name.split(".")[-1] for name in calls_in(tree(path))} & REGISTERING]


def test_every_address_and_event_is_registered_in_a_door(portal: Flask) -> None:
    views = {view.__module__ for view in portal.view_functions.values()}
    ours = {"/".join(name.split(".")[1:]) + ".py" for name in views if name.startswith("jit_portal.")}
    assert ours <= set(doors())
    assert {"realtime/sockets.py", "web/pages.py", "exhibits/jobs.py"} <= set(doors())


@pytest.mark.parametrize("path", [*doors(), "identity/scim/views.py"])
def test_what_registers_an_address_or_an_event_writes_nothing(path: str) -> None:
    calls = calls_in(tree(path))
    if path == "realtime/sockets.py":
        calls -= {"session().rollback"}  # after an error, so that the next event begins clean
    if path in PUTS_REFUSALS_ON_RECORD:
        assert "audit.refused" in calls
        calls -= {"audit.refused"}
    writing = {"add", "add_all", "delete", "merge", "rollback", "commit", "flush", "execute", "begin"}
    assert not {call for call in calls if "session()" in call and call.split(".")[-1] in writing}
    assert not {call for call in calls if call.startswith("audit.")}
    assert not {"transaction", "database.transaction", "insert", "update", "delete"} & calls


def test_only_the_database_commits() -> None:
    ends = {path: {*_methods_of_sessions(path)} & {"commit", "rollback"} for path in sources()}
    assert [path for path, ended in ends.items() if "commit" in ended] == ["database.py"]
    assert {path for path, ended in ends.items() if "rollback" in ended} == ROLL_BACK


def _methods_of_sessions(path: str) -> Iterator[str]:
    """The methods that are called on a session or a connection; a savepoint is neither."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = ast.unparse(node.func.value)
            if any(word in of for word in ("session", "connection", "current", "engine")):
                yield node.func.attr


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
    allowed = {"models", "database", "errors", "vocabulary", "policy"}
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


@pytest.mark.parametrize("path", [path for path in sources() if path.endswith("/models.py")])
def test_tables_point_down_the_order_of_packages(path: str) -> None:
    if package(path) not in PACKAGES:
        return
    used = {name.split(".")[1] for name in imports(path, *(f"jit_portal.{each}" for each in PACKAGES))}
    ranks = {name: PACKAGES.index(name) for name in used}
    assert all(rank <= PACKAGES.index(package(path)) for rank in ranks.values()), ranks


# --- logs

HARMLESS = {
    **dict.fromkeys(("error.slug", "provider.slug", "slug"), "the name of a national login"),
    **dict.fromkeys(
        ("error.detail", "refusal.detail", "refusal.why"), "what is wrong with a login, which names nobody"
    ),
    **dict.fromkeys(("job.id", "job.task_name"), "which job"),
    **dict.fromkeys(("str(file.id)", "str(file_id)", "object_name"), "made by the portal, and says nothing"),
    **dict.fromkeys(("type(error).__name__", "type(getattr(error, 'orig', error)).__name__"), "the kind of an error"),
}
HARMLESS_HERE = {
    ("files/service.py", "str(error)"): "sealing.Tampered: which chunk of the stored bytes does not open",
    ("realtime/sockets.py", "str(person.id)"): "who is signed in",
    ("realtime/sockets.py", "name"): "the first characters of an event's name, and nothing of what came with it",
    ("web/requests.py", "person_id"): "who is signed in",
    ("web/requests.py", "site"): "the first characters of the origin that a browser names",
}
OF_AN_ERROR = {"True", "error", "outcome"}
"""Of it the log keeps the places and kinds, never the message (tests/test_logs.py)."""
LEVELS = {"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log"}
SPEAKS_TO_OPERATORS = {"cli.py", "web/logs.py"}


def logging_calls(path: str) -> list[ast.Call]:
    """Every call of a level of something that logs."""
    return [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and re.search(r"\blog(ger|ging)?\b|getLogger", ast.unparse(node.func.value))
    ]


def more_than_harmless(call: ast.Call) -> list[str]:
    """What such a call says besides a fixed sentence and what is known to be harmless."""
    said = [
        ast.unparse(each) for each in call.args if not (isinstance(each, ast.Constant) and "%" not in str(each.value))
    ]
    for keyword in call.keywords:
        if keyword.arg == "exc_info":
            said += {ast.unparse(keyword.value)} - OF_AN_ERROR
        elif keyword.arg == "extra" and isinstance(keyword.value, ast.Dict):
            said += [
                ast.unparse(key) if key else "**" for key in keyword.value.keys if not isinstance(key, ast.Constant)
            ]
            said += {ast.unparse(value) for value in keyword.value.values} - HARMLESS.keys()
        else:
            said.append(ast.unparse(keyword))
    return said


def test_logs_say_fixed_sentences_and_what_is_harmless() -> None:
    calls = {path: logging_calls(path) for path in sources()}
    assert sum(map(len, calls.values())) > 15
    found = {(path, said) for path, each in calls.items() for call in each for said in more_than_harmless(call)}
    assert found == HARMLESS_HERE.keys()


def test_a_logger_is_called_log_and_nothing_else_is_said_aside() -> None:
    """So that the walk over the calls of ``log`` misses none."""
    for path in sources():
        assert_logger_is_log(path)


def assert_logger_is_log(path: str) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            named = {
                each.id if isinstance(each, ast.Name) else getattr(each, "attr", "") for each in ast.walk(node.value)
            }
            if named & {"log", "logger", "logging", "getLogger"} and path != "web/logs.py":
                assert ast.unparse(node) == "log = logging.getLogger(__name__)"
    if path not in SPEAKS_TO_OPERATORS:
        calls = {name.partition("(")[0] for name in calls_in(tree(path))}
        assert not {call for call in calls if call.startswith(("print", "pprint", "sys.std", "warnings."))}
        assert imports(path, "logging") in ([], ["logging"])


# --- one commit

COMMITS_MORE_THAN_ONCE = {
    "exhibits/bytes.py verify": "looks whether it is due before it reads the store, for minutes perhaps",
    "files/service.py _finish_if_whole": "one or the other",
    "files/service.py expire": "lists first what it ends one by one",
    "identity/endings.py hear": "looks for the login's row; what is refused is on record by itself",
    "identity/trying.py complete": "looks for the login's row; what is refused is on record by itself",
    "identity/trying.py leave": "looks for the test before it asks the login where to go",
    "identity/trying.py run": "looks for the login's row before it asks the login",
}
_READING = {
    *("audit/reading.py _stream", "files/service.py read_back", "files/service.py require_writing"),
    *("identity/scim/service.py _done", "identity/scim/service.py _one_of_many", "identity/scim/tokens.py holder"),
    *("identity/service.py _provider", "identity/service.py begin", "identity/trying.py begin_sign_in"),
}
_OF_A_SIGN_IN = {
    *("identity/attempts.py redeem", "identity/attempts.py start", "identity/attempts.py take"),
    *("identity/glass/challenges.py give", "identity/glass/challenges.py take"),
    *("identity/passkeys.py _challenge", "identity/passkeys.py _take_challenge"),
}
_WAITING = {"identity/waiting.py drop", "identity/waiting.py forget_what_is_over", "identity/waiting.py take_up"}
NOT_ON_RECORD = {
    **dict.fromkeys(_READING, "only reads"),
    **dict.fromkeys(_OF_A_SIGN_IN, "what is asked of a browser and works once; what it leads to is on record"),
    **dict.fromkeys(_WAITING, "a form that waits: what it asks for was not done yet, and is on record when it is"),
    **dict.fromkeys(("exhibits/windows.py tell_of_changes", "workspaces/windows.py tell_of_changes"), "only tells"),
    "exhibits/bytes.py append": "only tells; the bytes are on record when they are whole",
    "exhibits/pages.py visit": "her own mark of when she last looked",
    "identity/sessions.py _notice": "when a login was last seen",
    "messages/service.py read_until": "her own mark of what she has read",
    "notices/service.py read": "her own mark of what she has read",
    "notices/service.py read_all": "her own mark of what she has read",
    "audit/service.py refused": "is the record",
}


def functions(path: str) -> dict[str, ast.FunctionDef]:
    """Every function and method of a module, by its name."""
    return {node.name: node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)}


def transactions(function: ast.AST) -> list[ast.With]:
    return [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.With) and any(ast.unparse(item.context_expr) == "transaction()" for item in node.items)
    ]


@cache
def recording() -> set[tuple[str, str]]:
    """Every function, by its module, that puts something on record, itself or through another; a name that is called
    is looked for in its own module, and in those that it imports."""
    known = {("audit/service.py", "record"), ("audit/service.py", "refused")}
    while True:
        more = {
            (path, name)
            for path in sources()
            for name, function in functions(path).items()
            if (path, name) not in known and _leads_to(known, path, function)
        }
        if not more:
            return known
        known |= more


@cache
def _names_of(path: str) -> dict[str, tuple[str, str]]:
    """What each imported name stands for: a module, or a function of one."""
    found = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("jit_portal"):
            for alias in node.names:
                way = "/".join([*(node.module or "").split(".")[1:]])
                module = f"{way}/{alias.name}.py".lstrip("/")
                is_module = (ROOT / module).exists()
                found[alias.asname or alias.name] = (module, "") if is_module else (f"{way}.py", alias.name)
    return found


@cache
def _called(path: str, node: ast.AST) -> frozenset[tuple[str, str]]:
    parted = [call.partition(".") for call in calls_in(node)]
    stands_for = _names_of(path)
    return frozenset(
        (module, name or rest) for first, _, rest in parted for module, name in [stands_for.get(first, (path, first))]
    )


def _leads_to(known: set[tuple[str, str]], path: str, node: ast.AST) -> bool:
    return not known.isdisjoint(_called(path, node))


def test_a_verb_commits_once_what_it_does_and_its_record() -> None:
    several, unrecorded, beside = set(), set(), set()
    for path in sources():
        for name, function in functions(path).items():
            opened = transactions(function)
            where = f"{path} {name}"
            if len(opened) > 1:
                several.add(where)
            if opened and not any(
                _leads_to(recording(), path, statement) for each in opened for statement in each.body
            ):
                unrecorded.add(where)
            inside = {id(node) for each in opened for node in ast.walk(each)}
            outside = [node for node in ast.walk(function) if isinstance(node, ast.Call) and id(node) not in inside]
            if opened and "audit.record" in {ast.unparse(node.func) for node in outside}:
                beside.add(where)
    assert several == COMMITS_MORE_THAN_ONCE.keys()
    assert unrecorded == NOT_ON_RECORD.keys()
    assert beside == set()


# --- templates

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


# --- starting


def test_what_few_speak_is_not_loaded_before_somebody_does() -> None:
    """It takes as long to load as all the rest, most processes never need it, and SAML need not be installed."""
    asked = "import sys, jit_portal.portal; print(*{'scim2_models', 'saml2', 'defusedxml', 'flask'} & {*sys.modules})"
    answer = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert answer.stdout.split() == ["flask"]


# --- forms from elsewhere

WITH_A_TOKEN = {
    *("create", "delete", "index", "offered", "replace", "resource_type", "resource_types", "schema", "schemas"),
    *("search", "search_all", "show", "update"),
}
EXEMPT_FROM_CSRF = {
    "jit_portal.identity.routes.farewell",
    "jit_portal.identity.saml_routes.bring",
    "jit_portal.identity.saml_routes.callback",
    *(f"jit_portal.identity.scim.routes.{name}" for name in WITH_A_TOKEN),
}


@pytest.mark.usefixtures("portal")
def test_only_what_comes_from_a_provider_or_a_directory_is_exempt_from_csrf(portal: Flask) -> None:
    assert set(extensions.csrf._exempt_views) == EXEMPT_FROM_CSRF
    assert not extensions.csrf._exempt_blueprints
    assert portal.config.get("WTF_CSRF_ENABLED", True)
    assert portal.config.get("WTF_CSRF_CHECK_DEFAULT", True)


def test_every_writing_address_refuses_a_form_without_token(
    portal: Flask, app: Flask, browse: Callable[[User], FlaskClient]
) -> None:
    client = browse(factories.world()["fr_leader"])
    writing = {"POST", "PUT", "PATCH", "DELETE"}
    asked = 0
    for rule in portal.url_map.iter_rules():
        methods = (rule.methods or set()) & writing
        view = portal.view_functions[rule.endpoint]
        if f"{view.__module__}.{view.__name__}" in EXEMPT_FROM_CSRF:
            continue
        values: dict[str, Any] = dict.fromkeys(rule.arguments, "00000000-0000-4000-8000-000000000000")
        with portal.test_request_context(base_url="https://localhost"):
            address = portal.url_for(rule.endpoint, **values) if methods else ""
        for method in methods:
            answer = client.open(address, method=method, base_url="https://localhost")
            assert answer.status_code == 400, f"{method} {rule.rule}: {answer.status_code}"
            asked += 1
    assert asked > 10
