"""Who is told when somebody breaks the glass, and sees why."""

import uuid

from sqlalchemy import Select, exists, select

from jit_portal.identity.glass.models import GlassOpening
from jit_portal.notices.models import Notice
from jit_portal.policy.asking import Ground, protect, rule
from jit_portal.policy.person import (
    Conditions,
    account_active,
    agreement_in_force,
    leads_party,
    me,
    membership_live,
    my_party,
    party_live,
    person,
)
from jit_portal.vocabulary import May

_active = person.deactivated_at.is_(None)

protect(GlassOpening, Ground(gates={"active": _active}))


@rule(GlassOpening, May.SEE)
def sees_opening() -> Conditions:
    """Whoever was told of it."""
    told = exists().where(Notice.object_id == GlassOpening.id, Notice.user_id == person.id)
    return {"told": told.correlate_except(Notice)}


def to_be_told() -> Select[uuid.UUID]:
    """Whoever leads for a party of a JIT in force, and everybody with a duty: in every country somebody hears of it."""
    leading = select(me.user_id).join(my_party, my_party.id == me.party_id).where(me.user_id == person.id)
    leads = leading.where(leads_party, membership_live, party_live, account_active, agreement_in_force)
    told = select(person.id).where(_active, person.duty.is_not(None) | leads.correlate(person).exists())
    return told.execution_options(policy=True)
