"""Exhibits, who is shown them and who may show them: immutable rows closed by ``live_until``."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from jit_portal.database import Created, Model, Thing, words
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import Authority, User
from jit_portal.jits.models import Party
from jit_portal.vocabulary import ExhibitKind, Purpose
from jit_portal.workspaces.models import Principal, Workspace


class Shelf(Thing):
    """Exhibits that every country rule without tag or date treats alike."""

    __tablename__ = "shelf"
    __table_args__ = (
        sa.UniqueConstraint(
            "workspace_id", "party_id", "authority_id", "kind", "handling", postgresql_nulls_not_distinct=True
        ),
    )
    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspace.id"))
    party_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("party.id"))
    authority_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("authority.id"))
    kind: Mapped[ExhibitKind | None] = mapped_column(words(ExhibitKind))
    handling: Mapped[list[str]]


class Exhibit(Thing):
    """A thing seized, or a file received as evidence, under the control of its seizing party for ever."""

    __tablename__ = "exhibit"
    __table_args__ = (
        sa.UniqueConstraint("workspace_id", "party_id", "number"),
        sa.UniqueConstraint("workspace_id", "reference"),
        sa.CheckConstraint("handling <@ ARRAY['H0','H1','H2','H3']::text[]", name="handling"),
    )
    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspace.id"))
    party_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("party.id"))
    authority_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("authority.id"))
    shelf_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("shelf.id"))
    number: Mapped[int]
    reference: Mapped[str]
    title: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    kind: Mapped[ExhibitKind | None] = mapped_column(words(ExhibitKind))
    handling: Mapped[list[str]]
    tags: Mapped[list[str]] = mapped_column(default=list)
    seized_on: Mapped[dt.date | None]
    place: Mapped[str] = mapped_column(default="")
    edition: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[Created]
    created_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    file_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stored_file.id"), unique=True)
    holder_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    offered_to_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    workspace: Mapped[Workspace] = relationship()
    seizing_party: Mapped[Party] = relationship(lazy="joined", innerjoin=True)
    authority: Mapped[Authority | None] = relationship(lazy="joined")
    file: Mapped[StoredFile | None] = relationship(lazy="joined")
    created_by: Mapped[User] = relationship(lazy="select", foreign_keys=[created_by_id])
    holder: Mapped[User] = relationship(lazy="select", foreign_keys=[holder_id])
    offered_to: Mapped[User | None] = relationship(lazy="select", foreign_keys=[offered_to_id])


sa.Index("ix_exhibit_newest", Exhibit.workspace_id, Exhibit.created_at.desc(), Exhibit.id.desc())
sa.Index(
    "ix_exhibit_party_newest", Exhibit.workspace_id, Exhibit.party_id, Exhibit.created_at.desc(), Exhibit.id.desc()
)
sa.Index("ix_exhibit_holder_newest", Exhibit.holder_id, Exhibit.created_at.desc(), Exhibit.id.desc())
sa.Index("ix_exhibit_shelf_newest", Exhibit.shelf_id, Exhibit.created_at.desc(), Exhibit.id.desc())


class ExhibitTag(Model):
    """One tag of one exhibit, with a copy of its place in time, so that a tag's newest are found at once."""

    __tablename__ = "exhibit_tag"
    exhibit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("exhibit.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspace.id"))
    exhibit_created_at: Mapped[dt.datetime]


sa.Index(
    "ix_exhibit_tag_newest",
    ExhibitTag.workspace_id,
    ExhibitTag.tag,
    ExhibitTag.exhibit_created_at.desc(),
    ExhibitTag.exhibit_id.desc(),
)


