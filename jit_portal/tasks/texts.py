"""What is typed into titles, descriptions and reasons, as it is kept: any script, no control characters, a limit."""

from jit_portal import typed as rule
from jit_portal.errors import Invalid
from jit_portal.wording import gettext


def text(typed: str, field: str, most: int) -> str:
    """Several lines, stripped; Invalid with control characters or above ``most`` characters."""
    return _fitting(rule.lines(typed, field).strip(), field, most)


def line(typed: str, field: str, most: int) -> str:
    """One line that is not empty."""
    kept = " ".join(rule.line(typed.strip(), field).split())
    if not rule.shows(kept):
        raise Invalid(gettext("This cannot be empty."), field=field)
    return _fitting(kept, field, most)


def _fitting(kept: str, field: str, most: int) -> str:
    if len(kept) > most:
        raise Invalid(gettext("At most %(most)s characters.", most=most), field=field)
    return kept
