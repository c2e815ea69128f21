"""What a browser says of a key that it made or used: never believed, and verified for the portal's own site.

That is the origin as it is configured, whatever a request says.
"""

import json
from collections.abc import Iterable
from urllib.parse import urlsplit

import webauthn
from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import PublicKeyCredentialDescriptor
from webauthn.registration.verify_registration_response import VerifiedRegistration

from jit_portal.identity import ourselves
from jit_portal.identity.sign_in_models import Passkey

LARGEST = 16 << 10
"""Characters of what a browser says of a key."""
SITE = "JIT Portal"
_ONCE = "uq_passkey_credential_id"
_UNSOUND = (WebAuthnException, ValueError, TypeError, KeyError, RecursionError)
"""What the reading of nonsense ends in."""


class Unsound(Exception):
    """It is nonsense, was not signed by that key for this, or nobody was verified by it."""


def host() -> str:
    """The site that keys are for."""
    return urlsplit(ourselves.origin()).hostname or ""


def made(said: str, challenge: bytes) -> VerifiedRegistration:
    """The key that was made for this challenge by somebody whom it verified."""
    try:
        return webauthn.verify_registration_response(
            credential=credential(said),
            expected_challenge=challenge,
            expected_rp_id=host(),
            expected_origin=ourselves.origin(),
            require_user_verification=True,
        )
    except _UNSOUND as error:
        raise Unsound from error


def used(passkey: Passkey, said: str, challenge: bytes) -> VerifiedAuthentication:
    """The use of this very key for this challenge by somebody whom it verified; of its count see ``has_gone_back``."""
    try:
        return webauthn.verify_authentication_response(
            credential=credential(said),
            expected_challenge=challenge,
            expected_rp_id=host(),
            expected_origin=ourselves.origin(),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # going back is not just another failure
            require_user_verification=True,
        )
    except _UNSOUND as error:
        raise Unsound from error


def has_gone_back(passkey: Passkey, verified: VerifiedAuthentication) -> bool:
    """Whether the key counts its uses, and gives a count that was before, as a copy of it would."""
    return verified.new_sign_count <= passkey.sign_count and passkey.sign_count > 0


def credential(said: str) -> dict[str, object]:
    """What was said, as an object of whatever contents."""
    try:
        found = json.loads(said) if len(said) <= LARGEST else None
    except _UNSOUND:
        found = None
    if not isinstance(found, dict):
        raise Unsound
    return found


def credential_id(said: str) -> bytes:
    """The key that is said to have been used; b"" where none is named."""
    return _bytes(credential(said).get("id"))


def challenge(said: str) -> bytes:
    """The challenge that was answered; it is compared with ours, never believed."""
    response = credential(said).get("response")
    if not isinstance(response, dict):
        raise Unsound
    try:
        return _bytes(json.loads(_bytes(response.get("clientDataJSON")))["challenge"])
    except _UNSOUND as error:
        raise Unsound from error


def is_known(error: IntegrityError) -> bool:
    """Whether a key was not taken in because somebody, who was quicker, has enrolled it."""
    return isinstance(error.orig, UniqueViolation) and error.orig.diag.constraint_name == _ONCE


def _bytes(value: object) -> bytes:
    try:
        return base64url_to_bytes(value) if isinstance(value, str) else b""
    except ValueError:
        return b""


def descriptors(passkeys: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in passkeys]
