"""What can be typed when an exhibit changes hands."""

import uuid

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField, TextAreaField
from wtforms.validators import DataRequired, Length

from jit_portal.web.fields import plain_text


class HandOverForm(FlaskForm):
    # Who may no longer read it is refused by the verb, which says so and puts it on record.
    to = SelectField(
        _("To whom"), coerce=uuid.UUID, validators=[DataRequired(_("Say who receives it."))], validate_choice=False
    )
    reason = TextAreaField(
        _("Reason"), validators=[DataRequired(_("Say why it changes hands.")), Length(max=2000), plain_text]
    )


class DeclineForm(FlaskForm):
    reason = TextAreaField(
        _("Reason"), validators=[DataRequired(_("Say why you decline it.")), Length(max=2000), plain_text]
    )
