"""What a directory does: announce people, say what they are called, close and open their accounts.

Announcing makes no account and opens nothing: a person comes into being by an invitation that she accepts, as ever,
and belongs from then on to what the directory said of her subject (``externalId``). Whom it has announced as not active
accepts none. What she is called is a proposal, flagged for her country's administrator; who she is never changes.
"""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import select

from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Refused
from jit_portal.identity import accounts, claims, closings, endings
from jit_portal.identity.accounts import Closed
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.scim import people
from jit_portal.identity.scim.models import AnnouncedPerson, ScimToken
from jit_portal.identity.scim.people import Known
from jit_portal.identity.scim.refusals import NeverRebound, OneOfMany, Senseless, Taken
from jit_portal.wording import gettext


@dataclass(frozen=True)
class Said:
    """What the directory says of one person; None is what it leaves unsaid."""

    external_id: str | None
    user_name: str
    display_name: str | None
    is_active: bool | None


def announce(token: ScimToken, said: Said) -> Known:
    """Say that there is such a person; whom the directory had taken back is there again."""
    said = replace(said, is_active=said.is_active is not False)
    _check(said)
    with transaction():
        issuer = _hold(token.provider_id).issuer
        if people.taken(token, said.user_name, said.external_id, None):
            raise Taken(gettext("Somebody goes by this userName or externalId already."))
        _hold_account(token, issuer, said.external_id)
        announced = _taken_back(token, issuer, said.external_id)
        if announced is None:
            announced = AnnouncedPerson(provider_id=token.provider_id, issuer=issuer, subject=said.external_id)
            session().add(announced)
        before = announced.display_name
        announced.user_name, announced.display_name, announced.deleted_at = said.user_name, said.display_name, None
        announced.is_active = bool(said.is_active)
        session().flush()
        known = replace(people.find(token, announced.id), display_name=before)
        waits = _to_account(token, known, said)
        audit.record(token, "announced_person.announced", announced, quietly=True)
    return _done(token, known.id, waits=waits)


def change(token: ScimToken, person_id: uuid.UUID, saying: Callable[[Known], Said]) -> Known:
    """Let what the directory says of one person be what ``saying`` makes of it."""
    with transaction():
        _hold(token.provider_id)
        known = people.find(token, person_id)
        said = saying(known)
        _check(said)
        if people.taken(token, said.user_name, said.external_id, known.id):
            raise Taken(gettext("Somebody goes by this userName or externalId already."))
        waits = _to_account(token, known, said)
        if not waits:
            _write(token, known, said)
    return _done(token, known.id, waits=waits)


def take_back(token: ScimToken, person_id: uuid.UUID) -> None:
    """The directory knows the person no more: her account is closed, and she is missing to it from now on."""
    with transaction():
        _hold(token.provider_id)
        known = people.find(token, person_id)
        gone = Said(known.external_id, known.user_name, known.display_name, False)
        waits = _to_account(token, known, gone)
        if not waits:
            announced = _announced(token, known)
            announced.deleted_at = dt.datetime.now(dt.UTC)
            if known.account_id is None:
                # Of whom there is nothing but this, nothing stays.
                session().delete(announced)
            audit.record(token, "announced_person.taken_back", announced, quietly=True)
    if waits:
        raise _one_of_many(known)


def refuses(provider: IdentityProvider, issuer: str, subject: str) -> bool:
    """Whether the directory has said that this person, who has no account yet, is not active; in the transaction in
    which she would get one, for which the directory waits."""
    _hold(provider.id)
    said = select(AnnouncedPerson.id).where(
        AnnouncedPerson.provider_id == provider.id,
        AnnouncedPerson.issuer == issuer,
        AnnouncedPerson.subject == subject,
        ~AnnouncedPerson.is_active,
    )
    return session().scalar(said) is not None


def _hold(provider_id: uuid.UUID) -> IdentityProvider:
    """Lock the row of a login against everything else that is said of its people."""
    row = select(IdentityProvider).where(IdentityProvider.id == provider_id)
    return session().execute(row.with_for_update(key_share=True)).scalar_one()


