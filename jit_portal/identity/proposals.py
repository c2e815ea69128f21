"""Two people decide which national logins there are: one operator proposes, another approves; both are on record.

Until then a login in use keeps the row it has. Alone one withdraws a login: a hostile one cannot wait for a second.
"""

import datetime as dt
import uuid
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotAllowed, NotFound, Refused
from jit_portal.identity import endings, registry
from jit_portal.identity.entering import row_from, written
from jit_portal.identity.models import GLASS, IdentityProvider, ProviderProposal, User
from jit_portal.identity.provider_rows import ProviderRow, row_of
from jit_portal.vocabulary import Duty, May
from jit_portal.wording import gettext


@dataclass(frozen=True)
class Difference:
    """One field that a proposal changes; ``before`` is None for a login that is new."""

    field: str
    before: Any
    after: Any


def propose(actor: User, row: ProviderRow, *, seen: int | None = None, is_new: bool = False) -> ProviderProposal:
    """Ask the other operators to let ``row`` be what the portal goes by.

    ``seen`` is the version of the login that she had before her when she wrote it; ``is_new`` that she knows of none.
    """
    policy.require(actor, May.KEEP_REGISTER, actor)
    registry.check(row)
    with transaction():
        provider = registry.known(row.slug)
        if seen is not None and (provider is None or provider.version != seen):
            raise Refused(gettext("The login has changed while you were writing: look at it, and begin anew."))
        if is_new and provider is not None:
            raise Invalid(gettext("There is a login of this short name already: change that one."), field="slug")
        if _find(row.slug) is not None:
            raise Refused(gettext("A proposal for this login waits already: approve or refuse that one first."))
        proposal = ProviderProposal(
            slug=row.slug,
            row=written(row),
            base_version=provider.version if provider else None,
            proposed_by_id=actor.id,
        )
        changed = [each.field for each in _differences(proposal, provider)]
        if not changed:
            raise Invalid(gettext("That is what the portal goes by already."))
        session().add(proposal)
        session().flush()
        audit.record(actor, "provider.proposed", proposal, also=registry.operators(), slug=row.slug, changed=changed)
    return proposal


def withdraw(actor: User, slug: str) -> int:
    """Let nobody sign in by this login any more, and end every sign-in by it, at once; says how many.

    What the row says is not checked: whatever is wrong with it, it can be withdrawn. Where not every sign-in could be
    ended, it can be said again, and the rest end.
    """
    policy.require(actor, May.KEEP_REGISTER, actor)
    with transaction():
        provider = _there(registry.known(slug, lock=True))
        live = endings.live_logins(provider)
        if not provider.is_enabled and not live:
            raise Refused(gettext("This login is withdrawn already."))
        if provider.is_enabled:
            provider.is_enabled, provider.stands_since = False, dt.datetime.now(dt.UTC)
            provider.withdrawn_by = actor.name
        audit.record(actor, "provider.withdrawn", provider, also=registry.operators(), ending=live)
    return endings.end_all_of(provider, actor)


def reopen(actor: User, slug: str) -> ProviderProposal:
    """Ask the other operators to let people sign in by this login again."""
    policy.require(actor, May.KEEP_REGISTER, actor)
    provider = _there(registry.known(slug))
    return propose(actor, replace(row_of(provider), is_enabled=True), seen=provider.version)


def left_without(provider: IdentityProvider) -> int:
    """How many operators there are who sign in by another login that is open: two open this one again."""
    others = select(func.count()).select_from(User).join(User.provider)
    signing_in = others.where(User.duty == Duty.OPERATOR, User.deactivated_at.is_(None))
    elsewhere = signing_in.where(policy.people.let_in(User), IdentityProvider.id != provider.id)
    return session().scalar(elsewhere) or 0


def _there(provider: IdentityProvider | None) -> IdentityProvider:
    if provider is None:
        raise NotFound(noun="identity_provider")
    return provider


def approve(actor: User, slug: str, id: uuid.UUID | None = None) -> IdentityProvider:
    """Let the proposal for ``slug`` be the row, if it is hers to approve (``why_not``).

    ``id`` is the proposal that she has read: no later one is approved in its place.
    """
    policy.require(actor, May.KEEP_REGISTER, actor)
    with transaction():
        proposal = waiting_for(slug, id, lock=True)
        provider = registry.known(slug, lock=True)
        if reason := why_not(actor, proposal):
            raise NotAllowed(reason, noun="provider_proposal", object_id=proposal.id, thing=proposal)
        if (provider.version if provider else None) != proposal.base_version:
            raise Refused(gettext("The login has changed since this was proposed: refuse it, and propose it anew."))
        _decide(proposal, actor, is_approved=True)
        more = {"proposal": proposal.id, "proposed_by": proposal.proposed_by_id}
        entered = registry.enter(row_from(proposal.row), actor, **more)
    endings.end_shut_out(entered, actor)
    return entered


