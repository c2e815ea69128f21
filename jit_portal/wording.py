"""The reader's language, for whatever must say why: the one name under which verbs, too, know gettext."""

import datetime as dt

import flask_babel
from babel.dates import format_datetime


def gettext(text: str, **values: object) -> str:
    """``text`` in the reader's language, with ``%(name)s`` filled in; in English where nobody is reading."""
    return str(flask_babel.gettext(text, **values))


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """The form of a text that fits ``number``, in the reader's language."""
    return str(flask_babel.ngettext(one, many, number, **values))


def moment(at: dt.datetime) -> str:
    """Day, time and zone of a moment as the reader's clock shows it; in UTC where nobody is reading."""
    zone, locale = flask_babel.get_timezone(), flask_babel.get_locale()
    return str(format_datetime(at, "d MMM, HH:mm z", tzinfo=zone or dt.UTC, locale=locale or "en"))
