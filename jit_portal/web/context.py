"""What every page knows: the reader's language and zone, and the JITs in the sidebar."""

import datetime as dt
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from flask import Flask, current_app, g, has_request_context, request
from flask_babel import get_locale

from jit_portal import policy
from jit_portal.database import session
from jit_portal.extensions import babel
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.jits.models import Jit, Party
from jit_portal.web import news, speaking
from jit_portal.web.session import viewer_or_none
from jit_portal.wording import zone_name
from jit_portal.workspaces.models import Workspace

OF_A_PLACE: dict[str, Any] = {
    "workspace": None,
    "tab": "",
    "place": "",
    "kept": False,
    "agreement": None,
    "parties": (),
    "counts": {},
    "people_here": (),
    "workspace_may": frozenset(),
    "seen": None,
    "unread_messages": None,
}
"""What layout.html and the pieces of pages ask for, and pages outside every JIT do not say."""
LOCALES = ("en_GB", "fr")
LANGUAGE_COOKIE = "__Host-language"

_space = policy.asked(Workspace).where(Workspace.jit_id == Jit.id).with_only_columns(Workspace.id).correlate(Jit)
_JITS = policy.asked(Jit).add_columns(_space.scalar_subquery()).order_by(Jit.name)


@dataclass(frozen=True)
class JitsSeen:
    """Her JITs by name, the parties that she sees in each, and the workspaces that are open to her."""

    jits: list[Jit]
    parties: dict[uuid.UUID, list[Party]]
    spaces: dict[uuid.UUID, uuid.UUID | None]


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


@dataclass(frozen=True)
class Beside:
    """The sidebar: her JITs, her notices that are new, and her tasks that are not done."""

    jits: list[SidebarJit]
    unread: int
    open_tasks: int


def bind(app: Flask) -> None:
    """Give every template what it needs, and Babel the reader's language and zone."""
    app.config.setdefault("LOCALES", LOCALES)
    babel.init_app(app, locale_selector=_locale, timezone_selector=_zone)
    speaking.bind(app)
    app.context_processor(_page)
    app.add_template_filter(zone_name)


def _locale() -> str | None:
    known: list[str] = current_app.config["LOCALES"]
    if not has_request_context():
        return known[0]
    person = viewer_or_none()
    for wish in (request.cookies.get(LANGUAGE_COOKIE, ""), person.language if person is not None else ""):
        for locale in known:
            if wish and wish.partition("_")[0] == locale.partition("_")[0]:
                return locale
    best = request.accept_languages.best_match([locale.replace("_", "-") for locale in known], known[0])
    return best.replace("-", "_") if best else known[0]


def _zone() -> str:
    if "zone" in g:
        return str(g.zone)
    person = viewer_or_none() if has_request_context() else None
    return person.time_zone if person is not None else "UTC"


def _page() -> dict[str, Any]:
    person = viewer_or_none()
    locale = get_locale()
    common = {
        **OF_A_PLACE,
        "viewer": person,
        "beside": None,
        "glass_until": None,
        "locale": locale,
        "locales": [Locale.parse(name) for name in current_app.config["LOCALES"]],
        "now": dt.datetime.now(dt.UTC),
    }
    if person is None:
        return common
    return {**common, "today": _today(person), "beside": partial(beside, person), "glass_until": _glass_until(person)}


def _glass_until(person: User) -> dt.datetime | None:
    """When it is over for somebody who has broken the glass."""
    if not person.breaks_glass:
        return None
    hers = policy.which(person, LoginSession).where(LoginSession.id == person.current_login)
    return session().scalar(hers.with_only_columns(LoginSession.ends_at))


def _today(person: User) -> dt.date:
    return dt.datetime.now(dt.UTC).astimezone(ZoneInfo(person.time_zone)).date()


def jits_of(person: User) -> JitsSeen:
    """Her JITs with what she sees in each, in two queries."""
    rows = session().execute(_JITS, {"asker": person.id}).all()
    parties: dict[uuid.UUID, list[Party]] = {jit.id: [] for jit, _ in rows}
    for party in policy.parties_of(parties, person):
        parties[party.jit_id].append(party)
    return JitsSeen([jit for jit, _ in rows], parties, {jit.id: space for jit, space in rows})


def beside(person: User, seen: JitsSeen | None = None, unread: dict[uuid.UUID, int] | None = None) -> Beside:
    """What stands beside a page; what the page has found itself is not asked again."""
    return Beside(sidebar(person, seen, unread), *news.waiting(person))


def sidebar(person: User, seen: JitsSeen | None = None, unread: dict[uuid.UUID, int] | None = None) -> list[SidebarJit]:
    """Her JITs by name, in a constant number of queries."""
    seen = seen or jits_of(person)
    has_unread = {id for id, count in (news.unread_messages(person) if unread is None else unread).items() if count}
    return [
        SidebarJit(
            jit.id,
            jit.name,
            jit.initial,
            jit.tone,
            [party.country for party in seen.parties[jit.id]],
            seen.spaces[jit.id] in has_unread,
            seen.spaces[jit.id],
        )
        for jit in seen.jits
    ]
