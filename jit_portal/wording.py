"""The reader's language, for whatever must say why: the one name under which verbs, too, know gettext."""

import datetime as dt
from typing import Protocol

import flask_babel
from babel.dates import format_date, format_datetime


def gettext(text: str, **values: object) -> str:
    """``text`` in the reader's language, with ``%(name)s`` filled in; in English where nobody is reading."""
    return str(flask_babel.gettext(text, **values))


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """The form of a text that fits ``number``, in the reader's language."""
    return str(flask_babel.ngettext(one, many, number, **values))


class OfCountry(Protocol):
    """A party of a JIT, or the national login of its people."""

    @property
    def country(self) -> str: ...

    @property
    def name(self) -> str: ...


def country(of: OfCountry) -> str:
    """A party or national login as the reader's language names its country; a body by its own name."""
    if of.country == "EU":
        return gettext("EU bodies")
    locale = flask_babel.get_locale()
    return str(locale.territories.get(of.country, of.name)) if locale else of.name


def day(of: dt.date) -> str:
    """A day as the reader's language writes it; in English where nobody is reading."""
    return str(format_date(of, locale=flask_babel.get_locale() or "en"))


def moment(at: dt.datetime) -> str:
    """Day, time and zone of a moment as the reader's clock shows it; in UTC where nobody is reading."""
    zone, locale = flask_babel.get_timezone(), flask_babel.get_locale()
    return str(format_datetime(at, "d MMM, HH:mm z", tzinfo=zone or dt.UTC, locale=locale or "en"))
