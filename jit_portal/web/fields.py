"""Fields and checks that forms of several packages share."""

import unicodedata

from flask_babel import lazy_gettext as _
from wtforms import Field, Form, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class CheckboxesField(SelectMultipleField):
    """Several of a few choices, each its own box."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


def stripped(text: str | None) -> str:
    """What was typed without blanks around it."""
    return (text or "").strip()


def one_line(form: Form, field: StringField) -> None:
    """No line breaks, control characters or characters that turn the writing direction of what stands around them."""
    for letter in field.data or "":
        if letter in _TURNING or unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Cs"):
            raise ValidationError(_("Write this in one line, without control or direction characters."))


def plain_text(form: Form, field: TextAreaField) -> None:
    """Lines of text, without control characters that show nothing."""
    for letter in field.data or "":
        if letter not in "\n\r\t" and unicodedata.category(letter) in ("Cc", "Cs"):
            raise ValidationError(_("This contains control characters."))


def put_error(fields: dict[str, Field], name: str | None, reason: str) -> bool:
    """Show a verb's complaint at the field it is about; False when there is no such field."""
    if name is None or name not in fields:
        return False
    fields[name].errors = [*fields[name].errors, reason]
    return True
