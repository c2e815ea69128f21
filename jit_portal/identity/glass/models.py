"""Accounts that open the portal to its operator without a national login, and each time that one was opened.

Everywhere a person is somebody of one login and one authority. Whoever breaks the glass is a person too, of the one row
``GLASS`` that nobody can sign in by: so the rules, the record and the list of people know her as they know anybody, and
her duty keeps her out of every JIT.
"""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from jit_portal.database import Created, Thing, words
from jit_portal.identity.models import User
from jit_portal.vocabulary import GlassStep


class GlassAccount(Thing):
    """What two security keys open; of no use until both are enrolled by its one link, which is stored as a hash."""

    __tablename__ = "glass_account"
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"), unique=True)
    link_hash: Mapped[bytes] = mapped_column(unique=True)
    link_expires_at: Mapped[dt.datetime]
    enrolled_at: Mapped[dt.datetime | None]
    created_at: Mapped[Created]
    user: Mapped[User] = relationship(lazy="joined")


class GlassChallenge(Thing):
    """What a security key is to sign: once, in one browser, for one step.

    Whose account it is is known at the enrolment, and at the second key of an opening, with the first that was used and
    the reason that was given.
    """

    __tablename__ = "glass_challenge"
    challenge: Mapped[bytes] = mapped_column(unique=True)
    browser_hash: Mapped[bytes]
    step: Mapped[GlassStep] = mapped_column(words(GlassStep))
    account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("glass_account.id"))
    first_key_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("passkey.id"))
    reason: Mapped[str] = mapped_column(default="")
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)


class GlassOpening(Thing):
    """One time that the glass was broken: by whom, why, and until when at most. It is never changed."""

    __tablename__ = "glass_opening"
    __table_args__ = (
        CheckConstraint("ends_at > opened_at AND ends_at <= opened_at + interval '60 minutes'", name="an_hour"),
    )
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"), index=True)
    login_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("login_session.id"))
    reason: Mapped[str] = mapped_column(sa.String(500))
    opened_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime]
    user: Mapped[User] = relationship(lazy="joined")
