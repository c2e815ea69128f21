"""Passkeys: a person's own second factor, which takes her provider's place at a step-up where the provider cannot.

Each challenge is the portal's, works once, and is for one login.
"""

import datetime as dt
import secrets
import uuid

import webauthn
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from webauthn.helpers import options_to_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotAllowed, Refused
from jit_portal.identity import answers, claims, stepping
from jit_portal.identity.answers import Unsound
from jit_portal.identity.models import User
from jit_portal.identity.refusals import SignInRefused
from jit_portal.identity.sign_in_models import LoginSession, Passkey, PasskeyChallenge
from jit_portal.notices import service as notices
from jit_portal.policy import stepup
from jit_portal.policy.person import NOW
from jit_portal.vocabulary import May, NoticeKind
from jit_portal.wording import gettext

LASTS = dt.timedelta(minutes=5)
MOST = 10


def mine(user: User) -> list[Passkey]:
    """Her passkeys, oldest first."""
    return list(session().scalars(policy.which(user, Passkey).order_by(Passkey.created_at)))


def offer_enrolment(user: User) -> str:
    """What the browser needs to make a passkey for her, as JSON; only right after a sign-in."""
    _require_fresh_sign_in(user)
    options = webauthn.generate_registration_options(
        rp_id=answers.host(),
        rp_name=answers.SITE,
        user_id=user.id.bytes,
        user_name=user.name,
        challenge=_challenge(user, is_enrolment=True),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=answers.descriptors(mine(user)),
    )
    return options_to_json(options)


def enrol(user: User, name: str, said: str) -> Passkey:
    """Take in a passkey that her browser has made, under a name of her own; only right after a sign-in."""
    _require_fresh_sign_in(user)
    name = claims.plain(name, 60)
    if not name:
        raise Invalid(gettext("Give the passkey a name."), field="name")
    try:
        made = answers.made(said, _take_challenge(user, said, is_enrolment=True))
    except Unsound as error:
        raise _refused("unsound") from error
    passkey = Passkey(
        user_id=user.id,
        name=name,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
    )
    try:
        with transaction():
            # Locked: two at once would both be the tenth.
            session().execute(select(User.id).where(User.id == user.id).with_for_update(key_share=True))
            _refuse_one_more(user)
            session().add(passkey)
            notices.tell(NoticeKind.PASSKEY_ADDED, _login(user), [user.id], None)
            audit.record(user, "passkey.enrolled", passkey)
    except IntegrityError as error:
        raise (_refused("known") if answers.is_known(error) else error) from error
    return passkey


def remove(user: User, passkey_id: uuid.UUID) -> None:
    """Take one of her passkeys away for good; this asks for a step-up itself."""
    with transaction():
        passkey = policy.locked(user, May.DELETE, policy.fetch(user, Passkey, passkey_id))
        session().delete(passkey)
        audit.record(user, "passkey.removed", passkey)


