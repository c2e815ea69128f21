"""What is typed in chat, for pages and sockets alike."""

import uuid
from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, IntegerField, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, ValidationError
from wtforms.widgets import HiddenInput

from jit_portal.errors import Invalid
from jit_portal.messages.channels import ChannelWish
from jit_portal.vocabulary import Audience
from jit_portal.web.fields import MOST_INTEGER, CheckboxesField, one_line, plain_text, stripped, unwrapped
from jit_portal.wording import gettext


def is_uuid(form: FlaskForm, field: HiddenField) -> None:
    """An id as the portal writes ids."""
    try:
        uuid.UUID(field.data or "")
    except ValueError as error:
        raise ValidationError(_("This is not an id.")) from error


def _id(chosen: object) -> uuid.UUID:
    return uuid.UUID(str(chosen))


def _number(name: str) -> IntegerField:
    return IntegerField(name, validators=[InputRequired(), NumberRange(0, MOST_INTEGER)], widget=HiddenInput())


class PostForm(FlaskForm):
    """Something to say. How long it may be is the verb's to say, for every way in."""

    text = TextAreaField(_("Message"), validators=[InputRequired()])
    token = HiddenField("token", validators=[InputRequired(), is_uuid])


class EditForm(FlaskForm):
    text = TextAreaField(_("Message"), validators=[InputRequired()])
    edition = _number("edition")


class ReadForm(FlaskForm):
    number = _number("number")


class ChannelForm(FlaskForm):
    """A channel to open; its choices are put in by the route, from what the person may choose."""

    name = StringField(_("Name"), validators=[InputRequired(), Length(max=60), one_line], filters=[unwrapped])
    purpose = TextAreaField(_("What it is for"), validators=[Length(max=300), plain_text], filters=[stripped])
    audience = RadioField(
        _("Who hears it"),
        choices=[
            SelectChoice(Audience.EVERYONE.value, _("Every leader and member")),
            SelectChoice(Audience.PARTIES.value, _("The people of chosen parties")),
            SelectChoice(Audience.PEOPLE.value, _("Named people only")),
        ],
        default=Audience.EVERYONE.value,
        validators=[InputRequired()],
    )
    party_ids = CheckboxesField(_("Parties"), coerce=_id)
    user_ids = CheckboxesField(_("People"), coerce=_id)

    def wish(self) -> ChannelWish:
        return ChannelWish(
            name=self.name.data or "",
            purpose=self.purpose.data or "",
            audience=Audience(self.audience.data),
            party_ids=frozenset(self.party_ids.data or ()),
            user_ids=frozenset(self.user_ids.data or ()),
        )


def from_payload(kind: type[FlaskForm], payload: Mapping[str, Any]) -> FlaskForm:
    """The same form, filled from what a socket brought; Invalid when it does not make sense.

    Only text and whole numbers are taken: anything else is not what any form would send.
    """
    typed: MultiDict[str, str] = MultiDict()
    for name, value in payload.items():
        if isinstance(value, bool) or not isinstance(value, str | int) or not isinstance(name, str):
            raise Invalid(gettext("This is not something the portal understands."))
        typed[name] = str(value)
    form = kind(formdata=typed, meta={"csrf": False})
    if not form.validate():
        field, errors = next(iter(form.errors.items()))
        raise Invalid(str(errors[0]), field=str(field))
    return form
