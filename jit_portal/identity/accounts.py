"""What becomes of accounts: by a country's administrator, by its directory, and by the portal when nobody does."""

import datetime as dt
import uuid
from enum import StrEnum

from sqlalchemy import Select, func, select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Refused
from jit_portal.identity.endings import Because, end_all, end_in_turns, hold_of
from jit_portal.identity.models import Authority, IdentityProvider, User
from jit_portal.identity.refusals import Why
from jit_portal.identity.scim.models import Actor
from jit_portal.identity.sessions import is_live
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.notices import service as notices
from jit_portal.policy import Work, portal_which
from jit_portal.policy.closing import unused
from jit_portal.policy.people import administrators_of as _administrators_of
from jit_portal.policy.people import answering_for, on_former_authority
from jit_portal.vocabulary import Duty, May, NoticeKind
from jit_portal.wording import gettext


class Closed(StrEnum):
    """Why an account is closed."""

    BY_ADMINISTRATOR = "by_administrator"
    BY_OPERATOR = "by_operator"
    UNUSED = "unused"
    UNCONFIRMED = "unconfirmed"
    BY_DIRECTORY = "by_directory"
    BY_COMMAND = "by_command"


_WHY: dict[str | None, Why] = {Closed.UNUSED: Why.UNUSED, Closed.UNCONFIRMED: Why.UNCONFIRMED}


def why_closed(person: User) -> Why:
    """What somebody is told who signs in to a closed account."""
    return _WHY.get(person.closed_because, Why.DEACTIVATED)


def administrators_of(person: User) -> list[uuid.UUID]:
    """Who administers the accounts of the person's country, herself left out."""
    return list(session().scalars(_administrators_of(person)))


def deactivate(actor: User, person: User) -> None:
    """Close an account: its logins, its sockets and its running uploads end at once.

    Her country's administrator does it, and of whoever has a duty an operator: never of herself, so one is left.
    """
    policy.require(actor, May.DEACTIVATE, person)
    with transaction():
        one_duty_at_a_time(person)
        held = policy.locked(actor, May.DEACTIVATE, person)
        close(held, Closed.BY_OPERATOR if actor.duty == Duty.OPERATOR else Closed.BY_ADMINISTRATOR, actor)


def one_duty_at_a_time(person: User | None = None) -> None:
    """Of two operators who close each other at once, the second finds herself closed."""
    if person is None or person.duty is not None:
        session().execute(select(func.pg_advisory_xact_lock(func.hashtextextended("closing a duty", 0))))


def close(held: User, because: Closed, actor: Actor | None) -> None:
    """Close a locked account in the open transaction: its logins, its sockets and its running uploads end with it."""
    held.deactivated_at, held.closed_because = dt.datetime.now(dt.UTC), because
    end_all(held, Because.CLOSED, actor=actor)
    audit.record(actor, "user.deactivated", held, also=administrators_of(held), because=because)


def reactivate(actor: User, person: User) -> None:
    """Open a closed account again; from now on its time without use, and until it is confirmed, begins anew."""
    policy.require(actor, May.REACTIVATE, person)
    with transaction():
        held = policy.locked(actor, May.REACTIVATE, person)
        reopen(held, actor)


def reopen(held: User, actor: Actor) -> None:
    """Open a locked account in the open transaction."""
    held.deactivated_at, held.closed_because = None, None
    held.opened_at = held.confirmed_at = dt.datetime.now(dt.UTC)
    audit.record(actor, "user.reactivated", held, also=administrators_of(held))


def confirm(actor: User, person: User) -> None:
    """Say that the person still needs her account."""
    policy.require(actor, May.CONFIRM, person)
    with transaction():
        held = policy.locked(actor, May.CONFIRM, person)
        held.confirmed_at = dt.datetime.now(dt.UTC)
        audit.record(actor, "user.confirmed", held, also=administrators_of(held))


def flag(held: User, changed: set[str], actor: Actor | None = None) -> None:
    """Let her administrators know that the login, or its directory, says otherwise than is kept; nothing changes."""
    flags = set(filter(None, (held.flagged or "").split(",")))
    if not changed <= flags:
        held.flagged = ",".join(sorted(flags | changed))
        notices.tell(NoticeKind.FLAGGED, held, administrators_of(held), None)
        audit.record(actor, "user.flagged", held, quietly=True, claims=sorted(changed - flags))


