"""Telling people: a notice points at a thing and says nothing of it."""

import uuid
from collections.abc import Iterable

from jit_portal.database import Thing, session
from jit_portal.identity.models import User
from jit_portal.notices.models import Notice
from jit_portal.policy.asking import noun
from jit_portal.vocabulary import NoticeKind


def tell(kind: NoticeKind, thing: Thing, people: Iterable[uuid.UUID], by: User | None) -> None:
    """Leave each of these people, except whoever did it, a notice that points at ``thing``; part of the verb that causes it."""
    session().add_all(
        Notice(
            user_id=user_id,
            kind=kind,
            noun=noun(type(thing)),
            object_id=thing.id,
            workspace_id=getattr(thing, "workspace_id", None),
            by_id=by.id if by else None,
        )
        for user_id in people
        if by is None or user_id != by.id
    )
