"""Rendering for a reader who is not asking just now, such as what is pushed."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app, g
from flask_babel import force_locale, refresh


@contextmanager
def as_read_by(language: str, zone: str) -> Iterator[None]:
    """Texts and times within are in this language, or the portal's first one, and in this time zone."""
    g.zone = zone
    try:
        with force_locale(_locale(language)):
            refresh()
            yield
    finally:
        del g.zone
        refresh()


def _locale(language: str) -> str:
    known: list[str] = current_app.config["LOCALES"]
    spoken = language.partition("_")[0]
    return next((locale for locale in known if locale.partition("_")[0] == spoken), known[0])
