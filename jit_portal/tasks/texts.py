"""What is typed into titles, descriptions and reasons, as it is kept: any script, no control characters, a limit."""

import unicodedata

from jit_portal.errors import Invalid
from jit_portal.wording import gettext

_UNKEPT = frozenset({"Cc", "Cs"})


def text(typed: str, field: str, most: int) -> str:
    """Several lines, stripped; Invalid above ``most`` characters."""
    lines = typed.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(sign for sign in lines if sign in "\n\t" or unicodedata.category(sign) not in _UNKEPT).strip()
    if len(kept) > most:
        raise Invalid(gettext("At most %(most)s characters.", most=most), field=field)
    return kept


def line(typed: str, field: str, most: int) -> str:
    """One line that is not empty."""
    kept = " ".join(text(typed, field, len(typed)).split())
    if not kept:
        raise Invalid(gettext("This cannot be empty."), field=field)
    return text(kept, field, most)
