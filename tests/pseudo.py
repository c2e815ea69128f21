"""The portal in a language that nobody speaks: every text longer, between marks, and from right to left.

``gunicorn 'tests.pseudo:make_app()'`` serves it. What a page says outside the marks was never handed to gettext.
"""

import re
from pathlib import Path
from tempfile import mkdtemp
from typing import NoReturn

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import TooManyRequests, UnsupportedMediaType

from jit_portal.config import Settings
from jit_portal.files.storage import StoreFull
from jit_portal.portal import create_app
from jit_portal.realtime import listener
from jit_portal.resources import TRANSLATIONS
from jit_portal.wording import gettext

LOCALE = "ar"
BEGIN, END = "⟦", "⟧"
_KEPT = re.compile(r"(%\(\w+\)[sd]|%%|\{\w+\}|</?\w+>|&\w+;)")
_ACCENTS = str.maketrans("aceinosuyACEIOU", "äçéîñöşûýÄÇÉÎÖÛ")
_LONGER = 1.35


def pseudo(text: str) -> str:
    """``text`` with accents, a third longer as translations are, between marks; placeholders stay."""
    said = "".join(part if _KEPT.fullmatch(part) else part.translate(_ACCENTS) for part in _KEPT.split(text))
    words = len(_KEPT.sub("", text))
    return f"{BEGIN}{said}{'~' * max(1, round(words * (_LONGER - 1)))}{END}"


def compile_catalogue(folder: Path) -> None:
    """Write a catalogue of the pseudo-language, with every text that the French one has."""
    with (TRANSLATIONS / "fr" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        known = read_po(file, locale="fr")
    made = Catalog(locale=LOCALE)
    for message in known:
        if not message.id:
            continue
        if isinstance(message.id, str):
            made.add(message.id, pseudo(message.id))
        else:
            one, many = message.id
            made.add(message.id, (pseudo(one), *[pseudo(many)] * (made.num_plurals - 1)))
    path = folder / LOCALE / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, made)


def failing(status: int) -> NoReturn:
    """Fails as the portal answers so, where it would have to be worn out for it, or lets nothing run on its page."""
    match status:
        case 415:
            raise UnsupportedMediaType
        case 429:
            raise TooManyRequests
        case 503:
            raise OperationalError("", None, Exception())
        case 507:
            raise StoreFull(gettext("The store is full; the operator has to make room."))
    raise ZeroDivisionError


def make_app() -> Flask:
    """The portal in the pseudo-language alone, whatever its reader asks for, and with addresses that fail."""
    app = create_app(Settings.read())
    folder = Path(mkdtemp(prefix="jit-pseudo-"))
    compile_catalogue(folder)
    app.config["LOCALES"] = (LOCALE,)
    app.extensions["babel"].translation_directories = [str(folder)]
    app.add_url_rule("/failing/<int:status>", view_func=failing)
    listener.start(app)
    return app
