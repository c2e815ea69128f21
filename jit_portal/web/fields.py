"""Fields and checks that forms of several packages share."""

import uuid

from wtforms import Field, Form, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from jit_portal import typed
from jit_portal.errors import Invalid
from jit_portal.wording import gettext

MOST_INTEGER = 2**31 - 1
"""Whatever is counted beyond it, the database has no room for."""


class CheckboxesField(SelectMultipleField):
    """Several of a few choices, each its own box."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


def stripped(text: str | None) -> str:
    """What was typed without blanks around it."""
    return (text or "").strip()


def unwrapped(text: str | None) -> str:
    """What was typed into one line, as ``typed.unwrapped``."""
    return typed.unwrapped(text or "")


def one_line(form: Form, field: StringField) -> None:
    """``typed.line``, and its complaint at the field."""
    try:
        field.data = field.data and typed.line(field.data)
    except Invalid as error:
        raise ValidationError(error.reason) from error
    _refuse_nothing(field)


def plain_text(form: Form, field: TextAreaField) -> None:
    """``typed.lines``, and its complaint at the field."""
    try:
        field.data = field.data and typed.lines(field.data)
    except Invalid as error:
        raise ValidationError(error.reason) from error
    _refuse_nothing(field)


def _refuse_nothing(field: Field) -> None:
    """Something was typed, or the field's own check would have said so; but none of it shows."""
    if field.flags.required and not typed.shows(field.data or ""):
        raise ValidationError(gettext("This is needed."))


def read_id(said: object, field: str | None = None) -> uuid.UUID:
    """An id that came in as text, by a form or a socket; Invalid for anything else."""
    try:
        return uuid.UUID(said if isinstance(said, str) else "")
    except ValueError as error:
        raise Invalid(gettext("This is not something the portal understands."), field=field) from error


def put_error(fields: dict[str, Field], name: str | None, reason: str) -> bool:
    """Show a verb's complaint at the field it is about; False when there is no such field."""
    if name is None or name not in fields:
        return False
    fields[name].errors = [*fields[name].errors, reason]
    return True
