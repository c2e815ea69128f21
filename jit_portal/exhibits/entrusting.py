"""The verbs on entrusting: a leader lets somebody of the own party release its exhibits, and it ends again (E4)."""

import datetime as dt
import uuid
from zoneinfo import ZoneInfo

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, Refused
from jit_portal.exhibits.limits import leaders
from jit_portal.exhibits.models import Entrustment
from jit_portal.identity.models import User
from jit_portal.jits.models import Agreement, Party
from jit_portal.notices import service as notices
from jit_portal.policy.person import live
from jit_portal.vocabulary import BODIES, INVESTIGATORS, May, NoticeKind, Role, Sight
from jit_portal.wording import gettext
from jit_portal.workspaces import seats
from jit_portal.workspaces.models import Membership, Workspace


def entrust(
    actor: User, workspace: Workspace, party: Party, person_id: uuid.UUID, sight: Sight, last_day: dt.date
) -> Entrustment:
    """Let somebody of one's own party release its exhibits, up to a sight, to the end of a day of the agreement's zone.

    Said again in the same words, it is done once.
    """
    with transaction():
        # Holding the party's row: two leaders, or two clicks, come one after the other.
        party = policy.locked(actor, May.ENTRUST, party)
        person = _chosen(actor, workspace, party, person_id)
        live_until = _end_of(last_day, policy.agreement_of(workspace.jit_id))
        held = _held(actor, party, person)
        if held is not None and (held.sight, held.live_until) == (sight, live_until):
            return held
        if held is not None:
            raise Refused(gettext("%(person)s is entrusted already. End that first.", person=person.name))
        made = Entrustment(
            workspace_id=workspace.id,
            party_id=party.id,
            party=party,
            user_id=person.id,
            user=person,
            sight=int(sight),
            live_until=live_until,
            entrusted_by_id=actor.id,
        )
        session().add(made)
        session().flush()
        notices.tell(NoticeKind.ENTRUSTED, made, [person.id], actor)
        audit.record(
            actor,
            "entrustment.made",
            made,
            also=[person.id],
            person=person.id,
            sight=sight.name.lower(),
            until=live_until,
        )
    return made


def candidates(actor: User, workspace: Workspace, party: Party) -> list[User]:
    """Whom a leader can entrust: the party's members and seconded members, a body's participants, but no leader."""
    roles = (Role.PARTICIPANT,) if party.kind in BODIES else INVESTIGATORS
    found = policy.which(actor, Membership).where(
        Membership.workspace_id == workspace.id,
        Membership.party_id == party.id,
        Membership.role.in_(roles),
        live(Membership.live_from, Membership.live_until),
    )
    people = [member.user for member in session().scalars(found).unique()]
    leading = {person.id for person in leaders(party)}
    able = [each for each in people if each.is_active and each.duty is None and each.id not in leading]
    return sorted(able, key=lambda each: each.name)


def _chosen(actor: User, workspace: Workspace, party: Party, person_id: uuid.UUID) -> User:
    if person_id == actor.id:
        raise Invalid(gettext("You lead your party: you release without being entrusted."), field="person")
    for each in candidates(actor, workspace, party):
        if each.id == person_id:
            return each
    raise Invalid(
        gettext("Only a member or seconded member of your own party, who does not lead it, can be entrusted."),
        field="person",
    )


def _end_of(last_day: dt.date, agreement: Agreement | None) -> dt.datetime:
    if agreement is None or last_day > agreement.ends_on:
        raise Invalid(
            gettext(
                "Version %(version)s of the agreement ends before that day; nobody can be entrusted for longer.",
                version=agreement.version if agreement else 0,
            ),
            field="last_day",
        )
    zone = ZoneInfo(agreement.time_zone)
    if last_day < seats.now().astimezone(zone).date():
        raise Invalid(gettext("This day is over."), field="last_day")
    ends = dt.datetime.combine(last_day + dt.timedelta(days=1), dt.time(), zone).astimezone(dt.UTC)
    return min(ends, agreement.in_force_until or ends)


def _held(actor: User, party: Party, person: User) -> Entrustment | None:
    held = policy.which(actor, Entrustment).where(
        Entrustment.party_id == party.id,
        Entrustment.user_id == person.id,
        live(Entrustment.live_from, Entrustment.live_until),
    )
    return session().scalar(held)


def end_entrustment(actor: User, entrustment: Entrustment) -> None:
    """End an entrustment at once, as a leader or as who is entrusted; what was released through it stays released."""
    with transaction():
        held = policy.locked(actor, May.WITHDRAW, entrustment)
        moment = seats.now()
        if held.live_until <= moment:
            raise Refused(gettext("This has already ended."))
        held.live_until, held.closed_by_id = moment, actor.id
        session().flush()
        notices.tell(NoticeKind.ENTRUSTING_ENDED, held, [held.user_id, held.entrusted_by_id], actor)
        audit.record(actor, "entrustment.ended", held, person=held.user_id)
