"""Markdown from people: a few plain marks, links that leave the portal safely, and words that point at things here."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup, escape

_REFERENCE = re.compile(r"(?<![\w&#])[A-Z][A-Z0-9]{0,11}-\d{1,9}(?!\w)")
SCHEMES = frozenset({"https", "mailto"})

_TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "span", "bdi"}
_ATTRIBUTES = {"a": {"href"}, "span": {"data-person"}, "ol": {"start"}}
_CLASSES = {"a": {"is-reference"}, "span": {"is-mention", "is-unseen"}}
_ADDRESS = re.compile(r"https://[^\s<>\"'`|\\^{}]+[^\s<>\"'`|\\^{}.,;:!?)\]*_~]")


@dataclass(frozen=True)
class Pointer:
    """What a word becomes: ``text`` shown in its place, as a link when there is an ``address``.

    ``person`` is the id of somebody mentioned, so that their own browser can tell; ``is_unseen`` hides what was typed.
    """

    text: str
    address: str = ""
    person: str = ""
    is_unseen: bool = False


def render(text: str, pointers: Mapping[str, Pointer] | None = None) -> Markup:
    """HTML of a person's text; ``pointers`` say what words stand for, in any case: ``@Name``, ``#FR-0012``, ``LAN-12``.

    No raw HTML, no pictures, no headings; links to https and mailto only. A pointer's word is replaced wherever it
    stands, in code and in links too, so that what is not shown to the reader is shown nowhere.
    """
    known = {word.casefold(): pointer for word, pointer in (pointers or {}).items()}
    parser = _PLAIN if text.count("[") > _MOST_BRACKETS else _MARKDOWN
    html = parser.render(text, {"pointers": known, "pattern": _pattern(known)})
    return Markup(_CLEANER.clean(html))  # noqa: S704 - this is where text is made safe


def unbroken(text: str) -> Markup:
    """A sentence whose references and keys stay in one line each, hyphen and all."""
    return Markup(_REFERENCE.sub(r'<span class="unbroken">\g<0></span>', str(escape(text))))  # noqa: S704 - escaped


def _pattern(known: Mapping[str, Pointer]) -> re.Pattern[str] | None:
    if not known:
        return None
    words = "|".join(re.escape(word) for word in sorted(known, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{words})(?![\w])", re.IGNORECASE)


def _leaves_safely(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme.lower() in SCHEMES and bool(parts.netloc or parts.scheme.lower() == "mailto")


def _point(state: StateCore) -> None:
    """Put pointers and bare addresses in the place of their words."""
    for block in state.tokens:
        if block.type in ("fence", "code_block"):
            block.content = _hide(block.content, state.env)
        if block.children:
            block.children = _pointed(block.children, state.env)


def _pointed(tokens: Sequence[Token], env: Mapping[str, object]) -> list[Token]:
    made: list[Token] = []
    links: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            address = str(token.attrs.get("href", ""))
            token.attrs = {"href": address}
            links.append(_hide(address, env) == address)
        if token.type == "link_close" and not links.pop():
            continue
        if token.type == "link_open" and not links[-1]:
            continue
        if token.type == "code_inline" or (token.type == "text" and links):
            token.content = _hide(token.content, env)
            made.append(token)
        elif token.type == "text":
            made += _split(token.content, env)
        else:
            made.append(token)
    return made


def _hide(text: str, env: Mapping[str, object]) -> str:
    """The text with the words that this reader may not read replaced."""
    pattern, known = env["pattern"], env["pointers"]
    if not isinstance(pattern, re.Pattern) or not isinstance(known, dict):
        return text

    def instead(found: "re.Match[str]") -> str:
        pointer = known[found.group().casefold()]
        return str(pointer.text) if pointer.is_unseen else found.group()

    return pattern.sub(instead, text)


def _split(text: str, env: Mapping[str, object]) -> list[Token]:
    pattern, known = env["pattern"], env["pointers"]
    pieces = _cut(text, _ADDRESS, lambda address: _link(address) if _hide(address, env) == address else _text(address))
    if not isinstance(pattern, re.Pattern) or not isinstance(known, dict):
        return pieces
    made: list[Token] = []
    for piece in pieces:
        if piece.type == "text":
            made += _cut(piece.content, pattern, lambda word: _pointer(known[word.casefold()]))
        else:
            made.append(piece)
    return made


def _cut(text: str, pattern: re.Pattern[str], make: Callable[[str], Token]) -> list[Token]:
    made: list[Token] = []
    start = 0
    for found in pattern.finditer(text):
        made += [_text(text[start : found.start()]), make(found.group())]
        start = found.end()
    return [token for token in [*made, _text(text[start:])] if token.content]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _html(content: str) -> Token:
    return Token("html_inline", "", 0, content=content)


def _link(address: str) -> Token:
    return _html(str(Markup('<a href="{0}">{0}</a>').format(address)))


def _pointer(pointer: Pointer) -> Token:
    if pointer.is_unseen:
        return _html(str(Markup('<span class="is-unseen">{0}</span>').format(pointer.text)))
    if pointer.person:
        marked = Markup('<span class="is-mention" data-person="{0}"><bdi>{1}</bdi></span>')
        return _html(str(marked.format(pointer.person, pointer.text)))
    return _html(
        str(Markup('<a class="is-reference" href="{0}"><bdi>{1}</bdi></a>').format(pointer.address, pointer.text))
    )


def _make(rules: str) -> MarkdownIt:
    parser = MarkdownIt(rules, {"html": False, "breaks": True}).enable("newline")
    parser.validateLink = _leaves_safely  # type: ignore[method-assign]
    parser.core.ruler.push("point", _point)
    return parser


_MARKDOWN = _make("commonmark").enable("strikethrough")
_MARKDOWN.disable(["heading", "lheading", "hr", "html_block", "html_inline", "reference", "image"])
# Looking for the end of each of 10,000 opening brackets takes half a second; no writing needs that many.
_MOST_BRACKETS = 200
_PLAIN = _make("zero")
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes={"*": set(), **_ATTRIBUTES},
    allowed_classes=_CLASSES,
    url_schemes=set(SCHEMES),
    link_rel="noopener noreferrer nofollow",
)
