"""Who sees which country rule and ends it, and which exhibits it means (E5)."""

import uuid

import sqlalchemy as sa
from sqlalchemy import and_, or_, select

from jit_portal.exhibits.models import CountryRule, Exhibit
from jit_portal.policy.asking import Ground, protect, rule
from jit_portal.policy.grants import Reaches, forbids, standing_releases
from jit_portal.policy.person import (
    GATES,
    Conditions,
    agreement_in_force,
    is_investigator,
    is_participant_of_body,
    leads_party,
    me,
    party_live,
)
from jit_portal.vocabulary import May

_left_but_keeps_rules = and_(me.keeps_own_exhibits, me.party_id == CountryRule.party_id)
protect(
    CountryRule,
    Ground(workspace=CountryRule.workspace_id, gates={**GATES, "party_live": or_(party_live, _left_but_keeps_rules)}),
)


@rule(CountryRule, May.SEE)
def sees_country_rule() -> Conditions:
    return {"own_party": and_(me.party_id == CountryRule.party_id, or_(is_investigator, is_participant_of_body))}


@rule(CountryRule, May.WITHDRAW)
def closes_country_rule() -> Conditions:
    """Ending a forbid widens a sight, so it takes an agreement in force, but for a party that left."""
    return {
        "own_party": me.party_id == CountryRule.party_id,
        "leader": or_(leads_party, me.keeps_own_exhibits),
        "widens_nothing": or_(CountryRule.is_forbid.is_(False), me.keeps_own_exhibits, agreement_in_force),
    }


def meant_by(rule_id: uuid.UUID) -> sa.Select[uuid.UUID]:
    """The exhibits of its own party that a live country rule means, whoever it names, newest first; for that party's
    leaders.
    """
    anyone: Reaches = lambda _: sa.true()  # noqa: E731 (a rule's reach, left out on purpose)
    standing, forbidding = and_(*standing_releases(anyone)), and_(*forbids(anyone))
    statement = select(Exhibit.id).join(CountryRule, or_(standing, forbidding)).where(CountryRule.id == rule_id)
    return statement.order_by(Exhibit.created_at.desc(), Exhibit.id.desc()).execution_options(policy=True)
