"""Who sees which exhibit how far, and what may be done with it (E1, E2, E4, E5, E9 of the written policy)."""

import uuid

import sqlalchemy as sa
from sqlalchemy import ColumnElement, SQLColumnExpression, and_, not_, or_, select

from jit_portal.custody.models import CustodyEvent
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.files.models import StoredFile
from jit_portal.policy.asking import Ground, joined, protect, rule
from jit_portal.policy.entrusting import entrusted_by
from jit_portal.policy.grants import (
    Moment,
    Reaches,
    forbidden,
    forbids,
    live_release,
    reaches_for_forbids,
    reaches_for_grants,
    releases_of_it,
    standing_release,
    standing_releases,
)
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
    me,
    membership_live,
    party_live,
    person,
    there_is,
)
from jit_portal.vocabulary import May, Role, Sight

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


def shown_by(release_id: uuid.UUID) -> sa.Select[uuid.UUID]:
    """The people to whom this release shows its exhibit, or showed it until it ended, but for what forbids them now.

    One that never began showed nothing to anybody.
    """
    began = and_(Release.live_from <= NOW, or_(Release.live_until.is_(None), Release.live_until > Release.live_from))
    means = (reaches_for_grants(Release.principal_id), not_(me.is_outside_union), not_(forbidden(Sight.SEE)))
    shown = joined(select(person.id), Release).where(Release.id == release_id, began, *GATES.values(), *means)
    return shown.distinct().execution_options(policy=True)
