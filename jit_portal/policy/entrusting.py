"""Who releases for a party beside its leaders: people of that party whom a leader entrusted, for a time (E4)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, SQLColumnExpression, and_, or_, select

from jit_portal.exhibits.models import Entrustment
from jit_portal.policy.asking import Ground, protect, rule
from jit_portal.policy.person import (
    Conditions,
    agreement_in_force,
    has_live_leader,
    is_investigator,
    is_participant_of_body,
    leads_party,
    live,
    me,
    person,
)
from jit_portal.vocabulary import May


def still_holds() -> ColumnElement[bool]:
    """The entrustment's window is open, and the membership it was given to has gone on since then."""
    return and_(live(Entrustment.live_from, Entrustment.live_until), me.live_from <= Entrustment.live_from)


def entrusted_by(party_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """A leader of this party entrusted the person with its releases, and that holds still."""
    mine = (Entrustment.party_id == party_id, Entrustment.user_id == person.id)
    found = select(sa.true()).where(*mine, still_holds()).limit(1).correlate_except(Entrustment)
    return found.scalar_subquery().is_(sa.true())


protect(Entrustment, Ground(workspace=Entrustment.workspace_id))

_ours = and_(me.party_id == Entrustment.party_id, or_(is_investigator, is_participant_of_body))
_yours = Entrustment.user_id == person.id


@rule(Entrustment, May.SEE)
def sees_entrustment() -> Conditions:
    return {"own_party": _ours}


@rule(Entrustment, May.RELEASE)
def releases_through_it() -> Conditions:
    """Whoever it names, while it holds; without a live leader it waits until the party names one."""
    return {
        "own_party": _ours,
        "yours": _yours,
        "live": still_holds(),
        "has_leader": has_live_leader(Entrustment.party_id),
        "agreement_in_force": agreement_in_force,
    }


@rule(Entrustment, May.WITHDRAW)
def ends_entrustment() -> Conditions:
    return {"own_party": _ours, "leader_or_yours": or_(leads_party, _yours)}