def _hold_account(token: ScimToken, issuer: str, subject: str | None) -> None:
    """Lock the account, if there is one, and what may end with it, before anything is put on record."""
    hers = (User.provider_id == token.provider_id, User.issuer == issuer, User.subject == subject)
    account = session().scalar(select(User).where(*hers).with_for_update(of=User, key_share=True))
    if account is not None:
        endings.hold(account, None)


def _check(said: Said) -> None:
    names = (said.user_name, said.display_name)
    if any(name is not None and (not name or claims.plain(name) != name) for name in names):
        raise Senseless(gettext("Names are texts of one line with at most 200 characters."))
    if said.external_id is not None and claims.subject(said.external_id) is None:
        raise Senseless(
            gettext(
                "An externalId is a text of one line with at most %(most)s characters.", most=claims.LONGEST_SUBJECT
            )
        )


def _done(token: ScimToken, person_id: uuid.UUID, *, waits: bool) -> Known:
    with transaction():
        known = people.find(token, person_id)
    if waits:
        raise _one_of_many(known)
    return known


def _one_of_many(known: Known) -> OneOfMany:
    with transaction():
        account = session().get(User, known.account_id)
    waits = gettext("Too many accounts would close at once. This one waits until somebody at the portal has approved.")
    if account is not None and account.duty is not None:
        waits = gettext(
            "Whoever has a duty for the portal is closed by no directory: this waits until an operator approves."
        )
    return OneOfMany(waits, noun="user", object_id=known.account_id, thing=account)


def _taken_back(token: ScimToken, issuer: str, subject: str | None) -> AnnouncedPerson | None:
    mine = select(AnnouncedPerson).where(AnnouncedPerson.provider_id == token.provider_id)
    return session().scalar(mine.where(AnnouncedPerson.issuer == issuer, AnnouncedPerson.subject == subject))


def _write(token: ScimToken, known: Known, said: Said) -> None:
    """Keep what is said, where it says anything new."""
    is_active = known.is_active if said.is_active is None or known.account_id is not None else said.is_active
    before = (known.external_id, known.user_name, known.display_name, known.is_active)
    external_id = said.external_id if known.account_id is None else known.external_id
    after = (external_id, said.user_name, said.display_name, is_active)
    changed = [name for name, old, new in zip(_NAMES, before, after, strict=True) if old != new]
    if not changed:
        return
    announced = _announced(token, known)
    announced.subject, announced.user_name, announced.display_name, announced.is_active = after
    audit.record(token, "announced_person.changed", announced, quietly=True, changed=changed)


_NAMES = ("externalId", "userName", "displayName", "active")


def _announced(token: ScimToken, known: Known) -> AnnouncedPerson:
    """What was said of her so far, begun where nothing was."""
    if known.announced_id is not None:
        return session().get_one(AnnouncedPerson, known.announced_id)
    account = session().get_one(User, known.account_id)
    announced = AnnouncedPerson(
        id=known.id,
        provider_id=token.provider_id,
        issuer=account.issuer,
        subject=account.subject,
        user_name=known.user_name,
        display_name=known.display_name,
    )
    session().add(announced)
    return announced


def _to_account(token: ScimToken, known: Known, said: Said) -> bool:
    """Do to her account, if she has one, what the directory says; whether its closing has to wait instead."""
    if known.account_id is None:
        return False
    locking = select(User).where(User.id == known.account_id).with_for_update(of=User, key_share=True)
    held = session().scalars(locking.execution_options(populate_existing=True)).unique().one()
    if said.external_id not in (None, held.subject):
        raise NeverRebound(gettext("The externalId is who the person is: it stays."))
    closes = said.is_active is False and held.is_active
    if closes and (held.duty is not None or closings.is_one_of_many(held.provider)):
        closings.let_wait(token, held)
        return True
    if said.display_name is not None:
        accounts.hear_name(held, said.display_name, known.display_name or held.name)
        if held.claimed_name == said.display_name:
            accounts.flag(held, {"name"}, token)
    if closes:
        accounts.close(held, Closed.BY_DIRECTORY, token)
    if said.is_active and not held.is_active:
        _reopen(token, held)
    if said.is_active:
        closings.take_back(token, held)
    return False


def _reopen(token: ScimToken, held: User) -> None:
    if held.closed_because != Closed.BY_DIRECTORY or held.duty is not None:
        raise Refused(gettext("The portal has closed this account: only its administrator opens it."), thing=held)
    accounts.reopen(held, token)
