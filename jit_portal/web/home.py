"""What a person finds when she signs in: her JITs and what is new in them, her tasks, and what waits for her."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import selectinload

from jit_portal import policy
from jit_portal.database import Thing, session
from jit_portal.exhibits.models import Exhibit
from jit_portal.files.models import StoredFile
from jit_portal.identity import closings, people
from jit_portal.identity.models import ProviderProposal, User
from jit_portal.jits.models import Agreement, AgreementParty, Jit, Party
from jit_portal.notices import reading
from jit_portal.notices.reading import Shown
from jit_portal.policy.person import live, me, party_live
from jit_portal.tasks.models import Task
from jit_portal.tasks.reading import TO_DO
from jit_portal.vocabulary import AgreementState, Duty, Integrity, May, NoticeKind
from jit_portal.web import context
from jit_portal.web.context import JitsSeen
from jit_portal.web.news import news
from jit_portal.workspaces.models import Membership, Workspace

T = TypeVar("T", bound=Thing)

MOST = 60
FEW = 8
MENTIONS = frozenset({NoticeKind.MENTIONED})
WEEK = dt.timedelta(days=7)


@dataclass(frozen=True)
class Card:
    """A JIT of hers: its parties, her place in it, and what is new there; without ``member`` it is not open to her."""

    jit: Jit
    parties: list[Party]
    member: Membership | None
    agreement: Agreement | None
    unread: int
    fresh_exhibits: int
    tasks: int
    joined: int
    versions: int

    @property
    def has_news(self) -> bool:
        return any((self.unread, self.fresh_exhibits, self.tasks, self.joined, self.versions))

    @property
    def days_left(self) -> int:
        """Whole days until the agreement ends; 0 on its last day, and after it."""
        until = self.agreement.in_force_until if self.agreement else None
        return max((until - dt.datetime.now(dt.UTC)).days, 0) if until else 0

    @property
    def begins_at(self) -> dt.datetime | None:
        """When it opens, if everybody has signed and its first day is still to come."""
        return self.agreement.in_force_from if self.agreement and _begins_later(self.agreement) else None

    @property
    def has_ended(self) -> bool:
        until = self.agreement.in_force_until if self.agreement else None
        return until is not None and until <= dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Home:
    """The page's pieces; ``tasks`` are in groups (a word and its tasks), the most pressing first;
    ``kept`` are the vaults in which she keeps a view of what is her party's, which has left;
    ``proposals`` are changes of national logins that another operator wants, ``due`` the accounts that will close
    unless she confirms them, and ``closings`` those that a directory would close;
    ``exhibits_of`` are, by the file's id, the exhibits of those ``uploads`` whose bytes are all there;
    ``more_mentions`` and the like are how many there are besides those that are shown;
    ``seen`` and ``unread_messages`` are what the cards and the sidebar are both made of."""

    seen: JitsSeen
    unread_messages: dict[uuid.UUID, int]
    cards: list[Card]
    tasks: list[tuple[str, list[Task]]]
    mentions: list[Shown]
    more_mentions: int
    uploads: Sequence[StoredFile]
    exhibits_of: dict[uuid.UUID, Exhibit]
    more_uploads: int
    offers: Sequence[Exhibit]
    more_offers: int
    drafts: list[tuple[Agreement, list[AgreementParty]]]
    kept: Sequence[Workspace]
    proposals: Sequence[ProviderProposal]
    due: int
    closings: int
    may_begin: bool

    @property
    def waits(self) -> bool:
        hers = self.mentions or self.uploads or self.offers or self.drafts
        return bool(hers or self.proposals or self.due or self.closings)


def home(person: User) -> Home:
    """Everything for the page, in a number of queries that does not grow with what there is."""
    seen, new = context.jits_of(person), news(person)
    mentions = reading.shown(person, limit=FEW, unread=True, kinds=MENTIONS)
    uploads, offers = _some(person, _UPLOADS), _some(person, _OFFERS)
    return Home(
        seen=seen,
        unread_messages=new["messages"],
        cards=_cards(person, seen, new),
        tasks=_tasks(person),
        mentions=mentions,
        more_mentions=reading.unread(person, MENTIONS) - len(mentions) if len(mentions) == FEW else 0,
        uploads=uploads[0],
        exhibits_of=_exhibits_of(person, [file for file in uploads[0] if file.lacks_hash]),
        more_uploads=uploads[1],
        offers=offers[0],
        more_offers=offers[1],
        drafts=_drafts(person),
        kept=_found(person, _KEPT),
        proposals=_found(person, _PROPOSALS) if person.duty == Duty.OPERATOR else [],
        due=people.due(person) if person.duty is not None else 0,
        closings=len(closings.waiting(person)) if person.duty is not None else 0,
        may_begin=policy.jits.may_begin(person),
    )


_KEPT = policy.asked(Workspace, May.READ).where(~party_live).order_by(Workspace.opened_at)
_MEMBERSHIPS = policy.asked(Membership).where(
    Membership.user_id == policy.asker, live(Membership.live_from, Membership.live_until)
)
_SIGNED = policy.asked(Agreement).where(Agreement.state == AgreementState.SIGNED).order_by(Agreement.version)
_TASKS = TO_DO.order_by(Task.due_on.asc().nulls_last(), Task.number).limit(MOST)
_lacks_hash = and_(
    StoredFile.integrity == Integrity.CHECKING, StoredFile.sha256_declared.is_(None), StoredFile.sha256.is_not(None)
)
_UPLOADS = (
    policy.asked(StoredFile)
    .where(
        StoredFile.uploaded_by_id == policy.asker,
        or_(StoredFile.integrity == Integrity.RECEIVING, and_(_lacks_hash, StoredFile.party_id == me.party_id)),
    )
    .order_by(StoredFile.created_at.desc())
)
_PROPOSALS = (
    policy.asked(ProviderProposal)
    .where(ProviderProposal.decided_at.is_(None), ProviderProposal.proposed_by_id != policy.asker)
    .order_by(ProviderProposal.created_at)
    .limit(FEW)
)
_OFFERS = policy.asked(Exhibit, May.ACCEPT).order_by(Exhibit.created_at.desc())


def _found(person: User, asked: Select[T]) -> Sequence[T]:
    return session().scalars(asked, {"asker": person.id}).unique().all()


def _some(person: User, asked: Select[T]) -> tuple[list[T], int]:
    """The first few of these, and how many there are besides."""
    counted = asked.limit(FEW).add_columns(func.count().over())
    rows = session().execute(counted, {"asker": person.id}).unique().all()
    return [row[0] for row in rows], rows[0][1] - len(rows) if rows else 0


def _exhibits_of(person: User, files: list[StoredFile]) -> dict[uuid.UUID, Exhibit]:
    if not files:
        return {}
    carriers = policy.which(person, Exhibit).where(Exhibit.file_id.in_([file.id for file in files]))
    return {each.file_id: each for each in session().scalars(carriers).unique() if each.file_id}


def _cards(person: User, seen: JitsSeen, new: dict[str, Counter[uuid.UUID]]) -> list[Card]:
    members = {member.workspace.jit_id: member for member in _found(person, _MEMBERSHIPS)}
    agreements = _agreements(person)
    cards = []
    for jit in seen.jits:
        member = members.get(jit.id)
        here = [new[kind][member.workspace_id] if member else 0 for kind in ("messages", "exhibits", "tasks", "joined")]
        counts = [*here, new["versions"][jit.id]]
        cards.append(Card(jit, seen.parties[jit.id], member, agreements.get(jit.id), *counts))
    return cards


def _agreements(person: User) -> dict[uuid.UUID, Agreement]:
    """By JIT, the last version that came into force, or else the one that will."""
    found: dict[uuid.UUID, Agreement] = {}
    for each in _found(person, _SIGNED):
        if each.jit_id not in found or not _begins_later(each):
            found[each.jit_id] = each
    return found


def _begins_later(agreement: Agreement) -> bool:
    return agreement.in_force_from is not None and agreement.in_force_from > dt.datetime.now(dt.UTC)


def _tasks(person: User) -> list[tuple[str, list[Task]]]:
    today = dt.datetime.now(ZoneInfo(person.time_zone)).date()
    groups: dict[str, list[Task]] = {"overdue": [], "today": [], "week": [], "later": [], "undated": []}
    for task in _found(person, _TASKS):
        groups[_group(task.due_on, today)].append(task)
    return [(group, tasks) for group, tasks in groups.items() if tasks]


def _group(due: dt.date | None, today: dt.date) -> str:
    if due is None:
        return "undated"
    if due < today:
        return "overdue"
    if due == today:
        return "today"
    return "week" if due <= today + WEEK else "later"


def _drafts(person: User) -> list[tuple[Agreement, list[AgreementParty]]]:
    """Drafts that wait for a signature which she may record."""
    awaited = set(session().execute(policy.jits.awaited(person).where(AgreementParty.recorded_at.is_(None))).all())
    if not awaited:
        return []
    wanted = select(Agreement).where(Agreement.id.in_({agreement for agreement, _ in awaited}))
    loaded = wanted.options(selectinload(Agreement.named_parties), selectinload(Agreement.jit))
    return [
        (draft, [named for named in draft.named_parties if (draft.id, named.party_id) in awaited])
        for draft in session().scalars(loaded.execution_options(policy=True))
    ]
