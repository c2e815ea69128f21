"""What the first page of a workspace shows: every piece of it is asked of the policy."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    SQLColumnExpression,
    Subquery,
    and_,
    distinct,
    func,
    not_,
    or_,
    select,
    true,
    union_all,
)

from jit_portal import policy
from jit_portal.database import session
from jit_portal.exhibits.models import CountryRule, Exhibit, Release, VaultVisit
from jit_portal.identity.models import User
from jit_portal.messages.models import Channel, ReadMark
from jit_portal.policy.person import live
from jit_portal.tasks.models import Board, Column, Task
from jit_portal.vocabulary import ColumnKind, Role, Sight
from jit_portal.workspaces.models import Membership, MembershipPrincipal, Workspace

FEW = 6
MOST_COUNTED = 1000
RECENTLY = dt.timedelta(days=14)


@dataclass(frozen=True)
class Overview:
    """The pieces of the page; ``sights`` is how far she sees each of ``exhibits``."""

    leaders: dict[uuid.UUID, list[User]]
    joined: Sequence[Membership]
    unread: list[tuple[Channel, int]]
    fresh_exhibits: int
    tasks: Sequence[Task]
    exhibits: Sequence[Exhibit]
    sights: dict[uuid.UUID, Sight]
    mine: Membership | None

    @property
    def has_news(self) -> bool:
        return bool(self.joined or self.unread or self.fresh_exhibits)


def overview(person: User, workspace: Workspace) -> Overview:
    """Everything for the page, in a constant number of queries."""
    members = live_members(person, workspace)
    exhibits = _newest(person, workspace)
    leaders: dict[uuid.UUID, list[User]] = defaultdict(list)
    for member in members:
        if member.role == Role.LEADER:
            leaders[member.party_id].append(member.user)
    since = dt.datetime.now(dt.UTC) - RECENTLY
    return Overview(
        leaders=dict(leaders),
        joined=[member for member in members if member.live_from > since and member.user_id != person.id][:FEW],
        unread=_unread(person, workspace),
        fresh_exhibits=dict(session().execute(FRESH_EXHIBITS, {"asker": person.id}).all()).get(workspace.id, 0),
        tasks=_due(person, workspace),
        exhibits=exhibits,
        sights=policy.sights(person, exhibits),
        mine=next((member for member in members if member.user_id == person.id), None),
    )


def live_members(person: User, workspace: Workspace) -> Sequence[Membership]:
    """Everybody in the workspace now whom she may know of, by name."""
    found = policy.which(person, Membership).where(
        Membership.workspace_id == workspace.id, live(Membership.live_from, Membership.live_until)
    )
    return sorted(session().scalars(found).unique(), key=lambda member: (member.role != Role.LEADER, member.user.name))


def _unread(person: User, workspace: Workspace) -> list[tuple[Channel, int]]:
    heard = policy.which(person, Channel).where(Channel.workspace_id == workspace.id)
    heard = heard.outerjoin(ReadMark, (ReadMark.channel_id == Channel.id) & (ReadMark.user_id == person.id))
    behind = Channel.message_count - func.coalesce(ReadMark.number, 0)
    rows = session().execute(heard.where(behind > 0).add_columns(behind).order_by(Channel.last_message_at.desc()))
    return [(channel, int(number)) for channel, number in rows.unique()]


def _fresh_exhibits() -> Select[uuid.UUID, int]:
    """By workspace, how many exhibits of others came, or were first shown to her, since she last opened the vault, or
    joined; of each a thousand at most.
    """
    hers = _hers()
    arrived = _arrived(hers).lateral("arrived")
    fresh = (
        policy.asked(Exhibit)
        .join(arrived, arrived.c.id == Exhibit.id)
        .where(
            Exhibit.workspace_id == hers.c.workspace_id,
            Exhibit.created_by_id != policy.asker,
            or_(Exhibit.created_at > hers.c.since, not_(policy.exhibits.seen_at_all(at=hers.c.since))),
        )
    )
    capped = fresh.with_only_columns(Exhibit.id).limit(MOST_COUNTED).correlate(hers).lateral()
    counted = select(hers.c.workspace_id, func.count(distinct(capped.c.id))).join_from(hers, capped, true())
    return counted.group_by(hers.c.workspace_id).execution_options(policy=True)


def _hers() -> Subquery:
    """Her memberships, and since when what comes is new to her."""
    visit = (VaultVisit.workspace_id == Membership.workspace_id) & (VaultVisit.user_id == Membership.user_id)
    since = func.coalesce(VaultVisit.visited_at, Membership.live_from).label("since")
    found = select(Membership.id, Membership.workspace_id, since).outerjoin(VaultVisit, visit)
    mine = found.where(Membership.user_id == policy.asker, live(Membership.live_from, Membership.live_until))
    return mine.subquery("hers")


def _arrived(hers: Subquery) -> CompoundSelect[uuid.UUID]:
    """What may be new: by an index each, what was registered, released, or meant by a standing release since."""

    def reaches(principal_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
        tied = select(MembershipPrincipal.principal_id).where(
            MembershipPrincipal.membership_id == hers.c.id, MembershipPrincipal.is_for_grants
        )
        return principal_id.in_(tied.correlate(hers))

    came = select(Exhibit.id).where(Exhibit.workspace_id == hers.c.workspace_id, Exhibit.created_at > hers.c.since)
    released = select(Release.exhibit_id).where(
        reaches(Release.principal_id), Release.live_from > hers.c.since, Release.exhibit_created_at <= hers.c.since
    )
    meant = (
        select(Exhibit.id)
        .join(CountryRule, and_(*policy.grants.standing_releases(reaches)))
        .where(
            CountryRule.workspace_id == hers.c.workspace_id,
            CountryRule.live_from > hers.c.since,
            Exhibit.created_at <= hers.c.since,
        )
    )
    return union_all(*(each.correlate(hers) for each in (came, released, meant)))


FRESH_EXHIBITS = _fresh_exhibits()


def _due(person: User, workspace: Workspace) -> Sequence[Task]:
    open_tasks = (
        policy.which(person, Task)
        .join(Column, Column.id == Task.column_id)
        .where(Board.workspace_id == workspace.id, Column.kind != ColumnKind.DONE, Task.due_on.is_not(None))
    )
    return session().scalars(open_tasks.order_by(Task.due_on, Task.number).limit(FEW)).unique().all()


def _newest(person: User, workspace: Workspace) -> Sequence[Exhibit]:
    seen = policy.which(person, Exhibit).where(Exhibit.workspace_id == workspace.id)
    return session().scalars(seen.order_by(Exhibit.created_at.desc(), Exhibit.id.desc()).limit(FEW)).unique().all()
