"""What belongs to a JIT as a whole, for callers who have already fetched that JIT, or its workspace, through the
policy.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Select, bindparam, case, func, select
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from jit_portal.database import session
from jit_portal.identity.models import User
from jit_portal.jits.models import Agreement, Party
from jit_portal.policy.asking import asked
from jit_portal.policy.person import NOW, live
from jit_portal.vocabulary import STATES, AgreementState
from jit_portal.workspaces.models import Membership, MembershipPrincipal

_STATES_FIRST = case(*((Party.kind == kind, place) for place, kind in enumerate(STATES)), else_=len(STATES))


_live = live(Party.live_from, Party.live_until)
_drafts = asked(Agreement).where(Agreement.state == AgreementState.DRAFT).with_only_columns(Agreement.jit_id)
_added_by_a_draft = Party.live_from.is_(None) & Party.jit_id.in_(_drafts)


def _parties(shown: ColumnElement[bool]) -> Select[Party]:
    of_these = Party.jit_id == func.any(bindparam("jits", type_=ARRAY(UUID(as_uuid=True))))
    statement = select(Party).where(of_these, shown).order_by(_STATES_FIRST, Party.country)
    return statement.execution_options(policy=True)


_PARTIES, _PARTIES_AND_DRAFTED = _parties(_live), _parties(_live | _added_by_a_draft)


def parties_of(jit_ids: Iterable[uuid.UUID], reader: User | None = None) -> Sequence[Party]:
    """The parties that are party to these JITs now; to a reader who sees a draft of theirs, also those it adds."""
    if reader is None:
        return session().scalars(_PARTIES, {"jits": list(jit_ids)}).all()
    return session().scalars(_PARTIES_AND_DRAFTED, {"jits": list(jit_ids), "asker": reader.id}).all()


def parties_from(jit_id: uuid.UUID, at: dt.datetime) -> Select[Party]:
    """The parties that are party at that moment or become party after it, for the verb that signs."""
    stays = Party.live_until.is_(None) | (Party.live_until > at)
    statement = select(Party).where(Party.jit_id == jit_id, Party.live_from.is_not(None), stays)
    return statement.execution_options(policy=True)


_of_the_jit = Agreement.jit_id == bindparam("jit", type_=UUID(as_uuid=True))
_AGREEMENT = (
    select(Agreement)
    .where(_of_the_jit, Agreement.state == AgreementState.SIGNED, Agreement.in_force_from <= NOW)
    .order_by(Agreement.version.desc())
    .limit(1)
    .execution_options(policy=True)
)


def agreement_of(jit_id: uuid.UUID) -> Agreement | None:
    """The version in force, or the last one that was."""
    return session().scalar(_AGREEMENT, {"jit": jit_id})


def people_named(principal_id: uuid.UUID) -> Select[uuid.UUID]:
    """Everyone whose live membership answers to a principal: who must look again when a rule that names it changes."""
    named = (
        select(Membership.user_id)
        .join(MembershipPrincipal, MembershipPrincipal.membership_id == Membership.id)
        .where(MembershipPrincipal.principal_id == principal_id, live(Membership.live_from, Membership.live_until))
    )
    return named.execution_options(policy=True)