def why_not(actor: User, proposal: ProviderProposal) -> str | None:
    """Why it is not hers to approve: nobody approves what she has proposed herself, nor by her keys.

    A break-glass account is bound to no person whom the portal knows: behind it may be the very operator who proposed.
    When national logins fail, though, two who break the glass must be able to change a row. So they approve each
    other's proposals and operators each other's, and never one the other's: whoever holds both is still one person.
    """
    if proposal.proposed_by_id == actor.id:
        return gettext("Another operator must approve what you have proposed.")
    if proposal.proposed_by.breaks_glass != actor.breaks_glass:
        return gettext(
            "What was proposed by break-glass is approved by break-glass, and what was not is not: behind both may "
            "be one person. Refuse it, and propose it anew."
        )
    return None


def refuse(actor: User, slug: str, id: uuid.UUID | None = None) -> None:
    """Leave the row as it is; whoever proposed may take it back the same way."""
    policy.require(actor, May.KEEP_REGISTER, actor)
    with transaction():
        proposal = waiting_for(slug, id, lock=True)
        _decide(proposal, actor, is_approved=False)
        proposer = proposal.proposed_by_id
        told = registry.operators()
        audit.record(actor, "provider.refused", proposal, also=told, slug=slug, proposed_by=proposer)


def waiting() -> list[ProviderProposal]:
    """What waits for another person, the oldest first."""
    still = select(ProviderProposal).where(ProviderProposal.decided_at.is_(None)).order_by(ProviderProposal.created_at)
    return list(session().scalars(still))


def waiting_for(slug: str, id: uuid.UUID | None = None, *, lock: bool = False) -> ProviderProposal:
    """The proposal for ``slug`` that nobody has decided yet; NotFound where there is none, Refused if ``id`` is not."""
    proposal = _find(slug, lock=lock)
    if id is not None and (proposal is None or proposal.id != id):
        raise Refused(gettext("This proposal has been decided already."))
    if proposal is None:
        raise NotFound(noun="provider_proposal")
    return proposal


def waits(slug: str) -> ProviderProposal | None:
    """The proposal for ``slug`` that waits, if one does."""
    return _find(slug)


def decided(slug: str) -> list[ProviderProposal]:
    """What was proposed for ``slug`` and approved or refused, the newest first."""
    over = select(ProviderProposal).where(ProviderProposal.slug == slug, ProviderProposal.decided_at.is_not(None))
    return list(session().scalars(over.order_by(ProviderProposal.decided_at.desc())))


def differences(proposal: ProviderProposal) -> list[Difference]:
    """What would change, field by field."""
    return _differences(proposal, registry.known(proposal.slug))


def _differences(proposal: ProviderProposal, provider: IdentityProvider | None) -> list[Difference]:
    listed = {each.code: each.name for each in provider.open_authorities} if provider else {}
    proposed = proposal.row["authorities"]
    fields = [
        Difference(name, getattr(provider, name, None), after)
        for name, after in proposal.row.items()
        if name not in ("slug", "authorities") and getattr(provider, name, None) != after
    ]
    return [*fields, *([Difference("authorities", listed, proposed)] if proposed != listed else [])]


def _find(slug: str, *, lock: bool = False) -> ProviderProposal | None:
    open_one = select(ProviderProposal).where(ProviderProposal.slug == slug, ProviderProposal.decided_at.is_(None))
    if lock:
        open_one = open_one.with_for_update(of=ProviderProposal).execution_options(populate_existing=True)
    return session().scalar(open_one)


def _decide(proposal: ProviderProposal, actor: User, *, is_approved: bool) -> None:
    proposal.decided_at = dt.datetime.now(dt.UTC)
    proposal.decided_by_id = actor.id
    proposal.is_approved = is_approved
    session().flush()


def operator(at: str, subject: str) -> User:
    """The operator whom a command names by her login's slug and her subject there; NotFound for anybody else."""
    is_hers = (IdentityProvider.slug == at, IdentityProvider.slug != GLASS, User.subject == subject)
    hers = select(User).join(User.provider).where(*is_hers)
    found: User | None = session().scalar(hers.where(User.duty == Duty.OPERATOR, User.deactivated_at.is_(None)))
    if found is None:
        raise NotFound(noun="user")
    return found
