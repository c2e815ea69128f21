"""What a person is told. A notice carries no content: it points, and the policy decides again when it is opened."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from jit_portal.database import Created, Thing, words
from jit_portal.identity.models import User
from jit_portal.vocabulary import NoticeKind


class Notice(Thing):
    __tablename__ = "notice"
    __table_args__ = (sa.Index("ix_notice_user", "user_id", sa.text("created_at DESC")),)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    kind: Mapped[NoticeKind] = mapped_column(words(NoticeKind))
    noun: Mapped[str]
    object_id: Mapped[uuid.UUID]
    workspace_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("workspace.id"))
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[Created]
    read_at: Mapped[dt.datetime | None]
    by: Mapped[User | None] = relationship(lazy="joined", foreign_keys=[by_id])
