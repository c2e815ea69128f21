"""Why a change of a task was refused, in plain words, and who can make it."""

from sqlalchemy import func, select

from jit_portal import policy
from jit_portal.database import Thing, session
from jit_portal.errors import NotAllowed, Refused
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.policy.person import is_leader, me, person
from jit_portal.tasks.models import Task, TaskChange
from jit_portal.tasks.words import column_name
from jit_portal.vocabulary import May, TaskAct
from jit_portal.wording import country, gettext, moment

_STATES = frozenset({"unassigned", "not_asked", "assigned"})
"""Conditions that anybody could meet at another moment: failing them alone is a conflict, not a missing right."""


class ChangedMeanwhile(Refused):
    """Somebody else did the same kind of thing to the task since the edition that was acted on."""


def require(actor: User, may: May, thing: Thing) -> None:
    """``policy.require``, with a refusal that says which condition failed and who can do it instead."""
    try:
        policy.require(actor, may, thing)
    except NotAllowed as refusal:
        failed = {condition.name for condition in policy.explain(actor, may, thing) if not condition.holds}
        refusal.reason = _because(failed, thing)
        if failed <= _STATES:
            raise Refused(refusal.reason) from refusal
        raise


def _because(failed: set[str], thing: Thing) -> str:
    if "agreement_in_force" in failed:
        return gettext(
            "No version of this JIT's agreement is in force: boards can be read, but nothing on them can be changed."
        )
    if isinstance(thing, Task):
        if "not_asked" in failed:
            return gettext("Another party has been asked to take this task. Its leader answers first.")
        if "unassigned" in failed:
            return gettext("Somebody has this task already.")
        if "assigned" in failed:
            return gettext("Nobody has this task.")
        if failed & {"own_party", "leader", "assignee_or_leader"}:
            return _leaders_of(thing.party, thing)
        if "asked_party" in failed:
            return gettext("Your party is not asked to take this task.")
    return gettext("Only leaders, members and seconded members change boards; others change the tasks they have.")


def _leaders_of(party: Party, task: Task) -> str:
    leaders = policy.who(task).where(me.party_id == party.id, is_leader).with_only_columns(person.name)
    names = ", ".join(sorted(session().scalars(leaders)))
    if not names:
        return gettext("Only %(party)s decides this, and nobody leads for it here.", party=country(party))
    return gettext("Only %(party)s decides this. Leading for it here: %(names)s.", party=country(party), names=names)


def refuse_stale(actor: User, task: Task, edition: int, *acts: TaskAct) -> None:
    """Go on only if nobody else has done any of ``acts`` to the task since ``edition``; other changes merge."""
    if edition >= task.edition:
        return
    newest = select(func.max(TaskChange.edition)).where(
        TaskChange.task_id == task.id,
        TaskChange.edition > edition,
        TaskChange.by_id != actor.id,
        TaskChange.act.in_(acts),
    )
    last = session().scalar(newest)
    if last is not None:
        raise ChangedMeanwhile(_meanwhile(task, session().get_one(TaskChange, (task.id, last))))


def _meanwhile(task: Task, change: TaskChange) -> str:
    said = {"name": change.by.name, "key": task.key, "at": moment(change.at)}
    match change.act:
        case TaskAct.MOVED if change.column is not None:
            return gettext(
                "%(name)s moved %(key)s to “%(column)s” at %(at)s. It stays there; move it again if you still want to.",
                column=column_name(change.column),
                **said,
            )
        case TaskAct.EDITED:
            return gettext("%(name)s edited %(key)s at %(at)s. Compare before you save.", **said)
        case TaskAct.ASSIGNED | TaskAct.TAKEN | TaskAct.ACCEPTED if change.person is not None:
            return gettext("%(key)s went to %(person)s at %(at)s, by %(name)s.", person=change.person.name, **said)
        case _:
            return gettext("%(name)s changed %(key)s at %(at)s. Look at it again first.", **said)
