"""Secrets that a person carries and the portal only recognises."""

import hashlib
import secrets


def make() -> str:
    """A new secret of 256 bits, fit for a cookie or an address."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What is stored of a secret. It is random throughout, so a plain hash cannot be searched."""
    return hashlib.sha256(token.encode()).digest()
