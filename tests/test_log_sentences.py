"""What may be said in the log, held by an AST walk: fixed sentences, and values that are known to be harmless."""

import ast
import re

from tests.architecture import calls_in, imports, sources, tree

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
    ("web/logs.py", "record.name"): "a library's own logger",
    ("web/requests.py", "person_id"): "who is signed in",
    ("web/requests.py", "site"): "the first characters of the origin that a browser names",
}
OF_AN_ERROR = {"True", "error", "outcome"}
"""Of it the log keeps the places and kinds, never the message (tests/test_logs.py)."""
LEVELS = {"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log"}
SPEAKS_TO_OPERATORS = {"cli.py", "verifying.py", "web/logs.py"}


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
