"""The isolated space of one JIT, the people in it, and whom a release can name there."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from jit_portal.database import Created, Model, Thing, words
from jit_portal.identity.models import Authority, User
from jit_portal.jits.models import Jit, Party
from jit_portal.vocabulary import PrincipalKind, Role


class Workspace(Thing):
    """The one space of a JIT; it opens when the first agreement version comes into force."""

    __tablename__ = "workspace"
    jit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jit.id"), unique=True)
    opened_at: Mapped[Created]
    jit: Mapped[Jit] = relationship(lazy="joined")

    @property
    def name(self) -> str:
        return self.jit.name


class Membership(Thing):
    """A person in a workspace for a party, in a role, from a moment until another.

    ``keeps_own_exhibits`` marks the last leaders of a party that left: they go on reading and withdrawing what is
    theirs.
    ``is_outside_union`` holds when the party or the person's own login is of a third country or an international body.
    """

    __tablename__ = "membership"
    __table_args__ = (
        sa.Index("ix_membership_workspace_id_user_id", "workspace_id", "user_id"),
        sa.Index("ix_membership_user_id", "user_id"),
    )
    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspace.id"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    party_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("party.id"))
    authority_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("authority.id"))
    role: Mapped[Role] = mapped_column(words(Role))
    is_space_administrator: Mapped[bool] = mapped_column(default=False)
    is_outside_union: Mapped[bool] = mapped_column(default=False)
    keeps_own_exhibits: Mapped[bool] = mapped_column(default=False)
    purpose: Mapped[str] = mapped_column(default="")
    live_from: Mapped[Created]
    live_until: Mapped[dt.datetime | None]
    invited_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    ended_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    ended_because: Mapped[str | None]
    workspace: Mapped[Workspace] = relationship(lazy="joined")
    user: Mapped[User] = relationship(lazy="joined", foreign_keys=[user_id])
    party: Mapped[Party] = relationship(lazy="joined")
    authority: Mapped[Authority] = relationship(lazy="joined")


class Principal(Thing):
    """Whom a release or a country rule names: a party, an authority, a role of a party, or one person."""

    __tablename__ = "principal"
    __table_args__ = (
        sa.UniqueConstraint(
            "workspace_id", "kind", "party_id", "authority_id", "role", "user_id", postgresql_nulls_not_distinct=True
        ),
    )
    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspace.id"))
    kind: Mapped[PrincipalKind] = mapped_column(words(PrincipalKind))
    party_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("party.id"))
    authority_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("authority.id"))
    role: Mapped[Role | None] = mapped_column(words(Role))
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    party: Mapped[Party | None] = relationship(lazy="joined")
    authority: Mapped[Authority | None] = relationship(lazy="joined")
    user: Mapped[User | None] = relationship(lazy="joined")


class MembershipPrincipal(Model):
    """A membership answers to a principal: for forbids always, for releases and standing releases where
    ``is_for_grants``.
    """

    __tablename__ = "membership_principal"
    __table_args__ = (sa.Index("ix_membership_principal_principal_id", "principal_id"),)
    membership_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("membership.id"), primary_key=True)
    principal_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("principal.id"), primary_key=True)
    is_for_grants: Mapped[bool]
