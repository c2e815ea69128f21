"""Telling people: a notice points at a thing and says nothing of it."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Select, update

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import Thing, session, transaction
from jit_portal.identity.models import User
from jit_portal.notices.models import Notice
from jit_portal.notices.topics import topic_of
from jit_portal.policy.asking import noun
from jit_portal.policy.person import NOW, person
from jit_portal.tasks.models import Task
from jit_portal.vocabulary import NoticeKind, NoticeTopic, NoticeWay


def tell(kind: NoticeKind, thing: Thing, people: Iterable[uuid.UUID], by: User | None) -> None:
    """Leave these people, except whoever did it, a notice that points at ``thing``; part of the verb that causes it.

    Whether they may see the thing is decided when they look, so a notice never says more than its reader may know; open
    pages of those who do not see it now are told nothing. It is as good as read for those who chose that such notices
    are only listed.
    """
    told = sorted({user_id for user_id in people if by is None or user_id != by.id})
    if not told:
        return
    listed = _who_only_lists(kind, told)
    session().add_all(
        Notice(
            user_id=user_id,
            read_at=NOW if user_id in listed else None,
            kind=kind,
            noun=noun(type(thing)),
            object_id=thing.id,
            workspace_id=_workspace_of(thing),
            by_id=by.id if by else None,
        )
        for user_id in told
    )
    session().flush()
    seeing = policy.who(thing).where(person.id.in_(told)).with_only_columns(person.id)
    if seers := session().scalars(seeing).all():
        audit.announce("notice", thing.id, f"notice.{kind}", seers)


def _who_only_lists(kind: NoticeKind, people: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    topic = topic_of(kind)
    if topic is None:
        return set()
    chose = policy.portal_which(policy.Work.TELLING, User).where(User.id.in_(people))
    only_list = chose.where(User.notice_ways[topic.value].astext == NoticeWay.LIST).with_only_columns(User.id)
    return set(session().scalars(only_list))


def choose(actor: User, ways: Mapping[NoticeTopic, NoticeWay]) -> None:
    """From now on notices reach her in these ways; those that she has already stay as they are."""
    chosen: dict[str, Any] = {topic.value: way.value for topic, way in ways.items()}
    with transaction():
        actor.notice_ways = actor.notice_ways | chosen
        audit.record(actor, "user.notices_chosen", actor, quietly=True, **chosen)


def _workspace_of(thing: Thing) -> uuid.UUID | None:
    if isinstance(thing, Task):
        return thing.board.workspace_id
    return getattr(thing, "workspace_id", None)


def read(actor: User, notice: Notice) -> None:
    """Mark one notice of hers as read."""
    with transaction():
        held = policy.fetch(actor, Notice, notice.id, lock=True)
        held.read_at = held.read_at or NOW
        audit.announce("notice", held.id, "notice.read", [actor.id])


def read_about(actor: User, model: type[Thing], ids: Select[uuid.UUID]) -> None:
    """Mark as read what told her of these things, which she has before her eyes; part of the verb that says so."""
    told = policy.which(actor, Notice).where(Notice.read_at.is_(None), Notice.noun == noun(model))
    told = told.with_only_columns(Notice.id)
    if session().scalar(told.limit(1)) is None:
        return
    marked = update(Notice).where(Notice.id.in_(told.where(Notice.object_id.in_(ids)))).values(read_at=NOW)
    returned = marked.returning(Notice.id).execution_options(synchronize_session=False, policy=True)
    for notice_id in session().scalars(returned).all():
        audit.announce("notice", notice_id, "notice.read", [actor.id])


def read_all(actor: User) -> int:
    """Mark every notice of hers as read; answers how many were not."""
    with transaction():
        unread = policy.which(actor, Notice).where(Notice.read_at.is_(None)).with_only_columns(Notice.id)
        marked = update(Notice).where(Notice.id.in_(unread)).values(read_at=NOW).returning(Notice.id)
        read = session().scalars(marked.execution_options(synchronize_session=False, policy=True)).all()
        for notice_id in read[:1]:  # her open pages count anew, whichever they were
            audit.announce("notice", notice_id, "notice.read", [actor.id])
        return len(read)
