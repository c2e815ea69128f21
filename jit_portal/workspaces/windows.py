"""Memberships and agreements begin and end by the clock, without a verb; this tells whom it changes something for."""

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, SQLColumnExpression

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.jits.models import Agreement
from jit_portal.policy import Work
from jit_portal.policy.person import NOW, live
from jit_portal.workspaces.models import Membership, Workspace

# Longer than the time between two sweeps, so that a late one misses nothing; hearing of a change twice does no harm.
LOOKS_BACK = dt.timedelta(seconds=90)


def just_passed(*moments: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """One of these moments came since the last sweep."""
    return sa.or_(*(sa.and_(moment > NOW - LOOKS_BACK, moment <= NOW) for moment in moments))


def tell_of_changes() -> int:
    """Announce the memberships and agreements that began or ended just now to those whom they let in or out."""
    with transaction():
        changed = policy.portal_which(Work.PUSHING, Membership).where(
            just_passed(Membership.live_from, Membership.live_until)
        )
        members = session().scalars(changed).unique().all()
        for member in members:
            audit.announce("membership", member.id, "membership.window_passed", [member.user_id])
        in_another_state = (
            policy.portal_which(Work.PUSHING, Workspace)
            .join(Agreement, Agreement.jit_id == Workspace.jit_id)
            .where(just_passed(Agreement.in_force_from, Agreement.in_force_until))
        )
        workspaces = session().scalars(in_another_state).unique().all()
        for workspace in workspaces:
            audit.announce("workspace", workspace.id, "agreement.window_passed", _members(workspace))
    return len(members) + len(workspaces)


def _members(workspace: Workspace) -> list[uuid.UUID]:
    found = policy.portal_which(Work.PUSHING, Membership).where(
        Membership.workspace_id == workspace.id, live(Membership.live_from, Membership.live_until)
    )
    return list(session().scalars(found.with_only_columns(Membership.user_id)))
