"""Sign-ins: under way and live, with the passkeys that strengthen them and the acts that wait for that."""

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from jit_portal.database import Created, Thing
from jit_portal.identity.models import MOST_IDLE_MINUTES, User
from jit_portal.vocabulary import Assurance

_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


class LoginAttempt(Thing):
    """A sign-in under way at a provider: one use, ten minutes, and only in the browser that began it.

    ``state`` and the browser's own word are stored as hashes, and what is made of the two, nonce and code verifier, not
    at all; ``return_to`` is an address inside the portal; ``login_id`` is the login that this is to strengthen, where
    nobody signs in but somebody proves anew who she is, and ``test_id`` the test that this is for, where nobody signs
    in at all.
    """

    __tablename__ = "login_attempt"
    state_hash: Mapped[bytes] = mapped_column(unique=True)
    browser_hash: Mapped[bytes]
    provider_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identity_provider.id"))
    invitation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("invitation.id"))
    login_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("login_session.id"))
    test_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("provider_test.id", ondelete="CASCADE"))
    return_to: Mapped[str]
    created_at: Mapped[Created]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
    used_at: Mapped[dt.datetime | None]


class SpentToken(Thing):
    """The id of a logout token or an assertion that counted, kept until it would be over: nobody plays it again."""

    __tablename__ = "spent_token"
    __table_args__ = (sa.UniqueConstraint("provider_id", "jti_hash"),)
    provider_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identity_provider.id"))
    jti_hash: Mapped[bytes]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)


def device_of(browser: str) -> str:
    """The browser and system that somebody's says it is, such as "Firefox, Linux"; "" where nothing is known."""
    known = [next((name for sign, name in signs if sign in browser), "") for signs in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, known))


class LoginSession(Thing):
    """A sign-in that is live until it ends, idles out or reaches its limit; its token is stored as a hash only.

    ``ends_at`` and ``idle_minutes`` are what its country allowed when it began. ``strayed_at`` is when its cookie first
    came from another device and another network than the sign-in did, with where from.

    ``proved_at`` is when the person last proved who she is, in the provider's own words; None where it does not say.
    ``confirmed_at`` is when she last did so by a passkey. ``renewed_hash`` is of the token that her last step-up
    replaced.
    """

    __tablename__ = "login_session"
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    renewed_hash: Mapped[bytes | None] = mapped_column(unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"), index=True)
    assurance: Mapped[Assurance] = mapped_column(sa.SmallInteger)
    acr: Mapped[str | None]
    authenticated_at: Mapped[dt.datetime]
    proved_at: Mapped[dt.datetime | None]
    confirmed_at: Mapped[dt.datetime | None]
    provider_session: Mapped[str | None] = mapped_column(index=True)
    id_token: Mapped[str | None]
    started_at: Mapped[Created]
    last_seen_at: Mapped[Created]
    ends_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]
    ended_because: Mapped[str | None]
    address: Mapped[str] = mapped_column(default="")
    browser: Mapped[str] = mapped_column(default="")
    idle_minutes: Mapped[int] = mapped_column(sa.SmallInteger, default=MOST_IDLE_MINUTES)
    is_new_device: Mapped[bool] = mapped_column(default=False)
    is_new_network: Mapped[bool] = mapped_column(default=False)
    strayed_at: Mapped[dt.datetime | None]
    strayed_address: Mapped[str] = mapped_column(default="")
    strayed_browser: Mapped[str] = mapped_column(default="")
    user: Mapped[User] = relationship(lazy="joined")

    @property
    def device(self) -> str:
        return device_of(self.browser)

    @property
    def strayed_device(self) -> str:
        return device_of(self.strayed_browser)


class WaitingAct(Thing):
    """What a person sent before she had proved anew who she is: once, by her, in this login, within ten minutes.

    ``form`` is the list of names and values as they were sent; ``address`` where they were sent, ``sent_from`` the page
    they came from; ``noun`` and ``object_id`` are the thing for which the step-up was asked.
    """

    __tablename__ = "waiting_act"
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    login_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("login_session.id"), index=True)
    endpoint: Mapped[str]
    address: Mapped[str]
    sent_from: Mapped[str]
    form: Mapped[list[Any]]
    noun: Mapped[str]
    object_id: Mapped[uuid.UUID]
    created_at: Mapped[Created]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)


class Passkey(Thing):
    """A person's own second factor: the public half of a key that her device uses only after it has verified her.

    ``sign_count`` is the last count that the device gave; ``flagged_at`` when it gave one that had been before, as a
    copy of the key would: it is of no use from then on.
    """

    __tablename__ = "passkey"
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"), index=True)
    name: Mapped[str]
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(sa.BigInteger)
    created_at: Mapped[Created]
    last_used_at: Mapped[dt.datetime | None]
    flagged_at: Mapped[dt.datetime | None]


class PasskeyChallenge(Thing):
    """What a passkey is to sign: once, for this person in this login, and for this purpose."""

    __tablename__ = "passkey_challenge"
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("user.id"))
    login_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("login_session.id"))
    challenge: Mapped[bytes] = mapped_column(unique=True)
    is_enrolment: Mapped[bool]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
