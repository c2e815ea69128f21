"""Whose a task is: assign, take, give back, ask another party, which accepts or declines."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, Refused
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.notices import service as notices
from jit_portal.tasks import people
from jit_portal.tasks.changing import change, locked
from jit_portal.tasks.models import Task, TaskChange
from jit_portal.tasks.reasons import refuse_stale
from jit_portal.tasks.texts import text
from jit_portal.vocabulary import May, NoticeKind, TaskAct
from jit_portal.wording import country, gettext

REASON_LENGTH = 1000
_WHO_HAS_IT = (
    TaskAct.ASSIGNED,
    TaskAct.TAKEN,
    TaskAct.GIVEN_BACK,
    TaskAct.ASKED,
    TaskAct.UNASKED,
    TaskAct.ACCEPTED,
    TaskAct.DECLINED,
)


def assign(actor: User, task_id: uuid.UUID, edition: int, person_id: uuid.UUID) -> Task:
    """Give the task to a person of the party that owns it; a question to another party is taken back by that."""
    with transaction():
        task = locked(actor, task_id, May.ASSIGN)
        refuse_stale(actor, task, edition, *_WHO_HAS_IT)
        if task.assignee_id == person_id:
            return task
        task.assignee = _candidate(task, task.party_id, person_id)
        task.asked_party = None
        change(actor, task, TaskAct.ASSIGNED, person_id=person_id)
        notices.tell(NoticeKind.ASSIGNED, task, [person_id], actor)
        audit.record(actor, "task.assigned", task, edition=task.edition, person=person_id)
    return task


def take(actor: User, task_id: uuid.UUID) -> Task:
    """Take an unassigned task of one's own party."""
    with transaction():
        task = locked(actor, task_id, May.TAKE)
        task.assignee = session().get_one(User, actor.id)
        change(actor, task, TaskAct.TAKEN, person_id=actor.id)
        audit.record(actor, "task.taken", task, edition=task.edition)
    return task


def give_back(actor: User, task_id: uuid.UUID, edition: int) -> Task:
    """Leave the task to whoever of its party takes it next."""
    with transaction():
        task = locked(actor, task_id, May.GIVE_BACK)
        refuse_stale(actor, task, edition, *_WHO_HAS_IT)
        change(actor, task, TaskAct.GIVEN_BACK, person_id=task.assignee_id)
        task.assignee = None
        audit.record(actor, "task.given_back", task, edition=task.edition)
    return task


def ask(actor: User, task_id: uuid.UUID, edition: int, party_id: uuid.UUID, because: str) -> Task:
    """Ask another party of the JIT to take the task: a leader of theirs accepts and assigns, or declines.

    The same asked again is one question.
    """
    with transaction():
        task = locked(actor, task_id, May.ASSIGN)
        refuse_stale(actor, task, edition, *_WHO_HAS_IT)
        said = text(because, "because", REASON_LENGTH)
        if (task.asked_party_id, task.asked_because) == (party_id, said):
            return task
        put_question(actor, task, party_id, said)
        audit.record(actor, "task.asked", task, edition=task.edition, party=party_id)
    return task


def put_question(actor: User, task: Task, party_id: uuid.UUID, because: str) -> None:
    """Ask that party, as part of the verb that puts it on record."""
    task.asked_party = _other_party(task, party_id)
    leaders = _leaders(task, task.asked_party)
    task.asked_because = because
    task.declined_because = ""
    task.assignee = None
    change(actor, task, TaskAct.ASKED, party_id=party_id, reason=because)
    notices.tell(NoticeKind.ASKED, task, leaders, actor)


def stop_asking(actor: User, task_id: uuid.UUID, edition: int) -> Task:
    """Take the question to another party back."""
    with transaction():
        task = locked(actor, task_id, May.ASSIGN)
        refuse_stale(actor, task, edition, *_WHO_HAS_IT)
        if task.asked_party is None:
            raise Refused(gettext("No party is asked to take this task."))
        change(actor, task, TaskAct.UNASKED, party_id=task.asked_party_id)
        task.asked_party = None
        audit.record(actor, "task.unasked", task, edition=task.edition)
    return task


def accept(actor: User, task_id: uuid.UUID, edition: int, person_id: uuid.UUID) -> Task:
    """The asked party takes the task over, and one of its people has it."""
    with transaction():
        task = locked(actor, task_id, May.ANSWER)
        refuse_stale(actor, task, edition, *_WHO_HAS_IT)
        asked, asking = task.asked_party, task.party_id
        assert asked is not None, "the rule says that a party is asked"
        task.assignee = _candidate(task, asked.id, person_id)
        task.party, task.asked_party = asked, None
        change(actor, task, TaskAct.ACCEPTED, party_id=asked.id, person_id=person_id)
        notices.tell(NoticeKind.ASSIGNED, task, [person_id], actor)
        notices.tell(NoticeKind.ASK_ACCEPTED, task, _askers(task), actor)
        audit.record(actor, "task.accepted", task, edition=task.edition, asking=asking, person=person_id)
    return task


def decline(actor: User, task_id: uuid.UUID, edition: int, because: str) -> Task:
    """The asked party does not take the task, and says why."""
    with transaction():
        task = locked(actor, task_id, May.ANSWER)
        refuse_stale(actor, task, edition, *_WHO_HAS_IT)
        task.declined_because = text(because, "because", REASON_LENGTH)
        if not task.declined_because:
            raise Invalid(gettext("Say why your party does not take it."), field="because")
        declining = task.asked_party_id
        change(actor, task, TaskAct.DECLINED, party_id=declining, reason=task.declined_because)
        notices.tell(NoticeKind.ASK_DECLINED, task, _askers(task), actor)
        task.asked_party = None
        audit.record(actor, "task.declined", task, edition=task.edition, party=declining)
    return task


def _candidate(task: Task, party_id: uuid.UUID, person_id: uuid.UUID) -> User:
    for each in people.candidates(task, party_id):
        if each.id == person_id:
            return each
    raise Invalid(gettext("Choose one of your own party's people who see this board."), field="person")


def _other_party(task: Task, party_id: uuid.UUID) -> Party:
    for party in policy.parties_of([task.board.workspace.jit_id]):
        if party.id == party_id and party.id != task.party_id:
            return party
    raise Invalid(gettext("Choose another party of this JIT."), field="party")


def _askers(task: Task) -> Sequence[uuid.UUID]:
    asked = select(TaskChange.by_id).where(TaskChange.task_id == task.id, TaskChange.act == TaskAct.ASKED)
    return session().scalars(asked.order_by(TaskChange.edition.desc()).limit(1)).all()


def _leaders(task: Task, party: Party) -> Sequence[uuid.UUID]:
    found = people.leaders(task, party.id)
    if not found:
        raise Refused(
            gettext("Nobody who leads for %(party)s sees this board, so nobody could answer.", party=country(party))
        )
    return found
