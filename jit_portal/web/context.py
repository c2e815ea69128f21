"""What every page knows: the reader's language and zone, and the JITs in the sidebar."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from flask import Flask, current_app, g, request
from flask_babel import force_locale, get_locale, refresh
from sqlalchemy import func

from jit_portal import policy
from jit_portal.database import session
from jit_portal.extensions import babel
from jit_portal.identity.models import User
from jit_portal.jits.models import Jit
from jit_portal.notices.models import Notice
from jit_portal.web.session import viewer_or_none
from jit_portal.workspaces.models import Workspace

LOCALES = ("en", "fr")
LANGUAGE_COOKIE = "__Host-language"


@dataclass(frozen=True)
class SidebarJit:
    """A JIT as the sidebar shows it."""

    id: Any
    name: str
    initial: str
    tone: int
    flags: list[str]
    has_new: bool
    workspace_id: Any


def bind(app: Flask) -> None:
    """Give every template what it needs, and Babel the reader's language and zone."""
    app.config.setdefault("LOCALES", LOCALES)
    babel.init_app(app, locale_selector=_locale, timezone_selector=_zone)
    app.context_processor(_page)


def _locale() -> str | None:
    asked = request.cookies.get(LANGUAGE_COOKIE)
    known = current_app.config["LOCALES"]
    if asked in known:
        return asked
    person = viewer_or_none()
    if person is not None and person.language in known:
        return person.language
    return request.accept_languages.best_match(known, "en")


@contextmanager
def as_read_by(language: str, zone: str) -> Iterator[None]:
    """Texts and times within are in this language and zone: for what is rendered while nobody asks, such as pushes."""
    g.zone = zone
    try:
        with force_locale(language if language in current_app.config["LOCALES"] else "en"):
            refresh()
            yield
    finally:
        del g.zone
        refresh()


def _zone() -> str:
    if "zone" in g:
        return str(g.zone)
    person = viewer_or_none()
    return person.time_zone if person is not None else "UTC"


def _page() -> dict[str, Any]:
    person = viewer_or_none()
    locale = get_locale()
    common = {
        "viewer": person,
        "locale": locale,
        "locales": [Locale.parse(name) for name in current_app.config["LOCALES"]],
        "now": dt.datetime.now(dt.UTC),
    }
    if person is None:
        return {**common, "jits": []}
    return {**common, "jits": sidebar(person), "unread": unread(person), "today": _today(person)}


def _today(person: User) -> dt.date:
    return dt.datetime.now(dt.UTC).astimezone(ZoneInfo(person.time_zone)).date()


def unread(person: User) -> int:
    """How many notices she has not read."""
    own = policy.which(person, Notice).where(Notice.read_at.is_(None)).with_only_columns(func.count(Notice.id))
    return session().scalar(own) or 0


def sidebar(person: User) -> list[SidebarJit]:
    """Her JITs by name, in a constant number of queries."""
    jits = session().scalars(policy.which(person, Jit).order_by(Jit.name)).all()
    ids = [jit.id for jit in jits]
    flags: dict[Any, list[str]] = {id: [] for id in ids}
    for party in session().scalars(policy.parties_of(ids)):
        flags[party.jit_id].append(party.country)
    spaces = dict(
        session().execute(policy.which(person, Workspace).with_only_columns(Workspace.jit_id, Workspace.id)).all()
    )
    return [
        SidebarJit(jit.id, jit.name, jit.initial, jit.tone, flags[jit.id], False, spaces.get(jit.id)) for jit in jits
    ]
