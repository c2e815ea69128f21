"""Who reads which entries of the record."""

from sqlalchemy import ColumnElement, and_, exists, not_, or_

from jit_portal.audit.models import LedgerEntry
from jit_portal.messages.models import Channel
from jit_portal.policy.asking import Ground, noun, protect, rule
from jit_portal.policy.person import (
    Conditions,
    has_role,
    is_investigator,
    is_leader,
    is_participant_of_body,
    me,
    my_party,
)
from jit_portal.tasks.models import Board
from jit_portal.vocabulary import Audience, May, Role
from jit_portal.workspaces.models import Workspace


def _restricted(place: type[Channel | Board]) -> ColumnElement[bool]:
    said = (LedgerEntry.noun == noun(place), place.id == LedgerEntry.object_id, place.audience != Audience.EVERYONE)
    return exists().where(*said).correlate_except(place)


# Whatever party an entry names: a channel or board that is restricted is nobody's but of whoever opened it.
_open_to_everyone = not_(or_(_restricted(Channel), _restricted(Board)))

protect(LedgerEntry, Ground(path=((Workspace, Workspace.jit_id == LedgerEntry.chain),), workspace=Workspace.id))


@rule(LedgerEntry, May.SEE)
def reads_ledger() -> Conditions:
    """An auditor: acts by its country's people and on its country's things. A leader: acts on their own party's
    things, and on what is every party's. A member of the seizing party: acts on its exhibits, for their history.
    """
    on_ours = LedgerEntry.object_party_id == me.party_id
    on_our_exhibits = and_(on_ours, LedgerEntry.noun == "exhibit")
    by_ours = or_(LedgerEntry.actor_party_id == me.party_id, LedgerEntry.actor_country == my_party.country)
    return {
        "in_reach": or_(
            and_(has_role(Role.AUDITOR), or_(on_ours, by_ours)),
            and_(is_leader, or_(on_ours, and_(LedgerEntry.object_party_id.is_(None), _open_to_everyone))),
            and_(or_(is_investigator, is_participant_of_body), on_our_exhibits),
        )
    }
