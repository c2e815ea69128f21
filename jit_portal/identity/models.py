"""People and the national logins that speak for them."""

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from flask_login import UserMixin
from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from jit_portal.database import Created, Thing, words
from jit_portal.vocabulary import AssuranceAsked, ClientAuthentication, Duty, PartyKind, Speaks, UserinfoForm

MOST_IDLE_MINUTES, MOST_HOURS, MOST_LOGINS = 30, 12, 5
"""The portal's own limits of a sign-in; a country's may be stricter, never wider."""
GLASS = "-break-glass"
"""The slug of the row that stands in the place of a login for whoever breaks the glass; no login can be called so."""


class IdentityProvider(Thing):
    """One national login. The country, or body, of its people is this row's, never a claim's.

    ``hosts`` are those it may be reached at beside its issuer's; ``leeway`` and ``keys_seconds`` are seconds, and
    ``header_limit`` the bytes of a token's header. ``proves_anew``: asked to, it has people prove anew who they are,
    and says when they did; no single answer tells, for a browser can tamper with the question. A client secret is never
    in the database. What a login that speaks SAML publishes of itself is pinned here: ``saml_metadata``.
    ``stands_since``: since when it has been open, or closed, as it is; ``withdrawn_by``: by which operator alone.
    """

    __tablename__ = "identity_provider"
    __table_args__ = (
        CheckConstraint("(protocol = 'saml') = (saml_metadata <> '')", name="saml_metadata"),
        CheckConstraint("leeway BETWEEN 0 AND 120", name="leeway"),
        CheckConstraint("keys_seconds BETWEEN 60 AND 3600", name="keys_seconds"),
        CheckConstraint("header_limit BETWEEN 512 AND 65536", name="header_limit"),
        CheckConstraint(f"idle_minutes BETWEEN 5 AND {MOST_IDLE_MINUTES}", name="idle_minutes"),
        CheckConstraint(f"absolute_hours BETWEEN 1 AND {MOST_HOURS}", name="absolute_hours"),
        CheckConstraint(f"most_logins BETWEEN 1 AND {MOST_LOGINS}", name="most_logins"),
    )
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[PartyKind] = mapped_column(words(PartyKind))
    country: Mapped[str] = mapped_column(sa.String(12))
    protocol: Mapped[Speaks] = mapped_column(words(Speaks), default=Speaks.OIDC)
    issuer: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[str]
    saml_metadata: Mapped[str] = mapped_column(default="")
    scope: Mapped[str] = mapped_column(default="openid profile email")
    hosts: Mapped[list[str]] = mapped_column(default=list)
    authenticates_by: Mapped[ClientAuthentication] = mapped_column(
        words(ClientAuthentication), default=ClientAuthentication.PRIVATE_KEY_JWT
    )
    uses_pkce: Mapped[bool] = mapped_column(default=True)
    uses_par: Mapped[bool] = mapped_column(default=True)
    algorithms: Mapped[list[str]]
    acr_levels: Mapped[dict[str, Any]]
    claim_map: Mapped[dict[str, Any]]
    asks_assurance: Mapped[AssuranceAsked] = mapped_column(words(AssuranceAsked), default=AssuranceAsked.ACR_VALUES)
    proves_anew: Mapped[bool] = mapped_column(default=True)
    userinfo: Mapped[UserinfoForm] = mapped_column(words(UserinfoForm), default=UserinfoForm.JSON)
    has_rp_logout: Mapped[bool] = mapped_column(default=True)
    has_back_channel_logout: Mapped[bool] = mapped_column(default=True)
    takes_untyped_logout: Mapped[bool] = mapped_column(default=False)
    leeway: Mapped[int] = mapped_column(default=60)
    keys_seconds: Mapped[int] = mapped_column(default=600)
    header_limit: Mapped[int] = mapped_column(default=512)
    idle_minutes: Mapped[int] = mapped_column(sa.SmallInteger, default=MOST_IDLE_MINUTES)
    absolute_hours: Mapped[int] = mapped_column(sa.SmallInteger, default=MOST_HOURS)
    most_logins: Mapped[int] = mapped_column(sa.SmallInteger, default=MOST_LOGINS)
    is_enabled: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[Created]
    stands_since: Mapped[Created]
    withdrawn_by: Mapped[str | None]
    authorities: Mapped[list["Authority"]] = relationship(back_populates="provider", order_by="Authority.name")

    __mapper_args__ = {"version_id_col": version}

    @property
    def open_authorities(self) -> list["Authority"]:
        """The allow-list as it is now."""
        return [each for each in self.authorities if each.closed_at is None]


class Authority(Thing):
    """An agency whose people may sign in through a provider: its allow-list.

    One that the row lists no longer is closed and stays, for what was seized, released and done in its name.
    """

    __tablename__ = "authority"
    __table_args__ = (sa.UniqueConstraint("provider_id", "code"),)
    provider_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identity_provider.id"))
    code: Mapped[str]
    name: Mapped[str]
    closed_at: Mapped[dt.datetime | None]
    provider: Mapped[IdentityProvider] = relationship(back_populates="authorities")


