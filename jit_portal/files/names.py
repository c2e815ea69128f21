"""What a file may be called when it enters the vault."""

from jit_portal import typed
from jit_portal.errors import Invalid
from jit_portal.wording import gettext

LONGEST = 255


def checked(name: str) -> str:
    """``name`` as it is, or ``Invalid`` with the reason in plain words; nothing is mended silently."""
    if not name.strip():
        raise Invalid(gettext("The file has no name."), field="filename")
    if "/" in name or "\\" in name or name.strip() in (".", ".."):
        raise Invalid(gettext("The file name contains a path: name the file alone, without folders."), field="filename")
    if typed.turns(name):
        raise Invalid(
            gettext("The file name contains characters that turn the writing direction and can hide its true ending."),
            field="filename",
        )
    if typed.is_broken(name):
        raise Invalid(gettext("The file name contains control characters."), field="filename")
    if len(name.encode()) > LONGEST:
        raise Invalid(gettext("The file name is longer than 255 bytes."), field="filename")
    return name
