"""What passes between the portal and a national login, whichever protocol it speaks."""

from dataclasses import dataclass

from jit_portal.identity.saml.names import Name
from jit_portal.vocabulary import Assurance


@dataclass(frozen=True)
class Answer:
    """What came back from the login, as the browser brought it; ``response`` is what a login that speaks SAML sends."""

    state: str
    code: str | None = None
    error: str | None = None
    iss: str | None = None
    response: str | None = None


@dataclass(frozen=True)
class Once:
    """What counts once: its id at its login, to be kept until a moment."""

    id: str
    until: float


@dataclass(frozen=True)
class Vouched:
    """What a provider has said, with its signature, of whoever signed in there.

    ``authority`` is None where it never says which agency's she is.
    ``proved_at`` is when she last proved who she is, as it says; None where it does not say, and ``authenticated_at``
    is then when it gave its answer. ``id_token`` is what it wants to hear again when she signs out, and ``once`` what
    it said this by, where that could be said again. ``ends_at`` is when her session there ends, where it says so.
    """

    issuer: str
    subject: str
    assurance: Assurance
    acr: str
    authenticated_at: float
    provider_session: str | None
    id_token: str
    name: str
    email: str
    title: str
    authority: str | None
    language: str
    time_zone: str
    proved_at: float | None = None
    once: Once | None = None
    ends_at: float | None = None


@dataclass(frozen=True)
class Farewell:
    """Whose sign-ins the provider wants ended: one of its sessions, or all of a person.

    She is named by her subject, or by the name that the provider wants to hear again when she signs out.
    """

    token_id: str
    expires_at: float
    subject: str | None
    provider_session: str | None
    name: Name | None = None
    answer_to: str | None = None
