"""What a national login has signed: opened by the keys that it publishes, for this portal alone, or refused."""

from typing import Any

from authlib.integrations.base_client import OAuthError
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidClaimError, InvalidKeyIdError, JoseError
from joserfc.jws import JWSRegistry

from jit_portal.identity import claims as reading
from jit_portal.identity.discovery import Published

TIMES = ("exp", "iat", "nbf", "auth_time")
NAMES = ("sub", "sid", "jti")
_LAST = 253_000_000_000
"""A moment in the year 9987: later ones are on no calendar, or cannot be added to."""
UNREADABLE = (OAuthError, JoseError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What comes of a token in which nothing can be read."""


def opened(token: str, published: Published, client_id: str, algorithms: list[str], header_limit: int) -> jwt.Token:
    """What is signed by these algorithms, for the portal (``client_id``) alone, with times and names that can be kept.

    An unknown key is looked up again, at most once a minute.
    """
    registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
    registry.max_header_length = header_limit
    try:
        opened = jwt.decode(token, published.keys(), registry=registry)
    except (InvalidKeyIdError, BadSignatureError):
        opened = jwt.decode(token, published.keys(again=True), registry=registry)
    if opened.claims.get("aud") not in (client_id, [client_id]):
        raise InvalidClaimError("aud")
    for name in TIMES:
        _check_time(name, opened.claims.get(name))
    for name in NAMES:
        _check_name(name, opened.claims.get(name))
    return opened


def _check_time(name: str, value: object) -> None:
    """Refuse a time that is left neither out nor on the calendar."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST:
        raise InvalidClaimError(name)


def _check_name(name: str, value: object) -> None:
    """Refuse a name that no database keeps: with a NUL, or half a letter."""
    if isinstance(value, str) and not value.isprintable():
        raise InvalidClaimError(name)


def wrong(error: Exception) -> str:
    """What is wrong with what came, in the library's words; of a provider's own only the code is taken over."""
    words = str(error) if isinstance(error, JoseError | KeyError) else getattr(error, "error", "")
    return f"{type(error).__name__}: {reading.plain(words, 100)}"


def claims(issuer: str, leeway: int, **more: Any) -> jwt.JWTClaimsRegistry:
    """What must hold of everything this issuer signs."""
    return jwt.JWTClaimsRegistry(leeway=leeway, iss={"essential": True, "value": issuer}, **more)
