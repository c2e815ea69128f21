"""The reader's language, for whatever must say why: the one name under which verbs, too, know gettext."""

import flask_babel


def gettext(text: str, **values: object) -> str:
    """``text`` in the reader's language, with ``%(name)s`` filled in; in English where nobody is reading."""
    return str(flask_babel.gettext(text, **values))


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """The form of a text that fits ``number``, in the reader's language."""
    return str(flask_babel.ngettext(one, many, number, **values))
