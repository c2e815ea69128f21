"""The verbs of custody: receive, hand over, take back, accept, decline."""

import uuid

from sqlalchemy import Select, or_, select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.custody.models import LAWFUL_NEXT, CustodyEvent
from jit_portal.database import session, transaction
from jit_portal.errors import Refused
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.notices import service as notices
from jit_portal.vocabulary import CustodyStep, May, NoticeKind
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Membership


def receive(actor: User, exhibit: Exhibit) -> CustodyEvent:
    """Begin the chain: the actor has received the exhibit. Part of registering it, which is what goes on record."""
    return _add(actor, exhibit, CustodyStep.RECEIVED, None, "")


def receivers(actor: User, exhibit: Exhibit) -> Select[User]:
    """Who can receive the exhibit from the actor: who may read it; of third parties only the seizing party knows."""
    readers = policy.who(exhibit, May.READ).where(policy.person.person.id != actor.id)
    if policy.may(actor, May.SEE_AUDIENCE, exhibit):
        return readers
    own = policy.which(actor, Membership).where(
        Membership.workspace_id == exhibit.workspace_id,
        Membership.user_id == actor.id,
        policy.person.live(Membership.live_from, Membership.live_until),
    )
    known = own.with_only_columns(Membership.party_id)
    return readers.where(or_(policy.person.me.party_id == exhibit.party_id, policy.person.me.party_id.in_(known)))


def hand_over(actor: User, exhibit: Exhibit, to_id: uuid.UUID, reason: str) -> CustodyEvent:
    """Offer the exhibit to its next holder, who must already be allowed to read it; they hold it once they accept."""
    with transaction():
        exhibit = policy.locked(actor, May.HAND_OVER, exhibit)
        receiver = session().scalar(receivers(actor, exhibit).where(policy.person.person.id == to_id))
        if receiver is None:
            raise Refused(
                gettext("They may not read this exhibit. Release it to them first, then hand it over."), field="to"
            )
        event = _add(actor, exhibit, CustodyStep.HANDED_OVER, receiver.id, reason)
        exhibit.offered_to_id = receiver.id
        notices.tell(NoticeKind.HANDED_OVER, exhibit, {receiver.id}, actor)
        audit.record(actor, "exhibit.handed_over", exhibit, to=receiver.id, step=event.number)
    return event


def take_back(actor: User, exhibit: Exhibit) -> CustodyEvent:
    """End an offer that nobody has accepted; the exhibit stays with its holder."""
    with transaction():
        exhibit = policy.locked(actor, May.TAKE_BACK, exhibit)
        receiver = exhibit.offered_to_id
        assert receiver is not None, "the rule says that it is offered"
        event = _add(actor, exhibit, CustodyStep.TAKEN_BACK, receiver, "")
        exhibit.offered_to_id = None
        notices.tell(NoticeKind.TAKEN_BACK, exhibit, {receiver}, actor)
        audit.record(actor, "exhibit.taken_back", exhibit, to=receiver, step=event.number)
    return event


def accept(actor: User, exhibit: Exhibit) -> CustodyEvent:
    """Take an exhibit that was handed over to oneself."""
    with transaction():
        exhibit = policy.locked(actor, May.ACCEPT, exhibit)
        event = _add(actor, exhibit, CustodyStep.ACCEPTED, None, "")
        giver, exhibit.holder_id, exhibit.offered_to_id = exhibit.holder_id, actor.id, None
        notices.tell(NoticeKind.ACCEPTED, exhibit, {giver}, actor)
        audit.record(actor, "exhibit.accepted", exhibit, also={giver}, step=event.number)
    return event


def decline(actor: User, exhibit: Exhibit, reason: str) -> CustodyEvent:
    """Leave an exhibit that was handed over to oneself with its holder."""
    with transaction():
        exhibit = policy.locked(actor, May.DECLINE, exhibit)
        event = _add(actor, exhibit, CustodyStep.DECLINED, None, reason)
        exhibit.offered_to_id = None
        notices.tell(NoticeKind.DECLINED, exhibit, {exhibit.holder_id}, actor)
        audit.record(actor, "exhibit.declined", exhibit, step=event.number)
    return event


def _add(actor: User, exhibit: Exhibit, step: CustodyStep, to_id: uuid.UUID | None, reason: str) -> CustodyEvent:
    links = select(CustodyEvent.number, CustodyEvent.step).where(CustodyEvent.exhibit_id == exhibit.id)
    newest = links.order_by(CustodyEvent.number.desc()).limit(1).execution_options(policy=True)
    last = session().execute(newest).first()
    if step not in LAWFUL_NEXT[last.step if last else None]:
        raise Refused(gettext("That is not a lawful next step in this chain of custody."))
    number = last.number + 1 if last else 1
    event = CustodyEvent(exhibit_id=exhibit.id, number=number, step=step, by_id=actor.id, to_id=to_id, reason=reason)
    session().add(event)
    session().flush()
    return event
