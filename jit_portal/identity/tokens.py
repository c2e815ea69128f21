"""Secrets that a person carries and the portal only recognises."""

import base64
import hashlib
import hmac
import secrets


def make() -> str:
    """A new secret of 256 bits, fit for a cookie or an address."""
    return secrets.token_urlsafe(32)


def derive(secret: str, purpose: str) -> str:
    """Another secret of 256 bits, which nobody finds without this one and which says nothing of it."""
    made = hmac.digest(secret.encode(), purpose.encode(), "sha256")
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def digest(token: str) -> bytes:
    """What is stored of a secret. It is random throughout, so a plain hash cannot be searched."""
    return hashlib.sha256(token.encode()).digest()
