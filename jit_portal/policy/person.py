"""The person's side of every rule: who asks, as what, and the gates that come before all rules."""

from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, bindparam, exists, func, not_, or_, select, true
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import aliased

from jit_portal.identity.models import GLASS, IdentityProvider, User
from jit_portal.jits.models import Agreement, AgreementPerson, Party
from jit_portal.vocabulary import BODIES, INVESTIGATORS, AgreementDuty, Role
from jit_portal.workspaces.models import Membership

Conditions = dict[str, ColumnElement[bool]]

person = aliased(User, name="person")
me = aliased(Membership, name="me")
my_party = aliased(Party, name="my_party")
asker = bindparam("asker", type_=UUID(as_uuid=True))
"""The id of the person who asks, where a statement is made before anybody does."""

NOW = func.statement_timestamp()


def live(
    start: SQLColumnExpression[Any], end: SQLColumnExpression[Any], at: SQLColumnExpression[Any] = NOW
) -> ColumnElement[bool]:
    """Whether the window ``[start, end)`` holds the database's present moment, or another; no end means no end."""
    return and_(start <= at, or_(end.is_(None), end > at))


def has_role(*roles: Role) -> ColumnElement[bool]:
    return me.role.in_(roles)


def there_is(
    source: Any, *conditions: ColumnElement[bool], joined: tuple[tuple[Any, ColumnElement[bool]], ...] = ()
) -> ColumnElement[bool]:
    """Such a row is there, looked for with each row that asks: under OR, EXISTS would be planned in two ways, one of
    which gathers every such row beforehand.
    """
    found = select(true()).select_from(source)
    for target, on in joined:
        found = found.join(target, on)
    found = found.where(*conditions).limit(1).correlate_except(source, *(target for target, _ in joined))
    return found.scalar_subquery().is_(true())


def _is_latest() -> ColumnElement[bool]:
    """This version of the agreement is in force, or was the last that was."""
    later = aliased(Agreement, name="later")
    followed = there_is(
        later,
        later.jit_id == Agreement.jit_id,
        later.version > Agreement.version,
        later.in_force_from <= NOW,
    )
    return and_(Agreement.in_force_from <= NOW, not_(followed))


def leads_for(member: Any) -> ColumnElement[bool]:
    """A leader's membership; for a body, which has no leaders, that of the participant whom the agreement names."""
    named = there_is(
        AgreementPerson,
        AgreementPerson.party_id == member.party_id,
        AgreementPerson.user_id == member.user_id,
        AgreementPerson.duty == AgreementDuty.LEADER,
        Party.kind.in_(BODIES),
        _is_latest(),
        joined=(
            (Agreement, Agreement.id == AgreementPerson.agreement_id),
            (Party, Party.id == AgreementPerson.party_id),
        ),
    )
    return or_(member.role == Role.LEADER, and_(member.role == Role.PARTICIPANT, named))


def has_live_leader(party_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """Somebody leads the party now, with a live membership and an active account."""
    other, someone = aliased(Membership, name="leading"), aliased(User, name="someone")
    return there_is(
        other,
        other.party_id == party_id,
        leads_for(other),
        live(other.live_from, other.live_until),
        someone.deactivated_at.is_(None),
        someone.duty.is_(None),
        joined=((someone, someone.id == other.user_id),),
    )


breaks_glass = (
    exists()
    .where(IdentityProvider.id == person.provider_id, IdentityProvider.slug == GLASS)
    .correlate_except(IdentityProvider)
)
agreement_in_force = (
    exists()
    .where(Agreement.jit_id == my_party.jit_id, Agreement.in_force_from <= NOW, Agreement.in_force_until > NOW)
    .correlate_except(Agreement)
)
account_active = and_(person.deactivated_at.is_(None), person.duty.is_(None))
membership_live = live(me.live_from, me.live_until)
party_live = live(my_party.live_from, my_party.live_until)
is_investigator = has_role(*INVESTIGATORS)
is_participant_of_body = and_(has_role(Role.PARTICIPANT), my_party.kind.in_(BODIES))
is_leader = has_role(Role.LEADER)
leads_party = leads_for(me)

GATES: Conditions = {
    "account_active": account_active,
    "membership_live": membership_live,
    "party_live": party_live,
}
