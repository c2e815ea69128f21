"""Who writes and who commits, held by an AST walk: a verb does, once, what it does and its record."""

import ast
from collections.abc import Iterator
from functools import cache

import pytest
from flask import Flask

from tests.architecture import ROOT, calls_in, sources, tree

ROLL_BACK = {"database.py", "web/errors.py", "realtime/sockets.py"}
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


COMMITS_MORE_THAN_ONCE = {
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
    "exhibits/releasing.py begin": "only tells; the release is on record with when it begins",
    "exhibits/bytes.py append": "only tells; the bytes are on record when they are whole",
    "exhibits/pages.py visit": "her own mark of when she last looked",
    "identity/sessions.py _notice": "when a login was last seen",
    "messages/service.py tell_of_writing": "only tells",
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
