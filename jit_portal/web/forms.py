"""Where a form meets a refusal: the reason goes beside the field to blame, and what was typed stays."""

from typing import TypeVar

from flask_wtf import FlaskForm

from jit_portal.database import Thing
from jit_portal.errors import Refusal, Refused
from jit_portal.web.errors import put_on_record, wording

F = TypeVar("F", bound=FlaskForm)


def blame(form: F, error: Refusal, thing: Thing | None = None) -> F:
    """The form with the reason of ``error`` beside its field, or above the form when no field is to blame.

    A refusal, unlike a slip of the pen, goes on record as one about ``thing``.
    """
    if isinstance(error, Refused):
        error.thing = error.thing or thing
        put_on_record(error)
    name = getattr(error, "field", None)
    if name is not None and name in form:
        form[name].errors = [*form[name].errors, wording(error)]
    else:
        form.form_errors.append(wording(error))
    return form
