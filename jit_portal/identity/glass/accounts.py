"""Break-glass accounts: made and closed on the server alone, by command, before they are needed."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import func, select

from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import NotFound, Refusal
from jit_portal.identity import accounts, claims, tokens
from jit_portal.identity.accounts import Closed
from jit_portal.identity.glass import switch
from jit_portal.identity.glass.models import GlassAccount
from jit_portal.identity.models import GLASS, Authority, IdentityProvider, User
from jit_portal.vocabulary import AssuranceAsked, Duty, PartyKind

LINK_LASTS = dt.timedelta(minutes=30)
IDLE_MINUTES = 15
NAME = "Break-glass"


def require_on() -> None:
    """Go on only where break-glass is switched on."""
    if not switch.is_on():
        raise Refusal("break-glass is off here: JIT_BREAK_GLASS=1 switches it on")


def make(actor: User | None, name: str) -> tuple[GlassAccount, str]:
    """Make an account for whoever is to enrol two keys by the link with this token, once and within half an hour."""
    require_on()
    name = claims.plain(name, 60)
    if not name:
        raise Refusal("say who is to break the glass")
    token = tokens.make()
    with transaction():
        row = _row()
        user = User(
            provider_id=row.id,
            issuer=row.issuer,
            subject=uuid.uuid4().hex,
            authority_id=row.authorities[0].id,
            name=name,
            duty=Duty.OPERATOR,
        )
        session().add(user)
        session().flush()
        expires_at = dt.datetime.now(dt.UTC) + LINK_LASTS
        account = GlassAccount(user_id=user.id, link_hash=tokens.digest(token), link_expires_at=expires_at)
        session().add(account)
        session().flush()
        audit.record(actor, "break_glass.made", user, quietly=True)
    return account, token


def _row() -> IdentityProvider:
    """What stands in the place of a national login: nobody can sign in by it, and a sign-in ends after an hour.

    Its kind is the one that is let the least, should anything ever ask.
    """
    # Locked: of two that are made first, the second finds the row of the first.
    session().execute(select(func.pg_advisory_xact_lock(func.hashtextextended(GLASS, 0))))
    row = session().scalar(select(IdentityProvider).where(IdentityProvider.slug == GLASS))
    if row is None:
        row = IdentityProvider(
            slug=GLASS,
            name=NAME,
            kind=PartyKind.INTERNATIONAL_JUDICIAL,
            country="PORTAL",
            issuer="https://break-glass.invalid",
            client_id="",
            algorithms=[],
            acr_levels={},
            claim_map={},
            asks_assurance=AssuranceAsked.NOT_ASKED,
            proves_anew=False,
            has_rp_logout=False,
            has_back_channel_logout=False,
            idle_minutes=IDLE_MINUTES,
            absolute_hours=1,
            most_logins=1,
            is_enabled=False,
            authorities=[Authority(code=GLASS, name=NAME)],
        )
        session().add(row)
        session().flush()
    return row


def every_one() -> Sequence[GlassAccount]:
    """Every account that was ever made, the oldest first."""
    require_on()
    return session().scalars(select(GlassAccount).order_by(GlassAccount.created_at)).unique().all()


def close(actor: User | None, account_id: uuid.UUID) -> GlassAccount:
    """Close an account for good: what it has open ends at once."""
    require_on()
    with transaction():
        account = session().get(GlassAccount, account_id)
        if account is None:
            raise NotFound(noun="glass_account", object_id=account_id)
        hers = select(User).where(User.id == account.user_id).with_for_update(of=User, key_share=True)
        held = session().scalars(hers.execution_options(populate_existing=True)).one()
        if not held.is_active:
            raise Refusal("it is closed already")
        accounts.close(held, Closed.BY_COMMAND, actor)
    return account
