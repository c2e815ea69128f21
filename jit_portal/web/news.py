"""What is new to a person, and who is here, for the head and the sidebar of every page."""

import uuid
from collections import Counter

from sqlalchemy import Select, and_, distinct, func, literal_column, select, union_all

from jit_portal import policy
from jit_portal.database import session
from jit_portal.identity.models import User
from jit_portal.jits.models import Agreement
from jit_portal.messages.models import Channel, ReadMark
from jit_portal.notices.models import Notice
from jit_portal.notices.reading import SEEN
from jit_portal.policy.person import NOW, me
from jit_portal.realtime import push
from jit_portal.tasks.models import Board, Task, TaskChange
from jit_portal.tasks.reading import TO_DO
from jit_portal.vocabulary import AgreementState, May
from jit_portal.workspaces.models import Membership, Workspace
from jit_portal.workspaces.overview import FRESH_EXHIBITS, RECENTLY

_UNREAD_NOTICES = SEEN.where(Notice.read_at.is_(None)).with_only_columns(func.count(Notice.id))
_OPEN_TASKS = TO_DO.with_only_columns(func.count(Task.id))
_WAITING = select(_UNREAD_NOTICES.scalar_subquery(), _OPEN_TASKS.scalar_subquery())


def unread_notices(person: User) -> int:
    """How many notices of what she sees now she has not read."""
    return session().scalar(_UNREAD_NOTICES, {"asker": person.id}) or 0


def waiting(person: User) -> tuple[int, int]:
    """How many notices of what she sees now she has not read, and how many tasks are hers and not done, in all JITs."""
    notices, tasks = session().execute(_WAITING, {"asker": person.id}).one()
    return notices, tasks


_mark = (ReadMark.channel_id == Channel.id) & (ReadMark.user_id == policy.asker)
_behind = func.sum(Channel.message_count - func.coalesce(ReadMark.number, 0))
_heard = policy.asked(Channel).outerjoin(ReadMark, _mark).group_by(Channel.workspace_id)
_UNREAD_MESSAGES = _heard.with_only_columns(Channel.workspace_id, _behind)


def unread_messages(person: User) -> dict[uuid.UUID, int]:
    """How many messages she has not read, by workspace, in the channels she hears."""
    rows = session().execute(_UNREAD_MESSAGES, {"asker": person.id})
    return {workspace_id: int(count or 0) for workspace_id, count in rows}


def _changed(tasks: Select[Task]) -> Select[uuid.UUID, int]:
    """By workspace, how many of these tasks somebody else changed last, and lately."""
    last = and_(TaskChange.task_id == Task.id, TaskChange.edition == Task.edition)
    changed = tasks.join(TaskChange, last).where(TaskChange.by_id != policy.asker, TaskChange.at > NOW - RECENTLY)
    return changed.with_only_columns(Board.workspace_id, func.count()).group_by(Board.workspace_id)


def _joined() -> Select[uuid.UUID, int]:
    """By workspace, how many people joined lately who are members still, after she did."""
    others = policy.asked(Membership).where(
        Membership.user_id != policy.asker,
        Membership.live_from > func.greatest(me.live_from, NOW - RECENTLY),
        policy.person.live(Membership.live_from, Membership.live_until),
    )
    people = func.count(distinct(Membership.user_id))
    return others.with_only_columns(Membership.workspace_id, people).group_by(Membership.workspace_id)


def _new_versions() -> Select[uuid.UUID, int]:
    """By JIT, how many further versions of its agreement came into force lately, or will."""
    signed = policy.asked(Agreement).where(
        Agreement.state == AgreementState.SIGNED, Agreement.version > 1, Agreement.in_force_from > NOW - RECENTLY
    )
    return signed.with_only_columns(Agreement.jit_id, func.count(distinct(Agreement.id))).group_by(Agreement.jit_id)


_NEWS = (
    ("messages", _UNREAD_MESSAGES),
    ("exhibits", FRESH_EXHIBITS),
    ("tasks", _changed(TO_DO)),
    ("tasks", _changed(policy.asked(Task, May.ANSWER))),
    ("joined", _joined()),
    ("versions", _new_versions()),
)
_ALL_NEWS = union_all(*(found.add_columns(literal_column(f"'{kind}'")) for kind, found in _NEWS))


def news(person: User) -> dict[str, Counter[uuid.UUID]]:
    """How much is new to her, in one query: by kind, and by workspace; ``versions`` of agreements by JIT.

    ``messages`` that she has not read; ``exhibits`` of others; ``tasks`` that are hers, or hers to answer, and that
    somebody else changed lately; people who ``joined`` lately.
    """
    found: dict[str, Counter[uuid.UUID]] = {kind: Counter() for kind, _ in _NEWS}
    for place, number, kind in session().execute(_ALL_NEWS, {"asker": person.id}):
        found[kind][place] += int(number)
    return found


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
