"""The verbs on releases: show an exhibit to somebody for a time, and end that (E2, E4)."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, TypeVar

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.background import enqueue
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, Refused
from jit_portal.exhibits import moving
from jit_portal.exhibits.limits import refuse_further
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.exhibits.targets import resolve
from jit_portal.identity.models import User
from jit_portal.notices import service as notices
from jit_portal.notices.models import Notice
from jit_portal.policy import Work
from jit_portal.vocabulary import May, NoticeKind, Purpose, Sight
from jit_portal.wording import gettext
from jit_portal.workspaces import seats

R = TypeVar("R", Release, CountryRule)


def release(
    actor: User,
    exhibit: Exhibit,
    to: str,
    sight: Sight,
    purpose: Purpose,
    *,
    conditions: str = "",
    live_from: dt.datetime | None = None,
    live_until: dt.datetime | None = None,
    token: uuid.UUID | None = None,
) -> Release:
    """Show an exhibit to somebody whom the agreement names, up to a sight, for a purpose, for a time, never backwards.

    The same ``token`` again answers the release that it made before.
    """
    with transaction():
        # Holding the exhibit's row: two releases, or a release and a withdrawal, come one after the other.
        exhibit = policy.locked(actor, May.RELEASE, exhibit)
        refuse_further(actor, exhibit, sight)
        known, now = _released_with(actor, exhibit, token), seats.now()
        begins = _beginning(live_from, known.released_at if known else now)
        _refuse_no_time(begins, live_until, now)
        said = {
            "principal_id": resolve(actor, exhibit.workspace, exhibit.party_id, to).id,
            "sight": int(sight),
            "purpose": purpose,
            "conditions": conditions,
            "live_until": live_until,
            **({"live_from": begins} if begins else {}),
        }
        if known is not None:
            return sent_before(known, said)
        before = moving.sights([exhibit.id])
        made = Release(
            workspace_id=exhibit.workspace_id,
            exhibit_id=exhibit.id,
            exhibit_created_at=exhibit.created_at,
            released_by_id=actor.id,
            token=token or uuid.uuid4(),
            **({"live_from": now} | said),
        )
        session().add(made)
        session().flush()
        further = moving.who_see_further(before, moving.sights([exhibit.id]))
        notices.tell(NoticeKind.RELEASED, exhibit, further, actor)
        if begins is not None:
            enqueue("exhibits:begin", due=begins, release_id=str(made.id))
        audit.record(
            actor,
            "exhibit.released",
            exhibit,
            release=made.id,
            to=made.principal.kind,
            principal=made.principal_id,
            sight=sight.name.lower(),
            purpose=purpose,
            begins=begins,
            until=live_until,
        )
    return made


def begin(release_id: uuid.UUID) -> None:
    """Tell those who see further by a release that was to begin later and has begun, as the portal itself.

    Who was told of it before is not told again, nor is anybody once it has ended.
    """
    began = policy.portal_which(Work.PUSHING, Release).where(Release.id == release_id)
    began = began.where(policy.person.live(Release.live_from, Release.live_until))
    with transaction():
        exhibit_id = session().scalar(began.with_only_columns(Release.exhibit_id))
        if exhibit_id is None:
            return
        # As in the verbs the exhibit's row comes first: it may be withdrawn at this moment, or released once more.
        exhibit = policy.portal_fetch(Work.PUSHING, Exhibit, exhibit_id, lock=True)
        release = session().scalars(began.execution_options(populate_existing=True)).unique().one_or_none()
        if release is None:
            return
        after = moving.sights([exhibit.id])
        with moving.trial():
            release.live_until = release.live_from
            session().flush()
            before = moving.sights([exhibit.id])
        told = policy.portal_which(Work.TELLING, Notice).with_only_columns(Notice.user_id)
        told = told.where(Notice.object_id == exhibit.id, Notice.created_at >= release.live_from)
        told = told.where(Notice.kind == NoticeKind.RELEASED, Notice.by_id == release.released_by_id)
        further = moving.who_see_further(before, after) - set(session().scalars(told))
        notices.tell(NoticeKind.RELEASED, exhibit, further, release.released_by)


def _beginning(live_from: dt.datetime | None, now: dt.datetime) -> dt.datetime | None:
    """The later moment at which it begins; None where that is at once, as the minute just typed is too."""
    if live_from is None or live_from > now:
        return live_from
    # What is typed has no seconds, and is sent up to a minute later.
    if live_from <= now - dt.timedelta(minutes=2):
        raise Invalid(
            gettext("A release cannot begin in the past. Leave this empty, and it begins at once."), field="live_from"
        )
    return None


def _refuse_no_time(begins: dt.datetime | None, live_until: dt.datetime | None, now: dt.datetime) -> None:
    if live_until is not None and live_until <= max(now, begins or now):
        raise Invalid(gettext("The release would end before it begins."), field="live_until")


def _released_with(actor: User, exhibit: Exhibit, token: uuid.UUID | None) -> Release | None:
    same = (Release.exhibit_id == exhibit.id, Release.released_by_id == actor.id, Release.token == token)
    return session().scalar(policy.which(actor, Release).where(*same))


def sent_before(known: R, said: Mapping[str, Any]) -> R:
    """What the same form made before; refused when it says something else now, or when that has ended."""
    if any(getattr(known, name) != value for name, value in said.items()):
        raise Refused(gettext("This form was sent before. Look at what it did; if you mean it again, send it again."))
    return known


def withdraw(actor: User, release: Release, reason: str) -> None:
    """End a release at once; those who lose sight are told to look again."""
    exhibit = policy.fetch(actor, Exhibit, release.exhibit_id)
    with transaction():
        exhibit = policy.locked(actor, May.WITHDRAW, exhibit)
        release = policy.fetch(actor, Release, release.id, lock=True)
        if release.live_until is not None and release.live_until <= seats.now():
            raise Refused(gettext("This release has already ended."))
        before = moving.people_who_see(exhibit)
        release.live_until = seats.now()
        release.withdrawn_by_id, release.withdrawn_because = actor.id, reason
        session().flush()
        audit.record(
            actor, "exhibit.withdrawn", exhibit, also=before, release=release.id, principal=release.principal_id
        )
