"""Releases and entrustments that begin or end by the clock have no verb; this tells the screens that show them."""

import uuid

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.exhibits.models import Entrustment, Release
from jit_portal.policy import Work
from jit_portal.workspaces.models import Membership, MembershipPrincipal
from jit_portal.workspaces.windows import just_passed


def tell_of_changes() -> int:
    """Announce the exhibits of releases whose window began or ended just now to all whom they mean now, and
    entrustments that ended to their party; how many there were.
    """
    with transaction():
        changed = policy.portal_which(Work.PUSHING, Release).where(just_passed(Release.live_from, Release.live_until))
        releases = session().scalars(changed).unique().all()
        for release in releases:
            audit.announce("exhibit", release.exhibit_id, "release.window_passed", _meant_by(release.principal_id))
        ended = policy.portal_which(Work.PUSHING, Entrustment).where(just_passed(Entrustment.live_until))
        entrustments = session().scalars(ended).unique().all()
        for entrustment in entrustments:
            audit.announce("entrustment", entrustment.id, "entrustment.window_passed", [entrustment.user_id])
    return len(releases) + len(entrustments)


def _meant_by(principal_id: uuid.UUID) -> list[uuid.UUID]:
    """The people of live memberships that a release to this principal reaches."""
    meant = (
        policy.portal_which(Work.PUSHING, Membership)
        .join(MembershipPrincipal, MembershipPrincipal.membership_id == Membership.id)
        .where(
            MembershipPrincipal.principal_id == principal_id,
            MembershipPrincipal.is_for_grants,
            policy.person.live(Membership.live_from, Membership.live_until),
        )
    )
    return list(session().scalars(meant.with_only_columns(Membership.user_id)))
