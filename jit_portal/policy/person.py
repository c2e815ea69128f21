"""The person's side of every rule: who asks, as what, and the gates that come before all rules."""

from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, exists, func, or_
from sqlalchemy.orm import aliased

from jit_portal.identity.models import User
from jit_portal.jits.models import Agreement, Party
from jit_portal.vocabulary import BODIES, INVESTIGATORS, Role
from jit_portal.workspaces.models import Membership

Conditions = dict[str, ColumnElement[bool]]

person = aliased(User, name="person")
me = aliased(Membership, name="me")
my_party = aliased(Party, name="my_party")

NOW = func.statement_timestamp()


def live(start: SQLColumnExpression[Any], end: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """Whether the window ``[start, end)`` holds the database's present moment; no end means no end."""
    return and_(start <= NOW, or_(end.is_(None), end > NOW))


def has_role(*roles: Role) -> ColumnElement[bool]:
    return me.role.in_(roles)


def agreement_in_force() -> ColumnElement[bool]:
    """A signed version of the JIT's agreement is in force now."""
    return (
        exists()
        .where(
            Agreement.jit_id == my_party.jit_id,
            Agreement.in_force_from <= NOW,
            Agreement.in_force_until > NOW,
        )
        .correlate_except(Agreement)
    )


account_active = and_(person.deactivated_at.is_(None), person.duty.is_(None))
membership_live = live(me.live_from, me.live_until)
party_live = live(my_party.live_from, my_party.live_until)
is_investigator = has_role(*INVESTIGATORS)
is_participant_of_body = and_(has_role(Role.PARTICIPANT), my_party.kind.in_(BODIES))
is_leader = has_role(Role.LEADER)

GATES: Conditions = {
    "account_active": account_active,
    "membership_live": membership_live,
    "party_live": party_live,
}
