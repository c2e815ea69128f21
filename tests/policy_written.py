"""The written policy, told anew of generated worlds: whose membership is live, who is there, named and granted."""

import datetime as dt

from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.jits.models import Party
from jit_portal.vocabulary import (
    INVESTIGATORS,
    PartyKind,
    PrincipalKind,
    Role,
)
from jit_portal.workspaces.models import Membership, Principal
from tests.policy_worlds import Space


def is_live(of: Membership | Release | CountryRule | Party) -> bool:
    moment = dt.datetime.now(dt.UTC)
    return of.live_from is not None and of.live_from <= moment and (of.live_until is None or of.live_until > moment)


def is_there(member: Membership) -> bool:
    """Through this membership somebody takes part in the JIT now."""
    person = member.user
    return is_live(member) and is_live(member.party) and person.deactivated_at is None and person.duty is None


def is_named(space: Space, member: Membership, meant: Principal) -> bool:
    """A forbid that names this principal names the member, for her party or that of her login."""
    home = {party.id for party in space.parties.values() if party.provider_id == member.user.provider_id}
    parties = home | {member.party_id}
    return {
        PrincipalKind.PARTY: meant.party_id in parties,
        PrincipalKind.AUTHORITY: meant.authority_id == member.authority_id,
        PrincipalKind.ROLE: meant.party_id in parties and meant.role == member.role,
        PrincipalKind.PERSON: meant.user_id == member.user_id,
    }[meant.kind]


def is_granted(space: Space, member: Membership, meant: Principal) -> bool:
    """What is released to this principal is released to the member (E2, E9)."""
    outside = (PartyKind.THIRD_COUNTRY, PartyKind.INTERNATIONAL_JUDICIAL)
    if member.party.kind in outside or member.user.provider.kind in outside:
        return False
    if meant.kind == PrincipalKind.PERSON:
        return meant.user_id == member.user_id and member.role not in (Role.SECRETARIAT, Role.AUDITOR)
    of_body = member.role == Role.PARTICIPANT and member.party.kind == PartyKind.EU_BODY
    is_of_it = meant.party_id in (None, member.party_id)
    return is_of_it and is_named(space, member, meant) and (member.role in INVESTIGATORS or of_body)


def fits(rule: CountryRule, exhibit: Exhibit) -> bool:
    """The rule means the exhibit: what is unknown of it matches no standing release and every forbid (E5)."""
    if rule.workspace_id != exhibit.workspace_id or rule.party_id != exhibit.party_id:
        return False
    asked = [
        (rule.kind is None, rule.kind == exhibit.kind, exhibit.kind is None),
        (
            rule.authority_id is None,
            rule.authority_id == exhibit.authority_id,
            exhibit.authority_id is None,
        ),
        (
            rule.seized_from is None,
            rule.seized_from is not None and exhibit.seized_on is not None and exhibit.seized_on >= rule.seized_from,
            exhibit.seized_on is None,
        ),
        (
            rule.seized_until is None,
            rule.seized_until is not None and exhibit.seized_on is not None and exhibit.seized_on <= rule.seized_until,
            exhibit.seized_on is None,
        ),
        (rule.handling is None, rule.handling in (exhibit.handling or ["H3"]), False),
        (rule.tag is None, rule.tag in exhibit.tags, False),
    ]
    return all(any_it_is or matches or (rule.is_forbid and unknown) for any_it_is, matches, unknown in asked)