def offer_confirmation(user: User) -> str:
    """What the browser needs to confirm by a passkey that it is she, as JSON; only where the provider cannot."""
    _require_stand_in(user)
    usable = [passkey for passkey in mine(user) if passkey.flagged_at is None]
    if not usable:
        raise Refused(gettext("You have no passkey that can be used here."))
    options = webauthn.generate_authentication_options(
        rp_id=answers.host(),
        challenge=_challenge(user, is_enrolment=False),
        allow_credentials=answers.descriptors(usable),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def confirm(user: User, said: str) -> str:
    """Confirm by a passkey that it is she, in the login she uses; gives the login's new token.

    A passkey whose count of uses goes back has been copied: it is refused, flagged, and of no use from then on.
    """
    try:
        return _confirm(user, said)
    except Unsound as error:
        raise _refused("unsound") from error
    except SignInRefused as refusal:
        with transaction():
            audit.record(user, "login.step_up_refused", user.provider, quietly=True, why=refusal.why, person=user.id)
        raise


def _confirm(user: User, said: str) -> str:
    _require_stand_in(user)
    challenge = _take_challenge(user, said, is_enrolment=False)
    with transaction():
        passkey = _used(user, answers.credential_id(said))
        verified = answers.used(passkey, said, challenge)
        has_gone_back = answers.has_gone_back(passkey, verified)
        if has_gone_back:
            passkey.flagged_at = dt.datetime.now(dt.UTC)
            notices.tell(NoticeKind.PASSKEY_COPIED, _login(user), [user.id], None)
            audit.record(user, "passkey.flagged", passkey, known=passkey.sign_count, said=verified.new_sign_count)
        else:
            passkey.sign_count, passkey.last_used_at = verified.new_sign_count, dt.datetime.now(dt.UTC)
            token = stepping.renew(_login(user), by="passkey", confirmed_at=func.statement_timestamp())
    if has_gone_back:
        raise _refused("copied")
    return token


def _require_fresh_sign_in(user: User) -> None:
    if not stepup.may_enrol(user):
        raise NotAllowed(
            gettext("A passkey is added within five minutes of signing in. Confirm at your national login first."),
            may="enrol",
            noun=policy.noun(Passkey),
        )


def _require_stand_in(user: User) -> None:
    if not stepup.stands_in(user):
        raise NotAllowed(
            gettext("Your national login can confirm that it is you: a passkey does not take its place."),
            may="confirm",
            noun=policy.noun(Passkey),
        )


def _refuse_one_more(user: User) -> None:
    if len(mine(user)) >= MOST:
        raise Refused(gettext("You have %(most)s passkeys. Remove one first.", most=MOST))


def _login(user: User) -> LoginSession:
    return session().scalars(policy.which(user, LoginSession).where(LoginSession.id == user.current_login)).one()


def _used(user: User, credential_id: bytes) -> Passkey:
    """The passkey of hers that is said to have been used, with its row locked."""
    hers = policy.which(user, Passkey).where(Passkey.credential_id == credential_id)
    held = session().scalar(hers.with_for_update(of=Passkey).execution_options(populate_existing=True))
    if held is None:
        raise _refused("unknown")
    if held.flagged_at is not None:
        raise _refused("flagged")
    return held


def _challenge(user: User, *, is_enrolment: bool) -> bytes:
    if user.current_login is None:
        raise _refused("unsound")
    made = secrets.token_bytes(32)
    with transaction():
        over = delete(PasskeyChallenge).where(PasskeyChallenge.expires_at <= NOW)
        session().execute(over.execution_options(synchronize_session=False))
        session().add(
            PasskeyChallenge(
                user_id=user.id,
                login_id=user.current_login,
                challenge=made,
                is_enrolment=is_enrolment,
                expires_at=dt.datetime.now(dt.UTC) + LASTS,
            )
        )
    return made


def _take_challenge(user: User, said: str, *, is_enrolment: bool) -> bytes:
    """The challenge that was answered, taken out for good, if the portal gave it to her in this login, for this."""
    taking = (
        delete(PasskeyChallenge)
        .where(
            PasskeyChallenge.challenge == answers.challenge(said),
            PasskeyChallenge.user_id == user.id,
            PasskeyChallenge.login_id == user.current_login,
            PasskeyChallenge.is_enrolment.is_(is_enrolment),
            PasskeyChallenge.expires_at > NOW,
        )
        .returning(PasskeyChallenge.challenge)
        .execution_options(synchronize_session=False)
    )
    with transaction():
        challenge: bytes | None = session().scalar(taking)
    if challenge is None:
        raise _refused("challenge")
    return challenge


def _refused(why: str) -> NotAllowed:
    """A passkey that is not taken; ``why`` is for the record."""
    reasons = {
        "copied": gettext(
            "This passkey has been used elsewhere than the portal knows of, as a copy would be. It cannot be used any "
            "more: remove it, add another, and tell your administrator."
        ),
        "flagged": gettext("This passkey was used like a copy before and cannot be used any more."),
        "challenge": gettext("This took too long, or was answered before. Try again."),
        "known": gettext("This passkey is known here already."),
    }
    said = reasons.get(why, gettext("The portal could not verify this passkey. Nothing was changed."))
    return NotAllowed(said, may=why, noun=policy.noun(Passkey))
