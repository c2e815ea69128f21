"""Releases and entrustments that begin or end by the clock have no verb; this tells the screens that show them."""

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.exhibits.models import Entrustment, Release
from jit_portal.policy import Work
from jit_portal.workspaces.windows import just_passed


def tell_of_changes() -> int:
    """Announce the exhibits of releases whose window began or ended just now to all to whom they show or showed them,
    and entrustments that ended to their party; how many there were.
    """
    with transaction():
        changed = policy.portal_which(Work.PUSHING, Release).where(just_passed(Release.live_from, Release.live_until))
        releases = session().scalars(changed).unique().all()
        for release in releases:
            shown = session().scalars(policy.exhibits.shown_by(release.id))
            audit.announce("exhibit", release.exhibit_id, "release.window_passed", shown)
        ended = policy.portal_which(Work.PUSHING, Entrustment).where(just_passed(Entrustment.live_until))
        entrustments = session().scalars(ended).unique().all()
        for entrustment in entrustments:
            audit.announce("entrustment", entrustment.id, "entrustment.window_passed")
    return len(releases) + len(entrustments)
