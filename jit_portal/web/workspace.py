"""What every page of a workspace shows at its head: the parties, the agreement, and how much is new."""

import uuid
from typing import Any

from flask_babel import format_decimal
from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import UUID

from jit_portal import policy
from jit_portal.database import session
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.vocabulary import May
from jit_portal.web import news
from jit_portal.wording import ngettext
from jit_portal.workspaces.models import Workspace

MOST_COUNTED = 1000

_here = Exhibit.workspace_id == bindparam("workspace", type_=UUID(as_uuid=True))
_capped = policy.asked(Exhibit).where(_here).with_only_columns(Exhibit.id).limit(MOST_COUNTED + 1).subquery()
_SEEN = select(func.count()).select_from(_capped)


def head(person: User, workspace_id: uuid.UUID, tab: str) -> dict[str, Any]:
    """Context of a page in this workspace, for templates/layout.html; 404 where she may not know of it."""
    return _head(person, policy.fetch(person, Workspace, workspace_id), tab)


def _head(person: User, workspace: Workspace, tab: str) -> dict[str, Any]:
    unread = news.unread_messages(person)
    return {
        "workspace": workspace,
        "tab": tab,
        "kept": False,
        "unread_messages": unread,
        "agreement": policy.agreement_of(workspace.jit_id),
        "parties": policy.parties_of([workspace.jit_id]),
        "counts": {"chat": unread.get(workspace.id, 0), **_exhibits(person, workspace)},
        "people_here": news.people_here(person, workspace),
        "workspace_may": policy.allowed(person, workspace),
    }


def vault_head(person: User, workspace_id: uuid.UUID) -> dict[str, Any]:
    """The head of a page of the vault; to the last leaders of a party that left it shows the vault and nothing else."""
    workspace = policy.fetch(person, Workspace, workspace_id, May.READ)
    may = policy.allowed(person, workspace)
    if May.SEE in may:
        return _head(person, workspace, "vault")
    return {
        "workspace": workspace,
        "tab": "vault",
        "kept": True,
        "parties": [],
        "counts": _exhibits(person, workspace),
        "workspace_may": may,
    }


def _exhibits(person: User, workspace: Workspace) -> dict[str, str]:
    """How many exhibits she sees, counted up to a thousand, and what it is that is counted."""
    counted = session().scalar(_SEEN, {"workspace": workspace.id, "asker": person.id}) or 0
    most = f"{format_decimal(MOST_COUNTED)}+"
    return {
        "vault": most if counted > MOST_COUNTED else str(counted),
        "exhibits": ngettext("exhibit", "exhibits", counted),
    }
