"""What a file may be called when it enters the vault."""

import unicodedata

from jit_portal.errors import Invalid
from jit_portal.wording import gettext

LONGEST = 255
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSEEN = ("Cc", "Zl", "Zp", "Cs")


def checked(name: str) -> str:
    """``name`` as it is, or ``Invalid`` with the reason in plain words; nothing is mended silently."""
    if not name.strip():
        raise Invalid(gettext("The file has no name."), field="filename")
    if "/" in name or "\\" in name or name.strip() in (".", ".."):
        raise Invalid(gettext("The file name contains a path: name the file alone, without folders."), field="filename")
    if any(letter in _TURNING for letter in name):
        raise Invalid(
            gettext("The file name contains characters that turn the writing direction and can hide its true ending."),
            field="filename",
        )
    if any(unicodedata.category(letter) in _UNSEEN for letter in name):
        raise Invalid(gettext("The file name contains control characters."), field="filename")
    if len(name.encode()) > LONGEST:
        raise Invalid(gettext("The file name is longer than 255 bytes."), field="filename")
    return name
