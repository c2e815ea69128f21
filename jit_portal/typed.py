"""Which letters typed text may hold, by verb and by form alike: every script and sign, and nothing that hides."""

import unicodedata

from jit_portal.errors import Invalid
from jit_portal.wording import gettext

_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def line(text: str, field: str | None = None) -> str:
    """``text`` as it is; Invalid where it is not one line, or would turn the writing direction of what is around it."""
    if turns(text) or is_broken(text):
        raise Invalid(gettext("Write this in one line, without control or direction characters."), field=field)
    return text


def lines(text: str, field: str | None = None) -> str:
    """``text`` with one kind of line end; Invalid where it holds control characters, which show nothing."""
    if any(letter not in "\n\r\t" and unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise Invalid(gettext("This contains control characters."), field=field)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def turns(text: str) -> bool:
    """Whether a letter turns the writing direction of what stands around it, as no letter of a script does."""
    return any(letter in _TURNING for letter in text)


def is_broken(text: str) -> bool:
    """Whether it holds a line break, a control character or half a letter."""
    return any(unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Cs") for letter in text)