def hear_name(held: User, said: str, before: str) -> None:
    """The login, or its directory, names her; what is no other name than it gave ``before`` is no news of it.

    Each proposes, and takes back its own word only: what the other has proposed waits for her administrator.
    """
    if said == before:
        return
    if said != held.name:
        held.claimed_name = said
    elif held.claimed_name == before:
        held.claimed_name = None


def accept_claims(actor: User, person: User, name: str, authority: str) -> None:
    """Take over the name and the authority that the person's login now gives: those which the actor has read.

    She stays the same subject of the same issuer. Her memberships keep the authority that they began with, and with it
    what is released to that authority; whoever leads her party in a JIT is told, and may end the one and begin another.
    """
    policy.require(actor, May.ACCEPT_CLAIMS, person)
    with transaction():
        held = policy.locked(actor, May.ACCEPT_CLAIMS, person)
        if (name, authority) != read_claims(held):
            raise Refused(gettext("The login has given other details since you looked. Read them again."), thing=held)
        claimed = held.claimed_authority
        if claimed is not None and claimed.closed_at is not None:
            raise Refused(gettext("%(authority)s is on its national login's list no longer.", authority=claimed.name))
        before = held.authority_id
        accepted = (held.flagged or "").split(",")
        held.name = held.claimed_name or held.name
        held.authority_id = held.claimed_authority_id or held.authority_id
        held.flagged = held.claimed_name = held.claimed_authority_id = None
        session().flush()
        session().refresh(held)
        if held.authority_id != before:
            _tell_leaders(actor, held)
        audit.record(actor, "user.claims_accepted", held, also=administrators_of(held), claims=accepted)


def _tell_leaders(actor: User, person: User) -> None:
    for member in session().scalars(on_former_authority(person)).unique().all():
        notices.tell(NoticeKind.FLAGGED, member, answering_for(member), actor)


def read_claims(person: User) -> tuple[str, str]:
    """The name and the code of the authority that the login gave last where they differ from what is kept, or ""."""
    of = select(Authority.code).where(Authority.id == person.claimed_authority_id)
    return person.claimed_name or "", session().scalar(of) or ""


def end_logins(actor: User, person: User) -> int:
    """End every login of one person, but the one that the actor uses; says how many."""
    policy.require(actor, May.END_LOGINS, person)
    with transaction():
        return _end(actor, _live_logins(actor).where(LoginSession.user_id == person.id))


def end_everybodys(actor: User, country: str) -> int:
    """End every login of a country's people, of all that she may where ``country`` is "", but the one that the actor
    uses; says how many. Each national login has it on record."""
    with transaction():
        hers = policy.which(actor, User, May.END_LOGINS).with_only_columns(User.provider_id)
        providers = select(IdentityProvider).where(IdentityProvider.id.in_(hers))
        providers = providers.where(IdentityProvider.country == country) if country else providers
        for provider in session().scalars(providers):
            audit.record(actor, "provider.logins_ended", provider, quietly=True)
    return _end(actor, _in_country(_live_logins(actor), country))


def live_logins(actor: User, country: str) -> int:
    """How many logins ``end_everybodys`` would end now."""
    counted = _in_country(_live_logins(actor), country).with_only_columns(func.count())
    return session().scalar(counted) or 0


def _live_logins(actor: User) -> Select[LoginSession]:
    theirs = policy.which(actor, LoginSession, May.END_LOGINS).where(*is_live())
    return theirs.where(LoginSession.id != actor.current_login) if actor.current_login else theirs


def _in_country(logins: Select[LoginSession], country: str) -> Select[LoginSession]:
    if not country:
        return logins
    of_country = select(User.id).join(User.provider).where(IdentityProvider.country == country)
    return logins.where(LoginSession.user_id.in_(of_country))


def _end(actor: User, logins: Select[LoginSession]) -> int:
    return end_in_turns(logins, Because.ENDED_BY_ADMINISTRATOR, actor)


def close_what_is_due() -> int:
    """Close the accounts that nobody used, or that nobody confirmed in time; says how many.

    Whoever has a duty is closed like others for want of use, as long as somebody of the country has it who does use it.
    """
    with transaction():
        one_duty_at_a_time()
        due = (
            portal_which(Work.CLOSING, User)
            .add_columns(unused)
            .with_for_update(of=User, key_share=True, skip_locked=True)
        )
        closing = session().execute(due).unique().all()
        hold_of(person for person, _ in closing)
        for person, is_unused in closing:
            close(person, Closed.UNUSED if is_unused else Closed.UNCONFIRMED, None)
        return len(closing)
