"""What a person can say about herself: her language and her time zone."""

import zoneinfo

from babel import Locale
from flask import current_app
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField
from wtforms.validators import InputRequired


def _languages() -> list[tuple[str, str]]:
    named = ((name, str(Locale.parse(name).get_display_name(name))) for name in current_app.config["LOCALES"])
    return [(name, said[:1].upper() + said[1:]) for name, said in named]


def _time_zones() -> list[str]:
    known = (name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
    return [*sorted(known), "UTC"]


class PreferencesForm(FlaskForm):
    """Language and time zone of one person."""

    language = SelectField(_("Language"), choices=_languages, validators=[InputRequired()])
    time_zone = SelectField(
        _("Time zone"),
        choices=_time_zones,
        validators=[InputRequired()],
        description=_("Every time in the portal is shown in this zone, with its name."),
    )
