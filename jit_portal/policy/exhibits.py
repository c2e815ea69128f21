"""Who sees which exhibit how far, and what may be done with it (E1, E2, E4, E5, E9 of the written policy)."""

import uuid
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, SQLColumnExpression, and_, func, not_, or_, select

from jit_portal.custody.models import CustodyEvent
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.files.models import StoredFile
from jit_portal.jits.models import Party
from jit_portal.policy.asking import Ground, joined, protect, rule
from jit_portal.policy.entrusting import entrusted_by
from jit_portal.policy.person import (
    GATES,
    NOW,
    Conditions,
    account_active,
    agreement_in_force,
    has_live_leader,
    has_role,
    is_investigator,
    is_participant_of_body,
    leads_party,
    live,
    me,
    membership_live,
    party_live,
    person,
    there_is,
)
from jit_portal.vocabulary import INVESTIGATORS, HandlingCode, May, Role, Sight
from jit_portal.workspaces.models import MembershipPrincipal, Workspace

Reaches = Callable[[SQLColumnExpression[Any]], ColumnElement[bool]]
Moment = SQLColumnExpression[Any]

own = and_(me.party_id == Exhibit.party_id, or_(is_investigator, is_participant_of_body))
holder = and_(Exhibit.holder_id == person.id, not_(has_role(Role.SECRETARIAT, Role.AUDITOR)))

# The last leaders of a party that left keep a read-only view of what is theirs; nobody else passes without a live
# party.
_left_but_keeps = and_(me.keeps_own_exhibits, me.party_id == Exhibit.party_id)
GATES_OF_OWN: Conditions = {
    "account_active": account_active,
    "membership_live": membership_live,
    "party_live": or_(party_live, _left_but_keeps),
}


