"""Where a form meets a refusal: the reason goes beside the field to blame, and what was typed stays."""

from typing import TypeVar

from flask_wtf import FlaskForm

from jit_portal.errors import Refusal
from jit_portal.web.errors import wording

F = TypeVar("F", bound=FlaskForm)


def blame(form: F, error: Refusal) -> F:
    """The form with the reason of ``error`` beside its field, or above the form when no field is to blame."""
    name = getattr(error, "field", None)
    if name is not None and name in form:
        form[name].errors = [*form[name].errors, wording(error)]
    else:
        form.form_errors.append(wording(error))
    return form
