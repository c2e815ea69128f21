"""Which letters typed text may hold, by verb and by form alike: every script and sign, and none that hides another."""

import re
import unicodedata

from jit_portal.errors import Invalid
from jit_portal.wording import gettext

LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029\x85\x0b\x0c]")

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_CLOSING = dict.fromkeys("\u202a\u202b", "\u202c") | dict.fromkeys("\u2066\u2067\u2068", "\u2069")
"""Which mark ends what the other begins. Those that show letters in another order than their own are not among them."""


def unwrapped(text: str) -> str:
    """``text`` without blanks around it, and without the direction marks that a contact list puts around a number."""
    first, end = 0, len(text)
    while first < end:
        if text[first].isspace():
            first += 1
        elif text[end - 1].isspace():
            end -= 1
        elif end - first > 1 and _CLOSING.get(text[first]) == text[end - 1]:
            first, end = first + 1, end - 1
        else:
            break
    return text[first:end]


def line(text: str, field: str | None = None) -> str:
    """``text`` with blanks for tabs, as they come from a table, and none around it; Invalid where it is not one line,
    or would turn the writing direction of what is around it.
    """
    text = unwrapped(text.replace("\t", " "))
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
