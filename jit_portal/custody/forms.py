"""What can be typed when an exhibit changes hands."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField, TextAreaField
from wtforms.validators import DataRequired, Length


class HandOverForm(FlaskForm):
    to = SelectField(_("To whom"), validators=[DataRequired(_("Say who receives it."))])
    reason = TextAreaField(_("Reason"), validators=[DataRequired(_("Say why it changes hands.")), Length(max=2000)])


class DeclineForm(FlaskForm):
    reason = TextAreaField(_("Reason"), validators=[DataRequired(_("Say why you decline it.")), Length(max=2000)])
