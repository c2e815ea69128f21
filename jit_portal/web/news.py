"""What is new to a person, and who is here, for the head and the sidebar of every page."""

import uuid
from collections import Counter

from sqlalchemy import and_, distinct, func, select

from jit_portal import policy
from jit_portal.database import session
from jit_portal.identity.models import User
from jit_portal.jits.models import Agreement
from jit_portal.messages.models import Channel, ReadMark
from jit_portal.notices.models import Notice
from jit_portal.notices.reading import SEEN
from jit_portal.policy.person import NOW, me
from jit_portal.realtime import push
from jit_portal.tasks.models import Board, Column, Task, TaskChange
from jit_portal.vocabulary import AgreementState, ColumnKind, May
from jit_portal.workspaces.models import Membership, Workspace
from jit_portal.workspaces.overview import RECENTLY

_UNREAD_NOTICES = SEEN.where(Notice.read_at.is_(None)).with_only_columns(func.count(Notice.id))


def unread_notices(person: User) -> int:
    """How many notices of what she sees now she has not read."""
    return session().scalar(_UNREAD_NOTICES, {"asker": person.id}) or 0


_not_done = (Task.assignee_id == policy.asker, Column.kind != ColumnKind.DONE)
_open_tasks = policy.asked(Task).join(Column, Column.id == Task.column_id).where(*_not_done)
_OPEN_TASKS = _open_tasks.with_only_columns(func.count(Task.id))


def open_tasks(person: User) -> int:
    """How many tasks are hers and not done, over all JITs."""
    return session().scalar(_OPEN_TASKS, {"asker": person.id}) or 0


_mark = (ReadMark.channel_id == Channel.id) & (ReadMark.user_id == policy.asker)
_behind = func.sum(Channel.message_count - func.coalesce(ReadMark.number, 0))
_heard = policy.asked(Channel).outerjoin(ReadMark, _mark).group_by(Channel.workspace_id)
_UNREAD_MESSAGES = _heard.with_only_columns(Channel.workspace_id, _behind)


def unread_messages(person: User) -> dict[uuid.UUID, int]:
    """How many messages she has not read, by workspace, in the channels she hears."""
    rows = session().execute(_UNREAD_MESSAGES, {"asker": person.id})
    return {workspace_id: int(count or 0) for workspace_id, count in rows}


def changed_tasks(person: User) -> dict[uuid.UUID, int]:
    """By workspace, how many open tasks are hers, or for her to answer, that somebody else changed last, and lately."""
    done = select(Column.id).where(Column.id == Task.column_id, Column.kind == ColumnKind.DONE).exists()
    counted: Counter[uuid.UUID] = Counter()
    for tasks in (
        policy.which(person, Task).where(Task.assignee_id == person.id, ~done),
        policy.which(person, Task, May.ANSWER),
    ):
        last = and_(TaskChange.task_id == Task.id, TaskChange.edition == Task.edition)
        changed = tasks.join(TaskChange, last).where(TaskChange.by_id != person.id, TaskChange.at > NOW - RECENTLY)
        rows = session().execute(
            changed.with_only_columns(Board.workspace_id, func.count()).group_by(Board.workspace_id)
        )
        counted.update(dict(rows.all()))
    return counted


def joined(person: User) -> dict[uuid.UUID, int]:
    """By workspace, how many people joined lately who are members still, after she did."""
    others = policy.which(person, Membership).where(
        Membership.user_id != person.id,
        Membership.live_from > func.greatest(me.live_from, NOW - RECENTLY),
        policy.person.live(Membership.live_from, Membership.live_until),
    )
    space = Membership.workspace_id
    people = func.count(distinct(Membership.user_id))
    return dict(session().execute(others.with_only_columns(space, people).group_by(space)).all())


def new_versions(person: User) -> dict[uuid.UUID, int]:
    """By JIT, how many further versions of its agreement came into force lately, or will."""
    signed = policy.which(person, Agreement).where(
        Agreement.state == AgreementState.SIGNED, Agreement.version > 1, Agreement.in_force_from > NOW - RECENTLY
    )
    versions = func.count(distinct(Agreement.id))
    rows = session().execute(signed.with_only_columns(Agreement.jit_id, versions).group_by(Agreement.jit_id))
    return dict(rows.all())


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
