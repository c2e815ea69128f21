"""What can be typed about boards and tasks, by page and by socket alike."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import (
    DateField,
    Form,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import HiddenInput

from jit_portal.errors import Invalid
from jit_portal.jits.models import Party
from jit_portal.tasks.assigning import REASON_LENGTH
from jit_portal.tasks.boards import NAME_LENGTH, PREFIX_LENGTH
from jit_portal.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH, Column
from jit_portal.tasks.words import column_name
from jit_portal.vocabulary import Audience
from jit_portal.web.fields import MOST_INTEGER, CheckboxesField, read_id
from jit_portal.wording import country, gettext

F = TypeVar("F", bound=Form)

_REQUIRED = InputRequired(_("This cannot be empty."))
_CHOOSE = InputRequired(_("Choose one."))


def _id(value: object) -> uuid.UUID | None:
    """An id, or None for nothing chosen; ValueError for anything else."""
    return uuid.UUID(str(value)) if value not in (None, "", "None") else None


class EditionForm(FlaskForm):
    """Every change names the edition of the task that it was made to."""

    edition = IntegerField(
        widget=HiddenInput(), validators=[InputRequired(_("Reload the page.")), NumberRange(1, MOST_INTEGER)]
    )


class TaskForm(EditionForm):
    title = StringField(_("Title"), [_REQUIRED, Length(max=TITLE_LENGTH, message=_("At most %(max)d characters."))])
    description = TextAreaField(
        _("Description"),
        [Optional(), Length(max=DESCRIPTION_LENGTH, message=_("At most %(max)d characters."))],
        description=_("Markdown. #FR-0012 cites an exhibit: who may not see it reads only that something is cited."),
    )
    due_on = DateField(_("Due on"), [Optional()])


class NewTaskForm(TaskForm):
    """A task that does not exist yet: it has no edition, but a token, so that sending it twice makes one."""

    edition = None
    token = HiddenField()
    column = SelectField(_("Column"), [_CHOOSE], coerce=_id, validate_choice=False)
    party = SelectField(
        _("Party"),
        [Optional()],
        coerce=_id,
        validate_choice=False,
        description=_("Another party is asked; its leader accepts or declines."),
    )

    def offer(self, columns: Iterable[Column], own: Party, askable: Iterable[Party]) -> None:
        self.column.choices = [SelectChoice(column.id, column_name(column)) for column in columns]
        self.party.choices = [SelectChoice(own.id, country(own))]
        self.party.choices += [
            SelectChoice(party.id, gettext("Ask %(party)s", party=country(party))) for party in askable
        ]


class PersonForm(EditionForm):
    """To whom a task is given."""

    person = SelectField(_("Person"), [_CHOOSE], coerce=_id, validate_choice=False)


class AskForm(EditionForm):
    party = SelectField(_("Party"), [_CHOOSE], coerce=_id, validate_choice=False)
    because = TextAreaField(_("What you ask of them"), [Optional(), Length(max=REASON_LENGTH)])


class DeclineForm(EditionForm):
    because = TextAreaField(_("Why not"), [_REQUIRED, Length(max=REASON_LENGTH)])


class BoardForm(FlaskForm):
    name = StringField(_("Name"), [_REQUIRED, Length(max=NAME_LENGTH)])
    prefix = StringField(
        _("Keys begin with"),
        [_REQUIRED, Length(max=PREFIX_LENGTH)],
        description=_("Letters and digits, such as LAN: its tasks are LAN-1, LAN-2 and so on."),
    )
    audience = RadioField(
        _("Who sees it"),
        [_CHOOSE],
        choices=[
            SelectChoice(Audience.EVERYONE, _("Everyone: leaders, members and seconded members of every party")),
            SelectChoice(Audience.PARTIES, _("Chosen parties: theirs, and the participants of a body among them")),
            SelectChoice(Audience.PEOPLE, _("Named people; for all others it does not exist")),
        ],
        default=Audience.EVERYONE,
    )
    parties = CheckboxesField(_("Parties"), coerce=_id, validate_choice=False)
    people = CheckboxesField(_("People"), coerce=_id, validate_choice=False)


class MoveForm(Form):
    """Where a card is moved, by page or by socket; the page's token is checked before any form is read."""

    edition = IntegerField(validators=[InputRequired(), NumberRange(1, MOST_INTEGER)])
    column = StringField(validators=[InputRequired()])
    before = StringField(validators=[Optional()])
    after = StringField(validators=[Optional()])

    def place(self) -> dict[str, Any]:
        """The arguments of ``service.move_task`` after the task's id."""
        return {
            "edition": self.edition.data,
            "column_id": read_id(self.column.data),
            "before_id": read_id(self.before.data) if self.before.data else None,
            "after_id": read_id(self.after.data) if self.after.data else None,
        }


def read_move(said: Mapping[str, Any]) -> MoveForm:
    """The move that a form or an event asks for; Invalid when a field is missing or of the wrong type."""
    plain = {
        name: value for name, value in said.items() if isinstance(value, str | int) and not isinstance(value, bool)
    }
    form = MoveForm(MultiDict({name: str(value) for name, value in plain.items()}))
    if len(plain) < len({name for name, value in said.items() if value is not None}) or not form.validate():
        raise Invalid(gettext("This is not something the portal understands."))
    return form
