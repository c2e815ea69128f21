"""The reader's language, for whatever must say why: the one name under which verbs, too, know gettext."""

import datetime as dt
import re
from typing import Protocol

import flask_babel
from babel.dates import format_date, format_datetime

_SPARED = re.compile(r"(?<=[+-])0(?=\d)|:00$")
"""What the short form of a distance from UTC leaves out of the long one."""


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
    said = format_datetime(at, "d MMM, HH:mm", tzinfo=zone or dt.UTC, locale=locale or "en")
    return f"{said} {zone_name(at)}"


def zone_name(at: dt.datetime) -> str:
    """How the reader's zone is called at a moment, or how far it is from UTC: CET, UTC+1."""
    zone, locale = flask_babel.get_timezone() or dt.UTC, flask_babel.get_locale() or "en"
    known = at.astimezone(zone).tzname()
    # French gives the winter of Bucharest the letters that are its summer everywhere else.
    if known and known in ("UTC", format_datetime(at, "z", tzinfo=zone, locale=locale)):
        return known
    return _SPARED.sub("", str(format_datetime(at, "OOOO", tzinfo=zone, locale=locale)))
