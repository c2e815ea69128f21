"""What a login says that counts once: an assertion, or word that a sign-in is over. Nobody plays it again."""

import datetime as dt
import uuid

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from jit_portal.database import session
from jit_portal.identity import tokens
from jit_portal.identity.models import IdentityProvider
from jit_portal.identity.refusals import SignInRefused, Why
from jit_portal.identity.sign_in_models import SpentToken
from jit_portal.policy.person import NOW


def spend(provider: IdentityProvider, id: str, until: float) -> None:
    """Let it count, in the open transaction; SignInRefused if it has before. ``until`` is when it would be over."""
    session().execute(delete(SpentToken).where(SpentToken.expires_at < NOW))
    spending = insert(SpentToken).values(
        id=uuid.uuid4(),
        provider_id=provider.id,
        jti_hash=tokens.digest(id),
        expires_at=dt.datetime.fromtimestamp(until, dt.UTC),
    )
    if session().scalar(spending.on_conflict_do_nothing().returning(SpentToken.id)) is None:
        raise SignInRefused(Why.UNSOUND, "played again")
