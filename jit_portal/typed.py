"""Which letters typed text may hold, by verb and by form alike: every script and sign, and none that hides another."""

import re
import unicodedata

from jit_portal.errors import Invalid
from jit_portal.wording import gettext

LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029\x85\x0b\x0c]")

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def line(text: str, field: str | None = None) -> str:
    """``text`` with blanks for tabs, as they come from a table; Invalid where it is not one line, or would turn the
    writing direction of what is around it.
    """
    text = text.replace("\t", " ")
    if turns(text) or is_broken(text):
        raise Invalid(gettext("Write this in one line, without control or direction characters."), field=field)
    return text


def lines(text: str, field: str | None = None) -> str:
    """``text`` with one kind of line end, as other programs write them; Invalid where it holds control characters."""
    text = LINE_ENDS.sub("\n", text)
    if any(letter not in "\n\t" and unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise Invalid(gettext("This contains control characters."), field=field)
    return text


def shows(text: str) -> bool:
    """Whether anything of it can be seen."""
    return any(unicodedata.category(letter) not in _UNSEEN for letter in text)


def turns(text: str) -> bool:
    """Whether a letter turns the writing direction of what stands around it, as no letter of a script does."""
    return any(letter in _TURNING for letter in text)


def is_broken(text: str) -> bool:
    """Whether it holds a line break, a control character or half a letter."""
    return any(unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Cs") for letter in text)
