"""The portal's own key for SAML, and the certificate that carries it: logins ask for RSA, and know no other form."""

import datetime as dt
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import NameOID

LEAST_BITS = 3072
_FROM, _UNTIL = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2056, 1, 1, tzinfo=dt.UTC)


def fingerprint(certificate: bytes) -> str:
    """By what people compare certificates (DER): SHA-256."""
    return hashlib.sha256(certificate).digest().hex(":").upper()


class NoKey(Exception):
    """There is no key of the portal's for SAML, or none that is good enough; the message never shows any of it."""


@dataclass(frozen=True)
class OwnKey:
    """A private key, and the certificate by which logins know its public half (DER)."""

    key: RSAPrivateKey
    certificate: bytes

    def sign(self, said: bytes) -> bytes:
        """Under RSA with SHA-256."""
        return self.key.sign(said, PKCS1v15(), hashes.SHA256())


@lru_cache(maxsize=2)
def own(path: Path | None) -> OwnKey:
    """The key in this file of PEM; its certificate is the same whenever it is made, so nothing else is kept."""
    if path is None:
        raise NoKey("JIT_SAML_KEY is not set")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise NoKey("the file cannot be read") from error
    except (ValueError, TypeError):
        # What cannot be read may be the key itself: the error might show it.
        raise NoKey("the file holds no key") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_BITS:
        raise NoKey(f"the key is not RSA of {LEAST_BITS} bits or more")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "JIT Portal")])
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(hashlib.sha256(public).digest()[:15], "big"))
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .sign(key, hashes.SHA256())
    )
    return OwnKey(key, made.public_bytes(serialization.Encoding.DER))