class Release(Thing):
    """One exhibit shown to a principal, up to a sight, for a purpose, from a moment until another. Closed, never
    changed. ``token`` is its maker's own, so that sending one form twice makes one.
    """

    __tablename__ = "release"
    __table_args__ = (
        sa.Index("ix_release_exhibit_principal", "exhibit_id", "principal_id"),
        sa.UniqueConstraint("exhibit_id", "released_by_id", "token"),
        sa.CheckConstraint("sight BETWEEN 1 AND 4", name="sight"),
    )
    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspace.id"))
    exhibit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("exhibit.id"))
    exhibit_created_at: Mapped[dt.datetime]
    principal_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("principal.id"))
    sight: Mapped[int] = mapped_column(sa.SmallInteger)
    purpose: Mapped[Purpose] = mapped_column(words(Purpose))
    conditions: Mapped[str] = mapped_column(default="")
    live_from: Mapped[Created]
    live_until: Mapped[dt.datetime | None]
    released_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    released_at: Mapped[Created]
    withdrawn_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    withdrawn_because: Mapped[str | None]
    token: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
    principal: Mapped[Principal] = relationship(lazy="joined", innerjoin=True)
    released_by: Mapped[User] = relationship(lazy="select", foreign_keys=[released_by_id])


sa.Index(
    "ix_release_principal_newest",
    Release.principal_id,
    Release.exhibit_created_at.desc(),
    Release.exhibit_id.desc(),
)
sa.Index("ix_release_principal_since", Release.principal_id, Release.live_from)


class CountryRule(Thing):
    """A standing release, or a forbid, of a seizing party over its exhibits of a description. Closed, never changed.

    A condition left empty holds for every exhibit. ``token`` as for a release.
    """

    __tablename__ = "country_rule"
    __table_args__ = (
        sa.Index("ix_country_rule_party", "workspace_id", "party_id"),
        sa.UniqueConstraint("party_id", "set_by_id", "token"),
        sa.CheckConstraint("sight BETWEEN 1 AND 4", name="sight"),
        sa.CheckConstraint(
            "NOT is_forbid OR (seized_from IS NULL AND seized_until IS NULL)", name="forbid_has_no_dates"
        ),
    )
    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspace.id"))
    party_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("party.id"))
    is_forbid: Mapped[bool]
    principal_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("principal.id"))
    sight: Mapped[int] = mapped_column(sa.SmallInteger)
    kind: Mapped[ExhibitKind | None] = mapped_column(words(ExhibitKind))
    handling: Mapped[str | None]
    tag: Mapped[str | None]
    authority_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("authority.id"))
    seized_from: Mapped[dt.date | None]
    seized_until: Mapped[dt.date | None]
    note: Mapped[str] = mapped_column(default="")
    live_from: Mapped[Created]
    live_until: Mapped[dt.datetime | None]
    set_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    closed_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    token: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
    party: Mapped[Party] = relationship(lazy="joined", innerjoin=True)
    principal: Mapped[Principal] = relationship(lazy="joined", innerjoin=True)
    authority: Mapped[Authority | None] = relationship(lazy="joined")
    set_by: Mapped[User] = relationship(lazy="select", foreign_keys=[set_by_id])


class Entrustment(Thing):
    """A person releases for their party beside its leaders, up to a sight, to the end of a day. Closed, never changed.

    It is not transferable, and nobody has two at a time.
    """

    __tablename__ = "entrustment"
    __table_args__ = (
        sa.Index("ix_entrustment_party_id_user_id", "party_id", "user_id"),
        sa.CheckConstraint("sight BETWEEN 1 AND 4", name="sight"),
    )
    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspace.id"))
    party_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("party.id"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    sight: Mapped[int] = mapped_column(sa.SmallInteger)
    live_from: Mapped[Created]
    live_until: Mapped[dt.datetime]
    entrusted_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    closed_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    workspace: Mapped[Workspace] = relationship()
    party: Mapped[Party] = relationship(lazy="joined", innerjoin=True)
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True, foreign_keys=[user_id])
    entrusted_by: Mapped[User] = relationship(lazy="select", foreign_keys=[entrusted_by_id])


class VaultVisit(Model):
    """When a person last opened the vault of a workspace, so that what is new can be marked."""

    __tablename__ = "vault_visit"
    workspace_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"), primary_key=True)
    visited_at: Mapped[Created]
