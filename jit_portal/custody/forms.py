"""What can be typed when an exhibit changes hands."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import SelectField, TextAreaField
from wtforms.validators import DataRequired, Length


class HandOverForm(FlaskForm):
    to = SelectField(_l("To whom"), validators=[DataRequired(_l("Say who receives it."))])
    reason = TextAreaField(_l("Reason"), validators=[DataRequired(_l("Say why it changes hands.")), Length(max=2000)])


class DeclineForm(FlaskForm):
    reason = TextAreaField(_l("Reason"), validators=[DataRequired(_l("Say why you decline it.")), Length(max=2000)])
