"""What people type: made fit to keep without changing a letter, and searched for the words that point at something."""

import re
from collections.abc import Iterable

from jit_portal.errors import Invalid
from jit_portal.typed import LINE_ENDS, shows
from jit_portal.wording import gettext

LONGEST = 10_000
MOST_REFERENCES = 20

_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_HASHED = re.compile(r"(?<![\w#/&])#([A-Za-z][A-Za-z0-9]{0,11}-\d{1,9})(?![\w-])")
_KEYED = re.compile(r"(?<![\w#@/.-])([A-Z][A-Z0-9]{0,7}-\d{1,9})(?![\w-])")


def clean(typed: str) -> str:
    """The text as it is kept: one kind of line end, no control characters, no blank edges, all else as it was typed.

    Invalid when nothing visible is left, when it is longer than ``LONGEST`` characters, or when it is not text at all.
    """
    text = _CONTROLS.sub("", LINE_ENDS.sub("\n", typed)).strip()
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Invalid(gettext("This text is damaged: it holds half a character."), field="text")
    if not shows(text):
        raise Invalid(gettext("Write something first."), field="text")
    if len(text) > LONGEST:
        counted = {"most": f"{LONGEST:,}", "has": f"{len(text):,}"}
        raise Invalid(gettext("A message holds %(most)s characters; this one has %(has)s.", **counted), field="text")
    return text


def hashed_words(text: str) -> list[str]:
    """What stands after a ``#`` and looks like a reference or a key, in capitals."""
    return list(dict.fromkeys(word.upper() for word in _HASHED.findall(text)))


def keyed_words(text: str) -> list[str]:
    """What looks like a task's key, with or without ``#``."""
    return list(dict.fromkeys([*hashed_words(text), *_KEYED.findall(text)]))


def place_of(word: str, text: str) -> int | None:
    """Where a reference or key first stands in the text, with or without ``#`` and in any case; None when nowhere."""
    found = re.search(rf"(?<!\w){re.escape(word.removeprefix('#'))}(?!\w)", text, re.IGNORECASE)
    return found.start() if found else None


def may_point(text: str) -> bool:
    """Whether any word in it looks as if it pointed at something."""
    return "@" in text or bool(_HASHED.search(text) or _KEYED.search(text))


def mentioned(text: str, names: Iterable[str]) -> set[str]:
    """Those of ``names`` that stand in the text after an ``@``, in any case; the longest name that fits wins."""
    ordered = sorted({name for name in names if name}, key=len, reverse=True)
    if not ordered or "@" not in text:
        return set()
    folded = {name.casefold(): name for name in reversed(ordered)}
    found = re.compile(rf"(?<!\w)@({'|'.join(map(re.escape, ordered))})(?!\w)", re.IGNORECASE).findall(text)
    return {folded[name.casefold()] for name in found if name.casefold() in folded}
