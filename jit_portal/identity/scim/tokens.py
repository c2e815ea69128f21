"""The tokens of directories: made by an operator for one national login, shown once, until a day or until revoked."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import select

from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotFound
from jit_portal.identity import registry, tokens
from jit_portal.identity.models import User
from jit_portal.identity.scim.models import ScimToken
from jit_portal.identity.scim.refusals import UnknownToken
from jit_portal.wording import gettext

LONGEST = dt.timedelta(days=366)


def make(actor: User, slug: str, valid_for: dt.timedelta) -> tuple[ScimToken, str]:
    """A token for the directory of this login, beside those it has: one is exchanged for the next without a gap."""
    if not dt.timedelta() < valid_for <= LONGEST:
        raise Invalid(gettext("A token is valid for 1 to 366 days."))
    secret = tokens.make()
    with transaction():
        made = ScimToken(
            provider_id=registry.provider(slug).id,
            token_hash=tokens.digest(secret),
            made_by_id=actor.id,
            expires_at=dt.datetime.now(dt.UTC) + valid_for,
        )
        session().add(made)
        audit.record(actor, "scim_token.made", made, quietly=True, provider=slug)
    return made, secret


def revoke(actor: User, token_id: uuid.UUID) -> ScimToken:
    """Let nobody in by this token from now on."""
    with transaction():
        held: ScimToken | None = session().get(ScimToken, token_id, with_for_update={"of": ScimToken})
        if held is None:
            raise NotFound(noun="scim_token", object_id=token_id)
        if held.revoked_at is None:
            held.revoked_at = dt.datetime.now(dt.UTC)
            audit.record(actor, "scim_token.revoked", held, quietly=True)
    return held


def every_one() -> Sequence[ScimToken]:
    """All that were ever made, the newest first."""
    return session().scalars(select(ScimToken).order_by(ScimToken.created_at.desc())).all()


def holder(secret: str) -> ScimToken:
    """Whom this token lets in; UnknownToken otherwise, and that is on record."""
    with transaction():
        known = session().scalar(select(ScimToken).where(ScimToken.token_hash == tokens.digest(secret)))
        if known is not None and is_live(known):
            return known
    refusal = UnknownToken(gettext("This token lets nobody in."))
    audit.refused(known, "scim_token.shown", known, refusal)
    raise refusal


def is_live(token: ScimToken) -> bool:
    """Whether it lets its directory in now."""
    return token.revoked_at is None and token.expires_at > dt.datetime.now(dt.UTC) and token.provider.is_enabled
