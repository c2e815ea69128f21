"""What a country's own directory says of its people (SCIM), and the tokens by which it may say it."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from jit_portal.database import Created, Thing
from jit_portal.identity.models import IdentityProvider, User


class ScimToken(Thing):
    """What the directory of one national login shows of itself, and who stands on record for what it does.

    It reaches the people of its row and nobody else. The token itself is stored as a hash only.
    """

    __tablename__ = "scim_token"
    provider_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identity_provider.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    made_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[Created]
    expires_at: Mapped[dt.datetime]
    revoked_at: Mapped[dt.datetime | None]
    provider: Mapped[IdentityProvider] = relationship(lazy="joined")

    # What the record says of whoever acts: a directory is in no login, of no agency, and in no time zone of its own.
    current_login = None
    authority = None
    time_zone = "UTC"

    @property
    def name(self) -> str:
        return f"{self.provider.name} (SCIM)"

    @property
    def country(self) -> str:
        return self.provider.country


Actor = User | ScimToken
"""Who stands on record for an act: a person, or the directory of a national login."""


class AnnouncedPerson(Thing):
    """What a directory says of one person; it makes no account, and only an invitation does.

    It belongs to the account of the same (provider, issuer, subject), where there is one. ``is_active`` counts until
    then: an account says itself whether it is open. At ``deleted_at`` the directory took back what it had said.
    """

    __tablename__ = "announced_person"
    __table_args__ = (
        sa.UniqueConstraint("provider_id", "issuer", "subject"),
        sa.Index(
            "uq_announced_person_user_name",
            "provider_id",
            sa.text("lower(user_name)"),
            unique=True,
            postgresql_where=sa.text("deleted_at IS NULL"),
        ),
    )
    provider_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identity_provider.id"))
    issuer: Mapped[str]
    subject: Mapped[str | None]
    user_name: Mapped[str]
    display_name: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[Created]
    deleted_at: Mapped[dt.datetime | None]


class ProposedClosing(Thing):
    """An account that a directory would close among too many others: it stays open until a person approves.

    Undecided it waits; ``decided_by_id`` is None where the directory itself took it back.
    """

    __tablename__ = "proposed_closing"
    __table_args__ = (
        CheckConstraint("(decided_at IS NULL) = (is_approved IS NULL)", name="decided"),
        CheckConstraint("is_approved IS NOT TRUE OR decided_by_id IS NOT NULL", name="second_person"),
        sa.Index("uq_proposed_closing_open", "user_id", unique=True, postgresql_where=sa.text("decided_at IS NULL")),
    )
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    proposed_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("scim_token.id"))
    created_at: Mapped[Created]
    decided_at: Mapped[dt.datetime | None]
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    is_approved: Mapped[bool | None]
    user: Mapped[User] = relationship(foreign_keys=[user_id], lazy="joined")
