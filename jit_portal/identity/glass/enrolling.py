"""Two security keys become those of a break-glass account: by its link, which is spent with the second."""

import datetime as dt
from collections.abc import Sequence

import webauthn
from sqlalchemy import select
from webauthn.helpers import options_to_json
from webauthn.helpers.structs import (
    AuthenticatorAttachment,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import NotFound
from jit_portal.identity import answers, tokens
from jit_portal.identity.glass import challenges
from jit_portal.identity.glass.models import GlassAccount
from jit_portal.identity.glass.refusals import on_record, refused
from jit_portal.identity.sign_in_models import Passkey
from jit_portal.policy import Work, portal_which
from jit_portal.vocabulary import GlassStep
from jit_portal.wording import gettext

KEYS = 2


def find(token: str) -> GlassAccount:
    """The account whose keys are to be enrolled by this link; missing once that is over. A late try is on record."""
    its = select(GlassAccount).where(GlassAccount.link_hash == tokens.digest(token))
    account = session().scalar(its.execution_options(populate_existing=True))
    if account is None:
        raise NotFound(noun="glass_account")
    is_over = account.link_expires_at <= dt.datetime.now(dt.UTC)
    why = "spent" if account.enrolled_at else "closed" if not account.user.is_active else "over" if is_over else ""
    if why:
        refusal = refused(why, account.user_id)
        audit.refused(None, "break_glass.enrol", None, refusal)
        raise NotFound(noun="glass_account")
    return account


def keys_of(account: GlassAccount) -> Sequence[Passkey]:
    """Its keys, in the order in which they were enrolled."""
    its = portal_which(Work.SIGN_IN, Passkey).where(Passkey.user_id == account.user_id)
    return session().scalars(its.order_by(Passkey.created_at)).all()


def offer(token: str, browser: str) -> str:
    """What the browser needs to make the next key, as JSON: one that is no part of the device, and not there yet."""
    account = find(token)
    options = webauthn.generate_registration_options(
        rp_id=answers.host(),
        rp_name=answers.SITE,
        user_id=account.user_id.bytes,
        user_name=account.user.name,
        challenge=challenges.give(browser, GlassStep.ENROLMENT, account_id=account.id),
        authenticator_selection=AuthenticatorSelectionCriteria(
            authenticator_attachment=AuthenticatorAttachment.CROSS_PLATFORM,
            # A key that knows the account by itself: nobody learns from the portal which accounts there are.
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=answers.descriptors(keys_of(account)),
    )
    return options_to_json(options)


def enrol(token: str, browser: str, said: str) -> bool:
    """Take in the key that was made; says whether the account has both, and can be opened from now on."""
    account = find(token)
    with on_record("break_glass.enrol", account.user_id):
        taken = challenges.take(browser, GlassStep.ENROLMENT, said)
        if taken.account_id != account.id:
            raise refused("challenge", account.user_id)
        made = answers.made(said, taken.challenge)
        if made.credential_device_type != CredentialDeviceType.SINGLE_DEVICE:
            raise refused("synced", account.user_id)
        with transaction():
            # Locked: two at once would both be the second, or make a third.
            its = select(GlassAccount).where(GlassAccount.id == account.id).with_for_update(of=GlassAccount)
            held = session().scalars(its.execution_options(populate_existing=True)).one()
            if held.enrolled_at is not None:
                raise refused("spent", account.user_id)
            number = len(keys_of(held)) + 1
            key = Passkey(
                user_id=held.user_id,
                name=gettext("Security key %(number)s", number=number),
                credential_id=made.credential_id,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
            )
            session().add(key)
            if number == KEYS:
                held.enrolled_at = dt.datetime.now(dt.UTC)
            audit.record(held.user, "passkey.enrolled", key)
            if number == KEYS:
                audit.record(held.user, "break_glass.enrolled", held.user, quietly=True)
    return held.enrolled_at is not None