class ProviderProposal(Thing):
    """A national login as one operator wants it: nothing until another person approves.

    ``base_version`` is the version of the row that it would change, None for a new one.
    """

    __tablename__ = "provider_proposal"
    __table_args__ = (
        CheckConstraint("is_approved IS NOT TRUE OR decided_by_id <> proposed_by_id", name="two_people"),
        CheckConstraint(
            "(decided_at IS NULL) = (decided_by_id IS NULL) AND (decided_at IS NULL) = (is_approved IS NULL)",
            name="decided",
        ),
        sa.Index("uq_provider_proposal_open", "slug", unique=True, postgresql_where=sa.text("decided_at IS NULL")),
    )
    slug: Mapped[str]
    row: Mapped[dict[str, Any]]
    base_version: Mapped[int | None]
    proposed_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[Created]
    decided_at: Mapped[dt.datetime | None]
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    is_approved: Mapped[bool | None]
    proposed_by: Mapped["User"] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped["User | None"] = relationship(foreign_keys=[decided_by_id])


class ProviderTest(Thing):
    """What one operator found out about a login, for an hour: the checks, and what came of a sign-in for a test.

    ``findings`` are each a check, its result and why; ``came`` is what it said of whoever signed in, that is of her.
    ``version`` is that of the row that was tested.
    """

    __tablename__ = "provider_test"
    __table_args__ = (sa.UniqueConstraint("provider_id", "tested_by_id"),)
    provider_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identity_provider.id"))
    tested_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    version: Mapped[int]
    findings: Mapped[list[Any]]
    came: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    id_token: Mapped[str | None]
    subject: Mapped[str | None]
    provider_session: Mapped[str | None]
    left_at: Mapped[dt.datetime | None]
    created_at: Mapped[Created]
    expires_at: Mapped[dt.datetime]
    provider: Mapped[IdentityProvider] = relationship()


class User(Thing, UserMixin):
    """A person: exactly one subject of one issuer at one provider. An e-mail address identifies nobody.

    ``flagged`` names the claims that have come otherwise since (name, authority), and ``claimed_…`` is what the login,
    or of a name its directory, said last; ``vouched_name`` is the name that the login itself gave last. The account was
    last opened at ``opened_at``, and at ``confirmed_at`` somebody stood in for it.
    """

    __tablename__ = "user"
    __allow_unmapped__ = True
    __table_args__ = (
        sa.UniqueConstraint("provider_id", "issuer", "subject"),
        sa.Index("ix_user_duty_provider_id", "duty", "provider_id", postgresql_where=sa.text("duty IS NOT NULL")),
    )
    provider_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identity_provider.id"))
    issuer: Mapped[str]
    subject: Mapped[str]
    authority_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("authority.id"), index=True)
    name: Mapped[str]
    title: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(sa.String(12), default="en")
    time_zone: Mapped[str] = mapped_column(default="UTC")
    notice_ways: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    duty: Mapped[Duty | None] = mapped_column(words(Duty))
    flagged: Mapped[str | None]
    claimed_name: Mapped[str | None]
    vouched_name: Mapped[str | None]
    claimed_authority_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("authority.id"))
    deactivated_at: Mapped[dt.datetime | None]
    closed_because: Mapped[str | None]
    confirmed_at: Mapped[Created]
    opened_at: Mapped[Created]
    created_at: Mapped[Created]
    provider: Mapped[IdentityProvider] = relationship(lazy="joined")
    authority: Mapped[Authority] = relationship(lazy="joined", foreign_keys=[authority_id])
    claimed_authority: Mapped[Authority | None] = relationship(foreign_keys=[claimed_authority_id])

    # Not columns: the login through which this instance was loaded, and when, in seconds of the database's clock.
    current_login: uuid.UUID | None = None
    as_of: float | None = None

    @property
    def is_active(self) -> bool:
        return self.deactivated_at is None

    @property
    def country(self) -> str:
        return self.provider.country

    @property
    def breaks_glass(self) -> bool:
        """Whether this is no person of a national login, but an account for when those are down or hostile."""
        return self.provider.slug == GLASS

    @property
    def initials(self) -> str:
        words = self.name.split()
        return (words[0][:1] + words[-1][:1]).upper() if len(words) > 1 else self.name[:2].upper()

    @property
    def tone(self) -> int:
        """One of six avatar tones, always the same for the same person."""
        return self.id.int % 6 + 1


class Invitation(Thing):
    """One use, one provider, one authority, until a date: the only way a person comes into being."""

    __tablename__ = "invitation"
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    provider_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identity_provider.id"))
    authority_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("authority.id"))
    subject: Mapped[str | None]
    name: Mapped[str]
    duty: Mapped[Duty | None] = mapped_column(words(Duty))
    invited_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    membership_offer: Mapped[dict[str, Any] | None]
    created_at: Mapped[Created]
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]
    used_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("user.id"))
    revoked_at: Mapped[dt.datetime | None]
    provider: Mapped[IdentityProvider] = relationship(lazy="joined")
    authority: Mapped[Authority] = relationship(lazy="joined")
