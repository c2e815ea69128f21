"""Breaking the glass: two keys, one after the other, give operator's rights for an hour at most, and no more.

The account is not asked for: the first key knows it. Every country hears of it in the same transaction.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

import webauthn
from sqlalchemy import select
from webauthn.helpers import options_to_json
from webauthn.helpers.structs import UserVerificationRequirement

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid
from jit_portal.identity import answers, claims, tokens
from jit_portal.identity.devices import Device
from jit_portal.identity.endings import Because, end, end_oldest, hold
from jit_portal.identity.glass import challenges
from jit_portal.identity.glass.enrolling import keys_of
from jit_portal.identity.glass.models import GlassAccount, GlassChallenge, GlassOpening
from jit_portal.identity.glass.refusals import on_record, refused
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession, Passkey
from jit_portal.notices import service as notices
from jit_portal.policy import Work, portal_fetch, portal_which
from jit_portal.vocabulary import Assurance, GlassStep, NoticeKind
from jit_portal.wording import gettext

LASTS = dt.timedelta(minutes=60)
LONGEST_REASON = 500


@dataclass(frozen=True)
class Begun:
    """An opening after its first key: whose, and why."""

    name: str
    reason: str


def offer_first(browser: str) -> str:
    """What the browser needs to use any key that knows this portal, as JSON."""
    return _asked(challenges.give(browser, GlassStep.FIRST), [])


def begin(browser: str, reason: str, said: str) -> None:
    """Take the first key, and the reason for which the glass is to be broken."""
    reason = claims.plain(reason, LONGEST_REASON)
    if not reason:
        raise Invalid(gettext("Say why the glass must be broken."), field="reason")
    with on_record("break_glass.open"):
        account, key = _proved(challenges.take(browser, GlassStep.FIRST, said), said)
        challenges.give(browser, GlassStep.SECOND, account_id=account.id, first_key_id=key.id, reason=reason)


def begun(browser: str) -> Begun | None:
    """The opening that waits in this browser for its second key."""
    waits = challenges.waiting(browser, GlassStep.SECOND)
    account = session().get(GlassAccount, waits.account_id) if waits else None
    return Begun(account.user.name, waits.reason) if waits and account else None


def offer_second(browser: str) -> str:
    """What the browser needs to use the other key of that account, as JSON."""
    waits = challenges.waiting(browser, GlassStep.SECOND)
    account = session().get(GlassAccount, waits.account_id) if waits else None
    if waits is None or account is None:
        raise refused("challenge")
    return _asked(waits.challenge, [key for key in keys_of(account) if key.id != waits.first_key_id])


def open_portal(browser: str, said: str, device: Device, *, instead_of: uuid.UUID | None = None) -> str:
    """Take the second key and begin the login, in place of the one that the browser had; gives its token."""
    with on_record("break_glass.open"):
        taken = challenges.take(browser, GlassStep.SECOND, said)
        account, key = _proved(taken, said)
        if key.id == taken.first_key_id:
            raise refused("same_key", account.user_id)
        with transaction():
            # Locked: an account that is being closed lets no login in beside that.
            hers = select(User).where(User.id == account.user_id).with_for_update(of=User, key_share=True)
            user = session().scalars(hers.execution_options(populate_existing=True)).one()
            if not user.is_active:
                raise refused("closed", user.id)
            before = None if instead_of is None else portal_fetch(Work.SIGN_IN, LoginSession, instead_of)
            hold(user, before)
            return _open(user, taken.reason, device, before)


def _open(user: User, reason: str, device: Device, before: LoginSession | None) -> str:
    token, now = tokens.make(), dt.datetime.now(dt.UTC)
    login = LoginSession(
        token_hash=tokens.digest(token),
        user_id=user.id,
        assurance=Assurance.HIGH,
        authenticated_at=now,
        confirmed_at=now,
        ends_at=now + LASTS,
        idle_minutes=user.provider.idle_minutes,
        address=device.address,
        browser=device.browser,
    )
    session().add(login)
    session().flush()
    opening = GlassOpening(user_id=user.id, login_id=login.id, reason=reason, opened_at=now, ends_at=login.ends_at)
    session().add(opening)
    session().flush()
    notices.tell(NoticeKind.GLASS_BROKEN, opening, session().scalars(policy.glass.to_be_told()), user)
    if before is not None:
        end(before, Because.SIGNED_IN_AGAIN, before.user)
    user.current_login = login.id
    audit.record(user, "break_glass.opened", opening, quietly=True, reason=reason, until=opening.ends_at)
    end_oldest(user, user.provider.most_logins)
    return token


def _asked(challenge: bytes, keys: list[Passkey]) -> str:
    options = webauthn.generate_authentication_options(
        rp_id=answers.host(),
        challenge=challenge,
        allow_credentials=answers.descriptors(keys) or None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def _proved(taken: GlassChallenge, said: str) -> tuple[GlassAccount, Passkey]:
    """The account and the key with which the challenge was soundly answered; a key that is a copy is flagged."""
    with transaction():
        account, key = _named(said)
        if taken.account_id not in (None, account.id):
            raise refused("other_account", account.user_id)
        verified = answers.used(key, said, taken.challenge)
        is_copy = answers.has_gone_back(key, verified)
        now = dt.datetime.now(dt.UTC)
        if is_copy:
            key.flagged_at = now
            audit.record(account.user, "passkey.flagged", key, known=key.sign_count, said=verified.new_sign_count)
        else:
            key.sign_count, key.last_used_at = verified.new_sign_count, now
    if is_copy:
        raise refused("copied", account.user_id)
    return account, key


def _named(said: str) -> tuple[GlassAccount, Passkey]:
    """The key that is said to have been used, locked, and its account, if that can be opened."""
    its = portal_which(Work.SIGN_IN, Passkey).where(Passkey.credential_id == answers.credential_id(said))
    key = session().scalar(its.with_for_update(of=Passkey).execution_options(populate_existing=True))
    if key is None:
        raise refused("unknown")
    account = session().scalar(select(GlassAccount).where(GlassAccount.user_id == key.user_id))
    if account is None:
        raise refused("unknown", key.user_id)
    if key.flagged_at is not None or account.enrolled_at is None or not account.user.is_active:
        why = "flagged" if key.flagged_at else "not_enrolled" if account.enrolled_at is None else "closed"
        raise refused(why, account.user_id)
    return account, key
