"""Texts and dates of templates in the reader's language and by her clock: what was said is kept for who comes next."""

import datetime as dt
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import flask_babel
from babel.units import format_unit
from flask import Flask
from markupsafe import Markup

KEPT_TEXTS, KEPT_DATES = 4096, 8192
_UNITS = ("digital-kilobyte", "digital-megabyte", "digital-gigabyte", "digital-terabyte")


def bind(app: Flask) -> None:
    """Let templates speak through what is kept, in the place of flask-babel's own, which looks up the reader each time
    several times over.
    """

    @lru_cache(KEPT_TEXTS)
    def text(_language: tuple[str, str | None], message: str) -> Markup:
        return Markup(flask_babel.get_translations().ugettext(message))  # noqa: S704 (a catalogue's text, or our own)

    def gettext(message: str, **values: Any) -> Markup:
        said = text(_language(), message)
        return said % values if "%" in said else said

    app.jinja_env.globals.update(_=gettext, gettext=gettext)
    app.jinja_env.filters.update(
        dateformat=_kept(flask_babel.format_date),
        datetimeformat=_kept(flask_babel.format_datetime),
        filesizeformat=_size,
    )


def _language() -> tuple[str, str | None]:
    locale = flask_babel.get_locale()
    return (locale.language, locale.territory) if locale else ("", None)


def _size(length: int) -> str:
    """So many bytes as the reader counts them: 274.3 kB, 274,3 ko."""
    if length < 1000:
        return str(flask_babel.ngettext("%(num)d byte", "%(num)d bytes", length))
    size, unit = length / 1000, 0
    while size >= 999.95 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    said: str = format_unit(size, _UNITS[unit], "short", "#,##0.0", locale=flask_babel.get_locale() or "en")
    return said


def _kept(write: Callable[..., str]) -> Callable[[dt.date, str | None], str]:
    @lru_cache(KEPT_DATES)
    def written(_language: tuple[str, str | None], _zone: dt.tzinfo | None, at: dt.date, pattern: str | None) -> str:
        return write(at, pattern)

    def written_for_reader(at: dt.date, pattern: str | None = None) -> str:
        return written(_language(), flask_babel.get_timezone(), at, pattern)

    return written_for_reader
