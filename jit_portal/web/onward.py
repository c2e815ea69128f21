"""Where somebody goes on from a refusal: what it was about, the page that led there, the same address once more."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import request, url_for
from flask_babel import lazy_gettext as _

from jit_portal.database import Thing
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.jits.models import Agreement, Jit, Party
from jit_portal.messages.models import Channel, Message
from jit_portal.tasks.models import Board, Task
from jit_portal.web.requests import back_to, sender_page
from jit_portal.workspaces.models import Membership, Workspace

HOME = "/"
_ABOUT = frozenset({403, 409})
"""What is refused with these is about something that its reader sees."""

_AGAIN = frozenset({429, 500, 503, 507})

_SAID = {
    "exhibit": _("To the exhibit"),
    "rules": _("To the country rules"),
    "task": _("To the task"),
    "board": _("To the board"),
    "conversation": _("To the conversation"),
    "people": _("To the people of the JIT"),
    "agreement": _("To the agreement"),
    "overview": _("To the overview of the JIT"),
    "again": _("Try again"),
    "back": _("Back to the page you came from"),
}


@dataclass(frozen=True)
class Way:
    """An address to go on to; ``kind`` is that of what is there."""

    kind: str
    url: str

    @property
    def text(self) -> str:
        return str(_SAID[self.kind])


_PAGES: dict[type[Thing], Callable[[Any], Way]] = {
    Exhibit: lambda it: Way("exhibit", url_for("exhibits.show", exhibit_id=it.id)),
    Release: lambda it: Way("exhibit", url_for("exhibits.show", exhibit_id=it.exhibit_id)),
    CountryRule: lambda it: Way("rules", url_for("rules.index", workspace_id=it.workspace_id)),
    Task: lambda it: Way("task", url_for("tasks.show", task_id=it.id)),
    Board: lambda it: Way("board", url_for("tasks.index", workspace_id=it.workspace_id, board=it.id)),
    Channel: lambda it: Way("conversation", url_for("messages.show", channel_id=it.id)),
    Message: lambda it: Way("conversation", url_for("messages.locate", message_id=it.id)),
    Membership: lambda it: Way("people", url_for("workspaces.people", workspace_id=it.workspace_id)),
    Agreement: lambda it: Way("agreement", url_for("jits.agreement", jit_id=it.jit_id)),
    Jit: lambda it: Way("overview", url_for("jits.show", jit_id=it.id)),
    Party: lambda it: Way("overview", url_for("jits.show", jit_id=it.jit_id)),
    Workspace: lambda it: Way("overview", url_for("workspaces.show", workspace_id=it.id)),
}


def ways(status: int, about: Thing | None) -> list[Way]:
    """The fitting ways on besides home, the best first; none leads to where the reader is, but to try again."""
    if status in _AGAIN and request.method == "GET":
        found, here = [Way("again", back_to(request.full_path.rstrip("?")))], HOME
    else:
        page = _PAGES.get(type(about)) if about is not None and status in _ABOUT else None
        found = [page(about)] if page else []
        back = Way("back", sender_page())
        if back.url not in [way.url for way in found]:
            found.append(back)
        here = request.path if request.method == "GET" else HOME
    return [way for way in found if urlsplit(way.url).path not in (here, HOME)]
