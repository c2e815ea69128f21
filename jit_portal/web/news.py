"""What is new to a person, and who is here, for the head and the sidebar of every page."""

import uuid

from sqlalchemy import func

from jit_portal import policy
from jit_portal.database import session
from jit_portal.identity.models import User
from jit_portal.messages.models import Channel, ReadMark
from jit_portal.notices.models import Notice
from jit_portal.notices.reading import seen
from jit_portal.realtime import push
from jit_portal.tasks.models import Column, Task
from jit_portal.vocabulary import ColumnKind
from jit_portal.workspaces.models import Membership, Workspace


def unread_notices(person: User) -> int:
    """How many notices of what she sees now she has not read."""
    own = policy.which(person, Notice).where(Notice.read_at.is_(None)).with_only_columns(Notice.id)
    if session().scalar(own.limit(1)) is None:
        return 0
    shown = seen(person).where(Notice.read_at.is_(None)).with_only_columns(func.count(Notice.id))
    return session().scalar(shown) or 0


def open_tasks(person: User) -> int:
    """How many tasks are hers and not done, over all JITs."""
    mine = policy.which(person, Task).where(Task.assignee_id == person.id)
    mine = mine.join(Column, Column.id == Task.column_id).where(Column.kind != ColumnKind.DONE)
    return session().scalar(mine.with_only_columns(func.count(Task.id))) or 0


def unread_messages(person: User) -> dict[uuid.UUID, int]:
    """How many messages she has not read, by workspace, in the channels she hears."""
    heard = policy.which(person, Channel)
    heard = heard.outerjoin(ReadMark, (ReadMark.channel_id == Channel.id) & (ReadMark.user_id == person.id))
    behind = func.sum(Channel.message_count - func.coalesce(ReadMark.number, 0))
    rows = session().execute(heard.with_only_columns(Channel.workspace_id, behind).group_by(Channel.workspace_id))
    return {workspace_id: int(count or 0) for workspace_id, count in rows}


def people_here(person: User, workspace: Workspace) -> list[User]:
    """Other members of the workspace who have a page of the portal open now, as far as this process knows."""
    others = set(push.connected) - {person.id}
    if not others:
        return []
    live = policy.person.live(Membership.live_from, Membership.live_until)
    members = policy.which(person, Membership).where(
        Membership.workspace_id == workspace.id, Membership.user_id.in_(others), live
    )
    return sorted((member.user for member in session().scalars(members)), key=lambda each: each.name)
