"""A directory that would close many accounts at once asks a person first: what is beyond a fifth waits.

One account is no mass: of fewer than five people a directory could close nobody at once. From the second within a week,
those that the directory of a login closed in that week, and this one, must be no more than a fifth of its people. What
a person has approved counts, too. Whoever has a duty for the portal is closed by no directory alone.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import Select, func, select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import NotFound
from jit_portal.identity import accounts
from jit_portal.identity.accounts import Closed
from jit_portal.identity.endings import hold_of
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.scim.models import ProposedClosing, ScimToken
from jit_portal.notices import service as notices
from jit_portal.policy.person import NOW
from jit_portal.vocabulary import Duty, May, NoticeKind

COUNTED = dt.timedelta(weeks=1)
"""So long a closing counts."""
ONE_IN = 5


def is_one_of_many(provider: IdentityProvider) -> bool:
    """Whether the next account that this login's directory closes waits; its row is locked, so that nobody counts
    beside."""
    closed = (User.closed_because == Closed.BY_DIRECTORY) & (User.deactivated_at > NOW - COUNTED)
    numbers = select(func.count().filter(User.deactivated_at.is_(None)), func.count().filter(closed))
    still_open, before = session().execute(numbers.where(User.provider_id == provider.id)).one()
    return before > 0 and (before + 1) * ONE_IN > before + still_open


def let_wait(token: ScimToken, held: User) -> None:
    """Put the closing of a locked account to a person, in the open transaction; once, however often it is asked."""
    if session().scalar(_waiting(held)) is not None:
        return
    of_login = _undecided().join(User, User.id == ProposedClosing.user_id).where(User.provider_id == held.provider_id)
    is_first = session().scalar(of_login.limit(1)) is None
    session().add(ProposedClosing(user_id=held.id, proposed_by_id=token.id))
    told = _deciders(held)
    if is_first:
        notices.tell(NoticeKind.CLOSINGS_WAIT, held, told, None)
    audit.record(token, "user.closing_proposed", held, also=told)


def take_back(token: ScimToken, held: User) -> None:
    """The directory says that she stays after all: nothing waits any more."""
    if _decide(held, None, is_approved=False):
        audit.record(token, "user.closing_taken_back", held, also=_deciders(held))


def waiting(actor: User) -> Sequence[User]:
    """Whose closing she may decide now, by name."""
    found = policy.which(actor, User, May.DECIDE_CLOSING).order_by(User.name, User.id)
    return session().scalars(found).unique().all()


def approve(actor: User, ids: Collection[uuid.UUID]) -> int:
    """Close these accounts, as far as they still wait; says how many."""
    with transaction():
        accounts.one_duty_at_a_time()
        deciding = _locked(actor, ids)
        hold_of(deciding)
        for held in deciding:
            _decide(held, actor, is_approved=True)
            audit.record(actor, "user.closing_approved", held, quietly=True)
            if held.is_active:
                accounts.close(held, Closed.BY_DIRECTORY, actor)
        return len(deciding)


def refuse(actor: User, ids: Collection[uuid.UUID]) -> int:
    """Leave these accounts open, as far as they still wait; says how many."""
    with transaction():
        deciding = _locked(actor, ids)
        for held in deciding:
            _decide(held, actor, is_approved=False)
            audit.record(actor, "user.closing_refused", held, also=_deciders(held))
        return len(deciding)


def _locked(actor: User, ids: Collection[uuid.UUID]) -> Sequence[User]:
    theirs = policy.which(actor, User, May.DECIDE_CLOSING).where(User.id.in_(ids)).order_by(User.id)
    locking = theirs.with_for_update(of=User, key_share=True).execution_options(populate_existing=True)
    found = session().scalars(locking).unique().all()
    if not found:
        raise NotFound(may=May.DECIDE_CLOSING, noun="user")
    return found


def _undecided() -> Select[ProposedClosing]:
    return select(ProposedClosing).where(ProposedClosing.decided_at.is_(None))


def _waiting(held: User) -> Select[ProposedClosing]:
    return _undecided().where(ProposedClosing.user_id == held.id)


def _decide(held: User, actor: User | None, *, is_approved: bool) -> bool:
    proposal = session().scalar(_waiting(held))
    if proposal is None:
        return False
    proposal.decided_at, proposal.is_approved = dt.datetime.now(dt.UTC), is_approved
    proposal.decided_by_id = actor.id if actor else None
    session().flush()
    return True


def _deciders(held: User) -> list[uuid.UUID]:
    """The administrators of her country; where it has none, whoever operates the portal."""
    operators = select(User.id).where(User.duty == Duty.OPERATOR, User.deactivated_at.is_(None), User.id != held.id)
    return accounts.administrators_of(held) or list(session().scalars(operators))
