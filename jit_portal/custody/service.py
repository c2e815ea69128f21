"""The verbs of custody: receive, hand over, accept, decline."""

import uuid

from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.custody.models import LAWFUL_NEXT, CustodyEvent
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, Refused
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.notices import service as notices
from jit_portal.vocabulary import CustodyStep, May, NoticeKind
from jit_portal.wording import gettext


def receive(actor: User, exhibit: Exhibit) -> CustodyEvent:
    """Begin the chain: the actor has received the exhibit. Part of registering it, which is what goes on record."""
    return _add(actor, exhibit, CustodyStep.RECEIVED, None, "")


def hand_over(actor: User, exhibit: Exhibit, to_id: uuid.UUID, reason: str) -> CustodyEvent:
    """Offer the exhibit to its next holder, who must already be allowed to read it; they hold it once they accept."""
    policy.require(actor, May.HAND_OVER, exhibit)
    receiver = session().get(User, to_id)
    if receiver is None or receiver.id == actor.id or not policy.may(receiver, May.READ, exhibit):
        raise Invalid(
            gettext("They may not read this exhibit. Release it to them first, then hand it over."), field="to"
        )
    with transaction():
        exhibit = policy.fetch(actor, Exhibit, exhibit.id, lock=True)
        if exhibit.holder_id != actor.id or exhibit.offered_to_id is not None:
            raise Refused(gettext("The exhibit has been handed over meanwhile. Look at its chain of custody."))
        event = _add(actor, exhibit, CustodyStep.HANDED_OVER, receiver.id, reason)
        exhibit.offered_to_id = receiver.id
        notices.tell(NoticeKind.HANDED_OVER, exhibit, {receiver.id}, actor)
        audit.record(actor, "exhibit.handed_over", exhibit, to=receiver.id, step=event.number)
    return event


def accept(actor: User, exhibit: Exhibit) -> CustodyEvent:
    """Take an exhibit that was handed over to oneself."""
    policy.require(actor, May.ACCEPT, exhibit)
    with transaction():
        exhibit = _offered_to(actor, exhibit)
        event = _add(actor, exhibit, CustodyStep.ACCEPTED, None, "")
        giver, exhibit.holder_id, exhibit.offered_to_id = exhibit.holder_id, actor.id, None
        audit.record(actor, "exhibit.accepted", exhibit, also={giver}, step=event.number)
    return event


def decline(actor: User, exhibit: Exhibit, reason: str) -> CustodyEvent:
    """Leave an exhibit that was handed over to oneself with its holder."""
    policy.require(actor, May.ACCEPT, exhibit)
    with transaction():
        exhibit = _offered_to(actor, exhibit)
        event = _add(actor, exhibit, CustodyStep.DECLINED, None, reason)
        exhibit.offered_to_id = None
        audit.record(actor, "exhibit.declined", exhibit, step=event.number)
    return event


def _offered_to(actor: User, exhibit: Exhibit) -> Exhibit:
    locked = policy.fetch(actor, Exhibit, exhibit.id, lock=True)
    if locked.offered_to_id != actor.id:
        raise Refused(gettext("This exhibit is no longer offered to you."))
    return locked


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
