"""What a person can say about herself, her language and her time zone; and whom she asks into the portal."""

from collections.abc import Iterable

from babel import Locale
from flask import current_app
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from jit_portal.identity.models import Authority
from jit_portal.web import zones
from jit_portal.web.fields import one_line, unwrapped


def _languages() -> list[tuple[str, str]]:
    named = ((name, str(Locale.parse(name).get_display_name(name))) for name in current_app.config["LOCALES"])
    return [(name, said[:1].upper() + said[1:]) for name, said in named]


class PreferencesForm(FlaskForm):
    """Language and time zone of one person."""

    language = SelectField(_("Language"), choices=_languages, validators=[InputRequired()])
    time_zone = SelectField(
        _("Time zone"),
        choices=zones.choices,
        validators=[InputRequired()],
        description=_("Every time in the portal is shown in this zone, with its name."),
    )


class NewcomerForm(FlaskForm):
    """Somebody who has never signed in is asked in by name."""

    name = StringField(_("Name"), [InputRequired(_("This is needed.")), Length(max=120), one_line], [unwrapped])
    authority = SelectField(_("Authority"), [InputRequired(_("This is needed."))])
    subject = StringField(
        _("National identifier at the login"),
        [Length(max=255), one_line],
        [unwrapped],
        description=_(
            "If you know it: nobody else can then use the invitation. Without it, whoever holds the address "
            "and signs in at that authority can."
        ),
    )

    def offer_authorities(self, authorities: Iterable[Authority]) -> None:
        """Let only these authorities be chosen; none is proposed, for the first is nobody's usual choice."""
        self.authority.choices = [("", _("Choose")), *((str(each.id), each.name) for each in authorities)]
