"""Through which membership, and so for which party, a person acts in a workspace."""

import uuid

from jit_portal import policy
from jit_portal.database import session
from jit_portal.errors import NotFound
from jit_portal.identity.models import User
from jit_portal.workspaces.models import Membership


def own_membership(actor: User, workspace_id: uuid.UUID) -> Membership:
    """Her one live membership there; the workspace is missing once that has ended, even since she was let in."""
    live = policy.person.live(Membership.live_from, Membership.live_until)
    mine = policy.which(actor, Membership).where(
        Membership.workspace_id == workspace_id, Membership.user_id == actor.id, live
    )
    found = session().scalar(mine)
    if found is None:
        raise NotFound(noun="workspace", object_id=workspace_id)
    return found