def reaches_for_grants(principal_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """The principal of a release or standing release means this membership."""
    return _answers_to(principal_id, MembershipPrincipal.is_for_grants)


def reaches_for_forbids(principal_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """The principal of a forbid means this membership."""
    return _answers_to(principal_id, sa.true())


def _answers_to(principal_id: SQLColumnExpression[Any], condition: SQLColumnExpression[bool]) -> ColumnElement[bool]:
    return (
        select(MembershipPrincipal.principal_id)
        .where(MembershipPrincipal.membership_id == me.id, MembershipPrincipal.principal_id == principal_id, condition)
        .correlate_except(MembershipPrincipal)
        .exists()
    )


def releases_of_it(reaches: Reaches = reaches_for_grants, at: Moment = NOW) -> list[ColumnElement[bool]]:
    """The live releases that show the exhibit to the person (E2, E4)."""
    return [
        Release.exhibit_id == Exhibit.id,
        live(Release.live_from, Release.live_until, at),
        reaches(Release.principal_id),
    ]


def released_sight(reaches: Reaches = reaches_for_grants) -> ColumnElement[int]:
    """How far live releases to the person go; 0 without one."""
    found = select(func.max(Release.sight)).where(*releases_of_it(reaches))
    return func.coalesce(found.correlate_except(Release).scalar_subquery(), 0)


def live_release(sight: Sight, reaches: Reaches = reaches_for_grants) -> ColumnElement[bool]:
    """A live release of at least this sight reaches the person."""
    return released_sight(reaches) >= sight


def has_code(code: SQLColumnExpression[Any], codes: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """The code is one of the codes; where there is none, it counts as H3."""
    return or_(code == func.any(codes), and_(func.cardinality(codes) == 0, code == HandlingCode.H3.value))


def standing_releases(reaches: Reaches = reaches_for_grants, at: Moment = NOW) -> list[ColumnElement[bool]]:
    """The live standing releases that show the exhibit to the person (E5); what is unknown matches none."""
    return [
        *_live_rules(at),
        CountryRule.is_forbid.is_(False),
        reaches(CountryRule.principal_id),
        or_(CountryRule.kind.is_(None), CountryRule.kind == Exhibit.kind),
        or_(CountryRule.handling.is_(None), has_code(CountryRule.handling, Exhibit.handling)),
        or_(CountryRule.authority_id.is_(None), CountryRule.authority_id == Exhibit.authority_id),
        or_(CountryRule.seized_from.is_(None), Exhibit.seized_on >= CountryRule.seized_from),
        or_(CountryRule.seized_until.is_(None), Exhibit.seized_on <= CountryRule.seized_until),
    ]


def forbids(reaches: Reaches = reaches_for_forbids, at: Moment = NOW) -> list[ColumnElement[bool]]:
    """The live forbids that name the person and mean the exhibit (E5); what is unknown matches every one."""
    return [
        *_live_rules(at),
        CountryRule.is_forbid.is_(True),
        reaches(CountryRule.principal_id),
        or_(CountryRule.kind.is_(None), Exhibit.kind.is_(None), CountryRule.kind == Exhibit.kind),
        or_(CountryRule.handling.is_(None), has_code(CountryRule.handling, Exhibit.handling)),
        or_(
            CountryRule.authority_id.is_(None),
            Exhibit.authority_id.is_(None),
            CountryRule.authority_id == Exhibit.authority_id,
        ),
    ]


def _live_rules(at: Moment) -> list[ColumnElement[bool]]:
    return [
        CountryRule.workspace_id == Exhibit.workspace_id,
        CountryRule.party_id == Exhibit.party_id,
        live(CountryRule.live_from, CountryRule.live_until, at),
        or_(CountryRule.tag.is_(None), CountryRule.tag == func.any(Exhibit.tags)),
    ]


def _of_rules(sight: ColumnElement[int], conditions: list[ColumnElement[bool]]) -> sa.ScalarSelect[int]:
    return select(sight).where(*conditions).correlate_except(CountryRule).scalar_subquery()


def standing_sight(reaches: Reaches = reaches_for_grants) -> ColumnElement[int]:
    """How far standing releases to the person go; 0 without one."""
    return func.coalesce(_of_rules(func.max(CountryRule.sight), standing_releases(reaches)), 0)


def standing_release(sight: Sight, reaches: Reaches = reaches_for_grants) -> ColumnElement[bool]:
    """A standing release of at least this sight reaches the person."""
    return standing_sight(reaches) >= sight


def forbidden(sight: Sight, reaches: Reaches = reaches_for_forbids) -> ColumnElement[bool]:
    """A forbid takes this sight, or one below it, away from the person."""
    return func.coalesce(_of_rules(func.min(CountryRule.sight), forbids(reaches)) <= sight, sa.false())


def sight_conditions(
    sight: Sight, grants: Reaches = reaches_for_grants, refuses: Reaches = reaches_for_forbids
) -> Conditions:
    """What a person needs to see an exhibit this far: it is their party's, or it is shown to them and nothing forbids
    it.

    Releases to third countries and international bodies (E9) need attestations that are not built: they are never live.
    """
    mine = or_(own, holder) if sight == Sight.SEE else own
    return {
        "own_or_shown": or_(
            mine, and_(not_(me.is_outside_union), or_(live_release(sight, grants), standing_release(sight, grants)))
        ),
        "not_forbidden": or_(mine, not_(forbidden(sight, refuses))),
    }


def seen_at_all(
    grants: Reaches = reaches_for_grants, refuses: Reaches = reaches_for_forbids, at: Moment = NOW
) -> ColumnElement[bool]:
    """``Sight.SEE`` as one condition, sooner planned than the two, for who asks for nothing else.

    Every release shows at least that; only a forbid of that very sight takes it away. ``at`` another moment it says
    what was shown then, by the membership, the keeping and the classification of now.
    """
    shown = or_(there_is(Release, *releases_of_it(grants, at)), there_is(CountryRule, *standing_releases(grants, at)))
    hidden = there_is(CountryRule, *forbids(refuses, at), CountryRule.sight <= int(Sight.SEE))
    return or_(own, holder, and_(not_(me.is_outside_union), shown, not_(hidden)))


SIGHT_OF = {May.SEE: Sight.SEE, May.READ: Sight.READ, May.DOWNLOAD: Sight.DOWNLOAD, May.USE: Sight.USE}

AS_FAR_AS = {sight: sight_conditions(sight) for sight in Sight}

protect(Exhibit, Ground(workspace=Exhibit.workspace_id, gates={}))
for _may, _sight in SIGHT_OF.items():
    _gates = GATES_OF_OWN if _sight <= Sight.READ else GATES
    rule(Exhibit, _may)(lambda _gates=_gates, _sight=_sight: {**_gates, **AS_FAR_AS[_sight]})  # type: ignore[misc]


@rule(Exhibit, May.SEE_AUDIENCE)
def member_of_seizing_party() -> Conditions:
    return {**GATES, "own_party": own}


@rule(Exhibit, May.DESCRIBE)
def describes() -> Conditions:
    return {**GATES, "own_party": own, "agreement_in_force": agreement_in_force}


leader_or_entrusted = or_(leads_party, entrusted_by(Exhibit.party_id))
has_leader = has_live_leader(Exhibit.party_id)


@rule(Exhibit, May.RECLASSIFY, May.RELEASE)
def releases() -> Conditions:
    """Leaders of the seizing party, and whom they entrusted: up to which sight, the verbs ask."""
    return {
        **GATES,
        "own_party": own,
        "leader_or_entrusted": leader_or_entrusted,
        "has_leader": has_leader,
        "agreement_in_force": agreement_in_force,
    }


@rule(Exhibit, May.WITHDRAW)
def withdraws_release() -> Conditions:
    """Any live leader of the seizing party, or whom one entrusted; any of its members when no leader is live."""
    return {
        **GATES_OF_OWN,
        "own_party": own,
        "leader_or_entrusted": or_(leader_or_entrusted, me.keeps_own_exhibits, not_(has_leader)),
    }


@rule(Exhibit, May.HAND_OVER)
def hands_over() -> Conditions:
    """Whether it is being handed over is told to nobody but its holder."""
    return {**GATES, "holder": holder, "not_offered": or_(not_(holder), Exhibit.offered_to_id.is_(None))}


@rule(Exhibit, May.TAKE_BACK)
def takes_back() -> Conditions:
    """The holder, whatever has become of the receiver: who lost sight of it can neither accept nor decline."""
    return {**GATES, "holder": holder, "offered": or_(not_(holder), Exhibit.offered_to_id.is_not(None))}


@rule(Exhibit, May.ACCEPT)
def accepts() -> Conditions:
    return {**GATES, "offered_to_you": Exhibit.offered_to_id == person.id, **AS_FAR_AS[Sight.READ]}


@rule(Exhibit, May.DECLINE)
def declines() -> Conditions:
    return {**GATES, "offered_to_you": Exhibit.offered_to_id == person.id, **AS_FAR_AS[Sight.SEE]}


def _of_exhibit(exhibit_id: SQLColumnExpression[uuid.UUID]) -> Ground:
    return Ground(path=((Exhibit, Exhibit.id == exhibit_id),), workspace=Exhibit.workspace_id, gates=GATES_OF_OWN)


protect(Release, _of_exhibit(Release.exhibit_id))


@rule(Release, May.SEE)
def sees_release() -> Conditions:
    """The seizing party sees all its releases, others those that mean them and the exhibit they still see."""
    see = AS_FAR_AS[Sight.SEE]
    return {"own_or_meant": or_(own, and_(reaches_for_grants(Release.principal_id), *see.values()))}


protect(CustodyEvent, _of_exhibit(CustodyEvent.exhibit_id))


@rule(CustodyEvent, May.SEE)
def reads_custody() -> Conditions:
    return AS_FAR_AS[Sight.READ]


protect(StoredFile, Ground(workspace=StoredFile.workspace_id))


@rule(StoredFile, May.SEE, May.UPLOAD)
def uploads_own_file() -> Conditions:
    """Only who began an upload knows of it as an upload; others meet the exhibit."""
    return {
        "yours": StoredFile.uploaded_by_id == person.id,
        "investigator": is_investigator,
        "agreement_in_force": agreement_in_force,
    }


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


protect(Party, Ground(path=((Workspace, Workspace.jit_id == Party.jit_id),), workspace=Workspace.id))


@rule(Party, May.SET_RULES, May.ENTRUST)
def sets_rules() -> Conditions:
    return {
        "own_party": me.party_id == Party.id,
        "leader": leads_party,
        "agreement_in_force": agreement_in_force,
    }


def upload_conditions() -> Conditions:
    return {"investigator": me.role.in_(INVESTIGATORS), "agreement_in_force": agreement_in_force}


def shown_by(release_id: uuid.UUID) -> sa.Select[uuid.UUID]:
    """The people to whom this release shows its exhibit, or showed it until it ended, but for what forbids them now.

    One that never began showed nothing to anybody.
    """
    began = and_(Release.live_from <= NOW, or_(Release.live_until.is_(None), Release.live_until > Release.live_from))
    means = (reaches_for_grants(Release.principal_id), not_(me.is_outside_union), not_(forbidden(Sight.SEE)))
    shown = joined(select(person.id), Release).where(Release.id == release_id, began, *GATES.values(), *means)
    return shown.distinct().execution_options(policy=True)


def meant_by(rule_id: uuid.UUID) -> sa.Select[uuid.UUID]:
    """The exhibits of its own party that a live country rule means, whoever it names, newest first; for that party's
    leaders.
    """
    anyone: Reaches = lambda _: sa.true()  # noqa: E731 (a rule's reach, left out on purpose)
    standing, forbidding = and_(*standing_releases(anyone)), and_(*forbids(anyone))
    statement = select(Exhibit.id).join(CountryRule, or_(standing, forbidding)).where(CountryRule.id == rule_id)
    return statement.order_by(Exhibit.created_at.desc(), Exhibit.id.desc()).execution_options(policy=True)
