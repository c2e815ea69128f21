"""The ways a sign-in can fail. The page says each kindly; the ledger keeps the word."""

import uuid
from enum import StrEnum

from jit_portal.errors import Refusal


class Why(StrEnum):
    """Why nobody was signed in."""

    OVER = "over"
    CANCELLED = "cancelled"
    MIXED_UP = "mixed_up"
    UNSOUND = "unsound"
    ASSURANCE = "assurance"
    UNKNOWN = "unknown"
    AUTHORITY = "authority"
    DEACTIVATED = "deactivated"
    UNUSED = "unused"
    UNCONFIRMED = "unconfirmed"
    INVITATION = "invitation"
    WITHDRAWN = "withdrawn"
    LED_ASTRAY = "led_astray"
    OTHER_LOGIN = "other_login"
    OTHER_PERSON = "other_person"
    TOO_WEAK = "too_weak"
    NOT_ASKED_AGAIN = "not_asked_again"


STEPPING_UP = frozenset({Why.OTHER_LOGIN, Why.OTHER_PERSON, Why.TOO_WEAK, Why.NOT_ASKED_AGAIN})
"""Why somebody who is signed in has not proved anew who she is; she stays signed in as she was."""

_MALFORMED = frozenset({Why.OVER, Why.CANCELLED, Why.MIXED_UP, Why.UNSOUND, Why.LED_ASTRAY})


class SignInRefused(Refusal):
    """Nobody is signed in by this; ``detail`` is for the log and names nobody, ``person_id`` is who, if known.

    ``return_to`` is where in the portal it would have led.
    """

    return_to: str | None = None

    def __init__(self, why: Why, detail: str = "", *, person_id: uuid.UUID | None = None) -> None:
        super().__init__(why.value)
        self.why = why
        self.detail = detail
        self.person_id = person_id
        self.status = 400 if why in _MALFORMED else 403


AWAY = "away"
NOT_AS_AGREED = "not_as_agreed"
"""Waiting does not help: somebody has to look into it."""


class ProviderAway(Refusal):
    """The national login does not answer, or not in a way that makes sense; the others are not concerned.

    ``why`` is AWAY, or NOT_AS_AGREED where what was agreed with it holds no longer.
    """

    status = 503
    person_id = None
    return_to: str | None = None

    def __init__(self, slug: str, detail: str, why: str = AWAY) -> None:
        super().__init__(slug)
        self.slug = slug
        self.detail = detail
        self.why = why
