"""Boards, their columns, and the tasks on them."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from jit_portal.database import Created, Model, Thing, words
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.vocabulary import Audience, ColumnKind, TaskAct
from jit_portal.workspaces.models import Workspace

TITLE_LENGTH = 200
DESCRIPTION_LENGTH = 20_000


class Board(Thing):
    """A board for everyone in the workspace, for parties, or for named people; ``prefix`` starts its tasks' keys.

    The one that a workspace opens with has no name of its own: every reader finds it in her language.
    Neither name nor prefix is unique in the database: refusing one for a restricted board's sake would disclose it.
    """

    __tablename__ = "board"
    __table_args__ = (sa.Index("ix_board_workspace_id", "workspace_id"),)
    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspace.id"))
    own_name: Mapped[str | None] = mapped_column("name", sa.String(60))
    prefix: Mapped[str] = mapped_column(sa.String(8))
    audience: Mapped[Audience] = mapped_column(words(Audience))
    last_number: Mapped[int] = mapped_column(default=0)
    created_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[Created]
    workspace: Mapped[Workspace] = relationship(lazy="joined", innerjoin=True)
    columns: Mapped[list["Column"]] = relationship(order_by="Column.position", back_populates="board")


class BoardParty(Model):
    __tablename__ = "board_party"
    board_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("board.id"), primary_key=True)
    party_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("party.id"), primary_key=True)


class BoardPerson(Model):
    __tablename__ = "board_person"
    board_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("board.id"), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"), primary_key=True)


class Column(Thing):
    __tablename__ = "board_column"
    __table_args__ = (sa.UniqueConstraint("board_id", "position"),)
    board_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("board.id"))
    kind: Mapped[ColumnKind] = mapped_column(words(ColumnKind))
    position: Mapped[int]
    board: Mapped[Board] = relationship(back_populates="columns")


class Task(Thing):
    """One piece of work of one party. ``edition`` counts its changes, each of which is a ``TaskChange``.

    ``rank`` orders cards within a column, as ``ranks`` makes it. ``asked_party`` is set while another party is asked to
    take it. ``token`` is its author's own, so that sending one form twice creates one task.
    """

    __tablename__ = "task"
    __table_args__ = (
        sa.UniqueConstraint("board_id", "number"),
        sa.CheckConstraint(f"char_length(description) <= {DESCRIPTION_LENGTH}", name="description_length"),
        sa.Index("ix_task_column", "column_id", "rank"),
        sa.Index("ix_task_assignee", "assignee_id"),
        sa.Index("ix_task_asked_party", "asked_party_id"),
        sa.Index("ix_task_token", "created_by_id", "token"),
    )
    board_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("board.id"))
    column_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("board_column.id"))
    party_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("party.id"))
    number: Mapped[int]
    rank: Mapped[str] = mapped_column(sa.Text(collation="C"))
    title: Mapped[str] = mapped_column(sa.String(TITLE_LENGTH))
    description: Mapped[str] = mapped_column(default="")
    assignee_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    asked_party_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("party.id"))
    asked_because: Mapped[str] = mapped_column(default="")
    declined_because: Mapped[str] = mapped_column(default="")
    due_on: Mapped[dt.date | None]
    edition: Mapped[int] = mapped_column(default=1)
    token: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
    created_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[Created]
    changed_at: Mapped[Created]
    deleted_at: Mapped[dt.datetime | None]
    board: Mapped[Board] = relationship(lazy="joined", innerjoin=True)
    column: Mapped[Column] = relationship(lazy="joined", innerjoin=True)
    party: Mapped[Party] = relationship(lazy="joined", innerjoin=True, foreign_keys=[party_id])
    asked_party: Mapped[Party | None] = relationship(lazy="joined", foreign_keys=[asked_party_id])
    assignee: Mapped[User | None] = relationship(lazy="joined", foreign_keys=[assignee_id])

    @property
    def key(self) -> str:
        return f"{self.board.prefix}-{self.number}"

    @property
    def workspace_id(self) -> uuid.UUID:
        return self.board.workspace_id


class TaskChange(Model):
    """What one edition did to its task: who, when, and to which column, person or party.

    ``title`` and ``description`` are what an edit replaced: nothing that was written is lost.
    """

    __tablename__ = "task_change"
    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("task.id"), primary_key=True)
    edition: Mapped[int] = mapped_column(primary_key=True)
    act: Mapped[TaskAct] = mapped_column(words(TaskAct))
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    at: Mapped[Created]
    column_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("board_column.id"))
    person_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    party_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("party.id"))
    reason: Mapped[str] = mapped_column(default="")
    title: Mapped[str | None]
    description: Mapped[str | None]
    by: Mapped[User] = relationship(lazy="joined", innerjoin=True, foreign_keys=[by_id])
    column: Mapped[Column | None] = relationship(lazy="joined")
    person: Mapped[User | None] = relationship(lazy="joined", foreign_keys=[person_id])
    party: Mapped[Party | None] = relationship(lazy="joined")


class TaskReference(Model):
    """What a word of a description stands for, as whoever wrote it saw it; ``position`` counts up in the text."""

    __tablename__ = "task_reference"
    task_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("task.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    word: Mapped[str]
    noun: Mapped[str]
    object_id: Mapped[uuid.UUID]
